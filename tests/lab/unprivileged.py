"""A Python that is root and may not do what root may, as make and enter namespaces."""

from __future__ import annotations

import sys

NET_ADMIN, SYS_ADMIN = 12, 21  # capabilities

# PR_CAPBSET_DROP counts from the next exec on (capabilities(7)). Another user could
# not always read this Python.
_DROP = """
import ctypes, os, sys
for capability in {}:
    assert ctypes.CDLL(None).prctl(24, capability, 0, 0, 0) == 0
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def without_privilege(*capabilities: int) -> list[str]:
    """The beginning of a command line, before Python's own arguments; without SYS_ADMIN if none is named."""
    return [sys.executable, "-c", _DROP.format(capabilities or (SYS_ADMIN,))]
