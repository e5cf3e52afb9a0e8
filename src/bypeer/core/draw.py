"""A connection that was studied, with the points of all its segments, to its picture."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bypeer.core import bounds as tracker
from bypeer.core import tcp
from bypeer.core.addresses import endpoint_text
from bypeer.core.causes.model import Seen, side_name
from bypeer.core.connection import TO_CLIENT, TO_SERVER, Connection
from bypeer.core.dump import dump
from bypeer.core.explain import Case
from bypeer.core.explanation import Input
from bypeer.core.filters import frame
from bypeer.core.narrate import Scene, lettered, passing, sentence
from bypeer.core.nat import Join
from bypeer.core.overlay import Notes, Traces, match, scale, trace, write
from bypeer.core.picture import KINDS, Marks, Moment, Picture
from bypeer.core.plot import Plot
from bypeer.core.points import MOST, Lane, Points
from bypeer.core.resets import Reset
from bypeer.core.study import FOREVER, INSIDE, NOWHERE, OUTSIDE, Sighting
from bypeer.core.thin import thin

SEGMENTS = 60  # of the main direction that are shown before the moment which the picture is about
_AFTER = 4  # a part of the time before it that is shown behind it

_NAMES = tuple(name for name, _ in KINDS)
_BESIDE = (_NAMES.index("window"), _NAMES.index("sack"))
_DATA = range(_NAMES.index("data"), _NAMES.index("trigger"))
_NOT_SEEN = "not seen on the other side, whose capture was not complete then"


class Sheet(NamedTuple):
    """The points of one connection, and how they are filled."""

    points: tuple[Points | None, Points | None]  # INSIDE, OUTSIDE; None: not captured
    lanes: Sequence[tuple[int, Connection, Lane]]  # with the input from which each is filled


def segments(join: Join) -> int:
    """How many of its segments were seen at the side that saw most."""
    strays = sum(place.segments for _, place in join.strays)
    return strays + max(place.segments for place in join.places)


def shares(wanted: Mapping[str, int], most: int) -> dict[str, int]:
    """What each gets of `most`: all that it wants or, if there is too little, as much as any other."""
    found, left = {}, most
    for number, name in enumerate(sorted(wanted, key=wanted.__getitem__)):
        found[name] = min(wanted[name], left // (len(wanted) - number))
        left -= found[name]
    return found


def sheet(join: Join, most: int = MOST) -> Sheet:
    """Room for the segments of a connection: the last `most` of each side."""
    places = [
        (side, place, False) for side, place in ((INSIDE, join.inside), (OUTSIDE, join.outside)) if place
    ]
    places += [(INSIDE if role == "inside" else OUTSIDE, place, True) for role, place in join.strays]
    points: list[Points | None] = [None, None]
    for side in (INSIDE, OUTSIDE):
        here = [place for at, place, _ in places if at == side]
        if any(at == side and not stray for at, _, stray in places):
            points[side] = Points(sum(place.segments for place in here), most)
    lanes = []
    for side, place, stray in places:
        wanted = points[side]
        if wanted is not None:
            lanes.append((place.vantage[0], place.connection, Lane(wanted, place.flipped, stray)))
    return Sheet((points[INSIDE], points[OUTSIDE]), lanes)


def draw(case: Case, name: str, taken: Sheet, inputs: Sequence[Input], printed: bool, most: int) -> Picture:
    """The picture of one connection, of at most about `most` marks.

    `name`: its id. `printed`: an input is text, for which Wireshark has no filter.
    """
    seen, notes = case.seen, Notes()
    traces = trace(seen.study, taken.points)
    main = _main(traces)
    write(seen, traces, _decisive(case), notes)
    match(seen.study, traces)
    plot = Plot(traces, main, seen.study.outward, scale(seen.study, main))
    plot.draw(_since(traces), notes.row(_NOT_SEEN) if seen.study.both else -1)
    origin = plot.began
    marks, skipped = plot.marks(origin), _skipped(traces)
    del traces, plot  # of a long connection hundreds of megabytes
    moments = [_moment(seen, one, letter, marks, main, origin, inputs, printed)
               for one, letter in lettered(seen, case.conclusion)]  # fmt: skip
    focus = _focus(case, marks, moments, origin)
    kept, thinned = thin(marks, most, focus)
    bounds = tracker.bounds(seen, main, origin)
    return Picture(
        connection=name,
        title=_title(seen.study.join, main),
        direction="to the client" if main == TO_CLIENT else "to the server",
        origin=origin,
        marks=kept,
        bounds=tracker.few(bounds, focus),
        bounds_note=tracker.note(seen, any(one.lower is not None for one in bounds)),
        moments=moments,
        notes=notes.texts,
        focus=focus,
        thinned=thinned,
        skipped=skipped,
    )


def _main(traces: Traces) -> int:
    """The direction that carried more data."""
    there = max((one.octets[TO_SERVER] for one in traces if one is not None), default=0)
    back = max((one.octets[TO_CLIENT] for one in traces if one is not None), default=0)
    return TO_SERVER if there > back else TO_CLIENT


def _decisive(case: Case) -> list[Reset]:
    """The RSTs that decided something: the first that killed, and what each endpoint died of."""
    found = [case.conclusion.first, *case.seen.fates.killers]
    return [one for one in found if one is not None]


def _since(traces: Traces) -> int:
    """From when on both sides have points, ns; earlier, those of one have no room."""
    began = [
        one.points.ts[0] + one.shift
        for one in traces
        if one is not None and one.points.skip and one.points.count
    ]
    return max(began, default=-FOREVER)


def _skipped(traces: Traces) -> int:
    """Segments that are not drawn because there was no room for them."""
    return max((one.points.passed - one.points.count for one in traces if one is not None), default=0)


def _title(join: Join, main: int) -> str:
    """From where to where the data went, each endpoint as its own side knows it."""
    client = (join.inside or join.outside) if join.client_inside else (join.outside or join.inside)
    server = (join.outside or join.inside) if join.client_inside else (join.inside or join.outside)
    assert client is not None
    assert server is not None
    ends = endpoint_text(client.client), endpoint_text(server.server)
    return " > ".join(ends if main == TO_SERVER else reversed(ends))


# Moments


def _moment(
    seen: Seen, scene: Scene, letter: str, marks: Marks, main: int, origin: int,
    inputs: Sequence[Input], printed: bool,
) -> Moment:  # fmt: skip
    """A lettered event, where its mark is."""
    one = scene.sighting
    where = passing(seen, one)
    at = _find(marks, where, origin)
    low: int | None
    if at >= 0:
        ts, low, size, kind = marks.ts[at], marks.low[at], marks.size[at], _NAMES[marks.kind[at]]
    else:
        ts, low, size, kind = where[0].ts - origin, _place(one, main), 0, _kind(seen, one, main)
    return Moment(
        letter, ts, low, size, kind, sentence(scene),
        [dump(other.segment) for other in where],
        ", ".join(f"{side_name(other.side)} {other.segment.frame}" for other in where),
        "" if printed else _filter(where[0], inputs),
    )  # fmt: skip


def _filter(one: Sighting, inputs: Sequence[Input]) -> str:
    return frame(one, inputs)[1]


def _find(marks: Marks, where: Sequence[Sighting], origin: int) -> int:
    """The mark of a segment itself, the rarest of those; -1 if it has none."""
    for one in where:
        frames, frame = (marks.outside if one.side == OUTSIDE else marks.inside), one.segment.frame
        since, until = bisect_left(marks.ts, one.ts - origin), bisect_right(marks.ts, one.ts - origin)
        try:
            row = frames.index(frame, since, until)
        except ValueError:  # it is drawn where it came, or not at all
            continue
        mine = [row]
        while row + 1 < until and frames[row + 1] == frame:
            row += 1
            mine.append(row)
        return max(
            (at for at in mine if marks.kind[at] not in _BESIDE), key=marks.kind.__getitem__, default=-1
        )
    return -1


def _place(one: Sighting, main: int) -> int | None:
    """Where a segment without a mark would be."""
    low = one.start if one.direction == main else one.ack
    return None if low == NOWHERE or one.is_rst else low


def _kind(seen: Seen, one: Sighting, main: int) -> str:
    """What a segment without a mark is."""
    if one.is_rst:
        return "rst-unknown"
    if one.twin is None and one.sure and one.side == seen.study.ingress(one.direction):
        return "kept"
    return "data" if one.direction == main and one.segment.flags & (tcp.SYN | tcp.FIN) else "ack"


# What is shown first


def _focus(case: Case, marks: Marks, moments: Sequence[Moment], origin: int) -> tuple[int, int]:
    """The moments before the deciding RST; else before the last event; else all."""
    if not len(marks.ts):
        return 0, 0
    first = case.conclusion.first
    if first is not None:
        trigger = first.trigger
        began = min(first.ts, trigger.ts) if trigger is not None else first.ts
        return _round(began - origin, first.ts - origin, marks, moments)
    if moments:
        at = max(one.ts for one in moments)
        return _round(at, at, marks, moments)
    return marks.ts[0], marks.ts[-1]


def _round(since: int, until: int, marks: Marks, moments: Sequence[Moment]) -> tuple[int, int]:
    """From SEGMENTS of the main direction before to somewhat behind, with the events that lie near."""
    row, left = bisect_left(marks.ts, since), SEGMENTS
    while row > 0 and left:
        row -= 1
        left -= marks.kind[row] in _DATA
    began = min(marks.ts[row], since) if row < len(marks.ts) else since
    span = max(until - began, 1_000)
    end = until + span // _AFTER
    near = [one.ts for one in moments if until <= one.ts <= until + span]
    return began, max([end, *(ts + span // 50 for ts in near)])
