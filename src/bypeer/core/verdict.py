"""Outcomes to one verdict a connection: who killed it, why, how certain, what would settle it.

The killer is the author of the first lethal act: a RST, or the drop or silence that made an
endpoint hang. A verdict is certain only if both sides show it, nothing was lost that could
tell otherwise, and one cause alone explains it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bypeer.core import tcp
from bypeer.core.causes.model import Seen
from bypeer.core.explanation import Certainty, EndpointOutcome, Killer
from bypeer.core.fate import Silence
from bypeer.core.ranks import OF_REASON, Findings, candidates
from bypeer.core.resets import ENDPOINTS, Reset
from bypeer.core.study import FOREVER, INSIDE, NOWHERE, OUTSIDE, Sighting

_OTHER_SIDE = "a capture of the same connection on the {} side of the NAT host"
_AT_PEER = "a capture at the peer, or beyond the next router"
_BOTH_WAYS = "the captures again, with both directions: of this connection they have only one"
_CAPTURED = (
    "the capture files that the text was printed from (tcpdump -w): lines of it may have been left out"
)
_WHOLE = "the {} capture again without losses (smaller snaplen, larger buffer: tcpdump -s 96 -B 65536)"


class Conclusion:
    """The verdict on one connection, before it is put into words."""

    __slots__ = ("candidates", "cause", "certainty", "first", "killed_by", "needs", "silence")

    def __init__(
        self,
        killed_by: Killer,
        certainty: Certainty,
        candidates: Sequence[str] = (),
        first: Reset | None = None,
        silence: Silence | None = None,
    ) -> None:
        self.killed_by: Killer = killed_by
        self.certainty: Certainty = certainty
        self.candidates = list(candidates)
        self.needs: list[str] = []
        self.first = first  # the lethal RST
        self.silence = silence
        self.cause: str | None = None


def conclude(seen: Seen, by_reset: Mapping[int, Findings], by_connection: Findings) -> Conclusion:
    """Judge one connection; `by_reset` by id of the reset."""
    lethal = next((one for one in seen.resets if one.effect == "lethal"), None)
    silence = seen.fates.silence
    if silence is not None:
        found = _of_silence(seen, silence, by_connection)
    elif lethal is not None:
        found = _of_reset(seen, lethal, by_reset, by_connection)
    else:
        found = _of_nothing(seen, by_reset, by_connection)
    if found.cause is None and found.candidates and found.killed_by != "none":
        found.cause = found.candidates[0]
    found.needs += _missing(seen) if found.certainty == "undetermined" and not found.needs else []
    if any(side is not None and side.printed for side in seen.study.sides):
        if not seen.study.join.sure and seen.study.both:
            found.certainty = "undetermined"  # which side is which is a guess
        elif found.certainty == "certain":
            found.certainty = "likely"
        again = [_WHOLE.format(side) for side in ENDPOINTS]
        found.needs = [_CAPTURED, *(need for need in found.needs if need not in again)]
    return found


def perhaps_host(seen: Seen) -> bool:
    """Whether `conclude` may say that the host killed it: else it need not be asked."""
    lethal = next((one for one in seen.resets if one.effect == "lethal"), None)
    return seen.fates.silence is not None or (lethal is not None and lethal.author == "host")


def _of_reset(
    seen: Seen, reset: Reset, by_reset: Mapping[int, Findings], by_connection: Findings
) -> Conclusion:
    findings = by_reset[id(reset)]
    own = {code: by_connection[code] for code in ("EP06", "EP08", "PA02") if code in by_connection}
    together = {**own, **findings}
    codes = candidates(together) or _of_challenged(seen, reset, by_reset)
    found = Conclusion(reset.author, seen.certainty(reset, codes), codes, first=reset)
    answered = reset.trigger
    if reset.author != "host" and answered is not None and answered.stray and answered.side == OUTSIDE:
        found.candidates = ["NF10", "NF04"]  # the peer answers what left with the wrong address
    elif found.candidates[:1] == ["NF07"]:
        lossy = any(side is not None and side.lossy for side in seen.study.sides)
        doubts = _inferred(seen, "NF07", answered)
        sure = findings["NF07"].strong and reset.effect_sure and not lossy and len(found.candidates) == 1
        found.certainty = "certain" if sure and not doubts else "likely"
        found.needs += doubts
    elif reset.author == "host":
        if not found.candidates:
            found.candidates = _of_siblings(seen, by_reset)
        _host_kill(seen, reset, together, found)
    elif reset.author == "unknown":
        found.certainty = "undetermined"
    elif _unexplained(reset, together):
        _hidden_kill(seen, reset, found)
    elif reset.author == "on-path":
        sure = reset.author_sure and seen.study.both and reset.effect_sure and seen.translated
        found.certainty = "certain" if sure and found.candidates == ["PA01"] else "likely"
    elif not seen.study.join.sure and not seen.study.both:
        found.certainty = "undetermined"
    elif reset.refuses and not reset.author_sure:
        found.candidates.append("PA01")  # a firewall before the peer may refuse in its name
    return found


def _of_challenged(seen: Seen, reset: Reset, by_reset: Mapping[int, Findings]) -> list[str]:
    """Why an endpoint sent the RST before this one, which only answers the challenge to it (RFC 5961).

    The first had overtaken what its sender said last, or what was said last was lost.
    """
    asked = reset.trigger
    if reset.author not in ENDPOINTS or asked is None or asked.segment.size:
        return []  # a challenge is a bare ACK
    first = next((one for one in seen.resets if one.author == reset.author and one.ts < asked.ts), None)
    return [] if first is None else candidates(by_reset[id(first)])


def _host_kill(seen: Seen, reset: Reset, findings: Findings, found: Conclusion) -> None:
    """A kill by the host is certain where nothing is missing and one cause alone is left."""
    if _lacks_trigger(seen, reset, found):
        return
    study, trigger = seen.study, reset.trigger
    assert trigger is not None
    cause = findings[found.candidates[0]]
    doubts = _doubts(seen, found.candidates[0], trigger)
    whole = study.both and study.dated and not study.join.merged and not doubts
    whole = whole and not any(side is not None and side.lossy for side in study.sides)
    sure = reset.author_sure and reset.effect_sure and trigger.sure
    if sure and whole and cause.strong and len(found.candidates) == 1:
        found.certainty = "certain"
    outer = study.sides[OUTSIDE]
    if outer is not None and outer.lost and not seen.refuses(trigger):
        # The segment that was really answered may be one of those lost.
        found.certainty, found.needs = "undetermined", [_WHOLE.format(ENDPOINTS[OUTSIDE])]
    if not study.both:
        found.needs = _missing(seen)
        if not seen.refuses(trigger):
            found.certainty = "undetermined"  # any older segment may pass for the trigger
        if any(one.author == "host" and one.passive and one.trigger is None for one in seen.resets):
            # A forger next door looks like the host; but the host's RSTs answer something.
            found.killed_by, found.certainty = "unknown", "undetermined"
    if doubts and seen.replay.kernel.name not in seen.fitting:
        other = OF_REASON.get(seen.position(trigger))
        found.candidates += [other] if other is not None and other not in found.candidates else []
    found.needs += doubts


def _lacks_trigger(seen: Seen, reset: Reset, found: Conclusion) -> bool:
    """Whether what the host's RST answers is not known, so that its cause stays open."""
    study = seen.study
    if study.join.beyond:
        # What reached the host, and what conntrack made of it, was not captured.
        found.certainty, found.needs = "undetermined", ["a capture on the NAT host's own outer interface"]
        found.candidates += [
            code for code in ("NF01", "NF02", "NF04", "NF12") if code not in found.candidates
        ]
        return True
    if reset.trigger is None:
        # The host's other RSTs may tell, if they agree.
        found.certainty = "likely" if len(found.candidates) == 1 and study.both else "undetermined"
        found.needs = [_WHOLE.format(ENDPOINTS[reset.target(study)])] if study.both else _missing(seen)
        return True
    if not found.candidates:
        found.certainty, found.needs = "undetermined", _missing(seen)
    return not found.candidates


