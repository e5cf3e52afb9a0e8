"""What speaks for the verdict and what against it: the model, the kernel itself, its counters."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

from bypeer.core.evidence import Event, Evidence, number, text, word
from bypeer.core.explain import Case
from bypeer.core.explanation import Evidence as Witness
from bypeer.core.explanation import KernelSays
from bypeer.core.kernels import KERNELS, LOG_PREFIX, Kernel, Reason
from bypeer.core.ranks import BY_INVALID, OF_REASON
from bypeer.core.replay import Judgement
from bypeer.core.study import Sighting

LONGEST_FACT = 100  # characters; longer ones (rulesets, routes) stay in the case file
MOST_FACTS = 100
MOST_NOTED = 4
_NUMBER = re.compile(r" \d+\b")

# Counters that say something of resets, as the kernel spells them. Source: RFC 2012 for the first two.
TELLING = ("TcpOutRsts", "EstabResets", "reset output", "invalid", "insert_failed", "drop", "early_drop")


def host(evidence: Evidence) -> dict[str, str]:
    """The facts of the NAT host but for the long ones: what the tracker depends on comes first."""
    short = {
        name: value
        for name, value in evidence.facts.items()
        if len(value) <= LONGEST_FACT and "\n" not in value
    }
    ordered = sorted(short, key=lambda name: (name != "kernel", "nf_conntrack_tcp_" not in name, name))
    return {name: short[name] for name in ordered[:MOST_FACTS]}


def witnesses(main: Case) -> list[Witness]:
    """All that was said of the deciding RST and its trigger, and whether it agrees with the verdict."""
    found: list[Witness] = []
    first = main.conclusion.first
    if first is not None and first.trigger is not None:
        found += _on_trigger(main, first.trigger)
    if first is not None:
        heard = main.seen.heard
        by_host = main.conclusion.killed_by == "host"
        if said := heard.made.get(id(first.sighting)):
            found.append(Witness("kernel", f"the RST: {said}", by_host))
        if said := heard.passed.get(id(first.sighting)):
            found.append(Witness("kernel", f"the RST: {said}", not by_host))
    return found + list(_counters(main))


def noted(evidence: Evidence, cases: Sequence[Case]) -> list[Witness]:
    """Where nothing failed: what the tracker noted all the same, and why that did no harm.

    The kernel's own words where they were heard, else the model's of the connections looked at.
    """
    events = {id(one): one for events in evidence.by_input.values() for one in events}
    words = [
        word(text(one.fields, "prefix"), evidence.kernel) for one in events.values() if one.source == "nflog"
    ]
    heard: Literal["kernel", "model"] = "kernel" if words else "model"
    told = Counter(
        (one.reason, one.invalid, _NUMBER.sub("", one.text)) for one in words if one.reason is not None
    )
    if not words:
        told.update(line for case in cases for line in _passing(case))
    found = []
    for (reason, invalid, line), times in told.most_common(MOST_NOTED):
        says = f"{times:,} segment{'s' * (times > 1)}: {line.removeprefix(LOG_PREFIX)}"
        if invalid:
            says += "; INVALID by this kernel"
        elif invalid is False:
            others = f"; INVALID by others ({OF_REASON[reason]})" if reason in OF_REASON else ""
            says += f"; this kernel lets it pass{others}"
        found.append(Witness(heard, says, True))
    return found


def _passing(case: Case) -> Iterator[tuple[Reason, bool, str]]:
    """What the model says of the segments of a connection that were forwarded, and have a log line."""
    replay = case.seen.replay
    for one in case.seen.study.sightings:
        judgement = replay.of(one) if one.twin is not None else None
        if judgement is not None and judgement.log and judgement.sure and not judgement.invalid:
            yield judgement.reason, False, _NUMBER.sub("", judgement.log)


def _on_trigger(main: Case, trigger: Sighting) -> Iterator[Witness]:
    """The kernel's word on the trigger and the model's, both, however they agree."""
    seen, heard = main.seen, main.seen.heard
    expected = main.conclusion.cause in BY_INVALID
    said = heard.words.get(id(trigger))
    judgement = seen.judgement(trigger)
    if said is not None and judgement is not None:
        fate = {True: "INVALID", False: "not INVALID", None: ""}[said.invalid]
        line = " ".join(part for part in (f"{said.text}:" if said.text and fate else said.text, fate) if part)
        yield Witness("kernel", line, judgement.invalid == expected or main.conclusion.cause == "NF04")
    elif judgement is not None and judgement.invalid and judgement.log and heard.silent(trigger):
        yield Witness("kernel", "no line about the trigger, though its log was read", not expected)
    model = heard.model.get(id(trigger), judgement)
    if model is not None and model.says != "unknown":
        yield _model(model, seen.replay.kernel, model.invalid == expected)
    gone = heard.gone_before(trigger)
    if gone is not None:
        line = f"the connection's entry was destroyed {gone / 1e6:.1f} ms before the trigger came"
        yield Witness("kernel", line, main.conclusion.cause == "NF04")


def _model(judgement: Judgement, kernel: Kernel, agrees: bool) -> Witness:
    says = judgement.log or f"{judgement.ctstate.name}: no objection"
    return Witness("model", f"Linux {kernel.name}: {says}", agrees)


def _counters(main: Case) -> Iterator[Witness]:
    """By how much the counters rose from their first reading to their last, by whose they are."""
    readings: dict[str, dict[int, Event]] = {}  # whose, when: captures may share them
    for events in main.seen.heard.evidence.by_input.values():
        for event in events:
            if event.source == "counters":
                readings.setdefault(text(event.fields, "of"), {})[event.ts] = event
    conclusion = main.conclusion
    for whose, by_time in readings.items():
        events = [by_time[ts] for ts in sorted(by_time)]
        rises = {name: _rise(events, name) for name in TELLING}
        known = {name: rise for name, rise in rises.items() if rise is not None}
        if known and len(events) > 1:
            told = ", ".join(f"{name} +{rise}" for name, rise in known.items())
            spent = (events[-1].ts - events[0].ts) / 1e9
            wanted = "invalid" if conclusion.cause in BY_INVALID else "TcpOutRsts"
            # Who only kept segments back sent no RST.
            needed = conclusion.killed_by == "host" and conclusion.cause != "NF12" and wanted in known
            needed = needed and (conclusion.first is not None or wanted == "invalid")
            line = f"{whose or 'host'}: {told} in {spent:.1f} s"
            yield Witness("counter", line, not needed or known[wanted] > 0)


def _rise(events: list[Event], name: str) -> int | None:
    first, last = number(events[0].fields, name), number(events[-1].fields, name)
    return None if first is None or last is None or last < first else last - first


def kernel_says(main: Case | None, given: Kernel | None, recorded: Kernel | None) -> KernelSays:
    """Whose rules were used: the user's word comes first, then the host's own, then what fits."""
    assumed = given or recorded or (main.seen.replay.kernel if main is not None else KERNELS[-1])
    fitting = list(main.seen.fitting) if main is not None else [one.name for one in KERNELS]
    told = given or recorded
    if not fitting:
        note = (
            "no kernel's rules fit what was forwarded: nf_conntrack_tcp_be_liberal may be set, "
            "or packets passed beside conntrack"
        )
    elif told is not None:
        note = "" if told.name in fitting else "what was forwarded and what was not fits other kernels"
    elif len(fitting) == len(KERNELS):
        note = "nothing observed tells the kernels apart"
    elif fitting and "5.10" in fitting and "6.18" not in fitting:
        note = "a late segment was refused: Linux before 6.1"
    elif "6.18" in fitting and not {"4.19", "5.10", "5.15"} & set(fitting):
        note = "what Linux before 6.1 refuses was forwarded"
    else:
        note = "found from what was forwarded and what was not"
    own = given is None and recorded is not None
    return KernelSays(assumed.name, given is not None, fitting, note, own)
