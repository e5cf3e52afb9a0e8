"""`bypeer try` on a real NAT host: what it passes on, and what it says of its own recording."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import bypeer
from bypeer.errors import HostError
from tests.live.command import CLIENT, LONGEST, begun, serving, there
from tests.live.nat import SERVER, Net, nat_host, state


@pytest.fixture(scope="module")
def net() -> Iterator[Net]:
    try:
        with nat_host() as found:
            found.server.set_sysctls(
                {"net.ipv4.tcp_timestamps": 0}
            )  # so that what it forges looks like its own
            yield found
    except HostError as error:
        pytest.skip(str(error))


def tried(net: Net, folder: Path, *more: str, client: str = CLIENT) -> tuple[int, str, str]:
    process = begun(
        net,
        ["try", "--netns", there(net.client), "--to", SERVER, *more, "--", sys.executable, "-c", client],
        folder,
    )
    said, told = process.communicate(timeout=LONGEST)
    return process.returncode, said, told


def test_what_the_hosts_own_reset_did(net: Net, tmp_path: Path) -> None:
    before = state(net.host)
    with serving(net) as sent:
        status, said, told = tried(net, tmp_path)
    assert (status, said) == (56, "Connection reset by peer\n"), told
    assert "NF02" in told
    (path,) = tmp_path.glob("*.case.pcapng")
    found = bypeer.explain([path])
    assert (found.verdict.killed_by, found.verdict.cause) == ("host", "NF02"), told
    lethal = next(one for one in found.resets if one.effect == "lethal")
    assert lethal.trigger is not None
    assert lethal.trigger.seq == sent[0]
    assert state(net.host) == before, "nothing was changed, and nothing is"


def test_with_the_kernels_own_word(net: Net, tmp_path: Path) -> None:
    before = state(net.host)
    with serving(net) as sent:
        status, _, told = tried(net, tmp_path, "--allow-system-changes")
    assert status == 56
    (path,) = tmp_path.glob("*.case.pcapng")
    found = bypeer.explain([path])
    assert (found.verdict.killed_by, found.verdict.cause) == ("host", "NF02"), told
    assert found.verdict.certainty == "certain"
    assert "nf_ct_proto_6: SEQ is over upper bound" in told
    assert sent
    assert state(net.host) == before
    checked = subprocess.run(["tshark", "-r", path], capture_output=True, text=True, check=True)
    assert checked.stderr.replace('Running as user "root"', "").count("\n") <= 1, checked.stderr


def test_of_what_went_well_nothing_is_said_and_nothing_kept(net: Net, tmp_path: Path) -> None:
    client = CLIENT.replace("range(40)", "range(1)")
    with serving(net, beyond=0):
        status, said, told = tried(net, tmp_path, client=client)
    assert (status, said) == (0, "survived\n")
    assert not list(tmp_path.iterdir())
    assert "RST" not in told


@pytest.mark.parametrize(
    ("arguments", "status", "why"),
    [
        (["--netns", "no-such", "--", "true"], 125, "no-such"),
        (["--pid", "1", "--netns", "x", "--", "true"], 2, "name one target"),
        (["-i", "eth0", "--", "true"], 2, "inside=NAME"),
        (["-i", "outside=nothing", "--", "true"], 125, "nothing"),
    ],
)
def test_its_own_failures(net: Net, tmp_path: Path, arguments: list[str], status: int, why: str) -> None:
    process = begun(net, ["try", *arguments], tmp_path)
    _, told = process.communicate(timeout=LONGEST)
    assert process.returncode == status, told
    assert why in told
