"""Texts to mutate: one conversation as tcpdump and tshark print it, by most of their options."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.capture.printing import EXCERPT

# Client and server, numeric and by name; ports apart from addresses as with IPv6's extension headers.
NUMERIC = ("10.0.0.1.40000", "192.0.2.80.443")
NAMED = ("client.example.40000", "dl.example.com.https")
UNKNOWN = ("4c1f9e.mail.no-such-name", "10.0.0.2.ssh")
SIX = ("2001:db8::1.40000", "2001:db8::80.443")
MASQUERADED = ("203.0.113.5.40000", "192.0.2.80.443")


class Said(NamedTuple):
    """A segment as tcpdump has it; numbers are relative."""

    forth: bool
    flags: str
    seq: int
    size: int
    ack: int | None
    options: str = ""


SACKED = 2801, 4201
STAMPS = "nop,nop,TS val {} ecr {}"
TALK = (
    Said(True, "S", 0, 0, None, "mss 1460,sackOK,TS val 5 ecr 0,nop,wscale 7"),
    Said(False, "S.", 0, 0, 1, "mss 1420,sackOK,TS val 90 ecr 5,nop,wscale 10"),
    Said(True, "P.", 1, 18, 1, STAMPS.format(6, 90)),
    Said(False, ".", 1, 1400, 19, STAMPS.format(91, 6)),
    Said(False, ".", 2801, 1400, 19, STAMPS.format(91, 6)),
    Said(True, ".", 19, 0, 1401, STAMPS.format(7, 91) + ",nop,nop,sack 1 {{{}:{}}}"),
    Said(False, ".", 1, 1400, 19, STAMPS.format(80, 6)),
    Said(True, "R", 1401, 0, None),
    Said(False, "FP.", 4201, 20, 19, STAMPS.format(93, 7)),
    Said(True, "R.", 19, 0, 4222),
)

Stamp = Callable[[int], str]  # of the line's number
TIMES: dict[str, Stamp] = {
    "of day": lambda n: f"22:26:19.{414064 + n * 7} ",
    "-t": lambda n: "",
    "-tt": lambda n: f"1700000000.{n:06} ",
    "-ttt": lambda n: f" 00:00:00.{(n * 37) % 11:06} ",
    "-tttt": lambda n: f"2026-01-02 23:59:5{n % 10}.{n:09} ",
    "-ttttt": lambda n: f" 00:00:{n:02}.000000 ",
    "none": lambda n: "[Error converting time] ",
    "-#": lambda n: f"{n:5}  00:00:{n:02}.000001 ",
}
IP4, IP6 = "IP ", "IP6 "
ETHERNET = (
    "02:42:ac:11:00:02 (oui Unknown) > 02:42:ac:11:00:01 (oui Unknown), ethertype IPv4 (0x0800), length 74: "
)
COOKED = "eth0  In  ifindex 2 02:42:ac:11:00:02 ethertype IPv4 (0x0800), length 80: "
TAGGED = "02:42:ac:11:00:02 > 02:42:ac:11:00:01, ethertype 802.1Q (0x8100), length 78: vlan 100, p 0, ethertype IPv4 (0x0800), "  # noqa: E501
FOUR = "(tos 0x0, ttl 63, id 37329, offset 0, flags [DF], proto TCP (6), length 60)\n    "
SIXES = "(flowlabel 0x4c9fe, hlim 62, next-header TCP (6) payload length: 40) "


def tcpdump(
    time: str, before: str, ends: tuple[str, str], *, verbose: str = "", base: int = 0, margin: str = ""
) -> str:
    """The conversation; `base`: absolute numbers (-S), `margin`: what a quotation has before each line."""
    lines = []
    for count, one in enumerate(TALK):
        source, target = ends if one.forth else ends[::-1]
        first, other = (base, base // 3) if one.forth else (base // 3, base)
        edges = [(number + other) % (1 << 32) for number in SACKED]
        seq, ack = (one.seq + first) % (1 << 32), ((one.ack or 0) + other) % (1 << 32)
        said = f"Flags [{one.flags}]"
        if verbose:
            said += ", cksum 0x6671 (correct)" if count % 2 else ", cksum 0x1 (incorrect -> 0xd8c7)"
        if one.size:
            said += f", seq {seq}:{(seq + one.size) % (1 << 32)}"
        elif one.flags != ".":
            said += f", seq {seq}"
        said += "" if one.ack is None else f", ack {ack}"
        said += f", win {502 + count}" + (f", options [{one.options.format(*edges)}]" if one.options else "")
        said += f", length {one.size}" + (": HTTP: GET / HTTP/1.1" if one.flags == "P." else "")
        text = f"{TIMES[time](count)}{before}{verbose}{source} > {target}: {said}\n"
        lines.append("".join(margin + line for line in text.splitlines(keepends=True)))
    return "".join(lines)


TSHARK = """\
    1   0.000000 172.17.0.2 → 198.51.100.2 TCP 74 49078 → 80 [SYN] Seq=0 Win=64240 Len=0 MSS=1460 SACK_PERM TSval=9 TSecr=0 WS=128
    2   0.000020 203.0.113.12 → 198.51.100.2 TCP 74 49078 → 80 [SYN] Seq=0 Win=64240 Len=0 MSS=1460 SACK_PERM TSval=9 TSecr=0 WS=128
    3   0.010000 198.51.100.2 → 203.0.113.12 TCP 74 80 → 49078 [SYN, ACK] Seq=0 Ack=1 Win=65160 Len=0 MSS=1420 SACK_PERM TSval=7 TSecr=9 WS=1024
    4   0.010020 198.51.100.2 → 172.17.0.2 TCP 74 80 → 49078 [SYN, ACK] Seq=0 Ack=1 Win=65160 Len=0 MSS=1420 SACK_PERM TSval=7 TSecr=9 WS=1024
    5   0.020000 198.51.100.2 → 172.17.0.2 HTTP 154 HTTP/1.1 200 OK
    6   0.030000 172.17.0.2 → 198.51.100.2 TCP 78 [TCP Dup ACK 5#1] 49078 → 80 [ACK] Seq=1 Ack=1 Win=64256 Len=0 TSval=9 TSecr=7 SLE=1449 SRE=2897
    7   0.040000 198.51.100.2 → 203.0.113.12 TCP 54 [TCP Port numbers reused] 80 → 49078 [RST, ACK] Seq=1 Ack=1 Win=0 Len=0
    8   0.050000 02:42:ac:10:ee:0a →              ARP 44 Who has 172.16.238.11?
"""  # noqa: E501


def tshark() -> Iterator[str]:
    """Its columns: with times of the other forms, ASCII arrows, IPv6, names."""
    yield TSHARK
    yield TSHARK.replace("→", "->").replace("172.17.0.2", "fe80::42:acff:fe11:2%eth0").replace("0.0", "-0.0")
    yield TSHARK.replace("0.0", "2026-01-02 22:26:19.0").replace("198.51.100.2", "dl.example.com")
    yield TSHARK.replace("80", "http").replace("49078", "40000")


def texts() -> list[bytes]:
    """All of them, in the same order at every run."""
    twice = tcpdump("-tt", "eth0  In  IP ", NUMERIC) + tcpdump("-tt", "veth1 Out IP ", MASQUERADED)
    said = [
        EXCERPT,
        twice,
        tcpdump("of day", IP4, NUMERIC),
        tcpdump("of day", IP4, NAMED, base=4_294_967_200),
        tcpdump("of day", COOKED, NUMERIC),
        tcpdump("of day", IP4, NUMERIC, verbose=FOUR, base=35_556_934),
        tcpdump("-t", IP6, SIX),
        tcpdump("-tt", ETHERNET, NUMERIC),
        tcpdump("-ttt", IP6, SIX, verbose=SIXES),
        tcpdump("-tttt", TAGGED, UNKNOWN),
        tcpdump("-ttttt", IP4, UNKNOWN, base=77, margin="> | "),
        tcpdump("none", IP4, NUMERIC),
        tcpdump("-#", "M     IP ", MASQUERADED, margin="  "),
        tcpdump("of day", "IP6 2001:db8::1 > 2001:db8::2: HBH ", ("40000", "443")),
        tcpdump("of day", "IP 1.1.1.1 > 2.2.2.2: GREv0, length 64: IP ", NUMERIC),
        "".join(
            f"22:26:19.{number:06} IP {end} > {other}: {what}\n"
            for number, (end, other) in enumerate((NUMERIC, NUMERIC[::-1], SIX))
            for what in ("tcp 14", "Flags [S] [bad hdr length 44 - too long, > 20]", "[|tcp]",
                         "Flags [S], seq 1, win 3, options [mss 1460,sackOK,TS [|tcp]>")
        ),
        *tshark(),
    ]  # fmt: skip
    return [text.encode() for text in said]
