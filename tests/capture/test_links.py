"""tshark as judge of where IP lies: one capture with an interface for each kind of header."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests import make
from tests.core import test_ether, test_link, test_serial, test_wireless
from tests.core.headers import PACKET, PACKET6
from tests.make import Taken

pytestmark = pytest.mark.skipif(shutil.which("tshark") is None, reason="no tshark here")

BEFORE = {
    f"{module.__name__.rpartition('.')[2]}: {name}": before
    for module in (test_link, test_ether, test_serial, test_wireless)
    for name, before in module.BEFORE.items()
}
# What tshark 4.0 does not know, or not so; libpcap's dlt.h and tcpdump do.
UNKNOWN = {
    "test_link: SLIP": "it has no name for what follows the header",
    "test_link: ATM_CLIP with LLC": "it takes all of them for bare IP; tcpdump looks",
    "test_link: Juniper without link layer": "it wants a protocol number, where tcpdump tells by the version",
    "test_link: NETANALYZER": "it wants a version in the header",
    "test_link: NFLOG of a big-endian host": "it goes by the file's own byte order",
    "test_link: Broadcom's tag": "newer",
    "test_link: Broadcom's tag in front": "newer",
    "test_link: Marvell's tag": "newer",
    "test_link: Marvell's tag and a VLAN": "newer",
    "test_link: Marvell's tag with an EtherType": "newer",
    "test_ether: EDSA": "no EtherType of its own, but the one that Linux uses",
    "test_serial: PPP with the direction as address": "no such link type there",
    "test_serial: Cisco's HDLC with the direction": "no such link type there",
    "test_serial: Frame Relay with the direction": "no such link type there",
}


def test_tshark_finds_ip_behind_the_same_headers(tmp_path: Path) -> None:
    octets = make.section() + b"".join(make.interface(link_type) for link_type, _ in BEFORE.values())
    for number, (_, before) in enumerate(BEFORE.values()):
        octets += b"".join(
            make.enhanced(Taken(before(one) + one, interface=number)) for one in (PACKET, PACKET6)
        )
    path = tmp_path / "all.pcapng"
    path.write_bytes(octets)
    run = ["tshark", "-r", path, "-T", "fields", "-e", "frame.interface_id", "-e", "tcp.srcport"]
    done = subprocess.run(run, check=True, capture_output=True, text=True)
    found = [0] * len(BEFORE)
    for line in done.stdout.splitlines():
        interface, port = line.split("\t")
        found[int(interface)] += port == "40000"
    assert {name for name, both in zip(BEFORE, found, strict=True) if both != 2} == set(UNKNOWN)
