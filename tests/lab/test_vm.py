"""Kernels in the cache, and a command under one: with a stand-in for QEMU, and once in earnest."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bypeer.cli.kernels_lab import kernels
from bypeer.errors import HostError
from bypeer.lab import debian, vm
from tests.lab.conftest import ABOUT, INDEX, Stand

pytestmark = pytest.mark.lab


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def open_files() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


# The cache


def test_an_empty_cache(empty: Path) -> None:
    assert debian.cached() == []
    with pytest.raises(HostError, match=r"kernel 6\.1 is not in the cache: `bypeer lab kernels fetch 6\.1`"):
        debian.find("6.1")
    with pytest.raises(HostError, match=r"no kernel '5\.9' .*: there are 5\.10, 6\.1, 6\.12, newest"):
        debian.find("5.9")
    assert not empty.exists()  # looking makes nothing


def test_a_kernel_in_the_cache(one: Path) -> None:
    assert [kernel.name for kernel in debian.cached()] == ["6.1"]
    kernel = debian.find("6.1")
    assert (kernel.version, kernel.file("vmlinuz").read_text()) == ("6.1.27", "vmlinuz")
    assert kernel.modules == one / "lib/modules/6.1.0-9-amd64"


def test_a_fetch_that_was_killed_is_no_kernel_and_goes(one: Path) -> None:
    (one.parent / ".fetch-x/6.1").mkdir(parents=True)
    assert len(debian.cached()) == 1
    with debian._alone():
        assert not list(one.parent.glob(".fetch-*"))
        with pytest.raises(HostError, match=r"another .* is running"), debian._alone():
            pass


def test_list(one: Path) -> None:
    told = CliRunner().invoke(kernels, ["list"]).stdout.splitlines()
    assert told[1].split()[:2] == ["5.10", "-"]
    assert told[1].endswith("not fetched: 67 MB to download, 51 MB to keep (Debian bullseye)")
    assert told[2].split() == ["6.1", "6.1.27", "6.1.0-9-amd64", "63", "MB"]
    records = json.loads(CliRunner().invoke(kernels, ["list", "-o", "json"]).stdout)
    assert [record["name"] for record in records] == ["5.10", "6.1", "6.12", "newest"]
    assert records[0]["cached"] is None
    assert records[1]["cached"] == {**ABOUT, "path": str(one)}


# Fetching, as far as it goes without a mirror


def test_only_what_is_missing_is_fetched(one: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[str] = []

    def fetch(name: str, say: debian.Say, mirror: str | None) -> debian.Cached:
        fetched.append(name)
        return debian.find("6.1")

    monkeypatch.setattr(debian, "fetch", fetch)
    told = CliRunner().invoke(kernels, ["fetch", "--missing", "6.1"])
    assert (told.exit_code, told.output, fetched) == (0, "", [])
    told = CliRunner().invoke(kernels, ["fetch", "--missing", "6.1", "6.12"])
    assert (told.exit_code, fetched) == (0, ["6.12"])
    assert "about 119 MB to download, 75 MB to keep" in told.stderr


def test_fetch_of_no_such_kernel(empty: Path) -> None:
    told = CliRunner().invoke(kernels, ["fetch", "6.1", "5.9"])
    assert told.exit_code == 2
    assert "no kernel '5.9' can be fetched: there are 5.10, 6.1, 6.12, newest" in told.stderr
    assert not empty.exists()


def test_fetch_without_apt(empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    with pytest.raises(HostError, match="apt-get is missing"):
        debian.fetch("6.1", print)
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(HostError, match="x86_64 machines only: this one is riscv64"):
        debian.fetch("6.1", print)


def test_the_mirror_is_that_of_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = (
        "x://n nodistro",
        "http://m/d/ trixie",
        "http://m/d/ trixie-updates",
        "http://m/s/ trixie-security",
    )
    told = "\n".join(sources)
    monkeypatch.setattr(debian, "_run", lambda command, home: told)
    places = debian._sources(None)
    assert (places[""], places["-security"]) == ("http://m/d/", "http://m/s/")
    debian._configure(tmp_path, "bullseye", {"": "http://m/d/", "-security": "http://m/s/"})
    lines = (tmp_path / "sources.list").read_text().splitlines()
    assert [line.split()[-3:] for line in lines] == [
        ["http://m/d/", "bullseye", "main"],
        ["http://m/s/", "bullseye-security", "main"],
    ]
    told = "http://x/node nodistro\n"
    with pytest.raises(HostError, match="no mirror of Debian in its sources: name one, --mirror URL"):
        debian._sources(None)
    assert debian._sources("http://y") == {"": "http://y"}


def test_no_room_on_the_disk(one: Path) -> None:
    size = {"Package": "linux-image-6.1", "Version": "6.1.27-1", "Size": str(1 << 60), "Installed-Size": "1"}
    with pytest.raises(HostError, match=r"MB are free, .* MB are needed to unpack 6.1"):
        debian._announce("6.1", [size], print)


KEPT = {
    "boot/vmlinuz-5.10.0-46-amd64": "kernel",
    "lib/modules/7.2.13+deb14-amd64/vmlinuz": "kernel",
    "bin/busybox": "busybox",
    "lib/modules/6.1/modules.builtin": "module",
    "lib/modules/6.1/kernel/net/netfilter/nf_conntrack.ko": "module",
    "lib/modules/6.1/kernel/drivers/net/tun.ko.xz": "module",
    "lib/modules/6.1/kernel/fs/9p/9p.ko.xz": "module",
    "lib/modules/6.1/kernel/drivers/virtio/virtio_pci.ko": "module",
    "lib/modules/6.1/kernel/drivers/gpu/drm/drm.ko": None,
    "lib/modules/6.1/kernel/fs/ext4/ext4.ko": None,
    "lib/modules/6.1/kernel/net/../../../x.ko": None,
    "boot/System.map-6.1": None,
}


@pytest.mark.parametrize(("path", "kind"), KEPT.items())
def test_what_is_kept_of_a_package(path: str, kind: str | None) -> None:
    found = debian.WANTED.fullmatch(path)
    assert (found and found.lastgroup) == kind


# What the guest is given


def test_modules_come_after_what_they_need() -> None:
    paths = vm.order(INDEX, ["nft_ct", "built_in", "vir_tun", "nfnetlink"])
    names = [Path(path).stem for path in paths]
    assert names == ["nfnetlink", "nf_tables", "libcrc32c", "nf_conntrack", "nft_ct", "vir-tun"]


def test_the_archive_is_cpio() -> None:
    octets = vm.archive({"init": b"12345", "busybox": b""})
    found, at = {}, 0
    while at < len(octets):
        assert octets[at : at + 6] == b"070701"
        fields = [int(octets[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        name = octets[at + 110 : at + 110 + fields[11]]
        assert name.endswith(b"\0")
        start = (at + 110 + fields[11] + 3) & ~3
        found[name[:-1].decode()] = (oct(fields[1]), octets[start : start + fields[6]])
        at = (start + fields[6] + 3) & ~3
    assert found == {
        "init": ("0o100755", b"12345"),
        "busybox": ("0o100755", b""),
        "TRAILER!!!": ("0o100755", b""),
    }


# A machine that is none


def test_output_and_status_come_back(stand_in: Stand) -> None:
    stand_in("echo ready > $status; printf 'a\\0\\377b' > $out; echo words > $err; echo 143 > $status")
    before, heard = open_files(), []
    done = vm.run("6.1", ["true"], watch=lambda descriptor, octets: heard.append((descriptor, octets)))
    assert (done.status, done.stdout, done.stderr) == (143, b"a\0\xffb", b"words\n")
    assert sorted(heard) == [(1, b"a\0\xffb"), (2, b"words\n")]
    assert 0 <= done.run_s <= done.boot_s + done.run_s < 60
    assert open_files() == before


def test_a_machine_that_does_not_switch_itself_off_is_ended(
    stand_in: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(f"echo $$ > {tmp_path}/pid; echo ready > $status; echo 0 > $status; exec sleep 100")
    monkeypatch.setattr(vm, "OFF_S", 0.5)
    assert vm.run("6.1", ["true"]).status == 0
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_machine_that_takes_too_long_is_ended(stand_in: Stand, tmp_path: Path) -> None:
    stand_in(f"echo $$ > {tmp_path}/pid; echo ready > $status; exec sleep 100")
    before = open_files()
    with pytest.raises(HostError, match=r"Linux 6\.1\.27 in a virtual .*: not done within 0\.5 s: ended"):
        vm.run("6.1", ["true"], timeout=0.5)
    assert gone(int((tmp_path / "pid").read_text()))
    assert open_files() == before


def test_a_machine_that_does_not_start_is_ended(
    stand_in: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(f"echo $$ > {tmp_path}/pid; echo no root > $console; exec sleep 100")
    monkeypatch.setattr(vm, "BOOT_S", 1)
    with pytest.raises(HostError, match="not started within 1 s: ended; its last words: no root"):
        vm.run("6.1", ["true"])
    assert gone(int((tmp_path / "pid").read_text()))


def test_interrupted(stand_in: Stand, tmp_path: Path) -> None:
    stand_in(f"echo $$ > {tmp_path}/pid; echo ready > $status; echo > $out; exec sleep 100")

    def interrupt(descriptor: int, octets: bytes) -> None:
        raise KeyboardInterrupt

    before = open_files()
    with pytest.raises(KeyboardInterrupt):
        vm.run("6.1", ["true"], watch=interrupt)
    assert gone(int((tmp_path / "pid").read_text()))
    assert open_files() == before


@pytest.mark.parametrize("before", ["", "echo ready > $status; "])
def test_a_machine_that_dies(stand_in: Stand, before: str) -> None:
    stand_in(before + "echo 'Kernel panic' > $console; echo 'qemu: no memory' >&2; exit 1")
    with pytest.raises(HostError, match="before the command ended; its last words: Kernel panic / qemu: no"):
        vm.run("6.1", ["true"])


def test_without_qemu(one: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HostError, match=r"qemu-system-x86_64 is missing: apt-get install .* qemu-sys"):
        vm.run("6.1", ["true"])


def test_rerun_runs_this_bypeer(stand_in: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    scripts: list[str] = []

    def note(machine: debian.Cached, command: str) -> bytes:
        scripts.append(command)
        return b""

    monkeypatch.setattr(vm, "_initrd", note)
    stand_in("echo ready > $status; echo 0 > $status")
    assert vm.rerun("6.1", ["lab", "agree", "--seed", "it's"]).status == 0
    assert f"""{sys.executable} -m bypeer lab agree --seed 'it'"'"'s')""" in scripts[0]


# A machine that is one

SCRIPT = """
import os, platform, subprocess, sys
open("/usr/bypeer-was-here", "w")
for module in ("nft_masq", "xt_conntrack", "nfnetlink_log", "tun", "veth", "bridge"):
    subprocess.run(["/run/bypeer/modprobe", module], check=True)
