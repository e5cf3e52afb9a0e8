"""The tracker's model with one cell, rule, setting or text taken for another: mutants of its tables.

Only of what a kernel can show: not the row NONE of replies nor the column of no flags, which no
segment reads, nor the default timeouts, because every test sets its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bypeer.core import tcp
from bypeer.core.entry import Rules
from bypeer.core.kernels import (
    ORIGINAL_TABLE,
    REPLY_TABLE,
    TIMERS,
    CtState,
    Index,
    Kernel,
    Sysctls,
    index_of,
    with_rules,
)
from bypeer.core.rules import RULES
from tests.mutants import Mutant

_STATES = [state for state in CtState if state < CtState.INVALID]
_INDICES = [index for index in Index if index < Index.NONE]
_TABLES = {"original": ORIGINAL_TABLE, "reply": REPLY_TABLE}
_SETTINGS: dict[str, Sequence[int]] = {  # values that each is taken for
    "tcp_be_liberal": (False, True), "tcp_loose": (False, True), "tcp_ignore_invalid_rst": (False, True),
    "checksum": (False, True), "tcp_max_retrans": (0, 2, 3, 4),
}  # fmt: skip


def misread(kernels: Sequence[Kernel]) -> Iterator[Mutant]:
    """All of them; of rules and texts, those of these kernels."""
    yield from _cells()
    yield from _flags()
    yield from _settings()
    for kernel in kernels:
        yield from _rules(kernel)
        yield from _texts(kernel)


def _put(table: bytes, at: int, value: int) -> bytes:
    return table[:at] + bytes([value]) + table[at + 1 :]


def _cells() -> Iterator[Mutant]:
    """Each cell is taken for a refusal, for an ignored segment, for its row's own state and for the next."""
    for way, (side, table) in enumerate(_TABLES.items()):
        for state in _STATES[way:]:
            for index in _INDICES:
                others = dict.fromkeys((CtState.INVALID, CtState.IGNORE, state, CtState(state % 9 + 1)))
                for other in others:
                    if other != table[state][index]:
                        at = (way * 6 + index) * 10 + state
                        yield _cell(f"{side}, {state.name}, {index.name}", at, other)


def _cell(place: str, at: int, value: CtState) -> Mutant:
    def made(rules: type[Rules], kernel: Kernel, sysctls: Sysctls) -> Rules:
        found = rules(kernel, sysctls)
        found.cells = _put(found.cells, at, value)
        return found

    return Mutant(f"tables: {place}: {value.name}", made=made)


def _flags() -> Iterator[Mutant]:
    """Each combination of flags is taken for none, and for another kind."""
    for flags in range(64):
        if flags & tcp.PSH:
            continue
        kind = index_of(flags)
        for value in (Index.ACK, Index.SYN, Index.BAD):
            if value != kind:
                yield _kind(flags, value)


def _kind(flags: int, value: Index) -> Mutant:
    def made(rules: type[Rules], kernel: Kernel, sysctls: Sysctls) -> Rules:
        found = rules(kernel, sysctls)
        for ignored in (0, tcp.PSH, tcp.ECE, tcp.CWR, tcp.PSH | tcp.ECE, tcp.PSH | tcp.CWR):
            found.kinds = _put(found.kinds, flags | ignored, value)
        return found

    return Mutant(f"flags: {flags:#04x}: {value.name}", made=made)


def _settings() -> Iterator[Mutant]:
    for name, values in _SETTINGS.items():
        for value in values:
            yield _setting(name, value)
    for at in range(1, len(TIMERS)):
        yield _timeout(at, at % (len(TIMERS) - 1) + 1)


def _setting(name: str, value: int) -> Mutant:
    changed: dict[str, Any] = {name: value}

    def made(rules: type[Rules], kernel: Kernel, sysctls: Sysctls) -> Rules:
        return rules(kernel, sysctls._replace(**changed))

    return Mutant(f"settings: {name}: {value}", made=made)


def _timeout(at: int, other: int) -> Mutant:
    def made(rules: type[Rules], kernel: Kernel, sysctls: Sysctls) -> Rules:
        timeouts = list(sysctls.timeouts)
        timeouts[at] = timeouts[other]
        found = rules(kernel, sysctls._replace(timeouts=tuple(timeouts)))
        return found

    return Mutant(f"timeouts: {TIMERS[at]}: {TIMERS[other]}", made=made)


def _rules(kernel: Kernel) -> Iterator[Mutant]:
    for row in RULES:
        yield _rule(kernel.name, row.rule, not getattr(kernel, row.rule))


def _rule(name: str, rule: str, holds: bool) -> Mutant:
    def made(rules: type[Rules], kernel: Kernel, sysctls: Sysctls) -> Rules:
        changed = with_rules(kernel, {rule: holds}) if kernel.name == name else kernel
        return rules(changed, sysctls)

    return Mutant(f"rules: {name}, {rule}: {holds}", made=made)


def _texts(kernel: Kernel) -> Iterator[Mutant]:
    for reason in kernel.texts:
        yield _text(kernel.name, reason)


def _text(name: str, reason: Any) -> Mutant:
    def made(rules: type[Rules], kernel: Kernel, sysctls: Sysctls) -> Rules:
        if kernel.name == name:
            kernel = kernel._replace(texts={**kernel.texts, reason: "another text"})
        return rules(kernel, sysctls)

    return Mutant(f"texts: {name}, {reason.name}: another", made=made)
