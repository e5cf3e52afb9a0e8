"""Explains each of the captures named on standard input, one after the other, in one process of bounds.

Prints a line of JSON for each: what it holds, or the error; and how long that took. An exception other
than CaptureError ends it with its traceback. BYPEER_SOURCES=1 asks for the sources of compiled modules.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from typing import Any

from tests import pure

pure.enter("source" if os.environ.get("BYPEER_SOURCES") else "compiled")

from bypeer.api import explain  # noqa: E402
from bypeer.errors import CaptureError  # noqa: E402

SECONDS, OCTETS = 10, 512 << 20


def told(path: str) -> dict[str, Any]:
    """What bypeer says of one capture."""
    start = time.perf_counter()
    signal.alarm(SECONDS)  # ends the process
    try:
        found = explain([path]).inputs[0]
    except CaptureError as error:
        return {"refused": error.why}
    damage = found.damage and [found.damage.offset, found.damage.reason]
    took = time.perf_counter() - start
    counts = [found.packets, found.tcp, found.rst]
    return {"counts": counts, "damage": damage, "weird": dict(found.weird), "seconds": took}


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (OCTETS, OCTETS))
    for line in sys.stdin:
        sys.stdout.write(json.dumps(told(line.removesuffix("\n"))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
