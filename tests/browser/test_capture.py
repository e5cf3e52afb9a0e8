"""From a capture to a page: what stands in a pcapng wherever text may stand is shown, and does nothing."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from bypeer.api import explain
from bypeer.capture.journal import entry
from bypeer.core.evidence import Event
from bypeer.report.page import render
from tests import make
from tests.browser.driver import Window

Open = Callable[..., Window]
CASE = Path(__file__).parent.parent / "captures" / "late-segment"
EVIL = "<img src=x onerror=pwned=1></script><script>pwned=1</script>\x1b[2J\u202egnp."
NAME = "<img src=x onerror=pwned=1>\x1b[2J\u202e"  # no slash: a file is called so


def records(path: Path) -> Iterator[make.Taken]:
    """The frames of a pcap in microseconds."""
    octets = path.read_bytes()
    at = 24
    while at < len(octets):
        seconds, micro, kept, wire = struct.unpack_from("<IIII", octets, at)
        at += 16
        yield make.Taken(octets[at : at + kept], (seconds * 1_000_000 + micro) * 1_000, wire)
        at += kept


def pcapng(path: Path) -> bytes:
    """The same capture with markup and control characters wherever there may be text."""
    link_type = struct.unpack_from("<I", path.read_bytes(), 20)[0]
    evil = EVIL.encode()
    whole = [make.option(code, evil) for code in (1, 2, 3, 4)]
    of_interface = [make.option(code, evil) for code in (1, 2, 3, 12, 15)]
    of_interface.append(make.option(11, b"\0" + evil))
    frames = list(records(path))
    said = Event(frames[0].ts, "host", {"kernel": EVIL, "ruleset": EVIL, EVIL: EVIL})
    packets = [make.enhanced(one, options=make.option(1, evil)) for one in frames]
    blocks = [
        make.section(options=b"".join(whole)),
        make.interface(link_type, options=b"".join(of_interface)),
    ]
    return b"".join([*blocks, make.block(9, entry(said)), *packets])


def test_a_hostile_capture_makes_a_harmless_page(window: Open, tmp_path: Path) -> None:
    paths = []
    for side in ("inside", "outside"):
        paths.append(tmp_path / f"{NAME}{side}.pcapng")
        paths[-1].write_bytes(pcapng(CASE / f"{side}.pcap"))
    found = explain(paths)
    assert found.verdict.killed_by == "host"
    assert any(EVIL in value for value in found.host.values())
    assert all(EVIL in one.interface for one in found.vantages)
    one = window(render(found))
    page = one.page
    assert page.evaluate("typeof pwned") == "undefined"
    assert page.locator("img").count() == 0
    text = page.locator("body").inner_text()
    assert "<img src=x onerror=pwned=1>\\x1b[2J\\u202einside.pcapng" in text
    assert "<img src=x onerror=pwned=1></script><script>pwned=1</script>\\x1b[2J\\u202egnp." in text
    assert "\x1b" not in text
    assert "\u202e" not in text
