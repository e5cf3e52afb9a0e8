"""What engines have written down: found, put together, and no harm where it is damaged."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from bypeer.live.engines import Label, Labels
from tests.live.hosts import Host, digits

pytestmark = pytest.mark.live
A, B = digits("a"), digits("b")
DOCKER = {"ID": A, "Name": "/ci-job", "Config": {"Hostname": A[:12], "Image": "debian:12", "Labels": {}}}
CRI = {
    "hostname": "web-0",
    "annotations": {
        "io.kubernetes.cri.container-name": "nginx",
        "io.kubernetes.cri.container-type": "container",
        "io.kubernetes.cri.image-name": "nginx:1.27",
        "io.kubernetes.cri.sandbox-name": "web-0",
        "io.kubernetes.cri.sandbox-namespace": "shop",
    },
}
CRIO = {
    "hostname": "web-0",
    "annotations": {
        "io.kubernetes.container.name": "nginx",
        "io.kubernetes.cri-o.ContainerType": "sandbox",
        "io.kubernetes.cri-o.ImageName": "nginx:1.27",
        "io.kubernetes.pod.name": "web-0",
        "io.kubernetes.pod.namespace": "shop",
    },
}
STORE = [
    {"id": A, "names": ["ci-job"], "metadata": '{"image-name":"debian:12","name":"ci-job"}'},
    {"id": B, "names": ["k8s_nginx_web-0_shop_uid_0"],
     "metadata": '{"image-name":"nginx:1.27","pod-name":"web-0","pod-id":"x"}'},
]  # fmt: skip
SOMEONE = Label("docker", "ci-job", "debian:12", A[:12])
NGINX = Label("containerd", "nginx", "nginx:1.27", "web-0", "web-0", "shop")
BUNDLE = "io.containerd.runtime.v2.task/k8s.io"

FILES: dict[str, tuple[Any, str, Label]] = {
    f"var/lib/docker/containers/{A}/config.v2.json": (DOCKER, A, SOMEONE),
    f"home/eve/.local/share/docker/containers/{A}/config.v2.json": (DOCKER, A, SOMEONE),
    f"run/containerd/{BUNDLE}/{A}/config.json": (CRI, A, NGINX),
    f"run/k3s/containerd/{BUNDLE}/{A}/config.json": (CRI, A, NGINX),
    f"run/containers/storage/overlay-containers/{A}/userdata/config.json": (
        CRIO, A, NGINX._replace(engine="cri-o", sandbox=True)
    ),
    "var/lib/containers/storage/overlay-containers/containers.json": (
        STORE, A, Label("podman", "ci-job", "debian:12")
    ),
    "run/containers/storage/vfs-containers/volatile-containers.json": (
        STORE, B, Label("cri-o", "nginx", "nginx:1.27", "", "web-0", "shop")
    ),
    f"var/log/containers/web-0_shop_nginx-{A}.log": ("", A, Label("", "nginx", "", "", "web-0", "shop")),
}  # fmt: skip


@pytest.mark.parametrize("path", FILES)
def test_what_each_file_tells(tmp_path: Path, path: str) -> None:
    content, container, label = FILES[path]
    Host(tmp_path).write(path, content)
    labels = Labels(tmp_path)
    assert labels.of(container) == label
    assert labels.of(digits("c")) == Label()
    assert labels.notes == []


def test_docker_that_keeps_its_data_elsewhere(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.write("etc/docker/daemon.json", {"data-root": "/srv/[1]/{x}"})
    host.write(f"srv/[1]/{{x}}/containers/{A}/config.v2.json", DOCKER)
    assert Labels(tmp_path).of(A) == SOMEONE


def test_what_one_file_lacks_another_has(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.write(f"run/containerd/{BUNDLE}/{A}/config.json", {"hostname": "web-0"})
    host.write(f"var/log/containers/web-0_shop_nginx-{A}.log", "")
    assert Labels(tmp_path).of(A) == Label("containerd", "nginx", "", "web-0", "web-0", "shop")


def test_a_user_cannot_rename_the_systems_containers(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.write("home/eve/.local/share/containers/storage/vfs-containers/containers.json",
               [{"id": A, "names": ["mine"]}])  # fmt: skip
    host.write("var/lib/containers/storage/vfs-containers/containers.json", STORE)
    assert Labels(tmp_path).of(A).name == "ci-job"


DAMAGED = {
    "cut": ("{", True),
    "no text": ("\udcff", True),
    "deep": ("[" * 100_000, True),
    "a list": ("[]", False),
    "a number": ("7", False),
    "other types": ('{"Name": 1, "Config": [], "annotations": "x", "hostname": {}}', False),
    "other types in a list": ('[7, {"id": [], "names": "x"}, {"names": []}]', False),
}


@pytest.mark.parametrize(("content", "told"), DAMAGED.values(), ids=DAMAGED)
@pytest.mark.parametrize("path", [path for path in FILES if path.endswith("json")])
def test_a_damaged_file_names_nobody(tmp_path: Path, path: str, content: str, told: bool) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_bytes(content.encode(errors="surrogateescape"))
    labels = Labels(tmp_path)
    found = labels.of(A)
    assert (found.name, found.image, found.hostname) == ("", "", "")
    assert labels.notes == ([f"/{path}: no JSON"] if told else [])


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "home/eve/.local/share/containers/storage/vfs-containers/containers.json"
    path.parent.mkdir(parents=True)
    os.mkfifo(path)
    assert Labels(tmp_path).notes == [f"/{path.relative_to(tmp_path)}: not a file of at most 4 MiB"]
    path.unlink()
    path.symlink_to("/etc/hostname")
    assert "symbolic link" in Labels(tmp_path).notes[0]
    path.unlink()
    with path.open("wb") as file:
        file.truncate((1 << 22) + 1)
    assert "4 MiB" in Labels(tmp_path).notes[0]


@pytest.mark.parametrize("container", ["..", "*", "a/b", "", "{}", ".x"])
def test_an_id_is_no_path(tmp_path: Path, container: str) -> None:
    host = Host(tmp_path)
    for path in ("config.v2.json", "a/b/config.v2.json", "../config.v2.json", ".x/config.v2.json"):
        host.write(f"var/lib/docker/containers/{path}", DOCKER)
    assert Labels(tmp_path).of(container) == Label()
