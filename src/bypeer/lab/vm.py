"""A command under another kernel, in an unaccelerated virtual machine over this machine's files.

QEMU starts the cached kernel with a small archive of our own as its first file system: a static
busybox, the modules that the tracker and the machine's devices need, and the two scripts below.
They mount the running machine's files over 9p, read-only, with an overlay in memory on top: the
guest may write anywhere, and nothing of it reaches the machine. Output and status come back
through virtio ports, octet by octet.

virtme-ng would boot the same kernels. It wants their modules in the machine's /lib/modules, a
terminal, and itself from PyPI; what is left to do without it is the page below.

KVM is never used: there are hosts on which it is there and hangs.
"""

from __future__ import annotations

import os
import selectors
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bypeer.errors import HostError
from bypeer.lab import debian

Watch = Callable[[int, bytes], None]  # told of output as it comes: file descriptor (1, 2), octets

# What the guest itself needs; what a kernel has built in is no module and is passed over.
DEVICES = ("virtio_pci", "virtio_console", "virtio_rng", "9pnet_virtio", "9p", "overlay")
# Loaded before the command, so that their sysctls are there. The rest comes when the kernel asks
# for it. Up to 5.10 two things have other names: nf_log_ipv4 and nf_log_ipv6, nft_counter.
TRACKER = (
    *("nf_conntrack", "nf_conntrack_netlink", "nf_nat", "nfnetlink", "nfnetlink_log", "nfnetlink_queue"),
    *("nf_tables", "nft_ct", "nft_chain_nat", "nft_nat", "nft_masq", "nft_log", "nft_counter", "nft_compat"),
    *("nf_log_syslog", "nf_log_ipv4", "nf_log_ipv6", "tun", "veth", "bridge"),
)
# What it has, all it can emulate; without the guards of memory that cost time and guard nothing here.
CPU = "max,smap=off,smep=off,pku=off"
# A machine of the plainest kind; no network. A panic ends it (panic=-1, -no-reboot).
MACHINE = (
    *("-no-user-config", "-nodefaults", "-display", "none", "-no-reboot", "-machine", "pc,accel=tcg"),
    *("-cpu", CPU, "-device", "virtio-rng-pci", "-device", "virtio-serial-pci"),
    *("-fsdev", "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap"),
    *("-device", "virtio-9p-pci,fsdev=root,mount_tag=root"),
)
COMMAND_LINE = "console=ttyS0 quiet loglevel=1 panic=-1 rdinit=/init mitigations=off nokaslr audit=0"
PORTS = ("out", "err", "status")  # virtio ports; the console is a serial line
_OUTPUT = {"out": 1, "err": 2}  # file descriptors of the command
TOOLS = {"qemu-system-x86_64": "qemu-system-x86", "setpriv": "util-linux"}
BOOT_S = 180  # no kernel has taken a third of it
OFF_S = 10
READY = b"ready\n"

# The first process, from the kernel's start to the machine's files.
INIT = """\
#!/busybox sh
b=/busybox
$b mkdir /proc /sys /lower /over
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
for module in {modules}; do $b insmod /$module.ko; done
$b mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=524288,cache=loose root /lower
$b mount -t tmpfs over /over
$b mkdir /over/upper /over/work
$b mount -t overlay -o lowerdir=/lower,upperdir=/over/upper,workdir=/over/work root /root
$b mkdir -p /root/proc /root/sys /root/dev /root/run /root/lib/modules/{release}
$b mount -t proc proc /root/proc
$b mount -t sysfs sys /root/sys
$b mount -t devtmpfs dev /root/dev
$b mkdir -p /root/dev/pts /root/dev/shm
$b mount -t devpts pts /root/dev/pts
$b ln -s /proc/self/fd /root/dev/fd
for at in 0/stdin 1/stdout 2/stderr; do $b ln -s /proc/self/fd/${{at%/*}} /root/dev/${{at#*/}}; done
$b mount -t tmpfs shm /root/dev/shm
$b mount -t tmpfs run /root/run
$b mount -o bind /root{stock} /root/lib/modules/{release}
$b mkdir /root/run/bypeer
$b cp /busybox /command /root/run/bypeer/
$b umount /sys
$b umount /proc
exec $b switch_root /root /run/bypeer/busybox sh /run/bypeer/command
"""

# Still the first process. The command writes into pipes, as it would anywhere, and not into a
# port, which only one process can open. What it leaves running ends with it.
COMMAND = """\
b=/run/bypeer/busybox
cd /run/bypeer
$b ln -s busybox modprobe
echo /run/bypeer/modprobe > /proc/sys/kernel/modprobe
$b ifconfig lo up
port() {{
    while :; do
        for at in /sys/class/virtio-ports/*; do
            read -r name < $at/name && [ "$name" = $1 ] && echo /dev/${{at##*/}} && return
        done
        $b sleep 0.1
    done
}}
$b mkfifo out err
$b cat out > $(port out) &
out=$!
$b cat err > $(port err) &
err=$!
exec 3> $(port status)
echo ready >&3
(cd {cwd} && exec {run}) > out 2> err < /dev/null 3>&-
status=$?
for process in /proc/[0-9]*; do
    case ${{process#/proc/}} in 1|$out|$err) ;; *) $b kill -9 ${{process#/proc/}} 2> /dev/null ;; esac
done
wait $out $err
echo $status >&3
exec 3>&-
$b poweroff -f
"""


