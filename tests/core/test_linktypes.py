from __future__ import annotations

from bypeer.core.link import OF_SNOOP
from bypeer.core.linktypes import link_type_name
from tests.core.headers import PACKET, UNKNOWN_LINK, found


def test_link_types_are_called_as_tcpdump_calls_them() -> None:
    given = {
        1: "EN10MB",
        276: "LINUX_SLL2",
        127: "IEEE802_11_RADIO",
        147: "USER0",
        162: "USER15",
        9_999: "9999",
    }
    assert {number: link_type_name(number) for number in given} == given
    assert link_type_name(OF_SNOOP + 5) == "5 of snoop"


def test_every_supported_link_type_has_a_name() -> None:
    supported = [number for number in range(300) if found(PACKET, number) != UNKNOWN_LINK]
    assert len(supported) > 40
    assert [number for number in supported if link_type_name(number) == str(number)] == []
