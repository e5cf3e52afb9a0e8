"""Which files are pieces of one capture, as tcpdump -C, -G, -W and dumpcap -b make them.

Files are taken for one if all of this holds: they name the same interface and link type; their names
differ in digits only, or the user said which side each is; they do not overlap in time; two that follow
each other have a pair of Ethernet addresses in common, if they have any. Time alone would not do: of
two vantages whose clocks differ the captures need not overlap either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from itertools import pairwise

from bypeer.capture.model import Capture
from bypeer.capture.series import Series, newest, oldest
from bypeer.core.frames import Frames, Interface
from bypeer.core.segment import NO_TIME

# Packets wait no longer between being dated and being written, ns: by so much the end of a file may
# overlap the beginning of the next, but by no more than this part of the shorter one.
_MOST_OVERLAP, _OVERLAP = 1_000_000_000, 100
_FOREVER = 1 << 62  # ns

_ETHERNET, _ADDRESSES = 1, 12  # LINKTYPE_ETHERNET; octets of the two addresses, with which a frame begins
_FEW = 3  # packets from the beginning that are enough to read the last one by
_PACKED = re.compile(r"\.(?:gz|bz2|xz|zst|lz4)$")
_NO_NAME = -1  # how many numbers of a name count, if not even the name does


def series(captures: Sequence[Capture], sides: Mapping[int, str]) -> list[Series]:
    """The captures, those that are pieces of one together, in the order of the first of each.

    `sides`: which side of the NAT the user said a capture is, by row.
    """
    groups: dict[tuple[str, str], list[int]] = {}
    for row, one in enumerate(captures):
        side = sides.get(row, "")
        groups.setdefault((side, "" if side else _stem(one.path, 0)), []).append(row)
    found: list[list[int]] = []
    for (side, _), rows in groups.items():
        found += _sorted(captures, rows, _NO_NAME if side else 0) if len(rows) > 1 else [rows]
    return [Series([captures[row] for row in rows]) for rows in sorted(found, key=min)]


def _stem(path: str, kept: int) -> str:
    """The name without the numbers in it, but for the first ones that are kept."""
    if kept == _NO_NAME:
        return ""
    parts = re.split(r"(\d+)", _PACKED.sub("", path))
    return "".join(part for at, part in enumerate(parts) if not at % 2 or at < 2 * kept)


def _sorted(captures: Sequence[Capture], rows: Iterable[int], kept: int) -> list[list[int]]:
    """These captures, in groups of pieces in order of time."""
    found: list[list[int]] = []
    kinds: dict[tuple[int, str], list[_Look]] = {}
    for row in rows:
        look = _look(captures[row], row)
        if look is None:
            found.append([row])
        else:
            kinds.setdefault(look.kind, []).append(look)
    for alike in kinds.values():
        found += [[one.row for one in group] for group in _chains(alike, kept)]
    return found


def _chains(alike: list[_Look], kept: int) -> list[list[_Look]]:
    """Captures of one kind in groups that follow one another: all, or by names that differ in less."""
    alike = sorted(alike, key=lambda one: one.began)
    if all(one.follows(before) for before, one in pairwise(alike)):
        return [alike]
    numbers = max(len(re.findall(r"\d+", one.capture.path)) for one in alike)
    for more in range(kept + 1, numbers + 1):
        finer: dict[str, list[_Look]] = {}
        for one in alike:
            finer.setdefault(_stem(one.capture.path, more), []).append(one)
        if len(finer) > 1:
            return [chain for group in finer.values() for chain in _chains(group, more)]
    return [[one] for one in alike]


class _Look:
    """What a look at its ends tells of a capture."""

    def __init__(self, capture: Capture, row: int, first: Frames, began: int) -> None:
        self.capture, self.row, self.began = capture, row, began
        self.kind = _kind(capture.interfaces[0])
        self._addresses = _addresses(first, capture.interfaces)
        self._head = first.offset[min(_FEW, first.count - 1)]
        self._ended: int | None = None

    def follows(self, before: _Look) -> bool:
        """Whether it may go on where the one before ended."""
        ours, theirs = self._addresses, before._addresses
        if ours and theirs and not ours & theirs:
            return False
        overlap = before.ended(self.began + _MOST_OVERLAP) - self.began
        if not 0 <= overlap < _MOST_OVERLAP:
            return overlap < 0
        shorter = min(one.ended(_FOREVER) - one.began for one in (self, before))
        return overlap < shorter // _OVERLAP

    def ended(self, enough: int) -> int:
        """When its last packet was taken, ns, or some packet later than `enough`."""
        if self._ended is None:
            from bypeer.capture.tail import last_time  # here: few captures need its patterns

            self._ended = last_time(self.capture, self._head, self.began)
        if self._ended is not None:
            return self._ended
        last = self.began
        with closing(self.capture.frames("looking for the order")) as batches:
            for batch in batches:
                time = newest(batch)
                last = last if time == NO_TIME else time
                if last > enough:
                    return last
        self._ended = last
        return last


def _look(capture: Capture, row: int) -> _Look | None:
    """A look at a capture; None if it is none of several: without a time, printed, or through a pipe."""
    if not capture.regular or capture.printed:
        return None
    with closing(capture.frames("looking for the order")) as batches:
        first = next(batches, None)
        if first is None or (began := oldest(first)) == NO_TIME:
            return None
        return _Look(capture, row, first, began)


def _kind(one: Interface) -> tuple[int, str]:
    return one.link_type, one.name


def _addresses(batch: Frames, interfaces: Sequence[Interface]) -> set[bytes]:
    """The pairs of Ethernet addresses that these frames go between, either way."""
    found = set()
    for row in range(batch.count):
        at = batch.start[row]
        ethernet = interfaces[batch.interface[row]].link_type == _ETHERNET
        if ethernet and batch.captured[row] >= _ADDRESSES and not batch.octets[at] & 1:  # to one station
            target, source = batch.octets[at : at + 6], batch.octets[at + 6 : at + 12]
            found.add(bytes(min(target, source) + max(target, source)))
    return found
