"""The same captured by tcpdump on both sides, as people do it: two files, to hold beside the case file."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bypeer.errors import HostError
from bypeer.live.namespace import Namespace

TOOLS = {"tcpdump": "tcpdump", "setpriv": "util-linux"}
_SNAPLEN, _BUFFER_KIB = "128", "16384"
_PATIENCE = 5.0  # s for tcpdump to begin, and to end


@contextmanager
def taken(sides: Sequence[tuple[Namespace, str, Path]]) -> Iterator[None]:
    """Have tcpdump run at each of these interfaces, into each of these files, until the context ends.

    Raises HostError where it is missing or does not begin.
    """
    for tool, package in TOOLS.items():
        if shutil.which(tool) is None:
            raise HostError(f"{tool} is missing: apt-get install --no-install-recommends {package}")
    with ExitStack() as stack:
        for namespace, device, path in sides:
            stack.enter_context(_running(namespace, device, path))
        yield


@contextmanager
def _running(namespace: Namespace, device: str, path: Path) -> Iterator[None]:
    # It ends with this thread, however that ends; so it is not begun in a short one by Namespace.call.
    inside = f"/proc/{os.getpid()}/fd/{namespace.fileno()}"
    command = ["setpriv", "--pdeathsig", "KILL", "nsenter", f"--net={inside}"]
    # It stays root, or it could not write where only root may.
    command += ["tcpdump", "-i", device, "-s", _SNAPLEN, "-w", str(path), "-B", _BUFFER_KIB]
    command += ["-U", "-Z", "root", "tcp"]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        _await(process.stderr.fileno(), device)
        yield
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _await(stderr: int, device: str) -> None:
    """Wait until tcpdump says that it listens."""
    said, deadline = b"", time.monotonic() + _PATIENCE
    while b"listening on" not in said:
        ready, _, _ = select.select([stderr], [], [], max(0.0, deadline - time.monotonic()))
        octets = os.read(stderr, 4096) if ready else b""
        if not octets:
            words = said.decode(errors="replace").strip().splitlines() or ["it says nothing"]
            raise HostError(f"tcpdump at {device}: {words[-1]}")
        said += octets
