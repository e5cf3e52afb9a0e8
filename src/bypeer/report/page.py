"""The page: one HTML file with everything, to be attached to a ticket and opened offline.

The words are those of the other reports (story.py, weighing.py, inventory.py). What is the page's own is the
picture, drawn by its script from packed columns. The script and the style are hashed into a
Content-Security-Policy that allows nothing else: whatever a capture brought along could not run or load
anything even if it were not escaped. Without the script all of it is there but the picture.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files
from typing import Any, NamedTuple

from bypeer.core.explanation import ConnectionReport, Event, Explanation
from bypeer.core.picture import KINDS, Picture
from bypeer.report import inventory, path, story, tcpdump, weighing
from bypeer.report.blocks import Block, Prose, Section, Timeline
from bypeer.report.blocks import Moment as Line
from bypeer.report.markup import Markup, Row, framed_table, text
from bypeer.report.packed import Packed, packed_bounds, packed_marks
from bypeer.report.palette import LOOKS
from bypeer.report.plain import cleaned
from bypeer.report.weighing import subject_connection
from bypeer.report.words import (
    CERTAINTY,
    CLIENT,
    MAKER,
    SERVER,
    cause_meaning,
    cause_name,
    clock,
    counted,
    ended,
    sentence,
    spot,
)

SCRIPTS = ("scale.js", "unpack.js", "draw.js", "page.js")
SURE = (
    "A verdict is certain only where both sides show it, no packet was lost that could tell otherwise, and "
    "one cause alone explains it."
)
HOW_TO_READ = (
    "Time runs to the right, octets of the stream upwards. Data on time climbs along the upper edge; what "
    "lies below it came late. The lower panel shows how late: octets behind the newest data, beside what "
    "conntrack allows."
)
KEYS = (
    ("drag", "zoom to what you mark"),
    ("wheel", "closer, wider"),
    ("shift + drag, left, right", "move in time"),
    ("+ and -, up, down", "closer, wider"),
    ("n and p", "next and previous event"),
    ("f", "the moments before the reset"),
    ("0, double click", "the whole connection"),
    ("?", "this help"),
)


class Drawn(NamedTuple):
    """A picture on the page."""

    id: str
    picture: Picture  # with all text made plain
    marks: Packed
    bounds: Packed


def render(explanation: Explanation, pictures: Sequence[Picture] = ()) -> str:
    """The page, with the pictures given; the first is shown at first."""
    found = cleaned(explanation)
    drawn = [_drawn(at, one) for at, one in enumerate(pictures)]
    style, script = _resource("page.css"), "\n".join(map(_resource, SCRIPTS))
    title = f"{sentence(found.verdict.headline)} - bypeer"
    return "".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            f'<meta http-equiv="Content-Security-Policy" content="{_policy(style, script)}">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n',
            f"<title>{text(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n",
            _body(found, drawn),
            *(part for one in drawn for part in _octets(one)),
            f'<script type="application/json" id="data">{_json(_data(drawn))}</script>\n',
            f'<script type="module">{script}</script>\n</body>\n</html>\n',
        ]
    )


def _resource(name: str) -> str:
    return files("bypeer.report").joinpath(name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    allowed = [f"'sha256-{b64encode(sha256(one.encode()).digest()).decode()}'" for one in (script, style)]
    return (
        f"default-src 'none'; script-src {allowed[0]}; style-src {allowed[1]}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


# What the script reads


def _drawn(at: int, picture: Picture) -> Drawn:
    plainly = cleaned(picture._replace(bounds=()))  # which are many, and hold no text
    return Drawn(str(at), plainly, packed_marks(picture.marks), packed_bounds(picture.bounds, picture.marks))


def _octets(one: Drawn) -> list[str]:
    """The columns, out of the way of what is read as JSON: base64 has nothing to escape."""
    blocks = {"marks": one.marks.text, "bounds": one.bounds.text}
    return [f'<script type="text/plain" id="{key}-{one.id}">{it}</script>\n' for key, it in blocks.items()]


def _data(drawn: Sequence[Drawn]) -> dict[str, Any]:
    kinds = [{"name": name, "text": said, **LOOKS[name]._asdict()} for name, said in KINDS]
    return {"kinds": kinds, "pictures": [_told(one) for one in drawn]}


def _told(one: Drawn) -> dict[str, Any]:
    picture, ts = one.picture, one.picture.marks.ts
    moments = [
        {"letter": it.letter, "ts": it.ts, "low": it.low, "size": it.size, "text": it.text}
        for it in picture.moments
    ]
    return {
        "id": one.id,
        "title": picture.title,
        "direction": picture.direction,
        "origin": str(picture.origin),  # beyond 2**53
        "began": ts[0] if ts else picture.focus[0],
        "ended": ts[-1] if ts else picture.focus[1],
        "focus": picture.focus,
        "note": _note(picture),
        "moments": moments,
        "notes": picture.notes,
        "marks": {"rows": one.marks.rows, "columns": one.marks.columns},
        "bounds": {"rows": one.bounds.rows, "columns": one.bounds.columns},
    }


def _note(picture: Picture) -> str:
    """Whose bounds are drawn, and what is not."""
    said = sentence(picture.bounds_note) if picture.bounds_note else ""
    if picture.thinned:
        said += f" {counted(picture.thinned, 'common mark')} left out, there being too many; no rare one is."
    return said.strip()


def _json(value: Any) -> str:
    """JSON in ASCII that no tag ends."""
    written = json.dumps(value, separators=(",", ":"))
    return written.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


# What people read


def _body(found: Explanation, drawn: Sequence[Drawn]) -> str:
    make = Markup()
    sections = [one for one in _sections(found, drawn, make) if one[2]]
    links = "".join(f'<li><a href="#{name}">{text(title)}</a></li>' for name, title, _ in sections)
    return "".join(
        [
            f'<header class="{story.tone(found)}"><p class="brand">bypeer: who reset this connection?</p>\n',
            f"<h1>{text(sentence(found.verdict.headline))}</h1>\n{_facts(found)}\n",
            f"{make.blocks(story.action(found))}\n</header>\n",
            f'<nav aria-label="On this page"><ul>{links}</ul></nav>\n<main>\n',
            *(html for _, _, html in sections),
            f'</main>\n<footer>{_versions(found)}</footer>\n<p id="said" class="unseen" role="status"></p>\n',
        ]
    )


def _sections(found: Explanation, drawn: Sequence[Drawn], make: Markup) -> list[tuple[str, str, str]]:
    """Name, title and markup of each section, in order."""
    undetermined = found.verdict.certainty == "undetermined"
    sure = ("certainty", _certainty(found))
    order: list[tuple[str, Section]] = [
        ("tracker", weighing.tracker(found)),
        ("causes", weighing.causes(found, ticket=True)),
        ("path", Section("")),
        ("remedies", story.remedies(found)),
        *([] if undetermined else [sure]),
        ("filters", story.filters(found, ticket=True)),
        ("resets", weighing.other_resets(found)),
        ("captures", inventory.captures(found, ticket=True)),
    ]
    shown = [(name, one.title, make.section(name, one)) for name, one in order]
    told = path.way(found)
    if told:
        title = "The way through the host"
        at = [name for name, _, _ in shown].index("path")
        shown[at] = ("path", title, make.framed("path", title, path.drawn(found, told)))
    first = [(sure[0], sure[1].title, make.section(*sure))] if undetermined else []
    return [*first, *_pictured(found, drawn, make), *shown, *_connections(found, drawn, make)]


def _facts(found: Explanation) -> str:
    """Who, why, how certain, what both ends saw: the lines that suffice."""
    verdict, connection = found.verdict, subject_connection(found)
    rows = [("Ended by", sentence(MAKER.get(verdict.killed_by, verdict.killed_by)))]
    if verdict.cause:
        meaning = cause_meaning(verdict.cause)
        rows.append(("Why", f"{cause_name(verdict.cause)}: {ended(meaning)}" if meaning else verdict.cause))
    rows.append(("How certain", sentence(story.certainty(found))))
    rows.append(("Client", sentence(CLIENT.get(verdict.client_outcome, verdict.client_outcome))))
    if connection:
        server = connection.outcome.server
        rows.append(("Server", sentence(SERVER.get(server, server))))
    others = len(inventory.others(found))
    if others:
        rows.append(("Also", f"{counted(others, 'other connection')} failed too: see the list below."))
    told = "".join(f"<dt>{text(key)}</dt><dd>{text(said)}</dd>" for key, said in rows)
    return f'<dl class="facts">{told}</dl>'


def _certainty(found: Explanation) -> Section:
    """How certain it is, and what would settle it."""
    sure = CERTAINTY.get(found.verdict.certainty, found.verdict.certainty)
    blocks: list[Block] = [Prose(sentence(sure)), Prose(SURE)]
    if found.verdict.needs:
        blocks.append(Prose("What would settle it:"))
        blocks += [Prose(sentence(one), item=True) for one in found.verdict.needs]
    return Section("How certain this is", blocks)


def _versions(found: Explanation) -> str:
    rules = f"conntrack by the rules of Linux {found.kernel.assumed}"
    return f"<p>{text(f'{found.tool.name} {found.tool.version}, {found.schema}, {rules}.')}</p>"


# The picture and the events


def _pictured(found: Explanation, drawn: Sequence[Drawn], make: Markup) -> list[tuple[str, str, str]]:
    """The picture, and below it the events of each connection that has one, or of the verdict's own."""
    parts = [("picture", "The picture", _picture(drawn, make))] if drawn else []
    told: list[tuple[str, Drawn | None]] = [(one.picture.connection, one) for one in drawn]
    own = found.verdict.connection
    if own is not None and all(name != own for name, _ in told):
        told.append((own, None))
    several = len(told) > 1
    title = "What happened"
    bodies = []
    for name, one in told:
        report = next((it for it in found.connections if it.id == name), None)
        section = story.timeline(found, report)
        body = _events(found, report, section, one, make)
        title = section.title if section.title and not several else title
        bodies.append(f"<h3>{text(section.title or title)}</h3>{body}" if several and body else body)
    wrapped = [_of(one, body) for (_, one), body in zip(told, bodies, strict=True) if body]
    return [*parts, ("events", title, make.framed("events", title, "\n".join(wrapped)))] if wrapped else parts


