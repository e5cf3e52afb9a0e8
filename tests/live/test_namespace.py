"""A namespace of our own: nothing of it is seen outside, and nothing is left."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bypeer.errors import HostError
from bypeer.live.namespace import Namespace
from bypeer.live.tun import open_tun
from tests.lab.unprivileged import without_privilege

pytestmark = pytest.mark.live

HOLDER = """
import time
from bypeer.live.namespace import Namespace
from bypeer.live.tun import open_tun
namespace = Namespace()
fd = namespace.call(open_tun, "held")
print(namespace.inode, flush=True)
time.sleep(60)
"""
UNPRIVILEGED = """
from bypeer.errors import HostError
from bypeer.live.namespace import Namespace
try:
    Namespace()
except HostError as error:
    print(error)
"""


def own() -> int:
    """The network namespace that this thread is in."""
    return Path("/proc/thread-self/ns/net").stat().st_ino


def held(inode: int) -> list[str]:
    """What on the machine keeps that namespace: threads in it, descriptors of it."""
    links = [*Path("/proc").glob("[0-9]*/task/*/ns/net"), *Path("/proc").glob("[0-9]*/fd/*")]
    found = []
    for link in links:
        try:
            target = os.readlink(link)
        except OSError:
            continue  # it ended meanwhile
        if target == f"net:[{inode}]":
            found.append(str(link))
    return found


def let_go(inode: int) -> bool:
    """Whether nothing keeps that namespace; a thread that ended is seen for a moment longer."""
    deadline = time.monotonic() + 5
    while held(inode) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not held(inode)


def test_it_is_another_one_and_ours_stays(namespace: Namespace) -> None:
    before = own()
    inside = namespace.call(own)
    assert inside == namespace.inode
    assert inside != before == own()


def test_a_socket_made_inside_stays_inside(namespace: Namespace) -> None:
    with namespace.call(socket.socket) as inside, socket.socket() as outside:
        outside.bind(("127.0.0.1", 0))
        with pytest.raises(OSError, match="unreachable"):  # lo is down there
            inside.connect(outside.getsockname())


def test_a_process_started_inside_is_inside(namespace: Namespace) -> None:
    done = namespace.call(subprocess.run, ["readlink", "/proc/self/ns/net"], capture_output=True, text=True)
    assert done.stdout.strip() == f"net:[{namespace.inode}]"


def test_sysctls_are_its_own(namespace: Namespace) -> None:
    name, before = "net.ipv4.ip_forward", Path("/proc/sys/net/ipv4/ip_forward").read_text().strip()
    other = str(1 - int(before))
    namespace.set_sysctls({name: other})
    assert namespace.sysctl(name) == other
    assert Path("/proc/sys/net/ipv4/ip_forward").read_text().strip() == before


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("net.netfilter.nf_conntrack_nonsense", 1, "no such setting|no connection tracking"),
        ("net.ipv4.nonsense", 1, "no such setting"),
        ("net.ipv4.ip_forward", "nonsense", "cannot be set to nonsense"),
    ],
)
def test_a_sysctl_that_cannot_be(namespace: Namespace, name: str, value: int | str, words: str) -> None:
    with pytest.raises(HostError, match=words):
        namespace.set_sysctls({name: value})


def test_what_a_function_raises_comes_back(namespace: Namespace) -> None:
    with pytest.raises(ZeroDivisionError):
        namespace.call(lambda: 1 // 0)


def test_a_device_is_seen_inside_only(namespace: Namespace) -> None:
    fd = namespace.call(open_tun, "bypeertest")
    assert "bypeertest" in dict(namespace.call(socket.if_nameindex)).values()
    assert "bypeertest" not in dict(socket.if_nameindex()).values()
    os.close(fd)
    assert "bypeertest" not in dict(namespace.call(socket.if_nameindex)).values()


def test_two_devices_of_one_name(namespace: Namespace) -> None:
    fd = namespace.call(open_tun, "twice")
    with pytest.raises(HostError, match="making a TUN device"):
        namespace.call(open_tun, "twice")
    os.close(fd)


def test_it_goes_when_it_is_closed() -> None:
    try:
        namespace = Namespace()
    except HostError as error:
        pytest.skip(str(error))
    inode = namespace.inode
    assert held(inode)
    namespace.close()
    namespace.close()
    assert let_go(inode)


def test_it_goes_when_its_process_is_killed(namespace: Namespace) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        inode = int(holder.stdout.readline())
        assert held(inode)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert let_go(inode)
    assert "held" not in dict(socket.if_nameindex()).values()


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to give it up")
def test_without_privilege_it_says_what_it_needs() -> None:
    done = subprocess.run(
        [*without_privilege(), "-c", UNPRIVILEGED], capture_output=True, text=True, check=True
    )
    assert done.stdout == "making a network namespace needs root (CAP_SYS_ADMIN)\n"
