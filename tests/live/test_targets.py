"""Who can be named: on hosts made of files, and on the running one."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bypeer.errors import LiveError
from bypeer.live.namespace import Namespace
from bypeer.live.targets import Target, all_holders, find
from tests.live.hosts import Host, digits

pytestmark = pytest.mark.live
A, B, C, D = map(digits, "abcd")
UID, OTHER = "0123abcd-0123-4567-89ab-0123456789ab", "5" * 32
HOSTS_OWN = Path("/proc/thread-self/ns/net").stat().st_ino


def docker(host: Host, container: str, name: str, hostname: str = "") -> None:
    about = {"Name": f"/{name}", "Config": {"Image": "debian:12", "Hostname": hostname or container[:12]}}
    host.write(f"var/lib/docker/containers/{container}/config.v2.json", about)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A host with Docker, two pods, a namespace that nobody named, and what belongs to the host."""
    host = Host(tmp_path)
    host.process(1, HOSTS_OWN, command="init")
    host.process(100, 71, f"0::/system.slice/docker-{A}.scope", "curl")
    host.process(90, 71, f"0::/system.slice/docker-{A}.scope", "sh")
    host.process(101, HOSTS_OWN, f"0::/docker/{B}", "node-exporter")
    pod = f"0::/kubepods.slice/kubepods-pod{UID.replace('-', '_')}.slice"
    host.process(200, HOSTS_OWN, f"{pod}/crio-conmon-{C}.scope", "conmon")
    host.process(201, 72, f"{pod}/crio-{C}.scope", "pause")
    host.process(202, 72, f"{pod}/crio-{D}.scope", "nginx")
    host.process(300, 73, "0::/user.slice", "firefox")
    host.process(301, 73, "0::/user.slice", "firefox")
    docker(host, A, "ci-job")
    docker(host, B, "metrics")
    host.write(f"var/log/containers/web-0_shop_nginx-{D}.log", "")
    return host


def test_everything_that_can_be_named(host: Host) -> None:
    seen = all_holders(host.root)
    assert seen.host == HOSTS_OWN
    assert (seen.notes, seen.hidden) == ([], 0)
    assert seen.targets == [
        Target("host", "host", HOSTS_OWN),
        Target("pod", "shop/web-0", 72, 201, 2010, engine="cri-o", id=UID, command="pause"),
        Target("container", "ci-job", 71, 90, 900, "", "docker", A, "", "debian:12", A[:12], "sh"),
        Target("container", "metrics", HOSTS_OWN, 101, 1010, "", "docker", B, "", "debian:12", B[:12],
               "node-exporter"),
        Target("container", C[:12], 72, 201, 2010, "", "cri-o", C, "shop/web-0", command="pause"),
        Target("container", "nginx", 72, 202, 2020, "", "cri-o", D, "shop/web-0", command="nginx"),
        Target("pid", "300", 73, 300, 3000, command="firefox"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "word", "pid"),
    [
        ("container", "ci-job", 90),
        ("container", A, 90),
        ("container", "a", 90),
        ("container", A[:12], 90),
        ("container", "nginx", 202),
        ("pod", "web-0", 201),
        ("pod", "shop/web-0", 201),
        ("pod", UID, 201),
        ("pod", UID[:8], 201),
        ("pid", "202", 202),
        ("pid", "301", 301),
    ],
)
def test_each_name_finds_it(host: Host, kind: str, word: str, pid: int) -> None:
    found = find(kind, word, host.root)
    assert (found.kind, found.pid, found.start_time) == (kind, pid, pid * 10)


def test_the_host_is_whoever_asks(namespace: Namespace) -> None:
    assert find("host", "").netns == HOSTS_OWN
    assert namespace.call(find, "host", "").netns == namespace.inode
    assert namespace.call(all_holders).host == namespace.inode


def test_a_name_goes_before_the_beginning_of_an_id(host: Host) -> None:
    docker(host, B, "aaaa")
    assert find("container", "aaaa", host.root).id == B
    docker(host, B, "x", hostname="aaaa")
    assert find("container", "aaaa", host.root).id == A
    docker(host, B, "x", hostname="box")
    assert find("container", "box", host.root).id == B


def test_two_of_one_name_are_told_apart_by_id(host: Host) -> None:
    docker(host, B, "ci-job")
    words = f"'ci-job' may be 2 containers; name one by its id: {A[:12]} (ci-job), {B[:12]} (ci-job)"
    with pytest.raises(LiveError) as caught:
        find("container", "ci-job", host.root)
    assert str(caught.value) == words


def test_a_message_does_not_grow_with_the_host(host: Host) -> None:
    for number in range(40):
        container = f"{number:064x}"
        host.process(1000 + number, 900 + number, f"0::/docker/{container}")
        docker(host, container, "worker")
    with pytest.raises(LiveError, match=r"may be 40 containers") as caught:
        find("container", "worker", host.root)
    assert len(str(caught.value)) < 300


def test_two_in_one_namespace_are_as_good_as_one(host: Host) -> None:
    host.write(f"var/log/containers/web-0_shop_nginx-{C}.log", "")
    assert find("container", "nginx", host.root).netns == 72