def _of(one: Drawn | None, body: str) -> str:
    """What belongs to a picture, and is shown with it."""
    return f'<div data-of="{one.id}">{body}</div>' if one else f"<div>{body}</div>"


def _picture(drawn: Sequence[Drawn], make: Markup) -> str:
    does = (
        ("focus", "Before the reset", "f"),
        ("whole", "Whole", "0"),
        ("closer", "Closer", "+"),
        ("wider", "Wider", "-"),
        ("previous", "Previous event", "p"),
        ("next", "Next event", "n"),
        ("help", "Keys", "?"),
    )
    buttons = "".join(
        f'<button type="button" data-do="{do}">{label} <kbd aria-hidden="true">{key}</kbd></button>'
        for do, label, key in does
    )
    options = "".join(f'<option value="{one.id}">{text(one.picture.title)}</option>' for one in drawn)
    choice = f'<p><label>Connection <select id="choice">{options}</select></label></p>'
    keys = "".join(f"<dt>{text(key)}</dt><dd>{text(what)}</dd>" for key, what in KEYS)
    body = f"""<noscript><p>The picture needs JavaScript, which is off here. All else is text.</p></noscript>
<p id="picture-failed" hidden>This browser cannot draw the picture: it needs one of 2023 or later.</p>
<div id="picture-live" hidden>{choice if len(drawn) > 1 else ""}
<p id="which"></p><p id="how">{text(HOW_TO_READ)}</p>
<div class="bar" role="toolbar" aria-label="The picture">{buttons}</div>
<div id="plot" tabindex="0" role="application" aria-describedby="how"
 aria-label="Picture of the connection; its events stand below as text">
<canvas id="canvas"></canvas><div id="band" hidden></div><div id="halo" hidden></div>
<div id="tip" hidden></div></div>
<fieldset id="legend"></fieldset>
<p id="picture-note"></p>
<dialog id="help" aria-labelledby="help-title"><h3 id="help-title">Keys, in the picture</h3><dl>{keys}</dl>
<form method="dialog"><button>Close</button></form></dialog></div>"""
    return make.framed("picture", "The picture", body)


