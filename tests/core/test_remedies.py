"""What helps against a cause, and that each remedy names only what it heals."""

from __future__ import annotations

import pytest

from bypeer.core.causes import CATALOGUE
from bypeer.core.remedies import REMEDIES, remedies

# Those that no remedy of ours can heal, or that are not judged yet.
HELPLESS = {cause.code for cause in CATALOGUE} - {code for one in REMEDIES for code in one.heals}


# The table "Remedies and what they cost" of the catalogue, row "heals".
HEALS = {
    "NF01": ("INPUT", "be_liberal", "6.1"),
    "NF02": ("INPUT", "be_liberal"),
    "NF03": ("be_liberal", "hw-tc-offload"),
    "NF04": ("DESTROY", "timeout_established", "keepalive_time"),
    "NF06": ("INPUT", "be_liberal", "rp_filter"),
    "NF07": ("be_liberal", "FORWARD"),
    "NF09": ("nsenter",),
    "NF10": ("FORWARD",),
    "NF11": ("nf_conntrack_max",),
    "NF12": ("ruleset",),
    "NF13": ("random-fully",),
}


@pytest.mark.parametrize("code", HEALS)
def test_a_cause_has_the_remedies_of_the_catalogue(code: str) -> None:
    found = [f"{one.command} {one.title}" for one in remedies([code])]
    assert len(found) == len(HEALS[code])
    assert all(word in text for word, text in zip(HEALS[code], found, strict=True))


@pytest.mark.parametrize("code", ["NF04", "NF10"])
def test_dropping_invalid_on_the_way_in_is_not_sold_for_what_it_does_not_heal(code: str) -> None:
    assert not [one for one in remedies([code]) if "INPUT" in one.command or "be_liberal" in one.command]


def test_a_remedy_names_only_the_causes_asked_for_and_in_their_order() -> None:
    drop, liberal, kernel = remedies(["NF02", "NF01"])
    assert (drop.heals, liberal.heals, kernel.heals) == (["NF02", "NF01"], ["NF02", "NF01"], ["NF01"])


def test_a_remedy_keeps_its_price() -> None:
    whole = next(one for one in REMEDIES if "INPUT" in one.command)
    (found,) = [one for one in remedies(iter(["NF02"])) if "INPUT" in one.command]
    assert (found.title, found.command, found.cost, found.persistence) == (
        whole.title, whole.command, whole.cost, whole.persistence,
    )  # fmt: skip


def test_nothing_for_no_cause_or_one_that_cannot_be_helped() -> None:
    assert remedies([]) == []
    assert HELPLESS
    assert remedies(sorted(HELPLESS)) == []


def test_every_remedy_has_a_price_and_heals_causes_of_the_catalogue() -> None:
    known = {cause.code for cause in CATALOGUE}
    for one in REMEDIES:
        assert one.cost
        assert one.heals
        assert set(one.heals) <= known, one.title
