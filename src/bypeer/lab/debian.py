"""Debian's kernels in a cache of our own: fetched with apt, unpacked without being installed.

Each kernel lies in a directory of its name with all that a virtual machine needs to boot it:
`vmlinuz`, `lib/modules/RELEASE`, a static busybox, and `about.json`. The machine's own apt and
dpkg are read, to learn the mirror and its proxy, and never written: lists, cache and dpkg's
status are ours and go when the fetch ends.
"""

from __future__ import annotations

import fcntl
import json
import lzma
import os
import platform
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, NamedTuple

from bypeer.errors import HostError

Say = Callable[[str], None]
MB = 1_000_000


class Series(NamedTuple):
    """A kernel that can be fetched."""

    name: str
    suite: str  # of Debian, where it comes from; its security updates too
    fetched: int  # octets to download, about: as they were in November 2026
    kept: int  # octets in the cache, about


SERIES: tuple[Series, ...] = (
    Series("5.10", "bullseye", 67 * MB, 51 * MB),
    Series("6.1", "bookworm", 81 * MB, 63 * MB),
    Series("6.12", "trixie", 119 * MB, 75 * MB),
    Series("newest", "sid", 137 * MB, 84 * MB),
)

# What Debian's archive is known by in a sources list; its mirror serves all the other suites too.
CODENAMES = ("bullseye", "bookworm", "trixie", "forky", "duke", "sid")
SUITES = frozenset((*CODENAMES, "oldoldstable", "oldstable", "stable", "testing", "unstable"))
SECURITY = "-security"

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")  # where its package puts it
TOOLS = {"apt-get": "apt", "apt-cache": "apt", "dpkg-deb": "dpkg"}  # tool: the package it comes in

# Of the machine's apt we keep what says how to reach the mirror; hooks, pins and state are not ours.
APT_CONF = """\
#clear APT::Update;
#clear DPkg;
Dir::Etc::sourcelist "{home}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "{home}";
Dir::State::lists "{home}/lists";
Dir::State::status "{home}/status";
Dir::Cache "{home}";
Acquire::Languages "none";
APT::Update::Error-Mode "any";
APT::Sandbox::User "root";
"""

# The few modules of a kernel package that a router in a virtual machine may want: path, as in the
# package, without `usr/`.
WANTED = re.compile(
    r"(?P<kernel>boot/vmlinuz-.+|lib/modules/[^/]+/vmlinuz)|(?P<busybox>bin/busybox)|"
    r"(?P<module>lib/modules/[^/]+/(?:modules\.[\w.]+|kernel/"
    r"(?:arch|crypto|lib|net|fs/(?:9p|fscache|netfs|overlayfs)|"
    r"drivers/(?:virtio|char/virtio_console|char/hw_random/(?:rng-core|virtio-rng)|net/[\w-]+))"
    r"(?:/[\w/-]+)?\.ko(?:\.xz)?))"
)
DRIVERS = re.compile(r"/kernel/drivers/net/.+/")  # of network cards: none is in the machine
ABOUT = "about.json"


@dataclass(frozen=True, slots=True)
class Cached:
    """A kernel in the cache."""

    name: str  # 5.10, newest
    release: str  # `uname -r`: 5.10.0-46-amd64
    version: str  # what it is, patch level and all: 5.10.262
    package: str  # Debian's version of it: 5.10.262-1
    suite: str
    octets: int  # on disk
    path: str

    def file(self, name: str) -> Path:
        """Where one of its files lies."""
        return Path(self.path) / name

    @property
    def modules(self) -> Path:
        """Its directory of modules, as `/lib/modules/RELEASE` would be."""
        return self.file("lib/modules") / self.release


