"""Tests of the lab need a kernel that answers; where it does not they are skipped, and say why.

Imports stand inside, because pytest may read this file before it chose between the sources and
what is compiled.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bypeer.core.kernels import Kernel


ABOUT = {
    "name": "6.1", "release": "6.1.0-9-amd64", "version": "6.1.27", "package": "6.1.27-1",
    "suite": "bookworm", "octets": 63_000_000,
}  # fmt: skip
INDEX = """\
kernel/net/netfilter/nft_ct.ko: kernel/net/netfilter/nf_tables.ko kernel/net/netfilter/nf_conntrack.ko
kernel/net/netfilter/nf_tables.ko: kernel/net/netfilter/nfnetlink.ko
kernel/net/netfilter/nf_conntrack.ko: kernel/lib/libcrc32c.ko
kernel/net/netfilter/nfnetlink.ko:
kernel/lib/libcrc32c.ko:
kernel/drivers/net/vir-tun.ko:
"""


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with nothing in it: where a kernel's directory would lie."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "bypeer/kernels"


@pytest.fixture
def one(empty: Path) -> Path:
    """A cache with a kernel that no machine could boot."""
    home = empty / "6.1"
    modules = home / "lib/modules" / str(ABOUT["release"])
    for path in ["modules.dep", *(line.partition(":")[0] for line in INDEX.splitlines())]:
        (modules / path).parent.mkdir(parents=True, exist_ok=True)
        (modules / path).write_text(INDEX if path == "modules.dep" else path)
    for name in ("vmlinuz", "busybox"):
        (home / name).write_text(name)
    (home / "about.json").write_text(json.dumps(ABOUT))
    return home


Stand = Callable[[str], None]
PORTS = """
for word; do
    case $word in file,id=*) id=${word#file,id=}; eval ${id%%,*}=${word#*path=} ;; esac
done
"""


@pytest.fixture
def stand_in(one: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    """A program in QEMU's place: a shell script that knows the ports as $out, $err, $status, $console."""

    def write(script: str) -> None:
        qemu = tmp_path / "bin/qemu-system-x86_64"
        qemu.parent.mkdir()
        qemu.write_text(f"#!/bin/sh\n{PORTS}\n{script}\n")
        qemu.chmod(0o755)
        monkeypatch.setenv("PATH", f"{qemu.parent}:{os.environ['PATH']}")

    return write


@pytest.fixture(scope="session")
def running() -> Kernel:
    """The model's rules of the running kernel, if that can be asked."""
    from bypeer.core.kernels import named
    from bypeer.errors import HostError
    from bypeer.lab import agree
    from bypeer.lab.oracle import Oracle
    from bypeer.lab.worlds import WORLDS

    kernel = named(agree.running())
    try:
        Oracle(WORLDS[0].sysctls, kernel=kernel, reasons=True).close()
    except HostError as error:
        pytest.skip(str(error))
    return kernel


@pytest.fixture(scope="module")
def stage() -> None:
    """A machine on which a scenario can be played."""
    from bypeer.errors import HostError
    from bypeer.lab.net import built
    from bypeer.lab.topologies import DOCKER

    try:
        with built(DOCKER):
            pass
    except HostError as error:
        pytest.skip(str(error))
