"""Several captures scanned at once, each by a process of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from bypeer.capture.model import Watch
from bypeer.capture.series import Series
from bypeer.core.scan import Scan, scan

if TYPE_CHECKING:
    from concurrent.futures import Future

# Octets of a capture that is worth a process.
WORTH = 4 << 20

# Octets of a capture in which there are as good as always more segments than are kept unasked.
_MANY = 8 << 20

_DOING = "reading"
_PAUSE = 0.1  # s between two looks at how far the others are

# In a process: what it may be asked to scan, and the octets that all of them have read.
_sources: Sequence[Series] = ()
_read: Any = None


def scan_at_once(sources: Sequence[Series], jobs: int, watch: Watch | None = None) -> list[Scan]:
    """Scan captures by up to `jobs` processes, the largest first.

    What is small, or can be read only once, is scanned by this process meanwhile, which alone tells
    the watch. Raises CaptureError.
    """
    large = [one for one in sources if one.size >= WORTH and one.regular]
    if jobs < 2 or len(large) < 2:
        return [_scan(one) for one in sources]
    import multiprocessing  # here: with the next it costs as long as a small capture
    from concurrent.futures import ProcessPoolExecutor

    large.sort(key=lambda one: -one.size)
    # fork: the children have all that is loaded, and no module is imported by each of them again.
    context = multiprocessing.get_context("fork")
    read = context.Value("q", 0)
    with ProcessPoolExecutor(min(jobs, len(large)), context, _begin, (large, read)) as pool:
        begun = {id(one): pool.submit(_scanned, row) for row, one in enumerate(large)}
        found = {id(one): _scan(one) for one in sources if id(one) not in begun}
        if watch is not None:
            _follow(begun.values(), read, watch)
        for one in large:
            found[id(one)], seen = begun[id(one)].result()
            one.remember(seen)
    return [found[id(one)] for one in sources]


def _scan(source: Series) -> Scan:
    return scan(source, keep=source.size < _MANY)


def _follow(begun: Iterable[Future[Any]], read: Any, watch: Watch) -> None:
    """Tell what the other processes have read until they are done."""
    from concurrent.futures import wait

    told, left = 0, set(begun)
    while left:
        left = wait(left, _PAUSE).not_done
        now = read.value
        watch(_DOING, now - told)
        told = now


# In the process


def _begin(sources: Sequence[Series], read: Any) -> None:
    """Have the captures at hand, whose watch is the parent's, to whom it is told by a count."""
    global _sources, _read
    _sources, _read = sources, read
    for source in sources:
        for capture in source.captures:
            if capture.watch is not None:
                capture.watch = _count


def _count(_: str, octets: int) -> None:
    with _read.get_lock():
        _read.value += octets


def _scanned(row: int) -> tuple[Scan, tuple[Any, ...]]:
    """What a scan finds, and what reading has told of the capture."""
    found = scan(_sources[row], keep=False)  # to send segments would take longer than to read them again
    return found, _sources[row].found
