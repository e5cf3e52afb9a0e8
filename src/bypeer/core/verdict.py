"""Outcomes to one verdict a connection: who killed it, why, how certain, what would settle it.

The killer is the author of the first lethal act: a RST, or the drop or silence that made an
endpoint hang. A verdict is certain only if both sides show it, nothing was lost that could
tell otherwise, and one cause alone explains it.
"""

from __future__ import annotations

from collections.abc import Mapping

from bypeer.core.causes.model import Seen
from bypeer.core.conclusion import BOTH_WAYS, CAPTURED, FROM_THE_START, OTHER_SIDE, WHOLE, Conclusion, missing
from bypeer.core.endings import drops, of_nothing, of_silence
from bypeer.core.explanation import EndpointOutcome
from bypeer.core.kernels import Reason
from bypeer.core.ranks import OF_REASON, Findings, candidates
from bypeer.core.resets import ANSWERED, ENDPOINTS, Reset, elsewhere
from bypeer.core.study import FOREVER, INSIDE, NOWHERE, OUTSIDE, Sighting

_AT_ONCE = 1_000_000  # ns: within it one packet may overtake another in the endpoint that sends both


def conclude(seen: Seen, by_reset: Mapping[int, Findings], by_connection: Findings) -> Conclusion:
    """Judge one connection; `by_reset` by id of the reset."""
    lethal = next((one for one in seen.resets if one.effect == "lethal"), None)
    silence = seen.fates.silence
    if silence is not None:
        found = of_silence(seen, silence, by_connection)
    elif lethal is not None:
        found = _of_reset(seen, lethal, by_reset, by_connection)
    else:
        found = of_nothing(seen, by_reset, by_connection)
    if found.cause is None and found.candidates and found.killed_by != "none":
        found.cause = found.candidates[0]
    found.needs += missing(seen) if found.certainty == "undetermined" and not found.needs else []
    if any(side is not None and side.printed for side in seen.study.sides):
        if not seen.study.join.sure and seen.study.both:
            found.certainty = "undetermined"  # which side is which is a guess
        elif found.certainty == "certain":
            found.certainty = "likely"
        again = [WHOLE.format(side) for side in ENDPOINTS]
        found.needs = [CAPTURED, *(need for need in found.needs if need not in again)]
    return found


def perhaps_host(seen: Seen) -> bool:
    """Whether `conclude` may say that the host killed it: else it need not be asked."""
    lethal = next((one for one in seen.resets if one.effect == "lethal"), None)
    return seen.fates.silence is not None or (lethal is not None and lethal.author == "host")


def _of_reset(
    seen: Seen, reset: Reset, by_reset: Mapping[int, Findings], by_connection: Findings
) -> Conclusion:
    findings = by_reset[id(_meant(seen, reset))]
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
        if not seen.study.join.sure:
            found.certainty, found.needs = "undetermined", missing(seen)  # which side it is, is a guess
    elif reset.author == "host":
        if not found.candidates:
            found.candidates = _of_siblings(seen, by_reset)
        _host_kill(seen, reset, together, found)
    elif reset.author == "unknown":
        found.certainty = "undetermined"
    elif reset.author == "on-path":
        sure = reset.author_sure and seen.study.both and reset.effect_sure and seen.translated
        found.certainty = "certain" if sure and found.candidates == ["PA01"] else "likely"
    elif _unexplained(reset, together):
        _hidden_kill(seen, reset, found, by_reset)
    else:
        _own_kill(seen, reset, found)
    _unseen_at_its_own(seen, reset, found)
    return found


def _own_kill(seen: Seen, reset: Reset, found: Conclusion) -> None:
    """An endpoint's RST says less where little of what it was told was captured, or of who it is."""
    if _deaf(seen, reset):
        found.certainty, found.needs = "undetermined", [BOTH_WAYS]
    elif not seen.study.join.sure and not seen.study.both:
        found.certainty = "undetermined"
    elif reset.refuses and not reset.author_sure:
        found.candidates.append("PA01")  # a firewall before the peer may refuse in its name


def _deaf(seen: Seen, reset: Reset) -> bool:
    """Whether nothing was captured of what came to the endpoint that sent it: it may answer anything."""
    side, way = reset.sighting.side, 1 - reset.sighting.direction
    return not seen.study.at(side, way) and bool(seen.study.at(side, 1 - way)[1:])


