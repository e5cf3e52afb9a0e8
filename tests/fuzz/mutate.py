"""Changes a capture where it hurts: lengths, counts, magic numbers, types, options, headers, order."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable, Sequence
from importlib import import_module
from random import Random

from tests.fuzz.shape import Shape, shape
from tests.fuzz.text import TEXTUAL

# Sizes of headers and bounds of what is read, and what lies beside them.
NUMBERS = (0, 1, 2, 3, 4, 7, 8, 11, 12, 16, 20, 24, 28, 32, 40, 60, 127, 128, 255, 256, 1_500, 65_535, 65_536)
NUMBERS += (262_143, 262_144, 262_145, 1 << 20, (1 << 20) + 4, (1 << 31) - 1, 1 << 31, (1 << 32) - 1)
LINK_TYPES = (0, 1, 6, 8, 9, 10, 12, 50, 51, 100, 101, 104, 105, 106, 107, 108, 109, 113, 117, 119, 122, 123)
LINK_TYPES += (
    127,
    138,
    163,
    166,
    178,
    179,
    180,
    181,
    192,
    204,
    226,
    228,
    229,
    239,
    242,
    258,
    276,
    281,
    284,
    285,
)
# Versions and header lengths, protocols, EtherTypes' halves, flags, options' kinds.
OCTETS = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    8,
    15,
    17,
    41,
    43,
    44,
    47,
    51,
    58,
    60,
    0x40,
    0x45,
    0x4F,
    0x50,
    0x60,
    0x80,
    0x81,
)
OCTETS += (0x86, 0x88, 0xAA, 0xCC, 0xF0, 0xFF)
HEADERS = 120  # octets of a frame that are worth changing

Mutation = Callable[[Random, bytearray, Shape], None]


def number(random: Random, octets: bytearray, parts: Shape) -> None:
    """Set a number to one that matters, or to one near what it was."""
    if not parts.fields:
        return
    start, stop = random.choice(parts.fields)
    order = "little" if parts.order == "<" else "big"
    if octets[start:stop].isdigit():  # of a text
        octets[start:stop] = str(random.choice(NUMBERS)).encode()
        return
    was = int.from_bytes(octets[start:stop], order)
    values = (random.choice(NUMBERS), was + random.randint(-9, 9), random.choice(LINK_TYPES), len(octets))
    octets[start:stop] = (random.choice(values) % (1 << 8 * (stop - start))).to_bytes(stop - start, order)


def header(random: Random, octets: bytearray, parts: Shape) -> None:
    """Change an octet of a frame's headers."""
    frames = [(start, stop) for start, stop in parts.frames if start < stop <= len(octets)]
    if frames:
        start, stop = random.choice(frames)
        at = random.randrange(start, min(stop, start + HEADERS))
        octets[at] = random.choice((random.choice(OCTETS), random.randrange(256), octets[at] ^ 1))


def noise(random: Random, octets: bytearray, parts: Shape) -> None:
    """Overwrite some octets anywhere."""
    if octets:
        at = random.randrange(len(octets))
        octets[at : at + 4] = random.randbytes(len(octets[at : at + random.randint(1, 4)]))


def drop(random: Random, octets: bytearray, parts: Shape) -> None:
    """Leave out a record, block or line."""
    if parts.units:
        start, stop = random.choice(parts.units)
        del octets[start:stop]


def repeat(random: Random, octets: bytearray, parts: Shape) -> None:
    """Have a record, block or line again, once or often."""
    if parts.units:
        start, stop = random.choice(parts.units)
        octets[stop:stop] = octets[start:stop] * random.choice((1, 1, 2, 30))


def swap(random: Random, octets: bytearray, parts: Shape) -> None:
    """Put one record, block or line in another's place."""
    if len(parts.units) > 1:
        (start, stop), (first, last) = random.sample(parts.units, 2)
        octets[start:stop] = octets[first:last]


def cut(random: Random, octets: bytearray, parts: Shape) -> None:
    """End somewhere."""
    del octets[random.randint(0, len(octets)) :]


def stretch(random: Random, octets: bytearray, parts: Shape) -> None:
    """Put octets in between, or take some out."""
    at = random.randint(0, len(octets))
    if random.random() < 0.5:
        octets[at:at] = random.randbytes(random.randint(1, 9))
    else:
        del octets[at : at + random.randint(1, 9)]


MUTATIONS: Sequence[Mutation] = (number, number, number, header, header, header, noise, drop, repeat, swap)
MUTATIONS = (*MUTATIONS, cut, stretch)
TEXT_MUTATIONS: Sequence[Mutation] = (*TEXTUAL, *MUTATIONS)
LARGEST = 1 << 18  # octets; no input grows beyond


def packers() -> list[Callable[[bytes], bytes]]:
    """What can compress here."""
    found: list[Callable[[bytes], bytes]] = [gzip.compress, bz2.compress, lzma.compress]
    for name in ("compression.zstd", "backports.zstd", "lz4.frame"):
        try:
            found.append(import_module(name).compress)
        except ImportError:
            continue
    return found


PACKERS = packers()


def mutated(random: Random, seeds: Sequence[bytes]) -> bytes:
    """One of the seeds, changed one to six times, in places perhaps joined to another, perhaps packed."""
    octets = bytearray(random.choice(seeds))
    if random.random() < 0.1:
        other = random.choice(seeds)
        octets += b"".join(other[start:stop] for start, stop in shape(other).units)
    for _ in range(random.randint(1, 6)):
        parts = shape(bytes(octets))
        random.choice(TEXT_MUTATIONS if parts.text else MUTATIONS)(random, octets, parts)
        del octets[LARGEST:]
    return _packed(random, bytes(octets)) if random.random() < 0.15 else bytes(octets)


def _packed(random: Random, octets: bytes) -> bytes:
    """Compressed, and then perhaps damaged, cut, joined or compressed again."""
    pack = random.choice(PACKERS)
    if random.random() < 0.2:
        middle = random.randint(0, len(octets))
        packed = bytearray(pack(octets[:middle]) + random.choice(PACKERS)(octets[middle:]))
    else:
        packed = bytearray(pack(octets))
    for _ in range(random.choice((0, 0, 1, 2))):
        random.choice((noise, cut, stretch))(random, packed, Shape())
    return random.choice(PACKERS)(bytes(packed)) if random.random() < 0.05 else bytes(packed)
