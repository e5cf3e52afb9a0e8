"""The tracker's model with one thing in it broken.

Most mutants are made mechanically, from the syntax tree of the model's functions (operators.py), so
that no comparison in them can be forgotten; the others change one cell of a table, one rule of a kernel
or one setting. A mutant is loaded as modules of its own, beside those that the tests run on.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any

from tests.operators import Change, changes, source
from tests.pure import inside

if TYPE_CHECKING:
    from bypeer.core.entry import Rules
    from bypeer.core.kernels import Kernel, Sysctls

SOURCES = Path(__file__).parent.parent / "src"

# What a mutant may have its own copies of, each after what it imports; and which of their functions
# are broken. Left out is what only a capture wants, since no kernel can judge it: `resume`, `adopt`
# and `stretch` of connections whose beginning was missed.
FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "bypeer.core.seq": ("before", "distance", "add"),
    "bypeer.core.kernels": ("index_of",),
    "bypeer.core.entry": (
        "Rules.__init__", "Side.forget", "Entry.clear", "Entry.side", "Step.reset", "log_line",
    ),
    "bypeer.core.window": (
        "end_of", "read_options", "judge", "_begins", "_open", "_pick_up", "_failed", "_conclude",
        "_advance", "_count_repeat",
    ),
    "bypeer.core.conntrack": (
        "step", "expired", "_malformed", "_begin", "_exceptions", "_simultaneous", "_last_ack", "_reopened",
        "_ignored", "_resync", "_reset", "_answers_ignored", "_accept", "_renew", "_timeout", "_lower",
    ),
    "bypeer.lab.tracker": (),
}  # fmt: skip

# Constants outside of functions.
_CONSTANTS = (
    ("bypeer.core.window", "_ACK_LAG = 66_000", "_ACK_LAG = 65_999"),
    ("bypeer.core.window", "_ACK_LAG = 66_000", "_ACK_LAG = 66_001"),
    ("bypeer.core.window", "_WSCALE_MAX = -1, 14", "_WSCALE_MAX = -1, 13"),
    ("bypeer.core.window", "_WSCALE_MAX = -1, 14", "_WSCALE_MAX = -1, 15"),
    ("bypeer.core.conntrack", "_LOWERED_FROM = 120_000_000_000", "_LOWERED_FROM = 119_000_000_000"),
    ("bypeer.core.conntrack", "_LOWERED_FROM = 120_000_000_000", "_LOWERED_FROM = 122_000_000_000"),
)


def _made(rules: type[Rules], kernel: Kernel, sysctls: Sysctls) -> Rules:
    return rules(kernel, sysctls)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change; `name` says which, and stays the same as long as that place does."""

    name: str
    module: str = ""  # whose source is changed, if one is
    source: str = ""
    made: Callable[[type[Rules], Kernel, Sysctls], Rules] = _made  # what is made of a kernel and its settings


@dataclass(frozen=True, slots=True)
class Model:
    """The model as modules of its own."""

    modules: Mapping[str, ModuleType]
    mutant: Mutant

    @property
    def step(self) -> Callable[..., None]:
        """Its `conntrack.step`."""
        found: Callable[..., None] = self.modules["bypeer.core.conntrack"].step
        return found

    def rules(self, kernel: Kernel, sysctls: Sysctls) -> Rules:
        """Its Rules."""
        return self.mutant.made(self.modules["bypeer.core.entry"].Rules, kernel, sysctls)

    def tracker(self, kernel: Kernel, sysctls: Sysctls, nat: bool) -> Any:
        """Its `tracker.Tracker`."""
        return self.modules["bypeer.lab.tracker"].Tracker(self.rules(kernel, sysctls), nat)


def load(mutant: Mutant | None = None) -> Model:
    """The model with that broken in it, or whole; what comes before a broken module is shared."""
    mutant = mutant or Mutant("unbroken")
    if not mutant.module:
        return Model(_unbroken(), mutant)
    names = list(FUNCTIONS)
    first = names.index(mutant.module)
    code = compile(mutant.source, f"<broken {mutant.module}>", "exec")
    shared = {name: _unbroken()[name] for name in names[:first]}
    codes = {mutant.module: code} | {name: _code_of(name) for name in names[first + 1 :]}
    return Model(_executed(shared, codes), mutant)


