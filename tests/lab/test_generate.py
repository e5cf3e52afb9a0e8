"""What is generated: the same compiled or not, whole packets, and what shrinking makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from bypeer.core import tcp
from bypeer.core.decode import KINDS, decode
from bypeer.core.entry import Rules
from bypeer.core.kernels import LINUX_6_18, Sysctls
from bypeer.core.script import INITIAL, parse, written
from bypeer.core.segment import BAD, GOOD, Segment
from bypeer.lab import tracker
from bypeer.lab.chance import Chance, mixed
from bypeer.lab.coverage import Coverage
from bypeer.lab.generate import Generator
from bypeer.lab.shrink import initial_of, moved
from bypeer.lab.wire import SLOT, Batch, Packer
from bypeer.lab.worlds import TELLING, WORLDS
from tests.pure import inside, load_compiled, load_pure

RAW = 101
COMPARED = (
    "flags", "seq", "ack", "sack", "win", "size", "mss", "wscale", "sack_permitted", "timestamps",
    "sack_count", "checksum",
)  # fmt: skip


def generator(version: int = 4, nat: str = "", seed: int = 5, **more: Any) -> Generator:
    return Generator(
        Rules(LINUX_6_18, Sysctls(timeouts=TELLING)), Packer(version, nat), bool(nat), seed, **more
    )


def packets(numbers: range, version: int = 4) -> Iterator[tuple[int, Segment]]:
    made = generator(version)
    for number in numbers:
        yield from made.conversation(number)


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("nat", ["", "snat", "dnat"])
def test_what_is_written_can_be_read(version: int, nat: str) -> None:
    packer, batch, got = Packer(version, nat), Batch(1), Segment()
    for way, segment in packets(range(60)):
        batch.clear()
        packer.pack(batch, way, 300, segment)
        frame = batch.octets[: batch.headers[0]] + bytes(batch.sizes[0])
        kind = KINDS[decode(frame, 0, len(frame), len(frame), RAW, got, True)]
        if segment.size < 0:
            assert kind == "tcp-offset-large"
            continue
        if segment.sack_count and (segment.sack - segment.ack) % (1 << 32) == 1 << 31:
            continue  # which of two numbers 2**31 apart is the higher, only the tracker's own order tells
        assert kind == "tcp"
        assert [getattr(got, name) for name in COMPARED] == [getattr(segment, name) for name in COMPARED]
        assert (got.sport, got.dport) == ((1324, 80) if way == 0 else (80, 1324))


def made_in(world: str) -> tuple[list[Any], dict[int, int]]:
    """A batch as one world of modules makes it, and its coverage."""
    with inside(world):
        kernels, entry, wire, generate = (
            import_module(f"bypeer.{name}")
            for name in ("core.kernels", "core.entry", "lab.wire", "lab.generate")
        )
    rules = entry.Rules(kernels.LINUX_6_18, kernels.Sysctls(timeouts=TELLING))
    made = generate.Generator(rules, wire.Packer(6, "snat"), True, 11, True)
    batch = wire.Batch(5000)
    made.fill(batch, 0)
    octets = [bytes(batch.octets[n * SLOT : n * SLOT + size]) for n, size in enumerate(batch.headers)]
    return [octets, batch.sizes, batch.ways, batch.expected, batch.conversations, batch.lines], made.coverage


def test_compiled_or_not_it_is_the_same() -> None:
    load_compiled("bypeer.lab.generate")  # or skip
    assert made_in("source") == made_in("compiled")


def test_a_conversation_can_be_had_again() -> None:
    made, batch = generator(), Batch(2000)
    last = made.fill(batch, 40)
    again = Batch(2000)
    for number in range(40, last):
        for way, segment in generator().conversation(number):
            made.packer.pack(again, way, number - 40, segment)
    assert again.octets == batch.octets
    assert (again.sizes, again.ways) == (batch.sizes, batch.ways)


def test_legal_conversations_are_believed() -> None:
    """Of two endpoints whose packets nobody spoils, the tracker refuses little, and never data in order."""
    made = generator()
    refused = seen = 0
    for number in range(400):
        made.begin(number)
        if made.kind != 0 or made.share:
            continue
        while made.follow():
            answer = made.tracker.see(made.way, made.segment)
            made.answered(answer)
            seen += 1
            refused += answer == tracker.INVALID
    assert seen > 500
    assert refused < seen / 20


def test_every_axis_is_drawn() -> None:
    drawn = [segment for _, segment in packets(range(1500))]
    syns = [one for one in drawn if one.flags & tcp.SYN]
    assert {one.wscale for one in syns} >= {-1, *range(15)}
    assert {one.sack_permitted for one in syns} == {one.timestamps for one in syns} == {True, False}
    assert any(one.size > 0 for one in syns)  # Fast Open
    assert any(one.size > 60_000 for one in drawn)
    assert any(one.sack_count > 1 for one in drawn)
    assert {one.checksum for one in drawn} == {GOOD, BAD}
    assert any(one.seq > one.end for one in drawn)  # numbers wrap


def test_chance_is_even_and_repeatable() -> None:
    chance = Chance(3)
    counts = [0] * 10
    for _ in range(10_000):
        counts[chance.below(10)] += 1
    assert min(counts) > 900
    assert [Chance(3).word() for _ in range(3)] == [Chance(3).word()] * 3
    assert len({mixed(1, number) for number in range(1000)}) == 1000


def test_the_first_outputs_are_splitmix64s() -> None:
    """Upper halves of the sequence for the seed 1234567 (as in Rosetta Code's table of it)."""
    chance = Chance(1_234_567)
    known = (6457827717110365317, 3203168211198807973, 9817491932198370423)
    assert [chance.word() for _ in known] == [word >> 32 for word in known]


def test_places_are_told_apart() -> None:
    """A number against the bounds that it fails, above and below."""
    pure = load_pure("bypeer.lab.tracker")  # compiled, the function cannot be called from here
    places, place = pure.PLACES, pure._place
    assert [places[place(gap, 0)] for gap in (-3, -2, -1, 0, 1, 2, 1 << 20)] == list(places[1:8])
    assert [places[place(-gap, 1)] for gap in (-2, -1, 0, 1, 2, 1 << 20)] == list(places[8:])


def test_coverage_sums_up() -> None:
    made, batch = generator(), Batch(4000)
    made.fill(batch, 0)
    coverage = Coverage(made.coverage)
    assert sum(coverage.by_state().values()) == len(batch)
    assert sum(coverage.by_place(of_ack=True).values()) == len(batch)
    assert coverage.projected() < len(coverage)
    met, wanted = coverage.table_cells()
    assert 60 < met <= wanted == 95


def test_an_answer_in_words() -> None:
    answer = 1 | tracker.REPLY | tracker.SEEN_REPLY | 3 << tracker.TIMER
    assert tracker.words(answer) == "ESTABLISHED, reply, reply seen, timer ESTABLISHED"
    assert tracker.words(tracker.DROPPED) == "nothing came out"
    assert tracker.words(tracker.INVALID) == "INVALID"
    assert list(tracker.differences(answer, tracker.INVALID)) == ["verdict"]
    other = answer ^ tracker.REPLY ^ tracker.ASSURED ^ 7 << tracker.TIMER
    assert list(tracker.differences(answer, other)) == ["direction", "assured", "state or timer"]


def test_every_world_tells_its_states() -> None:
    """Each state's timer is known by the 500 s step that it lies in."""
    for world in WORLDS:
        steps = [-(-timeout // 500) for timeout in world.sysctls.timeouts[1:9] + world.sysctls.timeouts[10:]]
        assert len(set(steps)) == len(steps)
        assert all(timeout % 500 == 0 for timeout in world.sysctls.timeouts[1:9])


def test_other_initial_numbers_are_another_script_of_the_same() -> None:
    for number in range(50):
        conversation = list(generator().conversation(number))
        initial = initial_of([*map(tuple_of, conversation)])
        for way, segment in conversation:
            if segment.size < 0 or segment.sack_count > 2 or (segment.ack and not segment.flags & tcp.ACK_):
                continue
            other = moved(segment, way, initial, INITIAL)
            line = written(way, other)
            assert line == written(way, segment, initial)
            if not segment.sack_count:
                (read,) = parse(line)
                assert (read.segment.seq, read.segment.ack) == (other.seq, other.ack)


def tuple_of(packet: tuple[int, Segment]) -> Any:
    return packet