def cache() -> Path:
    """Where kernels are kept (XDG Base Directory Specification)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bypeer" / "kernels"


def series(name: str) -> Series:
    """What can be fetched under that name."""
    for one in SERIES:
        if one.name == name:
            return one
    raise HostError(f"no kernel {name!r} can be fetched: there are {', '.join(s.name for s in SERIES)}")


def cached() -> list[Cached]:
    """The kernels in the cache, in the order of SERIES."""
    found = []
    for one in SERIES:
        about = cache() / one.name / ABOUT
        if about.exists():
            found.append(Cached(**json.loads(about.read_text(encoding="utf-8")), path=str(about.parent)))
    return found


def find(name: str) -> Cached:
    """That kernel from the cache."""
    series(name)
    for one in cached():
        if one.name == name:
            return one
    raise HostError(f"the kernel {name} is not in the cache: `bypeer lab kernels fetch {name}` fetches it")


def fetch(name: str, say: Say, mirror: str | None = None) -> Cached:
    """Download and unpack a kernel, in place of what the cache had under its name.

    `say` is told what happens, and the sizes before anything large is downloaded. `mirror` is
    the address of Debian's archive; without it that of the machine's own apt is taken.
    """
    wanted = series(name)
    _demand_tools()
    places = _sources(mirror)
    cache().mkdir(parents=True, exist_ok=True)
    with _alone(), tempfile.TemporaryDirectory(prefix=".fetch-", dir=cache()) as scratch:
        home = Path(scratch)
        apt = _configure(home, wanted.suite, places)
        say(f"{name}: reading the package lists of Debian {wanted.suite}, about 10 MB")
        _run([*apt("apt-get"), "update"], home)
        records = _resolve(apt, home)
        _announce(name, records, say)
        _run([*apt("apt-get"), "download", *(f"{r['Package']}={r['Version']}" for r in records)], home)
        new = home / name
        for package in sorted(home.glob("*.deb")):
            _unpack(package, new)
            package.unlink()
        _finish(new, wanted, records)
        shutil.rmtree(cache() / name, ignore_errors=True)
        new.rename(cache() / name)
    return find(name)


def _demand_tools() -> None:
    """Say in plain words what is missing."""
    if platform.machine() != "x86_64":
        raise HostError(f"kernels are fetched for x86_64 machines only: this one is {platform.machine()}")
    for tool, package in TOOLS.items():
        if shutil.which(tool) is None:
            raise HostError(f"{tool} is missing (package {package}): kernels are fetched with Debian's tools")
    if not KEYRING.exists():
        raise HostError("the keys of Debian's archive are missing: apt-get install debian-archive-keyring")


def _run(command: Sequence[str], home: Path) -> str:
    """What the command writes; if it fails, its last words are the message."""
    done = subprocess.run(
        command, cwd=home, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}, check=False
    )
    if done.returncode:
        words = [line for line in done.stderr.splitlines() if line.startswith(("E:", "dpkg-deb:"))]
        why = words[0] if words else done.stderr.strip() or f"status {done.returncode}"
        raise HostError(f"{' '.join(Path(word).name for word in command[:1])}: {why}")
    return done.stdout


def _sources(mirror: str | None) -> dict[str, str]:
    """Where Debian's archive is, and where its security updates are: "" and SECURITY to an address."""
    if mirror:
        return {"": mirror}
    places: dict[str, str] = {}
    # Without release information apt lists what its sources say, whether or not it was downloaded.
    listing = ["apt-get", "indextargets", "--no-release-info", "--format", "$(REPO_URI) $(RELEASE)"]
    for line in _run(listing, Path("/")).splitlines():
        address, _, suite = line.partition(" ")
        name = suite.removesuffix(SECURITY)
        if name in SUITES:
            places.setdefault(suite.removeprefix(name), address)
    if "" not in places:
        raise HostError("this machine's apt has no mirror of Debian in its sources: name one, --mirror URL")
    return places


def _configure(home: Path, suite: str, places: dict[str, str]) -> Callable[[str], list[str]]:
    """An apt of our own in that directory: what a tool of it is called with."""
    lines = [
        f"deb [signed-by={KEYRING}] {address} {suite}{suffix} main"
        for suffix, address in places.items()
        if not (suffix and suite == "sid")  # has no security updates: they are in it first
    ]
    for directory in ("lists/partial", "archives/partial"):
        (home / directory).mkdir(parents=True)
    (home / "status").touch()
    (home / "sources.list").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (home / "apt.conf").write_text(APT_CONF.format(home=home), encoding="utf-8")
    return lambda tool: [tool, "-c", f"{home}/apt.conf"]


