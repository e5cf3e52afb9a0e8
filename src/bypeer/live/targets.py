"""Who can be named on a host, and where its network namespace is.

A Target is a record of what was seen at one time; `hold.hold` opens what it means. The host is whoever
calls: its namespace is that of the calling thread.

Source: namespaces(7), proc(5), ip-netns(8).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

from bypeer.errors import HostError, LiveError
from bypeer.live.engines import Label, Labels
from bypeer.live.holders import PROC, Process, look, look_through, open_process, processes
from bypeer.live.namespace import OWN, hostname_in, open_path

ROOT = Path("/")
KINDS = ("container", "pod", "pid", "netns", "host")
# Where namespaces have names, below the root: ip-netns(8) and container networks; Docker's sandboxes.
_NAMED, _SANDBOXES = "run/netns", "run/docker/netns"
_CAP_SYS_PTRACE = 19
_SHOWN = 5  # candidates that a message names

T = TypeVar("T")


class Target(NamedTuple):
    """Something that has a network namespace and can be named."""

    kind: str  # one of KINDS
    name: str
    netns: int  # inode of the namespace; 0: we may not know
    pid: int = 0  # its oldest process; 0: it needs none (netns, host)
    start_time: int = 0  # of that process: clock ticks since boot
    path: str = ""  # netns: the file that keeps it
    engine: str = ""
    id: str = ""  # the container's, or the pod's UID
    pod: str = ""  # of a container: NAMESPACE/NAME, or what is known of it
    image: str = ""
    hostname: str = ""
    command: str = ""  # of that process
    sandbox: bool = False  # a container that only keeps a pod's namespaces

    def __str__(self) -> str:
        return self.kind if self.kind == "host" else f"{self.kind} {self.name}"


class Seen(NamedTuple):
    """What can be named on a host, and what could not be seen of it."""

    host: int  # inode of the host's namespace
    targets: list[Target]  # the host first
    notes: list[str]
    hidden: int  # processes of which it is not to be seen who they are, or where


# By what a container or a pod is named: the first of these that fits any decides.
_CONTAINER_NAMES: tuple[Callable[[Target, str], bool], ...] = (
    lambda one, word: one.id == word,
    lambda one, word: one.name == word,
    lambda one, word: one.id.startswith(word),
    lambda one, word: one.hostname == word,
)
_POD_NAMES: tuple[Callable[[Target, str], bool], ...] = (
    lambda one, word: one.id == word,
    lambda one, word: one.name == word,
    lambda one, word: one.name.rpartition("/")[2] == word,
    lambda one, word: one.id.startswith(word),
)


def all_holders(root: Path = ROOT) -> Seen:
    """Everything that can be named: the host, pods, containers, named namespaces, other processes."""
    labels = Labels(root)
    everyone = list(processes(root / "proc"))
    alive = sorted(
        (one for one in everyone if isinstance(one, Process)), key=lambda one: (one.start_time, one.pid)
    )
    host = OWN.stat().st_ino
    containers = [_container(one, labels, root) for one in _first(alive, lambda one: one.place.container)]
    pods = list(_pods(alive, containers, root))
    containers = [_in_pod(one, pods) for one in containers]
    named = list(_named(root, _NAMED, labels.notes))
    known = {0, host} | {one.netns for one in (*containers, *named)}
    named += [one for one in _named(root, _SANDBOXES, labels.notes) if one.netns not in known]
    known |= {one.netns for one in named}
    others = [
        Target("pid", str(one.pid), one.netns, one.pid, one.start_time, command=one.command)
        for one in _first(alive, lambda one: one.netns)
        if one.netns not in known
    ]
    hidden = len(everyone) - sum(one.netns != 0 for one in alive)
    targets = [Target("host", "host", host), *pods, *containers, *named, *others]
    return Seen(host, targets, [*labels.notes, *_about_hidden(hidden, len(everyone))], hidden)


def find(kind: str, word: str, root: Path = ROOT) -> Target:
    """The target of that kind and name.

    A container is named by its id or the beginning of it, its name, or its host name; a pod by its name,
    NAMESPACE/NAME, or its UID; a netns by its name or a path; a process by its pid. LiveError if there is
    none or several; HostError if we may not see enough to say.
    """
    match kind:
        case "host":
            return Target("host", "host", OWN.stat().st_ino)
        case "pid":
            return _process(word, root)
        case "netns":
            return _namespace(word, root)
    assert kind in KINDS, kind
    seen = all_holders(root)
    candidates = [one for one in seen.targets if one.kind == kind]
    for fits in _CONTAINER_NAMES if kind == "container" else _POD_NAMES:
        if word and (found := [one for one in candidates if fits(one, word)]):
            return _only(found, kind, word)
    if seen.hidden and not _sees_all():
        raise HostError(f"no {kind} {word!r} is to be seen, and {seen.notes[-1]}")
    raise LiveError(f"no {kind} {word!r} runs here; `bypeer containers` lists what can be named")


def _only(found: list[Target], kind: str, word: str) -> Target:
    """The one that is meant; several in one namespace are as good as one."""
    if len(found) == 1 or (found[0].netns and len({one.netns for one in found}) == 1):
        return found[0]
    said = [f"{one.id[:12]}{f' in pod {one.pod}' if one.pod else ''} ({one.name})" for one in found[:_SHOWN]]
    more = ["..."] if len(found) > _SHOWN else []
    raise LiveError(f"{word!r} may be {len(found)} {kind}s; name one by its id: {', '.join(said + more)}")


def _process(word: str, root: Path) -> Target:
    if not (word.isascii() and word.isdigit() and len(word) < 12):
        raise LiveError(f"{word!r} is no process id")
    one = look(int(word), root / "proc")
    if one is None:
        raise LiveError(f"there is no process {word}")
    if not isinstance(one, Process) or not one.netns:
        raise HostError(f"seeing the namespace of process {word} needs root (CAP_SYS_PTRACE)")
    return Target("pid", word, one.netns, one.pid, one.start_time, command=one.command)


def _namespace(word: str, root: Path) -> Target:
    paths = [Path(word)] if "/" in word else [root / where / word for where in (_NAMED, _SANDBOXES)]
    for path in paths:
        if word and path.exists():
            fd = open_path(path)
            try:
                return Target("netns", word, os.fstat(fd).st_ino, path=str(path))
            finally:
                os.close(fd)
    raise LiveError(f"there is no network namespace {word!r}; `bypeer containers` lists what has a name")


def _container(one: Process, labels: Labels, root: Path) -> Target:
    """A container, by its oldest process."""
    where, label = one.place, labels.of(one.place.container)
    hostname = label.hostname or _hostname(one, root)
    return Target(
        "container", label.name or where.container[:12], one.netns, one.pid, one.start_time,
        engine=where.engine or label.engine, id=where.container, pod=_pod_name(label) or where.pod,
        image=label.image, hostname=hostname, command=one.command, sandbox=label.sandbox,
    )  # fmt: skip


def _pods(alive: list[Process], containers: list[Target], root: Path) -> Iterator[Target]:
    """The pods, each by the oldest process of its containers."""
    by_id = {one.id: one for one in containers}
    # What a pod has beside containers (CRI-O puts conmon there) is not in its namespace.
    inside = [one for one in alive if one.place.pod and one.place.container]
    for one in _first(inside, lambda one: one.place.pod):
        uid = one.place.pod
        mine = [by_id[each.place.container] for each in inside if each.place.pod == uid]
        named = [each.pod for each in mine if each.pod != uid]
        hostname = mine[0].hostname
        yield Target(
            "pod", named[0] if named else hostname or uid, one.netns, one.pid, one.start_time,
            engine=mine[0].engine, id=uid, hostname=hostname, command=one.command,
        )  # fmt: skip


def _in_pod(container: Target, pods: list[Target]) -> Target:
    """The container, with the pod's name where only its UID was known."""
    names = [one.name for one in pods if one.id == container.pod]
    return container._replace(pod=names[0]) if names else container