def _doubts(seen: Seen, code: str, trigger: Sighting) -> list[str]:
    """What about the kernel's rules keeps the cause from being certain."""
    lost = code == "NF04" and seen.heard.gone_before(trigger) is not None
    if seen.heard.settled(trigger) or lost:
        return []
    if seen.heard.differs(trigger):
        return ["why the kernel's own word on the trigger and the model's differ: its version and sysctls"]
    found = []
    if seen.refuses(trigger) and seen.logs(trigger) and seen.heard.silent(trigger):
        found.append("why the kernel's log, which was read, has no line about the trigger")
    if seen.replay.kernel.name not in seen.fitting:
        found.append("the NAT host's true kernel and sysctls: the rules in use do not fit what was observed")
    return found + _inferred(seen, code, trigger)


def _inferred(seen: Seen, code: str, trigger: Sighting | None) -> list[str]:
    """What is needed where the cause rests on rules that nobody measured or read for this kernel."""
    rules = {"NF01": ("late_is_invalid",), "NF02": ("overshoot_passes",)}.get(code, ())
    judged = () if trigger is None else (trigger, trigger.twin)  # an untranslated one where it arrived
    rests = any(id(one) in seen.replay.inferred for one in judged)
    if rests or any(seen.replay.kernel.sources.get(rule) == "i" for rule in rules):
        return ["the NAT host's kernel version (--kernel): these rules were inferred, not measured"]
    return []


