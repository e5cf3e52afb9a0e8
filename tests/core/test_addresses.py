"""Addresses as people write them, and which of them the Internet does not route."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypeer.core.addresses import Endpoint, address, endpoint_text, private


def endpoint(text: str, port: int = 80) -> Endpoint:
    number = int(ip_address(text))
    if ":" not in text:
        number |= 0xFFFF << 32
    return number >> 64, number & (1 << 64) - 1, port


@given(st.ip_addresses(v=4))
def test_ipv4_is_written_as_ever(ip: IPv4Address) -> None:
    assert address(endpoint(str(ip))) == str(ip)


@given(st.ip_addresses(v=6).filter(lambda ip: ip.ipv4_mapped is None))
def test_ipv6_is_compressed(ip: IPv6Address) -> None:
    assert address(endpoint(str(ip))) == str(ip)


def test_brackets_keep_the_port_apart() -> None:
    assert endpoint_text(endpoint("192.0.2.1", 443)) == "192.0.2.1:443"
    assert endpoint_text(endpoint("2001:db8::1", 443)) == "[2001:db8::1]:443"


@pytest.mark.parametrize(
    ("inside", "beside"),
    [
        ("10.0.0.0", "9.255.255.255"), ("10.255.255.255", "11.0.0.0"),
        ("172.16.0.0", "172.15.255.255"), ("172.31.255.255", "172.32.0.0"),
        ("192.168.0.0", "192.167.255.255"), ("192.168.255.255", "192.169.0.0"),
        ("100.64.0.0", "100.63.255.255"), ("100.127.255.255", "100.128.0.0"),
        ("fc00::", "fbff:ffff::"), ("fdff::1", "fe00::1"),
    ],
)  # fmt: skip
def test_private_ends_where_the_norms_say(inside: str, beside: str) -> None:
    assert private(endpoint(inside))
    assert not private(endpoint(beside))
