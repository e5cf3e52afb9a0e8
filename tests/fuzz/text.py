"""Changes a printed text where it hurts: fields, brackets, names, ends of lines, margins, encodings."""

from __future__ import annotations

import re
from random import Random

from tests.fuzz.printed import texts
from tests.fuzz.shape import Shape

# What a line is made of: times, endpoints, options, words, brackets.
FIELD = re.compile(
    rb"\d{4}-\d\d-\d\d|-?\d\d:\d\d:\d\d(?:\.\d+)?|(?:[0-9a-f]{2}:){5}[0-9a-f]{2}|\[[^\]\n]{0,99}\]|\([^)\n]{0,99}\)"
    rb"|\{\d+:\d+\}|\d+:\d+|\d+\.\d{6,9}|[^\s,\[\](){}=]+|[\[\](){}]"
)
DIGITS = re.compile(rb"\d+")
BRACKET = re.compile(rb"[\[\](){}<>,:=]|->|\xe2\x86\x92")

NUMBERS = (
    b"0 -1 1 65535 65536 2147483648 4294967295 4294967296 9999999999 00000000001 0x7f 1e9 1_0 +1 1.5".split()
)
NUMBERS += [b"", b"9" * 20, b"9" * 5_000]
# Digits of other scripts: Arabic, fullwidth, a superscript, mathematical, a Roman numeral.
NUMBERS += [text.encode() for text in ("\u0663", "\uff12\uff12:26:19.000001", "\xb2", "\U0001d7d9", "\u2167")]
TIMES = (
    b"24:60:61.000000 99:99:99.999999999 -00:00:00.000001 9999-12-31 0000-00-00 1970-02-31 9999:00:00".split()
)
TIMES += [b"9999999999.999999999", b"1.000000", b"[Error converting time]"]
ENDPOINTS = b"0.0.0.0.0 255.255.255.255.65535 1.2.3.4 1.2.3.4.5.6 256.1.1.1.80 ::.0 1.80 . .. .80 *.*".split()
ENDPOINTS += (
    b"::ffff:1.2.3.4.80 fe80::1%eth0.80 100::1.80 100::.1025 a.b.c.https 1.2.3.4.no-such [::1]:80".split()
)
ENDPOINTS += [b"x" * 300 + b".80", b"1.2.3.4." + b"y" * 300, b"xn--\xff\xfe.80"]
FLAGS = [
    b"[none]",
    b"[FSRPUEW.]",
    b"[]",
    b"[",
    b"]",
    b"[S",
    b"[RST, ACK]",
    b"[<None>]",
    b"[[S]]",
    b"[.\x1b[7m]",
]
WORDS = b"Flags seq ack win urg length IP IP6 ARP, tcp > In Out ... HBH [|tcp] WS=0 TSval=1".split()
WORDS += [
    b"Seq=4294967295",
    b"options [",
    b"sack 3 {1:2}{3:4}...",
    b"{4294967295:0}",
    b"TS val 1 ecr 99999999999",
    b"wscale 255",
]
WORDS += [b"[bad hdr length 99 - too long, > 0]", b"(oui ", b"proto TCP (6)", b"offset 8,", b"flags [DF]"]
WORDS += [
    b"hlim 999, next-header",
    b"cksum 0x1 (incorrect",
    b"mss 0",
    b"SLE=9 SRE=1",
    b"[TCP Port numbers reused]",
]
# What steers a terminal, ends a line for some, hides, or turns the text round.
SIGNS = [
    b"\0",
    b"\x1b[31m",
    b"\x1b]0;x\x07",
    b"\x7f",
    b"\x9b31m",
    b"\r",
    b"\x0b",
    b"\x0c",
    b"\x85",
    b"\b" * 9,
]
SIGNS += [
    text.encode() for text in ("\u202e", "\u2028", "\ufeff", "\u200b", "e" + "\u0301" * 50, "<b>&`|`</b>")
]
HOSTILE = NUMBERS + TIMES + ENDPOINTS + FLAGS + WORDS + SIGNS
UNITS = (
    b" ",
    b"1",
    b"x",
    b">",
    b"> ",
    b"(",
    b"[",
    b"{1:2}",
    b"a > b: ",
    b"00:00:00:00:00:00 (oui ",
    b"\n",
    b"\0",
    b"1 ",
    b",",
)
LONG = 100_000  # octets of what is very long


