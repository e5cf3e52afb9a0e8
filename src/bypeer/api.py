"""The library's door: capture files in, an Explanation out."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from bypeer import __version__
from bypeer.capture.jobs import scan_at_once
from bypeer.capture.model import Capture, Watch
from bypeer.capture.read import open_capture
from bypeer.capture.rotation import series
from bypeer.capture.series import Series
from bypeer.core.decode import in_tunnel, interface_and_index
from bypeer.core.describe import Names, describe, most_telling, named
from bypeer.core.evidence import Evidence
from bypeer.core.explain import Analysis, analyse
from bypeer.core.explanation import Damage, Explanation, File, Input, Loss, Role, Tool
from bypeer.core.kernels import Kernel
from bypeer.core.kernels import named as named_kernel
from bypeer.core.linktypes import link_type_name
from bypeer.core.scan import Scan, collect
from bypeer.core.segment import NO_TIME

if TYPE_CHECKING:
    from bypeer.core.picture import Picture

Path = str | os.PathLike[str]

UNASKED = 64 << 20  # octets of a file that is hashed unasked
MOST_MARKS = 5_000_000  # of all pictures together


class Work:
    """Captures that were looked into: what was found, and what can be drawn of it. Open until closed."""

    def __init__(
        self, sources: Sequence[Series], analysis: Analysis, kernel: Kernel | None, digest: bool | None
    ) -> None:
        self.sources, self.analysis = sources, analysis
        scans = analysis.scans
        inputs = [_input(one, found, digest) for one, found in zip(sources, scans, strict=True)]
        found = describe(analysis, inputs, _names(sources, analysis), Tool("bypeer", __version__), kernel)
        captures = [capture for one in sources for capture in one.captures]
        self._spelling = {made_up: name for one in captures for made_up, name in one.names.items()}
        self._inputs = found.inputs
        self.explanation = spelt(found, self._spelling)

    def pictures(self, connections: Sequence[str] | None = None, most: int = MOST_MARKS) -> list[Picture]:
        """The pictures of these connections, of about `most` marks together, the rare ones aside.

        Without any: of the one that the verdict is about; none, if there is no connection. Reads the
        captures once more. Raises ValueError where an id is not that of a connection that was studied.
        """
        # What a mere explanation has no use for.
        from bypeer.core.draw import draw, segments, shares, sheet
        from bypeer.core.plot import MOST_OF_ONE
        from bypeer.core.points import MOST

        cases = named(self.analysis.cases)
        if connections is None:
            main = most_telling(self.analysis.cases)
            connections = [name for name, case in cases.items() if case is main]
        unknown = [name for name in connections if name not in cases]
        if unknown:
            known = f"there are {', '.join(list(cases)[:20])}" if cases else "there is none"
            raise ValueError(f"no connection {unknown[0]!r} was looked at closely: {known}")
        if not connections:
            return []
        joins = {name: cases[name].seen.study.join for name in connections}
        sizes = {name: segments(one) for name, one in joins.items()}
        room = shares(sizes, MOST)
        sheets = {name: sheet(one, room[name]) for name, one in joins.items()}
        for number, source in enumerate(self.sources):
            lanes = [(row, lane) for one in sheets.values() for at, row, lane in one.lanes if at == number]
            if lanes:
                collect(source, self.analysis.scans[number], lanes)
        room = shares({name: MOST_OF_ONE * size for name, size in sizes.items()}, most)
        drawn = [
            draw(cases[name], name, sheets.pop(name), self._inputs, self.analysis.printed, room[name])
            for name in connections
        ]
        return spelt(drawn, self._spelling)


@contextmanager
def looked_into(
    paths: Sequence[Path],
    *,
    kernel: str | None = None,
    inside: Sequence[Path] | None = None,
    outside: Sequence[Path] | None = None,
    digest: bool | None = False,
    jobs: int = 1,
    watch: Watch | None = None,
    anyway: bool = False,
) -> Iterator[Work]:
    """Look into capture files; what was found, and what can be drawn of it, until the `with` block ends.

    The arguments are those of `explain`. `anyway`: where nothing is amiss, look at the longest connection.
    """
    chosen = named_kernel(kernel) if kernel is not None else None
    with ExitStack() as stack:
        captures = [
            stack.enter_context(closing(open_capture(path)))
            for path in dict.fromkeys(os.fspath(path) for path in paths)
        ]
        for one in captures:
            one.watch = watch
        sides = _sides(inside or (), outside or ())
        sources = series(captures, {row: sides.get(one.path, "") for row, one in enumerate(captures)})
        analysis = analyse(
            sources,
            chosen,
            _roles(sources, sides),
            lambda number: sources[number].dropped,
            frozenset(row for row, one in enumerate(sources) if one.printed),
            lambda number: sources[number].gaps,
            scan_all=lambda _: scan_at_once(sources, jobs, watch),
            evidence=lambda: Evidence({row: one.events for row, one in enumerate(sources)}),
            anyway=anyway,
        )
        yield Work(sources, analysis, chosen, digest)


def explain(
    paths: Sequence[Path],
    *,
    kernel: str | None = None,
    inside: Sequence[Path] | None = None,
    outside: Sequence[Path] | None = None,
    digest: bool | None = False,
    jobs: int = 1,
    watch: Watch | None = None,
) -> Explanation:
    """Say who reset the connections in these capture files, what triggered it and why.

    `-` is standard input. `kernel` is the NAT host's, as `uname -r` has it; `inside` and `outside`
    say which files were taken where, if the packets are not to decide. Files that were one capture
    (rotation.py) are read as one. `digest`: hash files of more than UNASKED octets too, which takes
    longer than to read them; None: hash none. `jobs`: processors to be used. `watch` is told what is being
    done, and how many octets were read for it since. Raises CaptureError where a file is no capture,
    ValueError where the kernel is not known.
    """
    with looked_into(
        paths, kernel=kernel, inside=inside, outside=outside, digest=digest, jobs=jobs, watch=watch
    ) as work:  # fmt: skip
        return work.explanation


def pictures(paths: Sequence[Path], connection: str | None = None, **options: Any) -> list[Picture]:
    """The picture of one connection in these capture files: by its id, or the one that the verdict is about.

    None, if there is no connection. The rest as for `explain`; raises ValueError for an unknown id too.
    """
    with looked_into(paths, anyway=True, **options) as work:
        return work.pictures(None if connection is None else [connection])


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


def _sides(inside: Sequence[Path], outside: Sequence[Path]) -> dict[str, Role]:
    """What the user said of the files, by path."""
    given: dict[str, Role] = {os.fspath(path): "outside" for path in outside}
    return given | {os.fspath(path): "inside" for path in inside}


def _roles(sources: Sequence[Series], sides: Mapping[str, Role]) -> dict[int, Role]:
    """The same by row of the inputs: the files of one are all of one side."""
    paths = [one.captures[0].path for one in sources]
    return {row: sides[path] for row, path in enumerate(paths) if path in sides}


def _input(source: Series, found: Scan, digest: bool | None) -> Input:
    files = _files(source, digest)
    several = len(files) > 1
    return Input(
        path=f"{files[0].path} and {len(files) - 1} more" if several else files[0].path,
        sha256=_digest_of([one.sha256 for one in files]) if several else files[0].sha256,
        format="; ".join(dict.fromkeys(one.format for one in files)),
        packets=found.packets,
        tcp=found.tcp,
        rst=found.rst,
        weird=_weird(source, found),
        damage=_damage(files),
        losses=_losses(source),
        files=files if several else (),
    )


def _digest_of(digests: Sequence[str | None]) -> str | None:
    """One digest of several files; None where one of theirs is not known."""
    known = [one for one in digests if one is not None]
    if len(known) < len(digests):
        return None
    import hashlib  # here: it costs 2 ms, and text shows no digest

    return hashlib.sha256("".join(f"{one}\n" for one in known).encode()).hexdigest()


def _sha256(capture: Capture, digest: bool | None) -> str | None:
    wanted = digest or (digest is not None and capture.size <= UNASKED)
    return capture.sha256() if wanted else None


def _files(source: Series, digest: bool | None) -> list[File]:
    behind = {until for _, until in source.gaps}
    return [
        File(
            path=one.path,
            sha256=_sha256(one, digest),
            format=one.format if one.packing is None else f"{one.format}, {one.packing.name}",
            packets=piece.packets,
            first_frame=piece.first,
            began_ns=None if piece.began == NO_TIME else piece.began,
            ended_ns=None if piece.ended == NO_TIME else piece.ended,
            gap=piece.began in behind,
            damage=None if one.damage is None else Damage(one.damage.offset, one.damage.reason),
        )
        for one, piece in zip(source.captures, source.pieces, strict=True)
    ]


def _weird(source: Series, found: Scan) -> dict[str, int]:
    weird = {kind: count for kind, count in found.kinds.items() if kind != "unsupported"}
    for link_type, count in found.unsupported.items():
        weird[f"unsupported link type {link_type_name(link_type)}"] = count
    for capture in source.captures:
        for kind, count in capture.oddities.items():
            weird[kind] = weird.get(kind, 0) + count
    if found.undated:
        weird["undated"] = found.undated
    if found.table.evicted:
        weird["connections forgotten, there being too many"] = found.table.evicted
    return weird


def _damage(files: Sequence[File]) -> Damage | None:
    """The first damage, and of which file, if there are several."""
    for one in files:
        if one.damage is not None:
            where = f"in {one.path}: " if len(files) > 1 else ""
            return one.damage._replace(reason=where + one.damage.reason)
    return None


def _losses(source: Series) -> list[Loss]:
    """What the files count themselves: of several the highest, since some count on from file to file."""
    most: dict[tuple[int, str], int] = {}
    for capture in source.captures:
        for one in capture.losses:
            key = one.interface, one.counter
            most[key] = max(one.frames, most.get(key, 0))
    return [Loss(None, frames, f"the file's own count ({counter})") for (_, counter), frames in most.items()]


def _names(sources: Sequence[Series], analysis: Analysis) -> Names:
    """What the vantages' interfaces are called: by name, else by number where there are several."""
    names = {}
    for row, source in enumerate(sources):
        interfaces = {one.interface for one in analysis.connections[row]}
        several = len(interfaces) > 1
        for interface in interfaces:
            number, index = interface_and_index(interface)
            known = source.interfaces[number]
            label = known.name or (str(number) if len(source.interfaces) > 1 else "")
            if index:
                label = f"{label}%{index}" if label else f"index {index}"
            if in_tunnel(interface):
                label = f"{label}, in a tunnel" if label else "in a tunnel"
            names[row, interface] = (
                label or (str(number) if several else ""),
                link_type_name(known.link_type),
            )
    return Names(names)
