"""The way of a killing RST, and of what it answers, through the host: as words, and as a drawing.

The host's hooks stand in two lanes, one for each direction, by netfilter's names; what is meant for the host
itself turns off behind PREROUTING through INPUT, and what the host says by itself comes in by OUTPUT.
Source: for the order of the hooks, docs.kernel.org, networking/netfilter; for REJECT, measured (NF12).
"""

from __future__ import annotations

from typing import NamedTuple

from bypeer.core.explanation import Explanation, Pair, ResetReport, Trigger
from bypeer.report.markup import text
from bypeer.report.weighing import FATE, killers, subject_connection
from bypeer.report.words import MAKER, pair

Point = tuple[int, int]

# Places in the drawing, in its own units: the lane from the peer above, the lane to it below.
WIDE, HIGH = 960, 300
ABOVE, MIDDLE, BELOW = 70, 150, 230
INSIDE, LEFT, CENTRE, RIGHT, PEER = 150, 270, 480, 690, 810
FORGED = 790  # between host and peer
SOCKETS = 566  # where lines to the host's own sockets end on the right

LONGEST = 21  # letters that have room in a box
REJECTS = "NF12"  # the cause whose RST a rule in FORWARD makes


class Way(NamedTuple):
    """Where segments went, for a peer on the right; `mirrored`: what was answered came from the inside."""

    mirrored: bool
    trigger: list[Point]  # none: it is not known, or there is none
    reset: list[Point]
    steps: list[str]
    forged: bool = False  # the RST begins between the boxes


def way(found: Explanation) -> Way | None:
    """The way of the RST that decided; None where no RST did, or where its author is not known."""
    reset = next(iter(killers(found)), None)
    if reset is None or reset.author == "unknown":
        return None
    if reset.author == "host":
        return _by_host(found, reset)
    inward = reset.author == "outside" or (reset.author != "inside" and _seen(found, reset, "inside"))
    maker, to = MAKER[reset.author], "inside" if inward else "outside"
    steps = [f"The RST was made by {maker}."]
    if len(reset.seen) > 1:
        steps.append(f"The host forwarded it to the {to} endpoint: PREROUTING, FORWARD, POSTROUTING.")
    else:
        steps.append(f"It went towards the {to} endpoint, and was seen on one side only.")
    ends = [(PEER, ABOVE), (INSIDE, ABOVE)] if inward else [(INSIDE, BELOW), (PEER, BELOW)]
    if reset.author == "on-path":
        beyond = _seen(found, reset, "outside") or _seen(found, reset, "peer")
        ends[0] = (FORGED if beyond == inward else WIDE - FORGED, ends[0][1])
    return Way(False, [], ends, steps, reset.author == "on-path")


def _seen(found: Explanation, reset: ResetReport, role: str) -> bool:
    return any(one.role == role for one in found.vantages if one.id in reset.seen)


def _by_host(found: Explanation, reset: ResetReport) -> Way:
    trigger = reset.trigger
    mirrored = trigger is not None and _side(found, trigger) == "inside"
    source = "the inside endpoint" if mirrored else "the peer"
    back = [(CENTRE, MIDDLE), (RIGHT, MIDDLE + 8), (RIGHT, BELOW), (PEER, BELOW)]
    answer = f"The host's RST left by OUTPUT and POSTROUTING for {source}, in the other endpoint's name."
    if trigger is None:
        return Way(mirrored, [], back, [answer])
    steps = [f"A segment of {source} entered the host by PREROUTING, where conntrack looks at it."]
    if reset.cause == REJECTS:
        came = [(PEER, ABOVE), (CENTRE, ABOVE), (CENTRE, MIDDLE)]
        steps.append("It went on to FORWARD, where a rule rejected it with a RST.")
        back = [(SOCKETS, MIDDLE + 8), *back[1:]]
    else:
        came = [(PEER, ABOVE), (RIGHT, ABOVE), (RIGHT, MIDDLE - 8), (SOCKETS, MIDDLE - 8)]
        back = [(SOCKETS, MIDDLE + 8), *back[1:]]
        steps.append(f"{_judged(trigger)} So it was not translated, and went to the host itself by INPUT.")
        steps.append("No socket of the host's wanted it: TCP answered with a RST.")
    if trigger.forwarded is not False:
        steps.append(FATE[trigger.forwarded])
    return Way(mirrored, came, back, [*steps, answer])


def _judged(trigger: Trigger) -> str:
    said = {"INVALID": "Conntrack called it INVALID.", "NEW": "Conntrack knew no connection for it."}
    return said.get(trigger.judgement, "Conntrack did not take it for part of the connection.")