def _of_siblings(seen: Seen, by_reset: Mapping[int, Findings]) -> list[str]:
    """What the host's other RSTs of this connection answer, the commonest first."""
    votes: dict[str, int] = {}
    for one in seen.resets:
        if one.author == "host":
            for code in candidates(by_reset[id(one)])[:1]:
                votes[code] = votes.get(code, 0) + 1
    return sorted(votes, key=lambda code: -votes[code])


def _unexplained(reset: Reset, findings: Findings) -> bool:
    """Whether an endpoint's RST says "I know no such connection" and nothing says why."""
    lost = findings.get("EP05")
    return (
        lost is not None
        and lost.answer == "supported"
        and not any(
            code in findings and findings[code].answer == "supported"
            for code in ("NF07", "NF09", "EP04", "EP06")
        )
    )


def _hidden_kill(seen: Seen, reset: Reset, found: Conclusion) -> None:
    """Judge an endpoint that knows no connection: it restarted, or somebody reset it unseen."""
    study, side = seen.study, ENDPOINTS.index(reset.author)
    near = study.sides[side]
    if near is None:
        found.killed_by, found.certainty = "unknown", "undetermined"
        found.needs = [_OTHER_SIDE.format(ENDPOINTS[side])]
        found.candidates += ["NF04", "NF02", "NF01", "NF12", "PA01"] if side == OUTSIDE else ["NF07", "NF12"]
    elif suspects := _suspects(seen, reset):
        found.killed_by, found.certainty = "unknown", "undetermined"
        found.needs = [_WHOLE.format(ENDPOINTS[side])]
        found.candidates = suspects + found.candidates
    elif near.lossy or not near.complete(_lived(seen, side, reset.ts), reset.ts) or not study.join.sure:
        found.killed_by, found.certainty = "unknown", "undetermined"
        found.needs = [_WHOLE.format(ENDPOINTS[side])]
        found.candidates += ["NF04", "NF02", "NF01", "NF12"] if side == OUTSIDE else ["NF12"]
    elif not study.both and side == INSIDE:
        found.certainty = "undetermined"
        found.needs = _missing(seen)
    else:
        found.candidates += [code for code in ("PA03", "PA01") if code not in found.candidates]


def _lived(seen: Seen, side: int, until: int) -> int:
    """When an endpoint was last known to live; never, if nothing shows what it was sent."""
    study = seen.study
    if not study.at(side, study.outward if side == OUTSIDE else 1 - study.outward):
        return -FOREVER
    way = 1 - study.outward if side == OUTSIDE else study.outward
    return max(
        (one.ts for one in study.sightings if one.direction == way and not one.is_rst and one.ts < until),
        default=-FOREVER,
    )


def _suspects(seen: Seen, reset: Reset) -> list[str]:
    """Causes of a RST that the host should have made and that no capture shows.

    An INVALID segment that was not forwarded is answered by the host; what answers the peer's
    next word as a stranger may be the consequence.
    """
    study = seen.study
    if reset.author != "outside" or study.sides[OUTSIDE] is None:
        return []
    refused = [
        one
        for one in study.at(OUTSIDE, 1 - study.outward)
        if one.ts < reset.ts and one.twin is None and not one.is_rst and not one.stray and seen.refuses(one)
    ]
    return list(dict.fromkeys(_drops(seen, refused))) if refused else []