def _put(random: Random, octets: bytearray, pattern: re.Pattern[bytes], *instead: bytes) -> None:
    """One of these in the place of something that the pattern finds in a line, or beside it."""
    lines = [match.span() for match in re.finditer(rb"[^\n]+", octets)]
    found = list(pattern.finditer(octets, *random.choice(lines))) if lines else []
    if found and instead:
        start, stop = random.choice(found).span()
        if random.random() < 0.2:
            start = stop = random.choice((start, stop))
        octets[start:stop] = random.choice(instead)


def hostile(random: Random, octets: bytearray, parts: Shape) -> None:
    """Put what nobody expects in the place of a field."""
    _put(random, octets, FIELD, random.choice(HOSTILE))


def digits(random: Random, octets: bytearray, parts: Shape) -> None:
    """Put another number in the place of one, within a field too."""
    _put(random, octets, DIGITS, random.choice(NUMBERS), b"%d" % (1 << random.randrange(40)))


def exchange(random: Random, octets: bytearray, parts: Shape) -> None:
    """Put a field of this text, or of another form of it, in the place of another."""
    other = bytes(octets) if random.random() < 0.5 else random.choice(OTHERS)
    _put(random, octets, FIELD, *FIELD.findall(other[:4_096]))


def bracket(random: Random, octets: bytearray, parts: Shape) -> None:
    """Leave out what separates fields, double it, or have another one."""
    _put(random, octets, BRACKET, b"", b"", b"[", b"]", b"((", b")", b"{", b"]]", b" > ", b": ", b",,", b"\t")


def stretched(random: Random, octets: bytearray, parts: Shape) -> None:
    """Make a line very long, seldom: it costs the time of many inputs."""
    size = LONG if random.random() < 0.05 else random.choice((9, 70, 300, 1_000))
    unit = random.choice(UNITS)
    _put(random, octets, FIELD, unit * (size // len(unit)))


def sign(random: Random, octets: bytearray, parts: Shape) -> None:
    """Put a sign that is not meant to be seen anywhere."""
    at = random.randint(0, len(octets))
    octets[at:at] = random.choice(SIGNS)


def ends(random: Random, octets: bytearray, parts: Shape) -> None:
    """End the lines from somewhere on in another way."""
    at = random.choice((0, 0, random.randint(0, len(octets))))
    octets[at:] = octets[at:].replace(
        b"\n", random.choice((b"\r\n", b"\r", b"\n\n", b"\n\r", b"\0", b"\n\n\n \n", b"\\n"))
    )


def fold(random: Random, octets: bytearray, parts: Shape) -> None:
    """Break a line as mail does, or join it to the next."""
    blanks = [match.span() for match in re.finditer(rb"\s+", octets)]
    if blanks:
        start, stop = random.choice(blanks)
        octets[start:stop] = random.choice((b"\n", b"\n    ", b"\r\n\t", b"", b" ", b"=\n", b"\n> "))


def margin(random: Random, octets: bytearray, parts: Shape) -> None:
    """Quote, number or indent the lines from somewhere on, or take a margin away."""
    at = random.choice((0, 0, random.randint(0, len(octets))))
    before = random.choice(
        (b"> ", b">> ", b"| ", b"    ", b"\t", b"* ", b"```\n", b"$ sudo tcpdump\n", b"  12  ", b"<br>")
    )
    lines = bytes(octets[at:]).splitlines(keepends=True)
    octets[at:] = b"".join(before + line if random.random() < 0.8 else line.lstrip() for line in lines)


def encode(random: Random, octets: bytearray, parts: Shape) -> None:
    """Encode the text from somewhere on in another way."""
    at = random.choice((0, random.randint(0, len(octets))))
    code = random.choice(("utf-16", "utf-16-be", "utf-8-sig", "latin-1", "cp1140", "utf-7", "utf-32"))
    octets[at:] = octets[at:].decode("utf-8", "replace").encode(code, "replace")


def binary(random: Random, octets: bytearray, parts: Shape) -> None:
    """Put octets of something else in the middle."""
    at = random.randint(0, len(octets))
    octets[at:at] = random.choice(
        (random.randbytes(random.randint(1, 400)), bytes(999), b"\xd4\xc3\xb2\xa1\2\0\4\0")
    )


OTHERS = texts()
TEXTUAL = (
    hostile,
    hostile,
    hostile,
    hostile,
    digits,
    digits,
    digits,
    exchange,
    exchange,
    bracket,
    stretched,
    sign,
    fold,
    margin,
    ends,
    encode,
    binary,
)