assert os.path.exists("/proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal")
print(platform.release(), os.getuid(), os.getcwd(), os.environ["WORD"], file=sys.stderr, flush=True)
subprocess.Popen(["sleep", "1000"])
sys.stdout.buffer.write(bytes(range(256)) * 12_000)
sys.stdout.flush()
sys.exit(7)
"""


def bootable() -> str:
    """The name of a kernel in the cache, of the newest series; nothing if there is none."""
    return next((one.name for one in reversed(debian.cached())), "")


@pytest.mark.skipif(
    not os.environ.get("BYPEER_VM"), reason="boots a machine, half a minute: BYPEER_VM=1 asks for it"
)
@pytest.mark.skipif(not bootable(), reason="no kernel in the cache: `bypeer lab kernels fetch newest`")
def test_a_command_under_another_kernel(tmp_path: Path) -> None:
    try:
        vm._demand_tools()
    except HostError as error:
        pytest.skip(str(error))
    done = vm.run(bootable(), [sys.executable, "-c", SCRIPT], cwd=str(tmp_path), env={"WORD": "a 'b'"})
    assert done.status == 7, done.stderr.decode()
    release = debian.find(bootable()).release
    assert done.stderr.decode() == f"{release} {os.getuid()} {tmp_path} a 'b'\n"
    assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(bytes(range(256)) * 12_000).digest()
    assert not Path("/usr/bypeer-was-here").exists()
