"""What stops the work, by whose fault it is.

Strange traffic is not here: it is evidence, and becomes a row. A fault of our own is an
assertion, with no handler.
"""

from __future__ import annotations


class BypeerError(Exception):
    """Anything bypeer raises on purpose."""


class CaptureError(BypeerError):
    """The file is at fault: no capture, not readable, or nothing in it can be analysed."""

    def __init__(self, path: str, offset: int, why: str) -> None:
        super().__init__(f"{path}: at octet {offset}: {why}")
        self.path, self.offset, self.why = path, offset, why

    def __reduce__(self) -> tuple[type[CaptureError], tuple[str, int, str]]:
        """So that another process can raise it."""
        return type(self), (self.path, self.offset, self.why)


class HostError(BypeerError):
    """The machine is at fault: a privilege, a tool or a kernel feature is missing."""


class LiveError(BypeerError):
    """What was asked for on this host is not there: no such container, several, or it has just ended."""
