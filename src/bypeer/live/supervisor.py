"""The process that keeps what a recorder gives up: privileges, and the duty to put the host back.

    with Supervisor(allow=True) as supervisor:   # in the thread of the NAT host's namespace
        supervisor.log_reasons()

It changes the host, knows the earlier values, and takes everything back when it is told to, when the
recorder is gone, however that ended, or when it is itself told to end. It is in a session of its own,
so that what a terminal sends to the recorder does not reach it. What it can be asked is fixed: a
recorder led astray by the packets that it reads could change no more with it than it may anyway.

It is another program rather than a fork, because a fork would keep the recorder's rings in memory.

Source: unix(7) (SOCK_SEQPACKET, SCM_RIGHTS), pidfd_open(2).
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from bypeer.errors import HostError

_LARGEST = 1 << 17  # octets of a message
_MOST_ENTRIES = 128  # that are asked for at once
_WAIT = 60  # s: an answer takes milliseconds, but an emulated machine ten seconds to start a Python
_ENDINGS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)

Fields = dict[str, str | int]


class Supervisor:
    """The recorder's end of it. It stays in the namespace of the thread that makes it."""

    def __init__(self, *, allow: bool) -> None:
        """`allow`: whether it may change anything of the host; else it only reads what takes privileges."""
        self.left: list[str] = []  # what could not be put back, known after `close`
        self.earlier: dict[str, str] = {}  # sysctls that were changed, and what they were
        self._asked = 0  # questions
        self._ended = False  # and has said what is left
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(_WAIT)
        with theirs:
            command = [sys.executable, "-P", "-m", __spec__.name, str(theirs.fileno()), str(os.getpid())]
            self._process = subprocess.Popen(
                [*command, *(["allow"] if allow else [])],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd="/",
                start_new_session=True,
            )  # fmt: skip
        try:
            self._ask("ready")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The process's."""
        return self._process.pid

    def fileno(self) -> int:
        """Readable when it has ended, or has begun to."""
        return self._socket.fileno()

    def log_reasons(self) -> None:
        """Changes.log_reasons; what the sysctls were is in `earlier`."""
        self.earlier |= self._ask("log_reasons")["earlier"]

    def add_rules(self, group: int) -> str:
        """Changes.add_rules."""
        return str(self._ask("add_rules", group=group)["table"])

    def trace(self) -> tuple[int, list[str]]:
        """Changes.trace: the trace_pipe, which is the caller's to close, and the events that are on."""
        answer, fds = self._ask_for_files("trace")
        return fds[0], answer["events"]

    def counters(self) -> dict[str, int]:
        """The tracker's counters, and what each of our rules counted."""
        return dict(self._ask("counters")["counters"])

    def entries(self, ends: Sequence[tuple[str, int, str, int]]) -> list[Fields | None]:
        """The tracker's entries to which packets with these ends would belong, 128 at most."""
        return list(self._ask("entries", ends=[list(one) for one in ends[:_MOST_ENTRIES]])["entries"])

    def close(self) -> list[str]:
        """Have everything taken back, wait until it is, and say what could not be."""
        if self._socket.fileno() >= 0:
            try:
                if not self._ended:
                    self._ask("undo")
            except HostError as error:
                self.left = [str(error), *(f"{name} was {value}" for name, value in self.earlier.items())]
            self._socket.close()
            self._process.wait()
        return self.left

    def _ask(self, what: str, **more: Any) -> dict[str, Any]:
        return self._ask_for_files(what, **more)[0]

    def _ask_for_files(self, what: str, **more: Any) -> tuple[dict[str, Any], list[int]]:
        self._asked += 1
        try:
            answer, fds = self._exchange({"ask": what, "number": self._asked, **more})
        except OSError as error:
            raise HostError(f"the supervisor does not answer: {error.strerror or error}") from None
        if "error" in answer:
            raise HostError(answer["error"])
        if "left" in answer:  # its last word
            self._ended, self.left = True, answer["left"]
            if what != "undo":
                raise HostError("the supervisor was ended, and took back what it had changed")
        return answer, fds

    def _exchange(self, question: Mapping[str, Any]) -> tuple[dict[str, Any], list[int]]:
        """Ask, and hear the answer. Its last word may lie there when it hears no more."""
        with suppress(BrokenPipeError, ConnectionResetError):  # what it said before shows why
            self._socket.send(json.dumps(question).encode())
        while True:
            try:
                octets, fds, _, _ = socket.recv_fds(self._socket, _LARGEST, 1, socket.MSG_CMSG_CLOEXEC)
            except ConnectionResetError:  # once, where it ended with our question unread
                continue
            if not octets:
                raise HostError("the supervisor was killed")
            answer: dict[str, Any] = json.loads(octets)
            if answer["to"] == self._asked or "left" in answer:
                return answer, list(fds)
            for fd in fds:  # the answer to a question whose asking was interrupted
                os.close(fd)


