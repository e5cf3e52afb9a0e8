"""The tracker's records: that compiled and source ones go through the same, and what they say."""

from __future__ import annotations

import random
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bypeer.core.entry import NO_BOUND, Entry, Rules, Side, Step
from bypeer.core.kernels import KERNELS, CtState, Ctstate, Reason, Sysctls
from tests import pure

SIDE = ("td_end", "td_maxend", "td_maxwin", "td_maxack", "td_scale", "flags", "estimated")
ENTRY = (
    "assured", "deadline", "gaps", "last_ack", "last_dir", "last_end", "last_flags", "last_index", "last_seq",
    "last_win", "last_wscale", "retrans", "seen_reply", "state", "timeout",
)  # fmt: skip
STEP = (
    "ack_over", "ack_under", "beyond", "bound", "ctstate", "direction", "index", "lowered", "reason",
    "reopened", "seq_over", "seq_under", "state_after", "state_before", "unreplied", "ignored",
)  # fmt: skip
FLAGS = (0x10, 0x18, 0x10, 0x11, 0x02, 0x12, 0x04, 0x14, 0x10, 0x22, 0x00, 0xC2)
NEAR = (0, 0, 0, 0, 1, -1, 2, 100, -100, 1460, -66_000, -66_001, 1 << 31, -1_000_000)


class World:
    """The modules of one world, and a connection in it."""

    def __init__(self, compiled: bool, kernel: str, liberal: bool) -> None:
        load = pure.load_compiled if compiled else pure.load_pure
        self.tracker, entry = load("bypeer.core.conntrack"), load("bypeer.core.entry")
        self.segment = load("bypeer.core.segment")
        with pure.inside("compiled" if compiled else "source"):
            kernels = import_module("bypeer.core.kernels")
        self.rules = entry.Rules(
            kernels.named(kernel), kernels.Sysctls(tcp_be_liberal=liberal, checksum=True)
        )
        self.entry, self.out = entry.Entry(), entry.Step()

    def made(self, values: dict[str, int]) -> Any:
        one = self.segment.Segment()
        for name, value in values.items():
            setattr(one, name, value)
        return one

    def seen(self) -> dict[str, int]:
        """All that the records hold."""
        found = {f"out.{name}": int(getattr(self.out, name)) for name in STEP}
        found |= {name: int(getattr(self.entry, name)) for name in ENTRY}
        for way, side in (("original", self.entry.original), ("reply", self.entry.reply)):
            found |= {f"{way}.{name}": int(getattr(side, name)) for name in SIDE}
        return found


def some_segment(chance: random.Random, entry: Any, direction: int) -> dict[str, int]:
    """A segment near the bounds of that entry."""
    sender, receiver = entry.side(direction), entry.side(1 - direction)
    ends = (
        sender.td_end,
        sender.td_maxend,
        sender.td_end - receiver.td_maxwin,
        receiver.td_maxack,
        entry.last_end,
    )
    acks = (receiver.td_end, receiver.td_end, receiver.td_end - sender.td_maxwin, entry.last_end)
    flags = chance.choice(FLAGS)
    ack = (chance.choice(acks) + chance.choice(NEAR)) % (1 << 32)
    return {
        "flags": flags,
        "seq": (chance.choice(ends) + chance.choice(NEAR)) % (1 << 32),
        "ack": ack,
        "sack": (ack + chance.choice((0, 0, 5000))) % (1 << 32),
        "win": chance.choice((0, 1, 1000, 65_535)),
        "size": chance.choice((0, 0, 0, 1, 1460, 60_000, -1)),
        "wscale": chance.choice((-1, 0, 7, 255)) if flags & 2 else -1,
        "mss": chance.choice((-1, 1460)) if flags & 2 else -1,
        "sack_permitted": flags & 2 and chance.random() < 0.5,
        "timestamps": chance.random() < 0.3,
        "checksum": chance.choice((0, 0, 1, 1, 1, 2)),
        "ts": chance.choice((-(1 << 63), 10**18, 10**18 + 400 * 10**9)),
    }


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32), kernel=st.sampled_from([one.name for one in KERNELS]), liberal=st.booleans()
)
def test_compiled_and_source_go_through_the_same(seed: int, kernel: str, liberal: bool) -> None:
    chance = random.Random(seed)
    worlds = [World(compiled, kernel, liberal) for compiled in (False, True)]
    for _ in range(60):
        direction = chance.randrange(2)
        values = some_segment(chance, worlds[0].entry, direction)
        todo = chance.choices(("step", "adopt", "resume"), (30, 1, 0.3))[0]
        for world in worlds:
            if todo == "step":
                world.tracker.step(world.entry, direction, world.made(values), world.rules, world.out)
            elif todo == "adopt":
                world.tracker.adopt(world.entry, direction, world.made(values), world.rules)
            else:
                world.tracker.resume(world.entry, world.rules, values["ts"])
        assert worlds[0].seen() == worlds[1].seen()


def test_a_new_entry_knows_nothing() -> None:
    entry = Entry()
    assert (entry.state, entry.seen_reply, entry.assured, entry.gaps) == (CtState.NONE, False, False, 0)
    assert entry.side(0) is entry.original
    assert entry.side(1) is entry.reply


def test_clearing_an_entry_keeps_its_gaps_only() -> None:
    fresh, used = Entry(), Entry()
    used.state, used.gaps, used.deadline, used.assured = CtState.CLOSE, 3, 99, True
    used.reply.td_end, used.original.flags, used.original.estimated = 7, 8, True
    used.clear()
    assert used.gaps == 3
    assert [getattr(used, name) for name in ENTRY if name != "gaps"] == [
        getattr(fresh, name) for name in ENTRY if name != "gaps"
    ]
    for name in SIDE:
        assert getattr(used.reply, name) == getattr(used.original, name) == getattr(Side(), name)


@pytest.mark.parametrize(
    ("ctstate", "reason", "ignored"),
    [
        (Ctstate.ESTABLISHED, Reason.SEQ_UNDER, True),
        (Ctstate.NEW, Reason.IGNORED_STATE, True),
        (Ctstate.INVALID, Reason.SEQ_UNDER, False),
        (Ctstate.ESTABLISHED, Reason.OK, False),
        (Ctstate.ESTABLISHED, Reason.UNKNOWN_BOUND, False),
    ],
)
def test_ignored_is_not_invalid(ctstate: Ctstate, reason: Reason, ignored: bool) -> None:
    out = Step()
    assert (out.ctstate, out.bound, out.ignored) == (Ctstate.INVALID, NO_BOUND, False)
    out.ctstate, out.reason = ctstate, reason
    assert out.ignored == ignored


def test_rules_lay_out_a_kernel() -> None:
    kernel = KERNELS[-1]
    rules = Rules(kernel, Sysctls(tcp_max_retrans=7))
    assert len(rules.cells) == 2 * 6 * 10
    assert rules.cells[(1 * 6 + 1) * 10 + CtState.SYN_SENT] == CtState.SYN_RECV
    assert (rules.max_retrans, rules.loose, rules.liberal, rules.checksum) == (7, True, False, False)
    assert (rules.retrans, rules.unack, rules.close) == (300 * 10**9, 300 * 10**9, 10 * 10**9)
    assert Rules(kernel).sysctls == Sysctls()
