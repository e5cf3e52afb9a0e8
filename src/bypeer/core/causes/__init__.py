"""The catalogue of causes: CATALOGUE lists them all, `named` finds one by its code."""

from __future__ import annotations

from bypeer.core.causes import artefact, dropped, elsewhere, endpoint, netfilter, path, refused
from bypeer.core.causes.model import Cause

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

__all__ = ["CATALOGUE", "Cause", "named"]


def named(code: str) -> Cause:
    """The cause with this code, in any case; KeyError if there is none."""
    return {cause.code: cause for cause in CATALOGUE}[code.upper()]
