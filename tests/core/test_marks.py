"""What a case file says beside its packets: twins bear one number, findings are comments."""

from __future__ import annotations

from bypeer.core.marks import Mark, marks
from tests import scene
from tests.core.test_describe import described
from tests.core.test_testimony import KILLED


def test_twins_have_one_number_and_no_other_has_it() -> None:
    analysis = scene.play(KILLED)
    found = marks(analysis, described(analysis))
    (case,) = analysis.cases
    for one in case.seen.study.sightings:
        mark = found[one.side].get(one.segment.frame, Mark())
        if one.twin is None:
            assert mark.packet_id is None
        else:
            assert mark.packet_id is not None
            assert mark.packet_id == found[one.twin.side][one.twin.segment.frame].packet_id
    for side in found.values():
        ids = [mark.packet_id for mark in side.values() if mark.packet_id is not None]
        assert len(ids) == len(set(ids)) > 0


def test_the_lettered_lines_are_comments_on_their_frames() -> None:
    analysis = scene.play(KILLED)
    document = described(analysis)
    found = marks(analysis, document)
    (connection,) = document.connections
    told = {vantage.id: vantage.input for vantage in document.vantages}
    assert connection.events
    for event in connection.events:
        (comment,) = found[told[event.vantage]][event.frame].comments
        assert comment == f"bypeer: c1 {event.letter}: {event.text}"
    comments = [comment for side in found.values() for mark in side.values() for comment in mark.comments]
    assert len(comments) == len(connection.events)


def test_one_side_alone_has_no_twins() -> None:
    analysis = scene.play(KILLED, sides="outside")
    found = marks(analysis, described(analysis, 1))
    assert found[0]
    assert all(mark.packet_id is None for mark in found[0].values())