def _pod_name(label: Label) -> str:
    return f"{label.pod_namespace}/{label.pod}" if label.pod_namespace and label.pod else label.pod


def _named(root: Path, where: str, notes: list[str]) -> Iterator[Target]:
    """The namespaces that have a name in that directory."""
    try:
        names = sorted(os.listdir(root / where))
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        notes.append(f"/{where}: {error.strerror}")
        return
    for name in names:
        try:
            yield _namespace(str(root / where / name), root)._replace(name=name)
        except (LiveError, HostError) as error:
            notes.append(str(error))


def _hostname(process: Process, root: Path) -> str:
    """The host name where the process is; "" if it is the host's, or is not to be known.

    The kernel is asked, not the container's /etc/hostname: what that leads to is the container's choice.
    """
    try:
        directory = open_process(process.pid, root / "proc")
    except OSError:
        return ""  # it has just ended
    try:
        now = look_through(directory, process.pid)
        if not isinstance(now, Process) or now.start_time != process.start_time:
            return ""
        fd = os.open("ns/uts", os.O_RDONLY | os.O_CLOEXEC, dir_fd=directory)
        try:
            own = os.fstat(fd).st_ino == (PROC / "thread-self/ns/uts").stat().st_ino
            return "" if own else hostname_in(fd)
        finally:
            os.close(fd)
    except (OSError, HostError):
        return ""  # it has just ended, or we may not: then it has no name, which is seen
    finally:
        os.close(directory)


def _about_hidden(hidden: int, of: int) -> list[str]:
    if not hidden:
        return []
    whose = "even by root" if _sees_all() else "without root (CAP_SYS_PTRACE)"
    return [f"of {hidden} of {of} processes the namespace is not to be seen {whose}"]


def _sees_all() -> bool:
    """Whether this thread has CAP_SYS_PTRACE, to which few processes are closed."""
    status = (PROC / "thread-self/status").read_text(errors="replace")
    effective = int(status.partition("CapEff:")[2].split()[0], 16)
    return effective >> _CAP_SYS_PTRACE & 1 == 1


def _first(processes: Iterable[Process], key: Callable[[Process], T]) -> Iterator[Process]:
    """The first process of each key that is not empty."""
    met: set[T] = set()
    for one in processes:
        if (what := key(one)) and what not in met:
            met.add(what)
            yield one