class _Process:
    """The supervisor itself."""

    def __init__(self, ours: socket.socket, *, allow: bool) -> None:
        from bypeer.live.changes import Changes

        self._socket, self._allow, self._changes = ours, allow, Changes()
        self._done: set[str] = set()  # each change once

    def serve(self, recorder: int) -> None:
        """Answer until the recorder or this process is to end; then put everything back."""
        wake, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        for one in _ENDINGS:
            signal.signal(one, lambda *_: None)  # they only wake us, so that no change is cut in half
        ours = self._socket.fileno()
        watched = [wake, ours, *_watch(recorder)]
        try:
            while select.select(watched, [], [])[0] == [ours]:
                if not self._answer():
                    break
        finally:
            left = self._changes.undo()
            if not self._say({"to": 0, "left": left}):
                os.write(2, "".join(f"bypeer: {line}\n" for line in left).encode())

    def _answer(self) -> bool:
        """Answer one question; False if it is the last."""
        try:
            octets = self._socket.recv(_LARGEST)
        except OSError:
            return False
        asked: dict[str, Any] = json.loads(octets) if octets else {"ask": "undo"}
        if asked["ask"] == "undo":
            return False
        try:
            answer, files = self._do(asked)
        except (HostError, OSError) as error:
            answer, files = {"error": str(error)}, []
        self._say({"to": asked["number"], **answer}, files)
        for fd in files:
            os.close(fd)
        return True

    def _do(self, asked: Mapping[str, Any]) -> tuple[dict[str, Any], list[int]]:
        what = asked["ask"]
        if what == "ready":
            return {}, []
        if what == "counters":
            return {"counters": _statistics() | self._changes.counted()}, []
        if what == "entries":
            return {"entries": _entries(asked["ends"])}, []
        if not self._allow:
            raise HostError("this changes the host: it needs --allow-system-changes")
        if what in self._done:
            raise HostError(f"{what} was asked for before")
        self._done.add(what)
        if what == "log_reasons":
            return {"earlier": self._changes.log_reasons()}, []
        if what == "add_rules":
            return {"table": self._changes.add_rules(int(asked["group"]))}, []
        assert what == "trace"
        instance = self._changes.trace()
        return {"events": [event.replace("/", ":") for event in instance.events]}, [instance.open_pipe()]

    def _say(self, answer: dict[str, Any], files: Sequence[int] = ()) -> bool:
        """Whether it was said, and not to nobody."""
        try:
            socket.send_fds(self._socket, [json.dumps(answer).encode()], list(files))
        except OSError:
            return False
        return True


def _watch(recorder: int) -> list[int]:
    """A descriptor that is readable once the recorder has ended, where the kernel has such (5.3)."""
    try:
        fd = os.pidfd_open(recorder)
    except ProcessLookupError:
        raise SystemExit from None  # it has ended already, and nothing was changed
    except OSError:
        return []  # the socket tells too, unless a child of the recorder has kept it
    if os.getppid() != recorder:
        raise SystemExit
    return [fd]


def _statistics() -> dict[str, Any]:
    from bypeer.live.conntrack import Conntrack

    tracker = Conntrack()
    try:
        return dict(tracker.statistics())
    finally:
        tracker.close()


def _entries(ends: list[list[Any]]) -> list[Fields | None]:
    from bypeer.live.conntrack import Conntrack

    tracker = Conntrack()
    try:
        return [tracker.entry((str(a), int(b), str(c), int(d))) for a, b, c, d in ends[:_MOST_ENTRIES]]
    finally:
        tracker.close()


def _main() -> None:
    descriptor, recorder, *rest = sys.argv[1:]
    with socket.socket(fileno=int(descriptor)) as ours:
        _Process(ours, allow="allow" in rest).serve(int(recorder))


if __name__ == "__main__":
    _main()
