"""Numbers by chance that are the same for the same seed, everywhere: SplitMix64.

Python's own generator would cost as much as all the rest of generating a packet.

Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators" (OOPSLA 2014).
"""

from __future__ import annotations

_MASK = (1 << 64) - 1
_GAMMA, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


class Chance:
    """A sequence of numbers that a seed determines."""

    __slots__ = ("state",)

    state: int  # 64 bits

    def __init__(self, seed: int = 0) -> None:
        self.state = seed & _MASK

    def word(self) -> int:
        """Any 32-bit number."""
        self.state = (self.state + _GAMMA) & _MASK
        mixed = self.state
        mixed = ((mixed ^ (mixed >> 30)) * _FIRST) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * _SECOND) & _MASK
        return (mixed ^ (mixed >> 31)) >> 32

    def below(self, limit: int) -> int:
        """A number from 0 to `limit` - 1; `limit` is at most 2**32."""
        return (self.word() * limit) >> 32

    def percent(self, share: int) -> bool:
        """Yes, in so many of a hundred cases."""
        return self.below(100) < share

    def of(self, values: tuple[int, ...]) -> int:
        """One of them."""
        return values[self.below(len(values))]


def mixed(seed: int, number: int) -> int:
    """A seed of its own for each number."""
    chance = Chance(seed)
    chance.state = (chance.state ^ (number * _FIRST)) & _MASK
    return chance.word() << 32 | chance.word()