def _unseen_at_its_own(seen: Seen, reset: Reset, found: Conclusion) -> None:
    """Leave open why an endpoint sent a RST that the capture at its side lacks, and so perhaps the reason.

    What was answered, and had not been forwarded as it should, had come in another way: untranslated.
    """
    if reset.author not in ENDPOINTS:
        return
    side, answered = ENDPOINTS.index(reset.author), reset.trigger
    if seen.study.sides[side] is None or reset.sighting.side == side:
        return
    found.certainty, found.needs = "undetermined", [WHOLE.format(reset.author)]
    astray = answered is not None and answered.side != side and answered.twin is None
    if reset.author == "inside" and reset.passive and astray and "NF07" not in found.candidates:
        found.candidates.insert(0, "NF07")


def _meant(seen: Seen, reset: Reset) -> Reset:
    """The RST by which its sender left, where this one, which answers what came just then, overtook that."""
    if reset.author not in ENDPOINTS or not reset.passive:
        return reset
    soon = [one for one in seen.resets if 0 < one.ts - reset.ts < _AT_ONCE and one.author == reset.author]
    return next((one for one in soon if not one.passive), reset)


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
        found.certainty, found.needs = "undetermined", [WHOLE.format(ENDPOINTS[OUTSIDE])]
    if study.both and not trigger.sure and not seen.refuses(trigger):
        # It may well have been forwarded: then something else was answered.
        found.certainty, found.needs = "undetermined", [WHOLE.format(ENDPOINTS[1 - trigger.side])]
    if not study.both:
        found.needs = missing(seen)
        if not seen.refuses(trigger):
            found.certainty = "undetermined"  # any older segment may pass for the trigger
        if any(one.author == "host" and one.passive and one.trigger is None for one in seen.resets):
            # A forger next door looks like the host; but the host's RSTs answer something.
            found.killed_by, found.certainty = "unknown", "undetermined"
    judgement = seen.judgement(trigger)
    unknown = judgement is not None and judgement.reason == Reason.UNKNOWN_BOUND
    if unknown and (found.candidates[0] in ("NF04", "NF12") or _first_of_its_way(seen, trigger)):
        found.certainty = "undetermined"  # good as it looks, it failed such bounds as could be guessed
        found.needs = found.needs or [FROM_THE_START]
    if doubts and seen.replay.kernel.name not in seen.fitting:
        _unruled(seen, trigger, found)
    found.needs += doubts


def _first_of_its_way(seen: Seen, one: Sighting) -> bool:
    """Whether nothing shows how far its direction had got."""
    rows = seen.study.at(one.side, one.direction)
    return not any(other.ts < one.ts and not other.is_rst for other in rows)


def _unruled(seen: Seen, trigger: Sighting, found: Conclusion) -> None:
    """Name what else it may be where the rules in use do not fit what was observed.

    That its place was no reason to refuse the trigger, for others in such a place were forwarded
    (nf_conntrack_tcp_be_liberal); or that it was one, if no kernel's rules fit.
    """
    place, others = seen.position(trigger), []
    if not seen.refuses(trigger):
        others = [OF_REASON[place]] if place in OF_REASON else []
    elif any(seen.position(one) == place for one in seen.replay.contradicted):
        others = ["NF04", "NF12"]
    others = [code for code in others if code not in found.candidates]
    if others and not seen.fitting:
        found.certainty = "undetermined"
    first = not seen.fitting and not seen.refuses(trigger)
    found.candidates = others + found.candidates if first else found.candidates + others


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
        found.needs = [WHOLE.format(ENDPOINTS[reset.target(study)])] if study.both else missing(seen)
        return True
    if not found.candidates:
        found.certainty, found.needs = "undetermined", missing(seen)
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


