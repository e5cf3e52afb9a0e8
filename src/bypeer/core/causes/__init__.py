"""The catalogue of causes: CATALOGUE lists them all, `named` finds one by its code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bypeer.core.causes import artefact, dropped, elsewhere, endpoint, netfilter, path, refused
from bypeer.core.causes.model import Cause, Finding, Subject

_FAMILIES = ("NF", "EP", "PA", "AR")  # the host, the endpoints, the path, the capture

CATALOGUE: tuple[Cause, ...] = tuple(
    sorted(
        (
            *netfilter.CAUSES,
            *endpoint.CAUSES,
            *refused.CAUSES,
            *dropped.CAUSES,
            *path.CAUSES,
            *artefact.CAUSES,
            *elsewhere.CAUSES,
        ),
        key=lambda cause: (_FAMILIES.index(cause.code[:2]), cause.code),
    )
)

__all__ = ["CATALOGUE", "Answers", "Cause", "named"]

_BY_SUBJECT: Mapping[Subject, Mapping[str, Cause]] = {
    subject: {cause.code: cause for cause in CATALOGUE if cause.subject == subject}
    for subject in ("reset", "connection", "input")
}


class Answers(Mapping[str, Finding]):
    """What the causes say of one subject, by code; each is tested when somebody asks, and once."""

    __slots__ = ("_asked", "_causes", "_of")

    def __init__(self, subject: Subject, *of: Any) -> None:
        """`of`: what the causes of such subjects are tested on (`Cause.test`)."""
        self._causes, self._of = _BY_SUBJECT[subject], of
        self._asked: dict[str, Finding] = {}

    def __getitem__(self, code: str) -> Finding:
        if code not in self._asked:
            self._asked[code] = self._causes[code].test(*self._of)
        return self._asked[code]

    def __contains__(self, code: object) -> bool:
        return code in self._causes

    def __iter__(self) -> Iterator[str]:
        return iter(self._causes)

    def __len__(self) -> int:
        return len(self._causes)


def named(code: str) -> Cause:
    """The cause with this code, in any case; KeyError if there is none."""
    return {cause.code: cause for cause in CATALOGUE}[code.upper()]
