"""What container engines have written down about their containers: names, images, pods.

Files only, no engine is asked. They are looked for under a root directory, so that a test can have one
of its own. Some lie where users may write: only regular files of a sensible size are read, a damaged
one is told of and passed over, and a name from a user's home never takes the place of the system's.

Source: the engines' own documents and files; which files is in `_PLACES` and `_STORES`.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

_LARGEST = 1 << 22  # octets: containers.json is one file for all containers of a host
_HOME = "home/*/.local/share"
# Below the root, for a container's id. The first that is there tells; homes are last.
_PLACES = (
    ("docker", "var/lib/docker/containers/{}/config.v2.json"),
    ("docker", "var/snap/docker/common/var-lib-docker/containers/{}/config.v2.json"),
    ("containerd", "run/containerd/io.containerd.runtime.v2.task/*/{}/config.json"),
    ("containerd", "run/k3s/containerd/io.containerd.runtime.v2.task/*/{}/config.json"),
    ("containerd", "var/snap/microk8s/common/run/containerd/io.containerd.runtime.v2.task/*/{}/config.json"),
    ("cri-o", "run/containers/storage/*-containers/{}/userdata/config.json"),
    ("docker", _HOME + "/docker/containers/{}/config.v2.json"),
)
# Below the root: the lists of Podman and CRI-O; the volatile ones are of containers that are not kept.
_STORES = (
    "var/lib/containers/storage/*-containers/*containers.json",
    "run/containers/storage/*-containers/*containers.json",
    "run/user/*/containers/*-containers/*containers.json",
    _HOME + "/containers/storage/*-containers/*containers.json",
)
_LOGS = "var/log/containers"  # POD_NAMESPACE_CONTAINER-ID.log, whatever the engine
_LOG = re.compile(r"([^_]+)_([^_]+)_(.+)-([0-9a-f]{64})\.log")
# Annotations of an OCI bundle, by the Label's field: containerd's, CRI-O's and the kubelet's, nerdctl's.
_ANNOTATIONS = {
    "name": ("io.kubernetes.cri.container-name", "io.kubernetes.container.name", "nerdctl/name"),
    "image": ("io.kubernetes.cri.image-name", "io.kubernetes.cri-o.ImageName"),
    "pod": ("io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name"),
    "pod_namespace": ("io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace"),
}
_TYPES = ("io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType")


class Label(NamedTuple):
    """What is written down about a container; each "" where it is not."""

    engine: str = ""
    name: str = ""
    image: str = ""
    hostname: str = ""
    pod: str = ""  # the pod's name, not its UID
    pod_namespace: str = ""
    sandbox: bool = False  # the container that only keeps a pod's namespaces


class Labels:
    """The labels of a host's containers. What is there for all of them is read once."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self.notes: list[str] = []  # what could not be read, and why
        self._places = [*self._moved(), *_PLACES]
        self._note_unreadable()
        self._known = self._stored()
        self._logged = self._logs()

    def of(self, container: str) -> Label:
        """The label of a container's id; an empty one if nothing is written down."""
        found = [self._written(container), self._known.get(container), self._logged.get(container)]
        labels = [one for one in found if one] or [Label()]
        # Field by field, the first that has it: a bundle of Docker's has the host name, not the name.
        return Label(*(next(filter(None, values), values[0]) for values in zip(*labels, strict=True)))

    def _written(self, container: str) -> Label | None:
        # An id comes from a cgroup: a container that may make cgroups chooses it.
        if not re.fullmatch(r"[\w.-]+", container) or container.startswith("."):
            return None
        for engine, pattern in self._places:
            for path in sorted(self._root.glob(pattern.format(container))):
                if text := self._json(path):
                    return _docker(text) if path.name == "config.v2.json" else _bundle(engine, text)
        return None

    def _moved(self) -> Iterator[tuple[str, str]]:
        """Where Docker's containers are if its settings say so."""
        settings = _mapping(self._json(self._root / "etc/docker/daemon.json"))
        if where := _text(settings.get("data-root")).strip("/"):
            yield "docker", _escaped(where) + "/containers/{}/config.v2.json"

    def _stored(self) -> dict[str, Label]:
        """Podman's and CRI-O's lists; what the system's say is not overwritten by a user's."""
        known: dict[str, Label] = {}
        for pattern in _STORES:
            for path in sorted(self._root.glob(pattern)):
                entries = self._json(path)
                for entry in entries if isinstance(entries, list) else ():
                    known.setdefault(_text(_mapping(entry).get("id")), _stored(_mapping(entry)))
        return known

    def _note_unreadable(self) -> None:
        """Say which directories are there and closed to us: a pattern would find nothing in them."""
        patterns = [pattern for _, pattern in self._places] + list(_STORES)
        for base in sorted({re.split(r"[^/]*[*{]", pattern)[0].rstrip("/") for pattern in patterns}):
            try:
                os.listdir(self._root / base)
            except PermissionError as error:
                self.notes.append(f"/{base}: {error.strerror}")
            except (FileNotFoundError, NotADirectoryError):
                continue

    def _logs(self) -> dict[str, Label]:
        try:
            names = os.listdir(self._root / _LOGS)
        except FileNotFoundError:
            return {}
        except OSError as error:
            self.notes.append(f"/{_LOGS}: {error.strerror}")
            return {}
        found = filter(None, map(_LOG.fullmatch, names))
        return {one[4]: Label(name=one[3], pod=one[1], pod_namespace=one[2]) for one in found}

    def _json(self, path: Path) -> Any:
        """What a file says; None if there is none, or after a note."""
        try:
            return json.loads(_octets(path))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            why = error.strerror or str(error)
        except (ValueError, RecursionError):
            why = "no JSON"
        self.notes.append(f"/{path.relative_to(self._root)}: {why}")
        return None


