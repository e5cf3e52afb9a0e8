"""The order in which causes are named that the evidence supports alike."""

from __future__ import annotations

from collections.abc import Mapping

from bypeer.core.causes.model import Finding
from bypeer.core.kernels import Reason

Findings = Mapping[str, Finding]  # by code

# Which of several supported causes is named first: what says most about the host comes first.
_ORDER = (
    "NF06",
    "NF07",
    "NF09",
    "NF01",
    "NF02",
    "NF05",
    "NF04",
    "NF12",
    "NF10",
    "NF03",
    "PA02",
    "PA01",
    "PA03",
    "EP01",
    "EP08",
    "EP04",
    "EP02",
    "EP03",
    "EP06",
    "EP05",
    "EP07",
)
OF_REASON = {
    Reason.SEQ_UNDER: "NF01",
    Reason.ACK_UNDER: "NF01",
    Reason.SEQ_OVER: "NF02",
    Reason.OVERSHOOT: "NF02",
    Reason.ACK_OVER: "NF03",
    Reason.BAD_FLAGS: "NF05",
    Reason.INVALID_STATE: "NF05",
    Reason.BAD_CHECKSUM: "NF05",
}

# The causes that begin with a segment that conntrack calls INVALID.
BY_INVALID = frozenset(("NF01", "NF02", "NF03", "NF05", "NF06", "NF07"))


def candidates(findings: Findings) -> list[str]:
    """The supported causes, strong evidence first, then the usual order."""
    supported = [code for code in _ORDER if code in findings and findings[code].answer == "supported"]
    return sorted(supported, key=lambda code: not findings[code].strong)