def _resolve(apt: Callable[[str], list[str]], home: Path) -> list[dict[str, str]]:
    """The packages to fetch: what the newest kernel of the suite consists of, and busybox."""

    def show(package: str) -> dict[str, str]:
        text = _run([*apt("apt-cache"), "show", "--no-all-versions", package], home)
        return {key: value for key, _, value in (line.partition(": ") for line in text.splitlines())}

    waiting, records = ["linux-image-amd64"], [show("busybox-static")]
    seen = set(waiting)
    while waiting:
        record = show(waiting.pop())
        records.append(record)
        # Since 6.17 a kernel is several packages, of the same release.
        for name in re.findall(r"linux-(?:image|binary|modules|base)-\d[^ ,]*", record.get("Depends", "")):
            if name not in seen:
                seen.add(name)
                waiting.append(name)
    return records


def _announce(name: str, records: list[dict[str, str]], say: Say) -> None:
    """Say what will be fetched and how large it is; refuse where the disk has no room for it."""
    download = sum(int(record["Size"]) for record in records)
    # Modules that are packed in their package are kept unpacked: as much again.
    needed = 2 * download + 1024 * sum(int(record["Installed-Size"]) for record in records)
    free = shutil.disk_usage(cache()).free
    if free < needed:
        raise HostError(f"{cache()}: {free // MB} MB are free, {needed // MB} MB are needed to unpack {name}")
    version = next(r["Version"] for r in records if r["Package"].startswith("linux-image-"))
    say(f"{name}: Linux {version}: {download / MB:.0f} MB to download, {free // MB} MB free")


def _unpack(package: Path, to: Path) -> None:
    """Unpack what WANTED names from a package."""
    for name, octets in _files(package):
        wanted = WANTED.fullmatch(name)
        if wanted is None or DRIVERS.search(name):
            continue
        kept = {"kernel": "vmlinuz", "busybox": "busybox"}.get(str(wanted.lastgroup), name)
        target = to / kept
        target.parent.mkdir(parents=True, exist_ok=True)
        # A packed module unpacked, so that nothing in the machine must know how.
        if target.suffix == ".xz":
            target.with_suffix("").write_bytes(lzma.decompress(octets.read()))
        else:
            target.write_bytes(octets.read())


def _files(package: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """The regular files of a package: path without `usr/`, which newer ones have, and content."""
    command = ["dpkg-deb", "--fsys-tarfile", str(package)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as tar,
        tarfile.open(fileobj=tar.stdout, mode="r|") as archive,
    ):
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if content is not None:
                yield member.name.removeprefix("./").removeprefix("usr/"), content
    if tar.returncode:
        raise HostError(f"{package.name}: dpkg-deb cannot read it (status {tar.returncode})")


def _finish(new: Path, wanted: Series, records: list[dict[str, str]]) -> None:
    """Make the modules' index and write what the kernel is."""
    (new / "busybox").chmod(0o755)
    release = next((new / "lib/modules").iterdir()).name
    _run([str(new / "busybox"), "depmod", "-b", str(new), release], new)
    package = next(r["Version"] for r in records if r["Package"].startswith("linux-image-"))
    octets = sum(file.stat().st_blocks * 512 for file in new.rglob("*"))
    about = asdict(Cached(wanted.name, release, package.partition("-")[0], package, wanted.suite, octets, ""))
    del about["path"]  # where it lies is known from where it was found
    (new / ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


@contextmanager
def _alone() -> Iterator[None]:
    """One fetch at a time; what one that was killed has left goes."""
    with (cache() / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise HostError("another `bypeer lab kernels fetch` is running") from error
        for left in cache().glob(".fetch-*"):
            shutil.rmtree(left, ignore_errors=True)
        yield
