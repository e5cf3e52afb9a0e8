"""What can be wrong with an expression or a statement: the operators of mutation testing.

Each function yields what a node of the syntax tree may be replaced by. They change comparisons by
one, turn conditions round, leave out a term, a statement or a negation, shift constants by one, and take
a name for another of its kind.

Source: DeMillo, Lipton, Sayward, "Hints on Test Data Selection" (IEEE Computer, 1978), and the
set that Offutt et al. found sufficient (TOSEM, 1996), with one more for names of one kind.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple


class Change(NamedTuple):
    """One change of a function."""

    statement: str  # the one that it is in, without statements inside
    changed: str  # the same afterwards
    old: ast.AST  # what is replaced
    new: ast.AST


_ORDERS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt), ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.Mod: ast.Add, ast.Mult: ast.Add,
}  # fmt: skip
# Names and fields of one kind: each is taken for the next of its row that the module has.
_NAMES = (
    ("_NONE", "_SYN_SENT", "_SYN_RECV", "_ESTABLISHED", "_FIN_WAIT", "_CLOSE_WAIT", "_LAST_ACK", "_TIME_WAIT",
     "_CLOSE", "_SYN_SENT2", "_INVALID", "_IGNORE"),
    ("_SYN", "_SYN_ACK", "_FIN", "_ACK", "_RST", "_BAD"),
    ("_NEW", "_KNOWN", "_REFUSED"),
    ("_OK", "_INVALID_RST", "_INVALID_STATE", "_IGNORED_STATE", "_CHALLENGE_ACK", "_BAD_FLAGS",
     "_BAD_CHECKSUM", "_TRUNCATED", "_INVALID_NEW", "_NOT_LOOSE", "_SEQ_OVER", "_SEQ_UNDER",
     "_ACK_OVER", "_ACK_UNDER", "_OVERSHOOT"),
    ("_WINDOW_SCALE", "_SACK_PERM", "_CLOSE_INIT", "_BE_LIBERAL", "_UNACKNOWLEDGED", "_MAXACK_SET",
     "_EXP_CHALLENGE_ACK", "_SIMULTANEOUS_OPEN"),
    ("_F_SYN", "_F_RST", "_F_ACK"), ("_CHECK", "_ACCEPT", "_STOP"), ("_PASSES", "_STOPS"),
    ("_ORIGINAL", "_REPLY"), ("RETRANS", "UNACK"),
    ("sender", "receiver"), ("side", "other"), ("seq", "end"), ("ack", "sack"), ("seen", "newest"),
    ("width", "lag"), ("wnd", "widest"), ("state", "new", "cell"),
)  # fmt: skip
_FIELDS = (
    ("original", "reply"), ("td_end", "td_maxend"), ("last_seq", "last_ack", "last_end"), ("seq", "ack"),
    ("seq_over", "seq_under"), ("ack_over", "ack_under"),
    ("seen_reply", "assured"),
)  # fmt: skip
_OF_RULES = (("unack", "retrans", "close"),)  # fields of `rules` only
_SWAPPED = {"before", "distance"}  # functions of two numbers whose order counts
_EXTREMES = {"min": "max", "max": "min"}


def changes(function: ast.FunctionDef, names: set[str]) -> Iterator[Change]:
    """All single changes of a function's body; `names` are those that its module has."""
    settled = {argument.arg for argument in function.args.args}  # bound before the statement
    body = function.body[1:] if ast.get_docstring(function) else function.body
    for statement in _statements(body):
        seen = {source(statement)}
        for node in _within(statement):
            for old, new in _of_node(node, names | settled, settled, function.name == "__init__"):
                changed = source(copy.deepcopy(statement, {id(old): new}))
                if changed not in seen:
                    seen.add(changed)
                    yield Change(source(statement), changed, old, new)
        stored = (node for node in _within(statement) if isinstance(node, ast.Name))
        settled |= {node.id for node in stored if isinstance(node.ctx, ast.Store)}


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a body and those in them, as written."""
    for statement in body:
        yield statement
        for block in ("body", "orelse"):
            yield from _statements(getattr(statement, block, ()))


def _within(statement: ast.stmt) -> Iterator[ast.AST]:
    """A statement's nodes, but for the statements that it contains."""
    yield statement
    for child in ast.iter_child_nodes(statement):
        if not isinstance(child, ast.stmt):
            yield from ast.walk(child)


def source(node: ast.AST) -> str:
    """A node on one line; of a statement that contains others, its head."""
    match node:
        case ast.Module():
            return "; ".join(map(source, node.body))
        case ast.If():
            return f"if {source(node.test)}"
        case ast.For():
            return f"for {source(node.target)} in {source(node.iter)}"
    return ast.unparse(node)