@dataclass(frozen=True, slots=True)
class Result:
    """What a command under another kernel wrote and how it ended."""

    status: int  # as a shell has it: 128 + N for one that signal N ended
    stdout: bytes
    stderr: bytes
    boot_s: float  # from the start of QEMU to that of the command
    run_s: float  # from there to its end


def run(
    kernel: str,
    argv: Sequence[str],
    *,
    timeout: float = 600,
    memory: int = 1024,
    cpus: int = 1,
    cwd: str | None = None,
    env: Mapping[str, str] | None = None,
    watch: Watch | None = None,
) -> Result:
    """Run a command as root under a cached kernel, over this machine's files; return how it went.

    `timeout` is in seconds and counts from the command's start, `memory` in MiB. Directory and
    environment are the caller's, unless given; stdin is empty. The machine is gone when this
    returns or raises, and when the thread that called it dies.
    """
    spoken = stream(kernel, argv, timeout=timeout, memory=memory, cpus=cpus, cwd=cwd, env=env)
    with closing(spoken):
        while True:
            try:
                said = next(spoken)
            except StopIteration as end:
                result: Result = end.value
                return result
            if watch:
                watch(*said)


def stream(
    kernel: str, argv: Sequence[str], *, timeout: float = 3600, memory: int = 1024, cpus: int = 1,
    cwd: str | None = None, env: Mapping[str, str] | None = None,
) -> Generator[tuple[int, bytes], None, Result]:  # fmt: skip
    """As `run`; yields what the command writes, as it comes: file descriptor (1, 2), octets.

    The machine is gone when the generator has ended or is closed.
    """
    _demand_tools()
    machine = debian.find(kernel)
    script = COMMAND.format(cwd=shlex.quote(cwd or os.getcwd()), run=_words(argv, env))
    with _booted(machine, script, memory, cpus) as ends:
        heard = _Heard(f"Linux {machine.version} in a virtual machine", timeout)
        yield from heard.listen(ends)
    return heard.result()


def rerun(kernel: str, argv: Sequence[str], *, timeout: float = 3600, watch: Watch | None = None) -> Result:
    """Run this bypeer, with this Python, under another kernel: `argv` is what follows `bypeer`."""
    return run(kernel, [sys.executable, "-m", "bypeer", *argv], timeout=timeout, watch=watch)


def _demand_tools() -> None:
    """Say in plain words what is missing."""
    for tool, package in TOOLS.items():
        if shutil.which(tool) is None:
            raise HostError(f"{tool} is missing: apt-get install --no-install-recommends {package}")


def _words(argv: Sequence[str], env: Mapping[str, str] | None) -> str:
    """The command as a line of shell, its environment and nothing else with it.

    In a session of its own: what it sends to its process group shall not reach the first process.
    """
    pairs = [f"{name}={value}" for name, value in (os.environ if env is None else env).items()]
    return shlex.join(["/run/bypeer/busybox", "setsid", "/run/bypeer/busybox", "env", "-i", *pairs, *argv])


def order(index: str, wanted: Iterable[str]) -> list[str]:
    """Paths of the modules to load for the wanted ones, each after what it needs.

    `index` is the text of a modules.dep. A module that it does not have is built in, or of
    another kernel: left out.
    """
    needs = {path: rest.split() for path, _, rest in (line.partition(":") for line in index.splitlines())}
    paths = {Path(path).stem.replace("-", "_"): path for path in needs}
    found: dict[str, None] = {}  # in the order of insertion

    def add(path: str) -> None:
        for need in needs[path]:
            if need not in found:
                add(need)
        found[path] = None

    for name in wanted:
        if name in paths and paths[name] not in found:
            add(paths[name])
    return list(found)


