"""A Python that is root and may not do what root may: make and enter namespaces."""

from __future__ import annotations

import sys

# PR_CAPBSET_DROP of CAP_SYS_ADMIN counts from the next exec on (capabilities(7)). Another user could
# not always read this Python.
_DROP = """
import ctypes, os, sys
assert ctypes.CDLL(None).prctl(24, 21, 0, 0, 0) == 0
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def without_privilege() -> list[str]:
    """The beginning of a command line, before Python's own arguments."""
    return [sys.executable, "-c", _DROP]
