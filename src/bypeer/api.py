"""The library's door: capture files in, an Explanation out."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from typing import Any, TypeVar

from bypeer import __version__
from bypeer.capture.jobs import scan_at_once
from bypeer.capture.read import Capture, open_capture
from bypeer.core.decode import in_tunnel, interface_and_index
from bypeer.core.describe import Names, describe
from bypeer.core.evidence import Evidence
from bypeer.core.explain import Analysis, analyse
from bypeer.core.explanation import Damage, Explanation, Input, Loss, Role, Tool
from bypeer.core.kernels import named
from bypeer.core.linktypes import link_type_name
from bypeer.core.scan import Scan

Path = str | os.PathLike[str]

UNASKED = 64 << 20  # octets of a file that is hashed unasked


def explain(
    paths: Sequence[Path],
    *,
    kernel: str | None = None,
    inside: Sequence[Path] | None = None,
    outside: Sequence[Path] | None = None,
    digest: bool = False,
    jobs: int = 1,
) -> Explanation:
    """Say who reset the connections in these capture files, what triggered it and why.

    `-` is standard input. `kernel` is the NAT host's, as `uname -r` has it; `inside` and `outside`
    say which files were taken where, if the packets are not to decide. `digest`: hash files of more
    than UNASKED octets too, which takes longer than to read them. `jobs`: processors to be used.
    Raises CaptureError where a file is no capture, ValueError where the kernel is not known.
    """
    chosen = named(kernel) if kernel is not None else None
    with ExitStack() as stack:
        captures = [
            stack.enter_context(closing(open_capture(path)))
            for path in dict.fromkeys(os.fspath(path) for path in paths)
        ]
        roles = _roles(captures, inside or (), outside or ())
        printed = frozenset(row for row, one in enumerate(captures) if one.printed)
        analysis = analyse(
            captures, chosen, roles, lambda number: bool(captures[number].losses), printed,
            lambda _: scan_at_once(captures, jobs),
            lambda: Evidence({row: one.events for row, one in enumerate(captures)}),
        )  # fmt: skip
        inputs = [
            _input(capture, found, digest) for capture, found in zip(captures, analysis.scans, strict=True)
        ]
        found = describe(analysis, inputs, _names(captures, analysis), Tool("bypeer", __version__), chosen)
        return spelt(found, {made_up: name for one in captures for made_up, name in one.names.items()})


T = TypeVar("T")


# What may be an address or an endpoint as reports write them, with what may follow it.
_END = re.compile(r"\[?[0-9a-f][0-9a-f:.]*(?:\]:\d+)?")


def spelt(found: T, names: Mapping[str, str]) -> T:
    """The record with each address or endpoint that stands for a printed name as it was printed."""
    if not names:
        return found
    said: T = _spelt(found, lambda text: _END.sub(lambda one: _respelt(one[0], names), text))
    return said


def _respelt(end: str, names: Mapping[str, str]) -> str:
    bare = end.rstrip(".:")
    host, port = bare.removeprefix("[").split("]:", 1) if "]:" in bare else bare.rpartition(".")[::2]
    if bare in names:
        bare, end = names[bare], end.removeprefix(bare)
    elif host in names:
        bare, end = names[host] + (":" if "]:" in bare else ".") + port, end.removeprefix(bare)
    else:
        return end
    return bare + end


def _spelt(value: Any, say: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return say(value)
    if isinstance(value, list):
        return [_spelt(one, say) for one in value]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_spelt(one, say) for one in value))
    return value


def _roles(captures: Sequence[Capture], inside: Sequence[Path], outside: Sequence[Path]) -> dict[int, Role]:
    """What the user said of the inputs, by row."""
    given: dict[str, Role] = {os.fspath(path): "outside" for path in outside}
    given |= {os.fspath(path): "inside" for path in inside}
    return {row: given[one.path] for row, one in enumerate(captures) if one.path in given}


def _input(capture: Capture, found: Scan, digest: bool) -> Input:
    weird = {kind: count for kind, count in found.kinds.items() if kind != "unsupported"}
    for link_type, count in found.unsupported.items():
        weird[f"unsupported link type {link_type_name(link_type)}"] = count
    weird |= capture.oddities
    if found.undated:
        weird["undated"] = found.undated
    if found.table.evicted:
        weird["connections forgotten, there being too many"] = found.table.evicted
    return Input(
        path=capture.path,
        sha256=capture.sha256() if digest or capture.size <= UNASKED else None,
        format=capture.format if capture.packing is None else f"{capture.format}, {capture.packing.name}",
        packets=found.packets,
        tcp=found.tcp,
        rst=found.rst,
        weird=weird,
        damage=None if capture.damage is None else Damage(capture.damage.offset, capture.damage.reason),
        losses=[Loss(None, one.frames, f"the file's own count ({one.counter})") for one in capture.losses],
    )


def _names(captures: Sequence[Capture], analysis: Analysis) -> Names:
    """What the vantages' interfaces are called: by name, else by number where there are several."""
    names = {}
    for row, capture in enumerate(captures):
        interfaces = {one.interface for one in analysis.connections[row]}
        several = len(interfaces) > 1
        for interface in interfaces:
            number, index = interface_and_index(interface)
            known = capture.interfaces[number]
            label = known.name or (str(number) if len(capture.interfaces) > 1 else "")
            if index:
                label = f"{label}%{index}" if label else f"index {index}"
            if in_tunnel(interface):
                label = f"{label}, in a tunnel" if label else "in a tunnel"
            names[row, interface] = (
                label or (str(number) if several else ""),
                link_type_name(known.link_type),
            )
    return Names(names)
