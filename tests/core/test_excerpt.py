"""What is kept of a long connection, and what is known of the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from bypeer.core import excerpt as module
from bypeer.core.conntrack import step
from bypeer.core.entry import Entry, Rules, Step
from bypeer.core.excerpt import HEAD, Excerpt
from bypeer.core.kernels import LINUX_6_18
from bypeer.core.script import START, parse
from bypeer.core.segment import NO_TIME
from tests.core.placing import told
from tests.pure import here

RULES = Rules(LINUX_6_18)
OPEN = """
    > S  0:0(0)       win 64240 <mss 1460,sackOK,wscale 7>
    < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>
    > .  1:1(0) ack 1 win 502
"""


def transfer(rounds: int, size: int = 1000) -> str:
    """Data to the client and their acknowledgements, a pair a round."""
    story = OPEN
    for start in range(1, rounds * size + 1, size):
        story += f"< . {start}:{start + size}({size}) ack 1 win 509\n> . 1:1(0) ack {start + size} win 502\n"
    return story


def seen(story: str, stretches: Sequence[tuple[int, int]], every: int = 1) -> Excerpt:
    """What an excerpt with these stretches, in seconds, keeps of a story with a segment a second."""
    found = Excerpt([(START + since, START + until) for since, until in stretches], RULES)
    for number, line in enumerate(parse(story)):
        line.segment.ts, line.segment.frame = START + number * every, number
        found.see(line.direction, line.segment)
    return found


def frames(found: Excerpt) -> list[int]:
    return [segment.frame for _, segment in found.rows]


def test_all_is_kept_where_nothing_is_said() -> None:
    found = Excerpt()
    for segment in told(transfer(200)):
        found.see(0, segment)
    assert (len(found.rows), found.bridges, found.partial) == (403, [], False)


def test_the_beginning_and_the_stretches_are_kept() -> None:
    found = seen(transfer(200), [(100, 109), (300, 301)])
    assert frames(found) == [*range(HEAD), *range(100, 110), 300, 301]
    assert [(one.row, one.since - START, one.until - START) for one in found.bridges] == [
        (HEAD, HEAD - 1, 100), (HEAD + 10, 109, 300),
    ]  # fmt: skip
    assert found.partial


def test_a_stretch_at_the_beginning_leaves_nothing_out() -> None:
    found = seen(transfer(50), [(HEAD, 1000)])
    assert (frames(found), found.bridges) == (list(range(103)), [])


def test_what_is_undated_is_in_no_stretch() -> None:
    found = Excerpt([(START, START + 10)], RULES)
    for line in parse(transfer(50)):
        line.segment.ts = NO_TIME
        found.see(line.direction, line.segment)
    assert len(found.rows) == HEAD


@pytest.mark.skipif(here() == "compiled", reason="a compiled module's constants cannot be changed")
def test_a_stretch_has_its_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 5)
    monkeypatch.setattr(module, "_MOST_ROWS", 5)
    found = seen(transfer(200), [(100, 200), (300, 400)])
    assert frames(found) == [*range(HEAD), *range(100, 105), *range(300, 305)]


def bounds(entry: Entry) -> list[tuple[int, ...]]:
    sides = entry.original, entry.reply
    return [
        (one.td_end, one.td_maxend, one.td_maxwin, one.td_maxack, one.td_scale, one.flags) for one in sides
    ]


def tracked(story: Iterable[str]) -> Entry:
    entry, out = Entry(), Step()
    for line in parse("\n".join(story)):
        step(entry, line.direction, line.segment, RULES, out)
    return entry


def test_a_bridge_has_the_tracker_as_if_all_had_been_kept() -> None:
    story = transfer(3000, size=30_000)
    found = seen(story, [(5000, 5010)])
    (bridge,) = found.bridges
    lines = [line for line in story.splitlines() if line.strip()]
    assert bounds(bridge.entry) == bounds(tracked(lines[:5000]))
    assert (bridge.entry.state, bridge.entry.assured, bridge.refused) == (3, True, 0)
    sent = (5000 - 3 + 1) // 2 * 30_000  # every other segment, of the server's
    assert bridge.advances == (0, sent)


def test_segments_that_the_tracker_would_refuse_make_it_a_guess() -> None:
    story = transfer(50) + "< . 900000001:900000101(100) ack 1\n" + transfer(50).removeprefix(OPEN)
    (bridge,) = seen(story, [(150, 160)]).bridges
    assert bridge.refused == 1


def test_resets_do_not_count() -> None:
    story = transfer(50) + "> R 1:1(0)\n" * 3 + transfer(50).removeprefix(OPEN)
    (bridge,) = seen(story, [(150, 160)]).bridges
    assert (bridge.entry.state, bridge.refused) == (3, 0)


def test_a_connection_without_its_handshake_is_taken_as_known() -> None:
    story = transfer(100).removeprefix(OPEN)
    (bridge,) = seen(story, [(150, 160)]).bridges
    assert bridge.entry.original.estimated
    assert bridge.entry.state == 3


def test_no_segment_is_kept_by_reference() -> None:
    found = Excerpt()
    (segment,) = told("> . 1:1(0) ack 1")
    found.see(0, segment)
    segment.seq += 5
    assert found.rows[0][1].seq == segment.seq - 5