def _hidden_kill(seen: Seen, reset: Reset, found: Conclusion, by_reset: Mapping[int, Findings]) -> None:
    """Judge an endpoint that knows no connection: it restarted, or somebody reset it unseen."""
    study, side = seen.study, ENDPOINTS.index(reset.author)
    near = study.sides[side]
    if near is None:
        found.killed_by, found.certainty = "unknown", "undetermined"
        found.needs = [OTHER_SIDE.format(ENDPOINTS[side])]
        found.candidates += ["NF04", "NF02", "NF01", "NF12", "PA01"] if side == OUTSIDE else ["NF07", "NF12"]
    elif suspects := _suspects(seen, reset):
        found.killed_by, found.certainty = "unknown", "undetermined"
        found.needs = [WHOLE.format(ENDPOINTS[side])]
        found.candidates = suspects + found.candidates
    elif (
        _answers_unseen(seen, reset)
        or near.lossy
        or not near.complete(_lived(seen, side, reset), reset.ts)
        or not study.join.sure
    ):
        found.killed_by, found.certainty = "unknown", "undetermined"
        found.needs = [WHOLE.format(ENDPOINTS[side])]
        found.candidates += ["NF04", "NF02", "NF01", "NF12"] if side == OUTSIDE else ["NF12"]
    elif not study.both and side == INSIDE:
        found.certainty = "undetermined"
        found.needs = missing(seen)
    elif (accused := _accused(seen, reset, side)) is not None:
        found.killed_by, found.certainty = accused.author, "undetermined"
        found.candidates = [*candidates(by_reset[id(accused)]), *found.candidates]
    else:
        found.candidates += [code for code in ("PA03", "PA01") if code not in found.candidates]


def _answers_unseen(seen: Seen, reset: Reset) -> bool:
    """Whether it may answer data that the capture at its side should have, and has not."""
    known = reset.trigger is not None and reset.trigger.end > reset.trigger.start
    return reset.passive and not known and elsewhere(seen.study, reset) is not None


def _accused(seen: Seen, reset: Reset, side: int) -> Reset | None:
    """Another's RST to an endpoint that does nothing more but answer as a stranger.

    By its number it should have done no harm; but a segment later or sooner it would have.
    """
    rows = seen.study.at(side, reset.sighting.direction)
    for one in reversed(seen.resets):
        if one.ts < reset.ts and one.author in ("host", "on-path") and one.target(seen.study) == side:
            alive = any(one.ts < other.ts < reset.ts and not other.is_rst for other in rows)
            return None if alive else one
    return None


def _lived(seen: Seen, side: int, reset: Reset) -> int:
    """When something passed toward an endpoint that it then answered: until then it surely lived.

    What it had sent may still be on its way when it is dead. Never, if nothing shows what it was sent.
    """
    study = seen.study
    way = 1 - study.outward if side == OUTSIDE else study.outward
    own = [one for one in study.at(side, way) if one.ts < reset.ts and not one.is_rst]
    acked = max((one.ack for one in own), default=NOWHERE)
    echoed = max((one.segment.tsecr for one in own if one.segment.timestamps), default=-1)
    answered, echo = -FOREVER, FOREVER
    for one in study.at(side, 1 - way):
        if one.ts < reset.ts and not one.is_rst:
            if one.start < one.end <= acked:
                answered = max(answered, one.ts)
            if one.segment.timestamps and one.segment.tsval == echoed:
                echo = min(echo, one.ts)
    return max(answered, echo) if echo < FOREVER else answered


def _suspects(seen: Seen, reset: Reset) -> list[str]:
    """Causes of a RST that the host should have made and that no capture shows.

    An INVALID segment that was not forwarded is answered by the host, and so is the last that came before,
    if it was not forwarded; what answers the peer's next word as a stranger may be the consequence.
    """
    study = seen.study
    if reset.author != "outside" or study.sides[OUTSIDE] is None:
        return []
    came = [
        one
        for one in study.at(OUTSIDE, 1 - study.outward)
        if one.ts < reset.ts and not one.is_rst and not one.stray
    ]
    refused = [one for one in came if one.twin is None and seen.refuses(one)]
    kept = [one for one in came[-1:] if one.twin is None and one.sure and reset.ts - one.ts < ANSWERED]
    return list(dict.fromkeys(drops(seen, refused or kept))) if refused or kept else []


def client_outcome(seen: Seen) -> EndpointOutcome:
    """What the client's socket saw."""
    return seen.fates.outcomes[INSIDE if seen.study.join.client_inside else OUTSIDE]
