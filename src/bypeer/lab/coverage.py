"""Which cells the packets of a comparison filled, counted and summed up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bypeer.core.kernels import GOOD_FLAGS, ORIGINAL_TABLE, REPLY_TABLE, CtState, Index
from bypeer.lab.tracker import PLACES, cells

_SIDES = {"original": ORIGINAL_TABLE, "reply": REPLY_TABLE}


@dataclass(frozen=True, slots=True)
class Coverage:
    """Packets by cell (tracker.cell): state before and after, direction, flags, verdict, places."""

    packets: Mapping[int, int]

    def __len__(self) -> int:
        return len(self.packets)

    def projected(self) -> int:
        """Cells if the places of SEG.SEQ and SEG.ACK do not count."""
        return len({cell >> 8 for cell in self.packets})

    def by_state(self) -> Mapping[str, int]:
        """Packets that met an entry in each state."""
        return self._by(0, (state.name for state in CtState if state < CtState.INVALID))

    def by_place(self, of_ack: bool) -> Mapping[str, int]:
        """Packets by how SEG.SEQ, or SEG.ACK, lay to its bounds."""
        return self._by(6 if of_ack else 5, PLACES)

    def table_cells(self) -> tuple[int, int]:
        """Of the cells of both transition tables: those that were met, and all that can be."""
        wanted = {
            (state.name, side, kind)
            for side, table in _SIDES.items()
            for state in table
            for kind in Index
            if kind < Index.NONE and not (state == CtState.NONE and side == "reply")
        }
        met = {(before, side, kind) for before, side, kind in self._kinds()}
        return len(met & wanted), len(wanted)

    def _kinds(self) -> Iterator[tuple[str, str, Index]]:
        for cell in self.packets:
            before, _, side, _, flags, _, _ = cells(cell)
            kind = GOOD_FLAGS.get(flags & 0b0011_0111)
            if kind is not None:
                yield before, side, kind

    def _by(self, column: int, names: Iterator[str] | tuple[str, ...]) -> Mapping[str, int]:
        found: Counter[str] = Counter()
        for cell, packets in self.packets.items():
            found[str(cells(cell)[column])] += packets
        return {name: found[name] for name in names}
