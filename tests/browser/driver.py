"""A page in a browser, as a test sees it: what is shown, what is drawn where."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from bypeer.core.picture import KINDS, Picture
from bypeer.report.palette import LOOKS

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 60_000  # ms; the machine may be busy
LEFT = 100  # where the panels begin

# How many pixels of a square round a place have about a colour.
COUNT = """([x, y, reach, red, green, blue]) => {
    const canvas = document.getElementById("canvas"), dense = canvas.width / canvas.clientWidth;
    const side = Math.max(1, Math.round(2 * reach * dense));
    const pen = new OffscreenCanvas(side, side).getContext("2d", {willReadFrequently: true});
    pen.drawImage(canvas, -Math.round((x - reach) * dense), -Math.round((y - reach) * dense));
    const {data} = pen.getImageData(0, 0, side, side);
    let count = 0;
    for (let at = 0; at < data.length; at += 4) {
        const far = Math.abs(data[at] - red) + Math.abs(data[at + 1] - green) + Math.abs(data[at + 2] - blue);
        count += far < 24;
    }
    return count;
}"""


class Window:
    """One page in a context of its own."""

    def __init__(self, context: Any, path: Path) -> None:
        self.context, self.url = context, path.as_uri()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page = context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.page.on("console", lambda one: self.complaints.append(one.text))
        self.page.on("pageerror", lambda one: self.complaints.append(str(one)))
        self.page.on("dialog", lambda one: self.complaints.append(f"dialog: {one.message}"))
        self.page.on("request", lambda one: self.requests.append(one.url))
        self.page.goto(self.url)

    def ready(self) -> Window:
        """Once the picture is drawn."""
        self.page.wait_for_selector("html[data-ready]")
        return self

    @property
    def view(self) -> dict[str, Any]:
        """What was drawn last: from, to, the panels and their ranges, the letters' boxes."""
        self.settle()
        found: dict[str, Any] = json.loads(self.page.get_attribute("#canvas", "data-view"))
        return found

    def until(self, expression: str) -> None:
        """Wait for it to be true; Playwright's own way to do so evaluates text, which the page forbids."""
        end = time.monotonic() + PATIENCE / 1_000
        while not self.page.evaluate(expression):
            assert time.monotonic() < end, expression
            self.page.wait_for_timeout(20)

    def settle(self) -> None:
        """Wait for what is to be drawn in the next frame."""
        self.page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    @property
    def span(self) -> float:
        """How much time is shown, ns."""
        view = self.view
        return float(view["to"] - view["from"])

    def press(self, *keys: str) -> None:
        """Keys, in the picture."""
        self.page.focus("#plot")
        for key in keys:
            self.page.keyboard.press(key)

    def place(self, ts: int, value: float, panel: int = 0) -> tuple[float, float]:
        """Where in the picture a time and a value are, CSS pixels."""
        view = self.view
        one = view["panels"][panel]
        x = LEFT + (ts - view["from"]) / (view["to"] - view["from"]) * one["width"]
        y = one["top"] + (one["high"] - value) / (one["high"] - one["low"]) * one["height"]
        return x, y

    def at(self, x: float, y: float) -> tuple[float, float]:
        """A place in the picture as one on the screen."""
        box = self.page.locator("#canvas").bounding_box()
        return box["x"] + x, box["y"] + y

    def pixels(self, x: float, y: float, colour: str, reach: float = 7) -> int:
        """How many pixels round a place have that colour, "#rrggbb"."""
        parts = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
        return int(self.page.evaluate(COUNT, [x, y, reach, *parts]))

    def only(self, *names: str) -> None:
        """Show these kinds and bounds only."""
        boxes = self.page.locator("#legend input")
        for at in range(boxes.count()):
            box = boxes.nth(at)
            box.set_checked(box.get_attribute("data-kind") in names)


def first_of(picture: Picture, kind: str, start: int, end: int) -> int:
    """The first row of a kind within a stretch of time."""
    which = next(row for row, (name, _) in enumerate(KINDS) if name == kind)
    marks = picture.marks
    return next(
        row for row in range(len(marks.ts)) if marks.kind[row] == which and start <= marks.ts[row] <= end
    )


def light(kind: str) -> str:
    """A kind's colour by day."""
    return LOOKS[kind].light
