"""Work that a fork does."""

from __future__ import annotations

import errno
import os
import select
import signal
import time

from bypeer.live.aside import Aside, Result


def test_it_works_on_what_there_was_and_nobody_waits() -> None:
    things = ["before"]

    def work() -> str:
        time.sleep(0.2)
        return " ".join(things)

    began = time.monotonic()
    aside = Aside(work)
    things.append("after")
    assert time.monotonic() - began < 0.15
    assert not aside.finished()
    assert select.select([aside], [], [], 5)[0]
    assert aside.finished()
    assert aside.result() == Result(True, "before")


def test_what_fails_is_told() -> None:
    def full() -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    assert Aside(full).result() == Result(False, "No space left on device")


def test_what_fails_otherwise_is_told_too() -> None:
    def broken() -> str:
        raise AssertionError("impossible")

    assert Aside(broken).result() == Result(False, "it failed")


def test_it_is_not_ended_by_what_ends_its_parent() -> None:
    def work() -> str:
        time.sleep(0.3)
        return "whole"

    aside = Aside(work)
    time.sleep(0.1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(aside.pid, number)
    assert aside.result() == Result(True, "whole")


def test_one_that_is_killed() -> None:
    aside = Aside(lambda: time.sleep(10) or "")
    os.kill(aside.pid, signal.SIGKILL)
    assert aside.result() == Result(False, "it was ended by signal 9")
