"""Real two-sided cases that lie beside the project, as they are and taken otherwise.

Their truth comes from sockets and counters. BYPEER_SHARED says where they are.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

import bypeer
from bypeer.core import scan, select
from bypeer.core.explanation import Explanation
from tests import pure, variants

SHARED = os.environ.get("BYPEER_SHARED")
CASES = Path(SHARED or ".") / "captures"
pytestmark = pytest.mark.skipif(not SHARED, reason="BYPEER_SHARED does not say where the shared cases are")


class Truth(NamedTuple):
    name: str
    killed_by: str
    causes: frozenset[str]  # accepted; "" for none
    outcome: str
    made: int | None  # RSTs made by the host

    @property
    def inside(self) -> Path:
        return CASES / self.name / "container_eth0.pcap"

    @property
    def outside(self) -> Path:
        return CASES / self.name / "host_ext0.pcap"

    @property
    def anywhere(self) -> Path:
        return CASES / self.name / "host_any.pcap"


def _truths() -> list[Truth]:
    if not SHARED:
        return []
    found = []
    with (CASES / "truth.tsv").open() as table:
        for row in csv.DictReader(table, delimiter="\t"):
            facts = json.loads((CASES / row["case"] / "ground_truth.json").read_text())
            made = facts.get("delta", {}).get("rules", {}).get("rst_host_made")
            causes = frozenset((row["accept"] or "").split(","))
            found.append(Truth(row["case"], row["killed_by"], causes, row["outcome"], made))
    return found


TRUTHS = _truths()
every = pytest.mark.parametrize("truth", TRUTHS, ids=lambda truth: truth.name)


def right(truth: Truth, found: Explanation) -> bool:
    verdict = found.verdict
    return (
        verdict.killed_by == truth.killed_by
        and (verdict.cause or "") in truth.causes
        and verdict.client_outcome in (truth.outcome, "unknown")
    )


def check(truth: Truth, found: Explanation) -> None:
    """The verdict is right, and no more certain than the packets allow."""
    verdict = found.verdict
    assert right(truth, found), verdict
    if verdict.certainty == "certain":
        assert len(verdict.candidates) <= 1


@every
def test_the_verdict_without_a_flag(truth: Truth) -> None:
    found = bypeer.explain([truth.inside, truth.outside])
    check(truth, found)
    assert found.verdict.client_outcome == truth.outcome
    if found.resets and truth.made is not None:
        made = [one for one in found.resets if one.author == "host"]
        assert len(made) == truth.made
        if truth.killed_by != "host":
            assert {one.effect for one in made} <= {"harmless"}
        else:
            assert [one.effect for one in made].count("lethal") == 1


@every
def test_where_the_kernel_gave_its_reason_the_model_gives_the_same(truth: Truth) -> None:
    """By SEG.SEQ and SEG.ACK of each trigger; the numeric bound too, where the kernel printed it."""
    lines = (CASES / truth.name / "nflog.jsonl").read_text().splitlines()
    said: dict[str, str] = {}
    for line in map(json.loads, lines):
        if line["group"] == 0 and line["prefix"].startswith("nf_ct_proto_6: "):
            said[line["pkt"].split("]")[1].split(" win=")[0].strip()] = line["prefix"].strip()
    kernel = {"510": "5.10", "612": "6.12", "618": "6.18"}[truth.name[:3]]
    found = bypeer.explain([truth.inside, truth.outside], kernel=kernel)
    for one in found.resets:
        if one.trigger is not None and one.author == "host" and one.trigger.judgement == "INVALID":
            assert one.trigger.reason == said[f"seq={one.trigger.seq} ack={one.trigger.ack}"]


# `make test` runs everything twice; these many whole runs only where they are quick.
compiled = pytest.mark.skipif(pure.here() == "source", reason="many whole runs: pytest --compiled has them")

REARRANGED: dict[str, Callable[[Truth, Path], Sequence[Path]]] = {
    "swapped": lambda truth, out: [truth.outside, truth.inside],
    "inside clock ahead": lambda truth, out: [variants.shifted(truth.inside, out, 3.7), truth.outside],
    "outside clock ahead": lambda truth, out: [truth.inside, variants.shifted(truth.outside, out, 3.7)],
    "one pcapng": lambda truth, out: [variants.as_pcapng([truth.inside, truth.outside], out)],
    "one SLL2 file": lambda truth, out: [variants.as_any([truth.outside, truth.inside], out)],
    "merged": lambda truth, out: [variants.as_one([truth.outside, truth.inside], out)],
}


@compiled
@every
@pytest.mark.parametrize("how", REARRANGED)
def test_the_same_packets_taken_otherwise(truth: Truth, how: str, tmp_path: Path) -> None:
    check(truth, bypeer.explain(REARRANGED[how](truth, tmp_path / "other")))


@every
def test_as_if_it_were_large(truth: Truth, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read twice, and with nothing joined that does not tell something."""
    whole = bypeer.explain([truth.inside, truth.outside])
    monkeypatch.setattr(scan, "MOST_KEPT", 0)
    monkeypatch.setattr(select, "FEW", 0)
    monkeypatch.setattr(select, "SAMPLE", 1)
    found = bypeer.explain([truth.inside, truth.outside])
    check(truth, found)
    assert found.verdict.client_outcome == whole.verdict.client_outcome
    assert found.resets == whole.resets
    assert found.totals.connections == whole.totals.connections


@pytest.mark.parametrize(
    "truth", [one for one in TRUTHS if one.anywhere.exists()], ids=lambda truth: truth.name
)
def test_any_alone(truth: Truth) -> None:
    check(truth, bypeer.explain([truth.anywhere]))


@compiled
@every
@pytest.mark.parametrize("seed", range(2))
def test_thinned_it_is_right_or_undetermined(truth: Truth, seed: int, tmp_path: Path) -> None:
    for side in ("inside", "outside"):
        paths = {"inside": truth.inside, "outside": truth.outside}
        paths[side] = variants.thinned(paths[side], tmp_path / side, 0.05, seed)
        found = bypeer.explain(list(paths.values()))
        assert found.verdict.certainty == "undetermined" or right(truth, found), (side, found.verdict)


@every
def test_one_side_alone(truth: Truth) -> None:
    outside = bypeer.explain([truth.outside]).verdict
    assert outside.killed_by == truth.killed_by or outside.certainty != "certain"
    inside = bypeer.explain([truth.inside]).verdict
    assert inside.killed_by == truth.killed_by or inside.certainty == "undetermined"
    if inside.certainty == "undetermined":
        assert inside.needs