def _of_silence(seen: Seen, silence: Silence, by_connection: Findings) -> Conclusion:
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
        found.needs = _missing(seen)
        return found
    if any(one.twin is not None and one.twin.stray for one in silence.copies):
        found.killed_by, found.certainty = "host", "likely"
        data = any(one.segment.size for one in silence.copies)
        found.candidates = ["NF04", "NF10"] if data else ["NF10", "NF04"]
        return found
    held = [one for one in silence.copies if one.twin is None]
    blamed = held if held and silence.copies[-1].twin is None else list(silence.answers)
    if blamed and all(one.sure for one in blamed):
        found.killed_by, found.certainty = "host", "likely"
        found.candidates = _drops(seen, blamed)
        if len(found.candidates) > 2:
            found.certainty = "undetermined"
            found.needs = [
                "the NAT host's ruleset with its counters, and conntrack -S (nft list ruleset; iptables -vnL)"
            ]
        lossy = study.sides[1 - blamed[0].side]
        if lossy is None or lossy.lossy:
            found.certainty, found.needs = "undetermined", [_WHOLE.format(ENDPOINTS[1 - blamed[0].side])]
    elif held:
        found.needs = [_WHOLE.format(ENDPOINTS[other])]
    elif other == INSIDE:
        found.killed_by, found.certainty = "inside", "likely"
    else:
        found.killed_by, found.needs = "outside", [_AT_PEER]
    return found


def _drops(seen: Seen, blamed: Sequence[Sighting]) -> list[str]:
    """Why the host did not forward these."""
    found: list[str] = []
    for one in blamed:
        judgement = seen.judgement(one)
        code = OF_REASON.get(judgement.reason) if judgement is not None and judgement.invalid else None
        if code == "NF05" and one.segment.flags & (tcp.SYN | tcp.FIN | tcp.RST | tcp.ACK_) == tcp.ACK_:
            code = "NF03"  # nothing is wrong with it: conntrack had not seen what it continues
        if code is not None and code not in found:
            found.append(code)
    if found:
        return found
    if any(one.ts >= blamed[0].ts for one in seen.leaks()):
        return ["NF04", "NF10"]
    return ["NF12", "NF04", "NF11", "NF03"]


def _of_nothing(seen: Seen, by_reset: Mapping[int, Findings], by_connection: Findings) -> Conclusion:
    """No lethal RST and no silence: it ended well, or the capture does not show its end."""
    outcomes = seen.fates.outcomes
    unclear = [one for one in seen.resets if one.effect == "unknown"]
    if unclear and "completed" not in outcomes:
        first = unclear[0]
        found = Conclusion("unknown", "undetermined", candidates(by_reset[id(first)]), first=first)
        found.killed_by = first.author if first.author in ENDPOINTS and not first.passive else "unknown"
        return found
    if "aborted" in outcomes:
        return _of_abort(seen, by_reset, by_connection, outcomes.index("aborted"))
    if "completed" not in outcomes and (hidden := _hidden_end(seen)) is not None:
        return hidden
    both = all(outcome == "completed" for outcome in outcomes)
    return Conclusion("none", "certain" if both and seen.study.both else "likely")


def _hidden_end(seen: Seen) -> Conclusion | None:
    """That it shows no end in the captures may be due to them, or to the host, which kept it back."""
    found = Conclusion("unknown", "undetermined")
    kept = [one for one in _last(seen) if one.twin is None and one.sure]
    if seen.leaks():
        found.candidates = ["NF04", "NF10"]
    elif refused := [one for one in kept if seen.refuses(one)]:
        found.candidates = _drops(seen, refused)
    elif _one_way(seen):
        found.needs = [_BOTH_WAYS]
    elif not kept and not any(side is not None and side.lossy for side in seen.study.sides):
        return None
    return found


def _one_way(seen: Seen) -> bool:
    """Whether one end's segments are all that was captured, though the other answered them."""
    rows = seen.study.sightings
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


def _missing(seen: Seen) -> list[str]:
    """The capture that would settle it."""
    missing = [
        _OTHER_SIDE.format(ENDPOINTS[side]) for side in (INSIDE, OUTSIDE) if seen.study.sides[side] is None
    ]
    if missing:
        return missing
    lossy = [side for side, info in enumerate(seen.study.sides) if info is not None and info.lossy]
    return [_WHOLE.format(ENDPOINTS[side]) for side in lossy] or [_AT_PEER]


def client_outcome(seen: Seen) -> EndpointOutcome:
    """What the client's socket saw."""
    return seen.fates.outcomes[INSIDE if seen.study.join.client_inside else OUTSIDE]
