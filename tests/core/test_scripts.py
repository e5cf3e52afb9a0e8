"""The packet scripts of tests/scripts on the model, by kernel, and what they reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bypeer.core.entry import NO_BOUND, ORIGINAL, REPLY, Rules
from bypeer.core.kernels import (
    KERNELS,
    LINUX_5_10,
    LINUX_6_1,
    LINUX_6_18,
    RULES,
    CtState,
    Index,
    Kernel,
    Reason,
    Sysctls,
)
from bypeer.core.script import Line
from tests.core.tracking import PLAYED, Played, failures, lived, scripts

STATES = [state for state in CtState if state < CtState.INVALID]
COLUMNS = [index for index in Index if index < Index.BAD]
# What is wrong with these segments was found before a table was read.
BEFORE_TABLES = (Reason.BAD_FLAGS, Reason.BAD_CHECKSUM, Reason.TRUNCATED)

UNREACHABLE = {
    "without SYN, FIN, ACK or RST the flags are refused before a table is read": {
        (way, state, Index.NONE) for way in (ORIGINAL, REPLY) for state in STATES
    },
    "the segment that makes an entry makes its own direction the original one": {
        (REPLY, CtState.NONE, index) for index in COLUMNS
    },
}

# The six that the kernel has of its own, and the INVALID segments that each must see (conntrack.md, 7).
SELFTESTS = {
    "ack-loss-stall": 0, "inexact-rst": 0, "rst-invalid": 4, "syn-challenge-ack": 0, "synack-old": 1,
    "synack-reuse": 0,
}  # fmt: skip


@pytest.mark.parametrize("release", PLAYED)
def test_the_model_answers_as_the_scripts_expect(release: str) -> None:
    assert list(failures({release: PLAYED[release]})) == []


def test_a_broken_model_does_not() -> None:
    assert len(list(failures({"6.18": LINUX_6_18._replace(late_is_invalid=True)}))) > 10
    assert len(list(failures({"6.18": LINUX_6_18}, step=lambda *_: None))) > 100


def test_every_segment_has_an_expectation() -> None:
    for script in scripts().values():
        names = [story.name for story in script.stories]
        assert len(set(names)) == len(names)
        for story in script.stories:
            assert story.lines
            for line in story.lines:
                assert None not in line.expected()[:2], line.text


@pytest.mark.parametrize("name", SELFTESTS)
def test_as_many_are_invalid_as_the_kernels_own_tests_assert(name: str) -> None:
    (story,) = scripts()[f"selftest-{name}"].stories
    assert [line.expected().ctstate for line in story.lines].count("INVALID") == SELFTESTS[name]


def seen(kernel: Kernel) -> Iterator[tuple[Played, Line, int]]:
    """Each segment of the scripts before its step, with its direction."""
    for _, story, played in lived(kernel.name, kernel):
        for line in story.lines:
            if played.entry.state == CtState.NONE:
                yield played, line, ORIGINAL
            else:
                yield played, line, line.direction ^ played.turned


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_every_cell_of_both_tables_that_can_be_is_reached(kernel: Kernel) -> None:
    reached = set()
    for played, line, way in seen(kernel):
        state = CtState(played.entry.state)
        played.see(line)
        if played.reason not in BEFORE_TABLES:
            reached.add((way, state, Index(played.out.index)))
    every = {(way, state, index) for way in (ORIGINAL, REPLY) for state in STATES for index in COLUMNS}
    unreachable = set().union(*UNREACHABLE.values())
    assert every - reached == unreachable


# Of a connection without options, one with window scale and one with SACK: the four bounds, and how far
# data may lie beyond the window.
BOUNDS = {
    "plain": {"I", "beyond I", "II", "III", "IV, 66,000"},
    "scaled": {"I", "beyond I", "II", "III", "IV, the window"},
    "SACK": {"I", "beyond I", "II", "III", "IV, 66,000"},
}


def places(played: Played, line: Line, way: int) -> Iterator[tuple[str, int]]:
    """By how much a segment fails each bound: 0 is the last number that fits."""
    width = played.entry.side(1 - way).td_maxwin
    played.see(line)
    out, one = played.out, line.segment
    if out.seq_over == NO_BOUND:
        return
    lag = "66,000" if (out.ack_over - out.ack_under) % (1 << 32) == 66_002 else "the window"
    yield "I", one.seq - out.seq_over + 1
    if one.seq >= out.seq_over:
        yield "beyond I", one.end - out.seq_over + 2 - width
    yield "II", out.seq_under + 1 - one.end
    yield "III", one.sack - out.ack_over + 1
    yield f"IV, {lag}", out.ack_under + 1 - one.sack


@pytest.mark.parametrize("kernel", [LINUX_5_10, LINUX_6_1, LINUX_6_18], ids=lambda kernel: kernel.name)
@pytest.mark.parametrize("way", [ORIGINAL, REPLY])
@pytest.mark.parametrize("options", BOUNDS)
def test_every_bound_is_met_one_inside_at_it_and_one_beyond(kernel: Kernel, way: int, options: str) -> None:
    met = set()
    for played, line, direction in seen(kernel):
        sides = played.entry.original, played.entry.reply
        kind = (
            "SACK"
            if line.segment.sack_count
            else "scaled"
            if all(side.td_scale for side in sides)
            else "plain"
        )
        found = list(places(played, line, direction))
        if direction == way and kind == options:
            met |= set(found)
    assert {(bound, place) for bound in BOUNDS[options] for place in (-1, 0, 1)} <= met


# Rules that show in log lines only, which no script expects; the lab compares them.
SAID_ONLY = ("numbered_log", "logs_ignored_index", "logs_invalid_new", "logs_unack")


@pytest.mark.parametrize("rule", [row.rule for row in RULES if row.rule not in SAID_ONLY])
def test_no_rule_can_be_turned_round_unnoticed(rule: str) -> None:
    changed: dict[str, Any] = {rule: not getattr(LINUX_6_18, rule)}
    assert next(failures({"6.18": LINUX_6_18._replace(**changed)}), None)


@pytest.mark.parametrize(
    "setting", ["tcp_be_liberal", "tcp_loose", "tcp_ignore_invalid_rst", "checksum", "tcp_max_retrans"]
)
def test_no_setting_can_be_ignored_unnoticed(setting: str) -> None:
    default = getattr(Sysctls(), setting)

    def deaf(kernel: Kernel, sysctls: Sysctls) -> Rules:
        changed: dict[str, Any] = {setting: default}
        return Rules(kernel, sysctls._replace(**changed))

    assert next(failures({"6.18": LINUX_6_18}, rules=deaf), None)
