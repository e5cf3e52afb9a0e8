"""Facts of a host that say how its kernel judges: its release, the sysctls that matter, rules, routes.

Only read: where to ask would load a kernel module, it is not asked, and that is said.

Source: sysctl names: Documentation/networking/nf_conntrack-sysctl.rst, ip-sysctl.rst.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

from bypeer.core.evidence import Event
from bypeer.live.modules import would_load

_SYSCTLS = Path("/proc/sys")
_PATTERNS = (
    "net/netfilter/nf_conntrack_tcp_*", "net/netfilter/nf_conntrack_log_invalid",
    "net/netfilter/nf_conntrack_checksum", "net/netfilter/nf_conntrack_max",
    "net/netfilter/nf_conntrack_count", "net/netfilter/nf_conntrack_buckets",
    "net/netfilter/nf_conntrack_events", "net/netfilter/nf_log/2", "net/netfilter/nf_log/10",
    "net/netfilter/nf_flowtable_tcp_timeout", "net/ipv4/ip_forward", "net/ipv4/ip_local_port_range",
    "net/ipv4/conf/all/rp_filter", "net/ipv4/tcp_timestamps", "net/ipv4/tcp_challenge_ack_limit",
    "net/ipv6/conf/all/forwarding", "net/bridge/bridge-nf-call-iptables",
)  # fmt: skip
_MOST = 1 << 20  # characters of a program's output
_WAIT = 10  # s
# What to run, and the modules without which it has nothing to say, but which it might load.
_PROGRAMS = {
    "ruleset": (["nft", "--stateless", "list", "ruleset"], ("nf_tables",)),
    "ruleset_legacy": (["iptables-legacy-save"], ("ip_tables", "iptable_filter")),
    "ruleset_legacy6": (["ip6tables-legacy-save"], ("ip6_tables", "ip6table_filter")),
    "routes": (["ip", "route", "show", "table", "all"], ()),
    "rules": (["ip", "rule"], ()),
    "interfaces": (["ip", "-details", "address"], ()),
}


def facts() -> Event:
    """All of them, of the namespace of this thread. Reading rules takes root."""
    found: dict[str, str | int] = {"kernel": os.uname().release, "kernel_build": os.uname().version}
    found["machine"] = os.uname().machine
    for pattern in _PATTERNS:
        for path in sorted(_SYSCTLS.glob(pattern)):
            found[".".join(path.relative_to(_SYSCTLS).parts)] = _value(path)
    found |= {name: _output(command, modules) for name, (command, modules) in _PROGRAMS.items()}
    return Event(time.time_ns(), "host", found)


def _value(path: Path) -> str:
    try:
        return " ".join(path.read_text(encoding="ascii", errors="replace").split())
    except OSError as error:
        return f"not read: {error.strerror}"


def _output(command: list[str], modules: tuple[str, ...]) -> str:
    """What a program prints, or why it is not known."""
    if absent := [name for name in modules if would_load(name)]:
        return f"not read: the kernel module {absent[0]} is not loaded"
    # sudo's and cron's PATH may lack where these lie.
    found = shutil.which(command[0], path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if found is None:
        return f"not read: {command[0]} is not installed"
    try:
        done = subprocess.run(
            [found, *command[1:]], capture_output=True, text=True, errors="replace", timeout=_WAIT,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"not read: {error}"
    if done.returncode:
        return f"not read: {command[0]}: {' '.join(done.stderr.split())[:200]}"
    return done.stdout[:_MOST].rstrip("\n")
