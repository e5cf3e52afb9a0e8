"""Verdicts on connections that no RST killed: who fell silent or kept segments back, or that nobody did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bypeer.core import tcp
from bypeer.core.causes.model import Seen
from bypeer.core.conclusion import AT_PEER, BOTH_WAYS, RULESET, WHOLE, Conclusion, missing
from bypeer.core.fate import Silence
from bypeer.core.ranks import OF_REASON, Findings, candidates
from bypeer.core.resets import ENDPOINTS
from bypeer.core.study import INSIDE, NOWHERE, OUTSIDE, Sighting


def of_silence(seen: Seen, silence: Silence, by_connection: Findings) -> Conclusion:
    """Nobody was reset: whoever kept back or did not answer what was sent again and again."""
    study, other = seen.study, 1 - silence.side
    codes = [code for code in ("EP06", "PA02", "EP07") if by_connection[code].answer == "supported"]
    codes.sort(key=lambda code: not by_connection[code].strong)
    found = Conclusion("unknown", "undetermined", codes, silence=silence)
    dropped = [code for code in ("NF11", "NF13") if by_connection[code].answer == "supported"]
    if "NF13" in dropped and not by_connection["NF13"].strong:
        dropped.insert(dropped.index("NF13"), "PA06")  # who loses a race has another port the next time
    if dropped:
        return Conclusion("host", "likely", dropped, silence=silence)
    if not study.both:
        found.needs = missing(seen)
        return found
    if any(one.twin is not None and one.twin.stray for one in silence.copies):
        gone = any(one.segment.size for one in silence.copies) or _answered_as_gone(seen)
        codes = ["NF04", "NF10"] if gone else ["NF10", "NF04"]
        return Conclusion("host", "likely", codes, silence=silence)
    held = [one for one in silence.copies if one.twin is None]
    blamed = held if held and silence.copies[-1].twin is None else list(silence.answers)
    if blamed and all(one.sure for one in blamed):
        _withheld(seen, blamed, found)
    elif held:
        found.needs = [WHOLE.format(ENDPOINTS[other])]
    elif other == OUTSIDE:
        found.killed_by, found.needs = "outside", [AT_PEER]
    elif study.at(INSIDE, study.outward):
        found.killed_by, found.certainty = "inside", "likely"
    else:
        found.needs = [BOTH_WAYS]
    return found


def _withheld(seen: Seen, blamed: Sequence[Sighting], found: Conclusion) -> None:
    """Blame the host for what it did not forward."""
    found.killed_by, found.certainty = "host", "likely"
    found.candidates = drops(seen, blamed)
    if len(found.candidates) > 2:
        found.certainty, found.needs = "undetermined", [RULESET]
    missed = 1 - blamed[0].side
    lossy = seen.study.sides[missed]
    if lossy is None or lossy.lossy:
        found.certainty, found.needs = "undetermined", [WHOLE.format(ENDPOINTS[missed])]


def _answered_as_gone(seen: Seen) -> bool:
    """Whether the host had made a RST so shortly before a leak that no entry can have been there."""
    return any(one.author == "host" and seen.leaks_after(one.sighting) for one in seen.resets)


def drops(seen: Seen, blamed: Sequence[Sighting]) -> list[str]:
    """Why the host did not forward these."""
    found: list[str] = []
    for one in blamed:
        judgement = seen.judgement(one)
        code = OF_REASON.get(judgement.reason) if judgement is not None and judgement.invalid else None
        if code == "NF05" and one.segment.flags & tcp.OPENING == tcp.ACK_:
            code = "NF03"  # nothing is wrong with it: conntrack had not seen what it continues
        if code is not None and code not in found:
            found.append(code)
    if found:
        return found
    if any(one.ts >= blamed[0].ts for one in seen.leaks()):
        return ["NF04", "NF10"]
    return ["NF12", "NF04", "NF11", "NF03"]


def of_nothing(seen: Seen, by_reset: Mapping[int, Findings], by_connection: Findings) -> Conclusion:
    """No lethal RST and no silence: it ended well, or the capture does not show its end."""
    outcomes = seen.fates.outcomes
    unclear = [one for one in seen.resets if one.effect == "unknown"]
    client = INSIDE if seen.study.join.client_inside else OUTSIDE
    if unclear and outcomes[client] != "completed":
        first = unclear[0]
        found = Conclusion("unknown", "undetermined", candidates(by_reset[id(first)]), first=first)
        found.killed_by = first.author if first.author in ENDPOINTS and not first.passive else "unknown"
        target = first.target(seen.study)
        if seen.study.sides[target] is not None and all(one.side != target for one in first.seen):
            found.needs = [WHOLE.format(ENDPOINTS[target])]
        return found
    if "aborted" in outcomes:
        return _of_abort(seen, by_reset, by_connection, outcomes.index("aborted"))
    if "completed" not in outcomes and (hidden := _hidden_end(seen)) is not None:
        return hidden
    sure = seen.study.both and not unclear and all(outcome == "completed" for outcome in outcomes)
    return Conclusion("none", "certain" if sure else "likely")


def _hidden_end(seen: Seen) -> Conclusion | None:
    """That it shows no end in the captures may be due to them, or to the host, which kept it back."""
    found = Conclusion("unknown", "undetermined")
    kept = [one for one in _last(seen) if one.twin is None and one.sure]
    if seen.leaks():
        found.candidates = ["NF04", "NF10"]
    elif refused := [one for one in kept if seen.refuses(one)]:
        found.candidates = drops(seen, refused)
    elif _one_way(seen):
        found.needs = [BOTH_WAYS]
    elif _repeated(seen):
        found.candidates = ["EP07"]
    elif _just_opened(seen):
        found.needs = [WHOLE.format(ENDPOINTS[side]) for side in (0, 1) if seen.study.sides[side] is not None]
    elif not kept and not any(side is not None and side.lossy for side in seen.study.sides):
        return None
    return found


def _repeated(seen: Seen) -> bool:
    """Whether what an end sent last was sent again, and nothing shows that it arrived."""
    study = seen.study
    for way in (0, 1):
        acks = [one.ack for one in study.sightings if one.direction != way and not one.is_rst]
        acked = max(acks, default=NOWHERE)
        for side in (INSIDE, OUTSIDE):
            own = [one for one in study.at(side, way) if not one.is_rst and not one.stray]
            rows = [one for one in own if one.end > acked]
            last = max(rows, key=lambda one: one.end, default=None)
            if last is not None and sum(one.start <= last.start < one.end for one in rows) > 1:
                return True
    return False


def _just_opened(seen: Seen) -> bool:
    """Whether nothing but the SYNs of both was captured: as a filter for them would have it."""
    rows = seen.study.sightings
    opened = {one.direction for one in rows if one.segment.flags & tcp.SYN}
    return len(opened) == 2 and all(one.segment.flags & tcp.SYN for one in rows)


def _one_way(seen: Seen) -> bool:
    """Whether one end's segments are all that was captured, though the other answered, and show no good end.

    Who closes says so once, if that is acknowledged.
    """
    study = seen.study
    rows = [one for one in study.sightings if one.side == study.ingress(one.direction) or not study.both]
    closed = [one for one in rows if one.segment.flags & tcp.FIN and not one.is_rst]
    if len(closed) == 1 and (closed[0].twin is not None or not study.both):
        return False
    return len({one.direction for one in rows}) == 1 and any(one.ack != NOWHERE for one in rows)


def _last(seen: Seen) -> list[Sighting]:
    """The last segment of each direction that came to the host."""
    came = [seen.study.at(seen.study.ingress(way), way) for way in (0, 1)]
    return [one for rows in came for one in [one for one in rows if not one.stray][-1:]]


def _of_abort(seen: Seen, by_reset: Mapping[int, Findings], by_connection: Findings, side: int) -> Conclusion:
    """An endpoint gave up by itself, with a RST that killed nobody as far as the captures show."""
    act = next((one for one in seen.resets if one.author == ENDPOINTS[side]), None)
    codes = candidates(by_reset[id(act)]) if act is not None else []
    leaked = ["NF10"] if by_connection["NF10"].answer == "supported" else []
    return Conclusion(ENDPOINTS[side], "likely", leaked + codes, first=act)
