"""The order in which causes are named."""

from __future__ import annotations

from bypeer.core.causes import CATALOGUE
from bypeer.core.causes.model import Finding
from bypeer.core.ranks import BY_INVALID, OF_REASON, candidates


def supported(*, strong: bool = True) -> Finding:
    return Finding("supported", "", strong=strong)


def test_strong_evidence_is_named_first_then_the_usual_order() -> None:
    findings = {
        "EP05": supported(),
        "NF04": supported(strong=False),
        "NF02": supported(),
        "NF01": Finding("refuted", "it was not late"),
        "PA02": Finding("untestable", "needs the other side"),
    }
    assert candidates(findings) == ["NF02", "EP05", "NF04"]
    assert candidates({}) == []


def test_every_code_is_of_the_catalogue() -> None:
    known = {one.code for one in CATALOGUE}
    every = {code: supported() for code in known}
    assert set(candidates(every)) < known
    assert {*OF_REASON.values(), *BY_INVALID} <= set(candidates(every))
