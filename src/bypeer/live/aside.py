"""Work that takes seconds, done by a fork: it has all that was recorded until then, and nobody waits.

Only reading is done there. What the fork shares with its parent, sockets and rings, it must not use.
"""

from __future__ import annotations

import os
import select
import signal
import traceback
from collections.abc import Callable
from typing import NamedTuple, NoReturn

_LONGEST = 1 << 16  # octets of an answer


class Result(NamedTuple):
    """What came of it."""

    done: bool
    text: str  # what the work returned, or why it failed


class Aside:
    """A fork at work. It is not ended by what ends its parent: what it has begun it brings to an end."""

    def __init__(self, work: Callable[[], str]) -> None:
        """`work` returns a line; an OSError of it is an answer as well."""
        self._read, write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._read)
            _work(work, write)
        os.close(write)

    def fileno(self) -> int:
        """Readable once there is a result."""
        return self._read

    def finished(self) -> bool:
        """Whether there is a result."""
        return bool(select.select([self._read], [], [], 0)[0])

    def result(self) -> Result:
        """The result, waited for; once."""
        octets = b""
        while part := os.read(self._read, _LONGEST):
            octets += part
        os.close(self._read)
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        text = octets.decode("utf-8", "replace")
        return Result(code == 0, text or (f"it was ended by signal {-code}" if code < 0 else "it failed"))


def _work(work: Callable[[], str], write: int) -> NoReturn:
    """In the fork: work, tell, and end without undoing anything of the parent's."""
    status = 1
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
            signal.signal(number, signal.SIG_IGN)
        try:
            text, done = work(), 0
        except OSError as error:
            text, done = error.strerror or str(error), 1
        os.write(write, text.encode("utf-8", "replace")[:_LONGEST])
        status = done
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)
