"""Several captures scanned at once, each by a process of its own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from bypeer.capture.model import Capture
from bypeer.core.scan import Scan, scan

# Octets of a file that is worth a process.
WORTH = 4 << 20


def scan_at_once(captures: Sequence[Capture], jobs: int) -> list[Scan]:
    """Scan captures by up to `jobs` processes, the largest first.

    What is small, or can be read only once, is scanned by this process meanwhile.
    """
    large = [one for one in captures if one.size >= WORTH and one.regular]
    if jobs < 2 or len(large) < 2:
        return [scan(one) for one in captures]
    # fork: the children have all that is loaded, and no module is imported by each of them again.
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(min(jobs, len(large)), mp_context=context) as pool:
        order = sorted(large, key=lambda one: -one.size)
        begun = {id(one): pool.submit(_scanned, one) for one in order}
        found = []
        for one in captures:
            if id(one) in begun:
                result, seen = begun[id(one)].result()
                one.remember(seen)
            else:
                result = scan(one)
            found.append(result)
    return found


def _scanned(one: Capture) -> tuple[Scan, tuple[Any, ...]]:
    """In the process: what a scan finds, and what reading has told of the capture."""
    found = scan(one)
    found.kept = None  # to send segments would take longer than to read them again
    return found, one.found