@pytest.mark.parametrize(
    ("kind", "word", "error"),
    [
        ("container", "web", "no container 'web' runs here; `bypeer containers` lists what can be named"),
        ("container", "", "no container '' runs here; `bypeer containers` lists what can be named"),
        ("pod", "shop", "no pod 'shop' runs here; `bypeer containers` lists what can be named"),
        ("pid", "999", "there is no process 999"),
        ("pid", "x", "'x' is no process id"),
        ("pid", "-1", "'-1' is no process id"),
        ("pid", "\u0663", "'\u0663' is no process id"),
        ("pid", "9" * 5000, f"'{'9' * 5000}' is no process id"),
        ("netns", "no", "there is no network namespace 'no'; `bypeer containers` lists what has a name"),
        ("netns", "", "there is no network namespace ''; `bypeer containers` lists what has a name"),
        ("netns", "/etc/hostname", "/etc/hostname is no network namespace"),
        ("netns", "/proc/self/ns/uts", "/proc/self/ns/uts is no network namespace"),
        ("netns", "/etc", "/etc is no network namespace"),
    ],
)
def test_what_is_not_there(host: Host, kind: str, word: str, error: str) -> None:
    with pytest.raises(LiveError) as caught:
        find(kind, word, host.root)
    assert str(caught.value) == error


def test_namespaces_that_have_names(host: Host, namespace: Namespace) -> None:
    for place in ("run/netns", "run/docker/netns"):
        (host.root / place).mkdir(parents=True)
    ours = f"/proc/{os.getpid()}/fd/{namespace.fileno()}"
    (host.root / "run/netns/lab-box").symlink_to(ours)
    (host.root / "run/netns/left-over").touch()
    (host.root / "run/docker/netns/default").symlink_to("/proc/self/ns/net")
    seen = all_holders(host.root)
    found = [one for one in seen.targets if one.kind == "netns"]
    path = str(host.root / "run/netns/lab-box")
    assert found == [Target("netns", "lab-box", namespace.inode, path=path)]
    assert seen.notes == [f"{host.root}/run/netns/left-over is no network namespace"]
    assert find("netns", "lab-box", host.root) == found[0]
    assert find("netns", ours).netns == namespace.inode


def test_a_process_of_a_namespace_without_name(namespace: Namespace) -> None:
    with namespace.call(subprocess.Popen, ["sleep", "60"]) as child:
        found = [one for one in all_holders().targets if one.netns == namespace.inode]
        assert [(one.kind, one.name, one.pid) for one in found] == [("pid", str(child.pid), child.pid)]
        assert found[0] == find("pid", str(child.pid))
        child.kill()


def test_a_container_without_a_name_has_the_kernels_word(host: Host) -> None:
    """The real UTS namespace, as `unshare --uts` makes it, of a process in a made-up directory."""
    run = ["unshare", "--uts", "sh", "-c", "hostname inner-box && echo ready && exec sleep 60"]
    with subprocess.Popen(run, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        if child.stdout.readline() != "ready\n":
            pytest.skip("no UTS namespace can be made here (unshare --uts)")
        host.process(400, 74, f"0::/docker/{digits('e')}")
        (host.root / "proc/400/ns/uts").symlink_to(f"/proc/{child.pid}/ns/uts")
        before = socket.gethostname()
        assert find("container", "inner-box", host.root).pid == 400
        assert socket.gethostname() == before
        child.kill()


def test_the_hosts_own_name_is_no_containers(host: Host) -> None:
    host.process(400, 74, f"0::/docker/{digits('e')}")
    (host.root / "proc/400/ns/uts").symlink_to("/proc/self/ns/uts")
    assert find("container", "e", host.root).hostname == ""


ASK = """
import sys
from bypeer.errors import BypeerError
from bypeer.live.targets import all_holders, find
for note in all_holders().notes:
    print(note)
for kind, word in (("container", "no-such"), ("pid", sys.argv[1])):
    try:
        print(find(kind, word))
    except BypeerError as error:
        print(type(error).__name__, error)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to give it up")
@pytest.mark.skipif(not shutil.which("setpriv"), reason="needs setpriv (util-linux)")
def test_without_privilege_less_is_seen_and_it_is_said(namespace: Namespace) -> None:
    """Root without a single capability, against a process that has them all."""
    with namespace.call(subprocess.Popen, ["sleep", "60"]) as child:
        run = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", sys.executable, "-c", ASK, str(child.pid)]
        done = subprocess.run(run, capture_output=True, text=True, check=True)
        child.kill()
    note, container, process = done.stdout.splitlines()[-3:]
    hidden = r"of \d+ of \d+ processes the namespace is not to be seen without root \(CAP_SYS_PTRACE\)"
    assert re.fullmatch(hidden, note)
    assert re.fullmatch(f"HostError no container 'no-such' is to be seen, and {hidden}", container)
    assert process == f"HostError seeing the namespace of process {child.pid} needs root (CAP_SYS_PTRACE)"