def _events(
    found: Explanation, report: ConnectionReport | None, section: Section, one: Drawn | None, make: Markup
) -> str:
    """One connection's events: the table, and as tcpdump prints them."""
    said = [block for block in section.blocks if not isinstance(block, Timeline)]
    lines = [line for block in section.blocks if isinstance(block, Timeline) for line in block.moments]
    moments = list(one.picture.moments) if one else []
    places = {it.letter: at for at, it in enumerate(moments)}
    if report and lines:
        rows = [
            Row(line, _finding(found, event), places.get(line.letter))
            for line, event in zip(lines, report.events, strict=True)
        ]
    else:  # a picture of a connection that the explanation does not list
        told = _lines(one.picture) if one else []
        rows = [
            Row(line, [("", it.filter)], at) for at, (line, it) in enumerate(zip(told, moments, strict=True))
        ]
    if not rows:
        return ""
    table = make.events(rows, one.id if one else "")
    return f"{make.blocks(said)}{table}{_dumped(report, make)}"


def _finding(found: Explanation, event: Event) -> list[tuple[str, str]]:
    """Display filters, for each side that saw it; Wireshark opens no text."""
    inputs = {one.id: found.inputs[one.input] for one in found.vantages}
    seen = [(event.vantage, event.frame), (event.twin, event.twin_frame)]
    spots = [
        spot(found, vantage, frame)
        for vantage, frame in seen
        if vantage in inputs and frame is not None and not inputs[vantage].format.endswith("text")
    ]
    return [(where, f"frame.number == {frame}") for where, frame in spots]