@cache
def _unbroken() -> Mapping[str, ModuleType]:
    return _executed({}, {name: _code_of(name) for name in FUNCTIONS})


@cache
def _source_of(module: str) -> str:
    return (SOURCES / module.replace(".", "/")).with_suffix(".py").read_text(encoding="utf-8")


@cache
def _code_of(module: str) -> CodeType:
    return compile(_source_of(module), f"<{module}>", "exec")


def _executed(shared: Mapping[str, ModuleType], codes: Mapping[str, CodeType]) -> Mapping[str, ModuleType]:
    """Modules that import each other and those shared; outside nobody sees them."""
    made = dict(shared)
    with inside("source"):
        import_module("bypeer.core.segment")
        before = {name: sys.modules.pop(name, None) for name in FUNCTIONS}
        sys.modules.update(shared)
        try:
            for name, code in codes.items():
                made[name] = sys.modules[name] = ModuleType(name)
                exec(code, made[name].__dict__)
        finally:
            for name, module in before.items():
                sys.modules.pop(name, None)
                if module is not None:
                    sys.modules[name] = module
    return made


def mutants() -> Iterator[Mutant]:
    """All there are, each name once."""
    for module, functions in FUNCTIONS.items():
        yield from _of_functions(module, functions)
    for module, old, new in _CONSTANTS:
        yield _of_text(module, old, new)


def _of_functions(module: str, functions: Iterable[str]) -> Iterator[Mutant]:
    tree = ast.parse(_source_of(module))
    names = set(vars(_unbroken()[module]))
    for wanted in functions:
        yield from _of_changes(module, wanted, changes(_function(tree, wanted), names))


def _function(tree: ast.Module, wanted: str) -> ast.FunctionDef:
    """A function by name, "Class.name" if it is a method."""
    body: list[ast.stmt] = tree.body
    for name in wanted.split("."):
        defined = [node for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        (found,) = [node for node in defined if node.name == name]
        body = found.body
    assert isinstance(found, ast.FunctionDef)
    return found


def _of_changes(module: str, where: str, found: Iterable[Change]) -> Iterator[Mutant]:
    """Changes alike of statements alike are told apart by a number."""
    alike: Counter[str] = Counter()
    for change in found:
        name = f"{_short(module)}.{where}: {_told(change.statement, change.changed)}"
        alike[name] += 1
        name += f" ({alike[name]})" if alike[name] > 1 else ""
        yield Mutant(name, module, _replaced(_source_of(module), change.old, change.new))


def _told(old: str, new: str) -> str:
    """Both in one: where they differ in brackets."""
    was, becomes = old.split(), new.split()
    shorter = min(len(was), len(becomes))
    head = next((at for at in range(shorter) if was[at] != becomes[at]), shorter)
    shorter -= head
    tail = next((at for at in range(shorter) if was[-1 - at] != becomes[-1 - at]), shorter)
    change = f"[{' '.join(was[head : len(was) - tail])} -> {' '.join(becomes[head : len(becomes) - tail])}]"
    return " ".join([*was[:head], change, *was[len(was) - tail :]])


def _replaced(text: str, old: ast.AST, new: ast.AST) -> str:
    """The text with a node of its tree replaced."""
    assert isinstance(old, ast.expr | ast.stmt)
    assert old.end_lineno is not None
    assert old.end_col_offset is not None
    octets = text.encode()  # columns count octets
    lines = octets.splitlines(keepends=True)
    start = sum(map(len, lines[: old.lineno - 1])) + old.col_offset
    end = sum(map(len, lines[: old.end_lineno - 1])) + old.end_col_offset
    words = f"({source(new)})" if isinstance(new, ast.expr) else source(new)
    return (octets[:start] + words.encode() + octets[end:]).decode()


def _of_text(module: str, old: str, new: str) -> Mutant:
    """What it replaces must stand there once."""
    text = _source_of(module)
    if text.count(old) != 1:
        raise ValueError(f"{module} has this {text.count(old)} times, not once: {old}")
    return Mutant(f"{_short(module)}: {old} -> {new}", module, text.replace(old, new))


def _short(module: str) -> str:
    return module.rpartition(".")[2]