def _of_node(  # noqa: C901 -- a case for each kind of node, and nothing else
    node: ast.AST, names: set[str], settled: set[str], makes: bool
) -> Iterator[tuple[ast.AST, ast.AST]]:  # fmt: skip
    found: Iterator[ast.AST] = iter(())
    match node:
        case ast.Compare():
            found = _compared(node)
        case ast.BoolOp():
            found = _joined(node)
        case ast.UnaryOp():
            found = iter((node.operand,))
        case ast.BinOp():
            found = _reckoned(node)
        case ast.Constant():
            found = _constant(node)
        case ast.Call():
            found = _called(node)
        case ast.Name():
            if isinstance(node.ctx, ast.Load):
                found = map(ast.Name, _next(node.id, _NAMES, names))
        case ast.Attribute(value, name) if isinstance(node.ctx, ast.Load) or not makes:
            rows = _OF_RULES if ast.unparse(value) == "rules" else _FIELDS
            found = (ast.Attribute(value, other) for other in _next(name, rows, None))
        case ast.IfExp():
            found = iter((node.body, node.orelse))
        case ast.If():
            yield node.test, ast.Constant(True)
            yield node.test, ast.Constant(False)
        case ast.Assign() if not makes:
            found = _unassigned(node, settled)
        case ast.AugAssign():
            found = iter((ast.Pass(), _assigned_otherwise(node)))
        case ast.Expr():
            found = iter((ast.Pass(),))
    for other in found:
        yield node, other


def _but(node: Any, **changed: object) -> Any:
    """The node with some of its fields changed."""
    other = copy.copy(node)
    for name, value in changed.items():
        setattr(other, name, value)
    return other


def _without(items: Sequence[Any], at: int) -> list[Any]:
    return [*items[:at], *items[at + 1 :]]


def _compared(node: ast.Compare) -> Iterator[ast.AST]:
    for at, order in enumerate(node.ops):
        for other in _ORDERS[type(order)]:
            yield _but(node, ops=[*node.ops[:at], other(), *node.ops[at + 1 :]])


def _joined(node: ast.BoolOp) -> Iterator[ast.AST]:
    yield _but(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    for at in range(len(node.values)):
        left = _without(node.values, at)
        yield left[0] if len(left) == 1 else _but(node, values=left)


def _reckoned(node: ast.BinOp) -> Iterator[ast.AST]:
    yield _but(node, op=_ARITHMETIC[type(node.op)]())
    yield node.left
    yield node.right


def _constant(node: ast.Constant) -> Iterator[ast.AST]:
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int):
        yield ast.Constant(node.value + 1)
        yield ast.Constant(node.value - 1)


def _called(node: ast.Call) -> Iterator[ast.AST]:
    if not isinstance(node.func, ast.Name):
        return
    if node.func.id in _SWAPPED:
        turned = _but(node, args=node.args[::-1])
        yield turned
        if node.func.id == "before":  # not after: the bound itself too
            yield ast.UnaryOp(ast.Not(), turned)
    elif node.func.id in _EXTREMES:
        yield _but(node, func=ast.Name(_EXTREMES[node.func.id]))


def _next(name: str, rows: Sequence[Sequence[str]], known: set[str] | None) -> Iterator[str]:
    for row in rows:
        if name in row:
            at = row.index(name)
            others = [*row[at + 1 :], *row[:at]]
            yield from [other for other in others if known is None or other in known][:1]


def _unassigned(node: ast.Assign, settled: set[str]) -> Iterator[ast.AST]:
    """The assignment without one of its targets; a name that was not set before keeps its value."""
    pairs = isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple)
    targets = node.targets[0].elts if pairs else node.targets
    for at, target in enumerate(targets):
        if isinstance(target, ast.Name) and target.id not in settled:
            continue
        left = _without(targets, at)
        if not left or isinstance(target, ast.Tuple):
            yield _kept(target, node.value, [])
        elif pairs:
            values = node.value.elts
            rest = _but(node, value=ast.Tuple(_without(values, at)), targets=[ast.Tuple(left)])
            yield _kept(target, values[at], [rest])
        else:
            yield _kept(target, node.value, [_but(node, targets=left)])


def _kept(target: ast.expr, value: ast.expr, rest: list[ast.stmt]) -> ast.AST:
    """The rest only. What `self` has not yet must be given to it: a missing attribute tells nothing."""
    match target:
        case ast.Attribute(ast.Name("self"), name):
            old = ast.Call(ast.Name("getattr"), [ast.Name("self"), ast.Constant(name), value], [])
            return ast.Module([*rest, ast.copy_location(ast.Assign([target], old), value)], [])
    return ast.Module(rest or [ast.Pass()], [])


def _assigned_otherwise(node: ast.AugAssign) -> ast.AST:
    """|= for &= and so on; what it was before counts for nothing."""
    return ast.copy_location(ast.Assign([node.target], node.value), node)