def _octets(path: Path) -> bytes:
    """A regular file's content. A pipe in its place must not block, a large one not fill the memory."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    with os.fdopen(fd, "rb") as file:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
            raise OSError("not a file of at most 4 MiB")
        return file.read(_LARGEST)


def _docker(text: Any) -> Label:
    """The label in Docker's config.v2.json."""
    whole = _mapping(text)
    config = _mapping(whole.get("Config"))
    labels = _mapping(config.get("Labels"))
    name = _text(labels.get("io.kubernetes.container.name")) or _text(whole.get("Name")).removeprefix("/")
    return Label(
        "docker",
        name,
        _text(config.get("Image")),
        _text(config.get("Hostname")),
        _text(labels.get("io.kubernetes.pod.name")),
        _text(labels.get("io.kubernetes.pod.namespace")),
        _text(labels.get("io.kubernetes.docker.type")) == "podsandbox",
    )


def _bundle(engine: str, text: Any) -> Label:
    """The label in an OCI bundle's config.json."""
    whole = _mapping(text)
    notes = _mapping(whole.get("annotations"))
    fields = {
        field: next(filter(None, (_text(notes.get(name)) for name in names)), "")
        for field, names in _ANNOTATIONS.items()
    }
    sandbox = any(notes.get(name) == "sandbox" for name in _TYPES)
    return Label(engine=engine, hostname=_text(whole.get("hostname")), sandbox=sandbox, **fields)


def _stored(entry: Mapping[str, Any]) -> Label:
    """The label in an entry of containers.json; of CRI-O's containers it says more."""
    names = entry.get("names")
    name = _text(names[0]) if isinstance(names, list) and names else ""
    try:
        about = _mapping(json.loads(_text(entry.get("metadata"))))
    except (ValueError, RecursionError):
        about = {}
    image, pod = _text(about.get("image-name")), _text(about.get("pod-name"))
    if not pod:
        return Label("podman", name, image)
    # k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT, and POD for the container that keeps the namespaces.
    parts = [*name.split("_"), "", "", "", ""]
    return Label("cri-o", parts[1], image, "", parts[2], parts[3], parts[1] == "POD")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _escaped(path: str) -> str:
    """The path as a pattern that matches it alone, and as a template."""
    return re.sub(r"([*?[])", r"[\1]", path).replace("{", "{{").replace("}", "}}")
