"""Privileges: what is missing is named, and what is given up does not come back."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.lab.unprivileged import NET_ADMIN, SYS_ADMIN, without_privilege

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(os.getuid() != 0, reason="needs root to give it up"),
]

LISTENING = """
import os, socket, subprocess, sys, threading
from bypeer.errors import HostError
from bypeer.live.evidence import Evidence
from bypeer.live.namespace import Namespace
from bypeer.live.privilege import drop, held

namespace = Namespace()
evidence = namespace.call(Evidence, allow=True)
{drop}
for status in ("/proc/self/status", "/proc/thread-self/status"):
    for line in open(status):
        if line.startswith(("Cap", "NoNewPrivs", "Uid", "Gid", "Groups")):
            print("".join(line.split()))
inherited = []
thread = threading.Thread(target=lambda: inherited.append(held()))
thread.start()
thread.join()
print("thread", inherited)
try:
    namespace.call(os.getpid)
except HostError as error:
    print(error)
try:
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
except PermissionError:
    print("no packets")
shell = subprocess.run(["grep", "CapEff", "/proc/self/status"], capture_output=True, text=True)
print("child", "".join(shell.stdout.split()))
counters = evidence.sample().fields
own = [event for event in evidence.read() if event.source != "tracepoint"]  # those are of the whole machine
print("TcpOutRsts" in counters, "invalid" in counters, own, evidence.about().fields["lost"])
print(evidence.close(), namespace._fd >= 0)
"""


def listen(how: str) -> list[str]:
    """What a program prints that gives up its privileges after it opened its evidence."""
    program = LISTENING.format(drop=how)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_without_any_capability_what_is_open_goes_on() -> None:
    lines = listen("drop()")
    zero = "0" * 16
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert lines.count(f"{name}:{zero}") == 2, lines
    assert lines.count("NoNewPrivs:1") == 2
    assert "thread [0]" in lines
    assert "entering a network namespace needs root (CAP_SYS_ADMIN)" in lines
    assert "no packets" in lines
    assert f"child CapEff:{zero}" in lines
    assert lines[-2:] == ["True True [] ", "[] True"]


def test_another_user_s_privileges_too() -> None:
    lines = listen("drop(65534, 65533)")
    assert lines.count("Uid:" + "65534" * 4) == 2
    assert lines.count("Gid:" + "65533" * 4) == 2
    assert "CapEff:0000000000000000" in lines
    assert "Groups:" in lines
    assert lines[-2:] == ["True True [] ", "[] True"]


def test_a_second_thread_that_would_keep_its_own_is_refused() -> None:
    program = """
import threading
from bypeer.errors import HostError
from bypeer.live import privilege
privilege._PATIENCE = 0.05
wait = threading.Event()
thread = threading.Thread(target=wait.wait)
thread.start()
try:
    privilege.drop()
except HostError as error:
    print(error, privilege.held() != 0)
wait.set()
thread.join()
privilege.drop()
print(privilege.held())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    first = "privileges cannot be dropped: 1 other threads would keep theirs True"
    assert done.stdout.splitlines() == [first, "0"]


def test_what_is_missing_is_named() -> None:
    program = """
from bypeer.errors import HostError
from bypeer.live.privilege import missing, require
print(missing({"CAP_NET_ADMIN": "hearing NFLOG"}))
try:
    require({"CAP_NET_ADMIN": "hearing NFLOG", "CAP_SYS_ADMIN": "entering namespaces"})
except HostError as error:
    print(error)
"""
    done = subprocess.run([*without_privilege(), "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "[]",
        "not permitted without root; missing: CAP_SYS_ADMIN (entering namespaces)",
    ]


def test_evidence_that_is_not_permitted_is_missing_and_says_why() -> None:
    program = """
from bypeer.live.evidence import Evidence
with Evidence(allow=True) as evidence:
    print(evidence.witnesses)
    print("TcpOutRsts" in evidence.sample().fields)
    print(evidence.entries([("10.0.0.1", 1, "10.0.0.2", 2)]))
for source, why in sorted(evidence.missing.items()):
    print(source, why)
"""
    command = [*without_privilege(NET_ADMIN, SYS_ADMIN), "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "[]",
        "True",
        "[]",
        "conntrack hearing the tracker needs root (CAP_NET_ADMIN)",
        "nflog binding NFLOG needs root (CAP_NET_ADMIN)",
        "nft binding NFLOG needs root (CAP_NET_ADMIN)",
        "statistics reading the tracker's counters needs root (CAP_NET_ADMIN)",
        "tracepoint opening tracefs needs root (CAP_SYS_ADMIN)",
    ]