def archive(files: Mapping[str, bytes]) -> bytes:
    """A cpio archive of executable files, none in a directory.

    Source: Documentation/driver-api/early-userspace/buffer-format.rst, "newc".
    """
    parts = []
    for inode, (name, octets) in enumerate([*files.items(), ("TRAILER!!!", b"")], 1):
        # inode, mode, uid, gid, links, mtime, size, device twice, of a device twice, name's length, sum
        fields = (inode, 0o100755, 0, 0, 1, 0, len(octets), 0, 0, 0, 0, len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
        parts += [head, bytes(-len(head) % 4), octets, bytes(-len(octets) % 4)]
    return b"".join(parts)


def _initrd(machine: debian.Cached, command: str) -> bytes:
    """The guest's first file system."""
    paths = order((machine.modules / "modules.dep").read_text(encoding="utf-8"), DEVICES + TRACKER)
    modules = {Path(path).name: (machine.modules / path).read_bytes() for path in paths}
    names = " ".join(name.removesuffix(".ko") for name in modules)
    stock = shlex.quote(str(machine.modules.resolve()))
    init = INIT.format(modules=names, release=machine.release, stock=stock)
    busybox = machine.file("busybox").read_bytes()
    return archive({"init": init.encode(), "command": command.encode(), "busybox": busybox, **modules})


@contextmanager
def _booted(machine: debian.Cached, script: str, memory: int, cpus: int) -> Iterator[dict[str, int]]:
    """A machine that is starting: the ends of its ports and console to read from, by name.

    The archive lies in memory and the ports are pipes, so that a machine that dies, or we, leave
    no file. setpriv has the kernel end QEMU if we are killed.
    """
    initrd = os.memfd_create("initrd")
    pipes = {name: os.pipe() for name in (*PORTS, "console")}
    inherited = [initrd, *(pipe[1] for pipe in pipes.values())]
    ends = [pipe[0] for pipe in pipes.values()]
    try:
        with open(initrd, "wb", closefd=False) as file:
            file.write(_initrd(machine, script))
        command = ["setpriv", "--pdeathsig", "KILL", *_qemu(machine, memory, cpus, initrd, pipes)]
        said = pipes["console"][1]  # where QEMU complains too
        vm = subprocess.Popen(  # in a session of its own: Ctrl-C is ours to hear
            command, stdin=subprocess.DEVNULL, stderr=said, pass_fds=inherited, start_new_session=True
        )
        try:
            while inherited:  # now QEMU's alone, so that its end is theirs
                os.close(inherited.pop())
            yield {name: pipe[0] for name, pipe in pipes.items()}
        finally:
            vm.kill()
            vm.wait()
    finally:
        for descriptor in (*inherited, *ends):
            os.close(descriptor)


def _qemu(
    machine: debian.Cached, memory: int, cpus: int, initrd: int, pipes: Mapping[str, tuple[int, int]]
) -> list[str]:
    """How QEMU is called."""
    command = ["qemu-system-x86_64", *MACHINE, "-m", f"{memory}M", "-smp", str(cpus)]
    command += ["-kernel", str(machine.file("vmlinuz")), "-initrd", f"/dev/fd/{initrd}"]
    command += ["-append", COMMAND_LINE]
    for name, (_, end) in pipes.items():
        command += ["-chardev", f"file,id={name},path=/dev/fd/{end}"]
    for number, name in enumerate(PORTS, 1):
        command += ["-device", f"virtserialport,chardev={name},name={name},nr={number}"]
    return [*command, "-serial", "chardev:console"]


class _Heard:
    """What comes from a machine's ports, until it ends or its time is over."""

    def __init__(self, what: str, timeout: float) -> None:
        self.what, self.timeout = what, timeout
        self.octets = {name: bytearray() for name in (*PORTS, "console")}
        self.began = time.monotonic()
        self.ready = 0.0
        self.done = 0.0

    def listen(self, ends: Mapping[str, int]) -> Iterator[tuple[int, bytes]]:
        """Read until all ports have ended, which QEMU's end is too; pass the command's output on."""
        with selectors.DefaultSelector() as selector:
            for name, end in ends.items():
                selector.register(end, selectors.EVENT_READ, name)
            while selector.get_map():
                left = self._left()
                if left <= 0:
                    return  # all is said, and the machine does not switch itself off
                for key, _ in selector.select(left):
                    octets = os.read(key.fd, 1 << 16)
                    if not octets:
                        selector.unregister(key.fd)
                    self._take(key.data, octets)
                    if octets and key.data in _OUTPUT:
                        yield _OUTPUT[key.data], octets

    def _left(self) -> float:
        """Seconds for the boot, then for the command, then for the machine's own end."""
        now = time.monotonic()
        if self.done:
            return self.done + OFF_S - now
        if self.ready:
            left, why = self.ready + self.timeout - now, f"not done within {self.timeout:g} s"
        else:
            left, why = self.began + BOOT_S - now, f"not started within {BOOT_S} s"
        if left <= 0:
            raise HostError(f"{self.what}: {why}: ended{self._last_words()}")
        return left

    def _take(self, name: str, octets: bytes) -> None:
        self.octets[name] += octets
        if name == "status":
            now, text = time.monotonic(), self.octets[name]
            if text.startswith(READY):
                self.ready = self.ready or now
            if len(text) > len(READY) and text.endswith(b"\n"):
                self.done = now

    def _last_words(self) -> str:
        """What QEMU or the kernel said at last, for a message."""
        lines = self.octets["console"].decode(errors="replace").split("\n")
        words = [line.strip() for line in lines if line.strip().isprintable() and line.strip()]
        return "; its last words: " + " / ".join(words[-3:]) if words else ""

    def result(self) -> Result:
        """All of it, if the command came to an end."""
        status = bytes(self.octets["status"]).removeprefix(READY)
        if not self.done:
            raise HostError(f"{self.what}: died before the command ended{self._last_words()}")
        out, err = bytes(self.octets["out"]), bytes(self.octets["err"])
        return Result(int(status), out, err, self.ready - self.began, self.done - self.ready)