def _dumped(report: ConnectionReport | None, make: Markup) -> str:
    events = [one for one in report.events if one.dump] if report else []
    if not events:
        return ""
    lines = make.copied(tcpdump.lines(events), "the lines of tcpdump", block=True)
    return f"<h3>As tcpdump prints it</h3>{lines}"


def _lines(picture: Picture) -> list[Line]:
    """The picture's events where the explanation has none of that connection."""
    return [
        Line(one.letter, clock(picture.origin + one.ts), one.frames, one.text.split(" | ", 1), False, False)
        for one in picture.moments
    ]


# The list of connections


def _connections(found: Explanation, drawn: Sequence[Drawn], make: Markup) -> list[tuple[str, str, str]]:
    """All connections that are listed, the failed ones first; the script shows a part at a time."""
    if len(found.connections) < 2:
        return []
    pictured = {one.picture.connection: one.id for one in drawn}
    own = found.verdict.connection
    ordered = sorted(found.connections, key=lambda one: (one.id != own, one.verdict.killed_by == "none"))
    head = "".join(f'<th scope="col">{one}</th>' for one in inventory.COLUMNS)
    rows = "\n".join(_connection(one, pictured.get(one.id)) for one in ordered)
    body = f"""<p>{text(inventory.totals(found))}</p>
<p id="list-tools" hidden><label>Show only rows with <input id="list-filter" type="search"></label>
<span id="list-told" role="status"></span></p>
{framed_table(head, rows, ' id="list"')}
<p><button type="button" id="list-more" hidden>More</button></p>"""
    return [("connections", "Connections", make.framed("connections", "Connections", body))]


def _connection(one: ConnectionReport, picture: str | None) -> str:
    cells = "".join(f"<td>{text(cell)}</td>" for cell in inventory.row(one))
    if picture is not None:
        cells = cells.replace(
            "</td>",
            f' <button type="button" class="show" data-open="{picture}" hidden>Picture'
            f'<span class="unseen"> of {text(one.id)}</span></button></td>',
            1,
        )
    return f"<tr>{cells}</tr>"