def _side(found: Explanation, trigger: Trigger) -> str:
    return next((one.role for one in found.vantages if one.id == trigger.vantage), "outside")


def drawn(found: Explanation, told: Way) -> str:
    """The way as inline SVG, and its steps in words below."""
    connection = subject_connection(found)
    inside, outside = (connection.inside, connection.outside) if connection else (None, None)
    near, far = _ends(inside, outside)
    flip = (lambda points: [(WIDE - x, HIGH - y) for x, y in points]) if told.mirrored else list
    side = -1 if told.mirrored else 1
    turn = CENTRE + side * (RIGHT - CENTRE)
    parts = [
        _box(10, 50, 140, 200, "end", ["inside", "endpoint"], near),
        _box(190, 20, 580, 260, "host", []),
        _text(480, 38, "this host (NAT)", "small"),
        _box(810, 50, 140, 200, "end", ["peer"], far),
        *(_line([(PEER, y), (INSIDE, y)][:: 1 if y == ABOVE else -1], "lane") for y in (ABOVE, BELOW)),
        _line(flip(told.trigger), "trigger") if told.trigger else "",
        _line(flip(told.reset), "rst"),
        f'<circle class="rst" cx="{told.reset[0][0]}" cy="{told.reset[0][1]}" r="7"/>' if told.forged else "",
        _box(CENTRE - 86, MIDDLE - 26, 172, 52, "sockets", ["the host's own", "sockets (TCP)"]),
        *(_hook(x, y, name) for y, names in _LANES for x, name in names),
        _hook(turn, MIDDLE - side * 40, "INPUT"),
        _hook(turn, MIDDLE + side * 40, "OUTPUT"),
    ]
    steps = "".join(f"<li>{text(one)}</li>" for one in told.steps)
    both = f"{pair(inside)} inside; {pair(outside)} outside." if inside and outside else ""
    where = f"<p>{text(both)}</p>" if both else ""
    return (
        f'<svg viewBox="0 0 {WIDE} {HIGH}" class="path" role="img" aria-labelledby="path-title">'
        f"{_ARROWS}{''.join(parts)}</svg>\n{_KEY if told.trigger else _KEY_RESET}{where}<ol>{steps}</ol>"
    )


def _ends(inside: Pair | None, outside: Pair | None) -> tuple[str, str]:
    """The endpoints' own addresses, where the NAT shows which is which, and they are short enough."""
    if inside is None or outside is None:
        return "", ""
    source, destination = inside.client != outside.client, inside.server != outside.server
    if source == destination:
        return "", ""
    ends = (inside.client, outside.server) if source else (inside.server, outside.client)
    near, far = (one if len(one) <= LONGEST else "" for one in ends)
    return near, far


_LANES = (
    (ABOVE, ((RIGHT, "PREROUTING"), (CENTRE, "FORWARD"), (LEFT, "POSTROUTING"))),
    (BELOW, ((LEFT, "PREROUTING"), (CENTRE, "FORWARD"), (RIGHT, "POSTROUTING"))),
)
_ARROWS = "<defs>{}</defs>".format(
    "".join(
        f'<marker id="tip-{one}" class="{one}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" '
        f'markerHeight="9" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L10 5L0 10z"/></marker>'
        for one in ("lane", "trigger", "rst")
    )
)
_KEY_RESET = '<p class="key"><span class="rst">dashed</span>: the RST.</p>'
_KEY = '<p class="key"><span class="trigger">solid</span>: what the RST answers. ' + _KEY_RESET[15:]


def _line(points: list[Point], name: str) -> str:
    places = " ".join(f"{x},{y}" for x, y in points)
    return f'<polyline class="{name}" points="{places}" marker-end="url(#tip-{name})"/>'


def _box(x: int, y: int, width: int, height: int, name: str, lines: list[str], below: str = "") -> str:
    """A box with words in it, and a smaller line below them."""
    centre, middle = x + width // 2, y + height // 2 + 5 - 9 * (len(lines) - 1)
    words = "".join(_text(centre, middle + 18 * row, line, "") for row, line in enumerate(lines))
    words += _text(centre, middle + 18 * len(lines), below, "small") if below else ""
    return f'<rect class="{name}" x="{x}" y="{y}" width="{width}" height="{height}" rx="6"/>{words}'


def _hook(x: int, y: int, name: str) -> str:
    return f'<g class="hook">{_box(x - 52, y - 12, 104, 24, "", [name])}</g>'


def _text(x: int, y: int, words: str, name: str) -> str:
    return f'<text class="{name}" x="{x}" y="{y}">{text(words)}</text>'
