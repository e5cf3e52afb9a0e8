"""The words that the reports share: numbers, times, names, what an endpoint saw."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from bypeer.core.causes import CATALOGUE
from bypeer.core.explanation import Explanation, Input, Pair, Vantage

NO_CLOCK = "--:--:--.------"

CERTAINTY = {"certain": "Certain", "likely": "Likely, not certain", "undetermined": "Undetermined"}

CLIENT = {
    "reset": 'the client got "connection reset by peer" (ECONNRESET)',
    "hung": "nobody told the client: it waits until a timeout (ETIMEDOUT)",
    "refused": 'the client got "connection refused" (ECONNREFUSED)',
    "completed": "the client finished normally",
    "aborted": "the client gave up by itself",
    "unknown": "the captures do not show what the client saw",
}

SERVER = {
    "reset": "the server was reset",
    "hung": "nobody told the server: it waits until a timeout",
    "refused": "the server refused the connection",
    "completed": "the server finished normally",
    "aborted": "the server broke it off",
    "unknown": "the captures do not show what the server saw",
}

MAKER = {
    "host": "the NAT host",
    "inside": "the inside endpoint",
    "outside": "the outside endpoint",
    "on-path": "something on the path",
    "none": "nobody",
    "unknown": "an unknown party",
}


def cause_name(code: str) -> str:
    """A cause as people cite it: "NF01 late-segment"; of a code that is not ours, the code."""
    return next((f"{code} {one.name}" for one in CATALOGUE if one.code == code), code)


def cause_meaning(code: str) -> str:
    """What a cause's name means, in a sentence; "" of a code that is not ours."""
    return next((one.summary for one in CATALOGUE if one.code == code), "")


def cause_names(codes: Sequence[str], limit: int = 0) -> str:
    """Several causes in one phrase; of more than `limit` (0: no limit) the rest is counted."""
    shown = codes[:limit] if limit else codes
    names = ", ".join(cause_name(code) for code in shown)
    return names if len(shown) == len(codes) else f"{names} and {len(codes) - len(shown)} more"


def counted(number: int, one: str, many: str = "") -> str:
    """The number with its noun: "1 reset", "1,234 resets"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def sentence(text: str) -> str:
    """The text with a capital first letter and a full stop."""
    return ended(text[:1].upper() + text[1:])


def ended(text: str) -> str:
    """The text with a full stop."""
    return text if text.endswith((".", "!", "?", ":")) else f"{text}."


def date(ns: int | None) -> str:
    """The UTC date of a time in ns since the epoch, "" where there is none."""
    return "" if ns is None else _moment(ns).strftime("%Y-%m-%d")


def clock(ns: int | None) -> str:
    """HH:MM:SS.ffffff of a time in ns since the epoch, UTC, cut to microseconds."""
    return NO_CLOCK if ns is None else _moment(ns).strftime("%H:%M:%S.%f")


def span(ns: int) -> str:
    """A span of ns in the unit that reads best, always positive."""
    size = abs(ns)
    for unit, name in ((10**9, "s"), (10**6, "ms"), (10**3, "us")):
        if size >= unit:
            return f"{size / unit:.3f}".rstrip("0").rstrip(".") + f" {name}"
    return f"{size} ns"


def pair(tuples: Pair | None) -> str:
    """Client and server, the arrow towards the server."""
    return "" if tuples is None else f"{tuples.client} > {tuples.server}"


def place(explanation: Explanation, vantage: str) -> str:
    """A vantage as its side of the NAT, with the interface where the side alone is ambiguous."""
    found = next((one for one in explanation.vantages if one.id == vantage), None)
    if found is None:
        return vantage
    alike = sum(one.role == found.role for one in explanation.vantages)
    if alike == 1 and found.role != "unknown":
        return found.role
    return f"{side(found)} {found.interface}".strip()


def spot(explanation: Explanation, vantage: str, frame: int) -> tuple[str, int]:
    """Where to find a frame: its vantage, with the file where that has several, and its number there."""
    where = place(explanation, vantage)
    found = next((one for one in explanation.vantages if one.id == vantage), None)
    if found is None:
        return where, frame
    taken = explanation.inputs[found.input]
    file, number = taken.locate(frame)
    return f"{where} {file_name(taken, file.path)}" if file else where, number


def file_name(taken: Input, path: str) -> str:
    """A file of an input: its name without the folder, where that is not ambiguous."""
    name = path.rpartition("/")[2]
    alike = sum(one.path.rpartition("/")[2] == name for one in taken.files)
    return name if alike == 1 else path


def side(vantage: Vantage) -> str:
    """The role of a vantage in a word."""
    return "side unknown" if vantage.role == "unknown" else vantage.role


def _moment(ns: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ns // 1000)
