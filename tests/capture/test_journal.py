"""Events as journal entries: what is written is read, and nobody's octets break the reader."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypeer.capture.journal import MOST_FIELDS, entry, event, message
from bypeer.core.evidence import Event

NS = 1_700_000_000_123_456_789
EVENTS = {
    "a line": Event(NS, "nflog", {"prefix": "nf_ct_proto_6: invalid rst ", "seq": 7, "src": "192.0.2.1"}),
    "lines": Event(NS, "host", {"ruleset": "table ip nat {\n}\n"}),
    "names that no journal has": Event(NS, "host", {"net.netfilter.x": "1", "TcpOutRsts": "2", "Ä": "3"}),
    "names that are taken": Event(NS, "nft", {"source": "x", "time_ns": "y", "more": "z", "message": "m"}),
    "nothing": Event(0, "recorder", {}),
    "octets that are no text": Event(NS, "host", {"x": "a\0b\x1b[2J\x7f"}),
    "a long name": Event(NS, "host", {"x" * 51: "1", "y" * 52: "2", "0": "3", "_z": "4"}),
    "equals signs": Event(NS, "host", {"a": "b=c", "b": "="}),
}


def texts(one: Event) -> Event:
    """As it comes back: every value is text."""
    return one._replace(fields={name: str(value) for name, value in one.fields.items()})


@pytest.mark.parametrize("name", EVENTS)
@pytest.mark.parametrize("padding", range(4))
def test_what_is_written_is_read(name: str, padding: int) -> None:
    assert event(entry(EVENTS[name]) + bytes(padding)) == texts(EVENTS[name])


@given(
    st.integers(0, 2**63 - 1),
    st.text("abc-", min_size=1),
    st.dictionaries(st.text(min_size=1), st.text() | st.integers(), max_size=20),
)
def test_whatever_is_written_is_read(ts: int, source: str, fields: dict[str, str | int]) -> None:
    one = Event(ts, source, fields)
    assert event(entry(one)) == texts(one)


def test_wireshark_finds_the_time_in_front_and_a_message() -> None:
    octets = entry(EVENTS["a line"])
    assert octets.startswith(f"__REALTIME_TIMESTAMP={NS // 1_000}\nMESSAGE=nflog: nf_ct_proto_6".encode())


def test_a_message_is_one_short_line() -> None:
    said = message(Event(0, "host", {"ruleset": "a\n\nb\tc " * 10_000}))
    assert "\n" not in said
    assert len(said) < 600


FOREIGN = {
    "nothing": b"",
    "padding": bytes(8),
    "another's": b"__REALTIME_TIMESTAMP=1\nMESSAGE=kernel: hello\n",
    "no time": b"BYPEER_SOURCE=nflog\n",
    "a time that is none": b"BYPEER_SOURCE=nflog\nBYPEER_TIME_NS=-1\n",
    "a time beyond 63 bits": b"BYPEER_SOURCE=nflog\nBYPEER_TIME_NS=9223372036854775808\n",
    "digits of another script": "BYPEER_SOURCE=nflog\nBYPEER_TIME_NS=\u0667\n".encode(),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_not_ours_is_none(name: str) -> None:
    assert event(FOREIGN[name]) is None


@pytest.mark.parametrize("size", [0, 3, 2**32, 2**64 - 1])
def test_a_value_longer_than_its_entry_ends_it(size: int) -> None:
    head = b"BYPEER_SOURCE=nflog\nBYPEER_TIME_NS=5\n"
    octets = head + b"BYPEER_X\n" + struct.pack("<Q", size) + b"abc"
    assert event(octets) == Event(5, "nflog", {} if size >= 3 else {"x": ""})


def test_names_that_are_not_json_are_left_out() -> None:
    head = b"BYPEER_SOURCE=nflog\nBYPEER_TIME_NS=5\nBYPEER_MORE="
    for more in (b"[1]", b"{", b"[" * 100_000, b"1" * 10_000, b'{"a": 1, "b": {}}'):
        assert event(head + more + b"\n") == Event(5, "nflog", {})


def test_fields_are_bounded() -> None:
    many = b"".join(b"BYPEER_A%d=1\n" % at for at in range(100_000))
    found = event(b"BYPEER_SOURCE=x\nBYPEER_TIME_NS=5\n" + many)
    assert found is not None
    assert len(found.fields) == MOST_FIELDS - 2


@given(st.binary())
def test_no_octets_break_it(octets: bytes) -> None:
    event(octets)
    event(b"BYPEER_SOURCE=nflog\nBYPEER_TIME_NS=5\n" + octets)
