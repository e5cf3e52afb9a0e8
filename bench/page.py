"""`python -m bench.page`: a page with a picture of many marks: its size, when it is ready, how fast it draws.

In the system's Chromium, without a screen and without a GPU. Held (issue of the pictures): 200,000 marks in
0.8 MB, ready in 1 s; 2 million in 8 MB, ready in 1.5 s, drawn again after a zoom in 100 ms. Where the machine
does other work too, go by the processor's time, and by the least of several runs.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

from bench.__main__ import machine
from bench.measure import table
from bypeer.report.page import render
from tests.browser.driver import CHROMIUM, FLAGS
from tests.picture import picture
from tests.report import sample

SIZES = (200_000, 2_000_000, 5_000_000)
REDRAWS = 20


class Found(NamedTuple):
    """What one size came to."""

    made: float  # s of a processor, to make the page of a picture that is there
    octets: int
    ready: list[int]  # ms from the start of the navigation to the first drawing, a run each
    busy: list[float]  # ms of a processor for that, of the page's own thread
    redraws: list[float]  # ms of each drawing of the whole


def measure(browser: Browser, marks: int, runs: int) -> Found:
    """One size."""
    one = picture(marks)
    start = time.process_time()
    html = render(sample.killed(), [one])
    made = time.process_time() - start
    with TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        path.write_text(html, encoding="utf-8")
        ready, busy, redraws = [], [], []
        for _ in range(runs):
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            page.set_default_timeout(120_000)
            meter = page.context.new_cdp_session(page)
            meter.send("Performance.enable", {"timeDomain": "threadTicks"})
            page.goto(path.as_uri())
            page.wait_for_selector("html[data-ready]")
            ready.append(int(page.get_attribute("html", "data-ready") or 0))
            metrics = meter.send("Performance.getMetrics")["metrics"]
            busy.append(next(1_000 * it["value"] for it in metrics if it["name"] == "TaskDuration"))
            redraws += drawings(page)
            page.close()
    return Found(made, len(html.encode()), ready, busy, redraws)


def drawings(page: Page) -> list[float]:
    """How long it takes to draw the whole, after looks that are closer by a little."""
    took = []
    page.focus("#plot")
    for _ in range(REDRAWS):
        for key in ("+", "0"):
            page.keyboard.press(key)
            page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        view = json.loads(page.get_attribute("#canvas", "data-view") or "{}")
        took.append(float(view["ms"]))
    return took


def main() -> None:
    """Print a row a size."""
    parser = argparse.ArgumentParser(prog="python -m bench.page", description=__doc__)
    parser.add_argument("marks", nargs="*", type=int, default=SIZES)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if chromium is None:
        sys.exit("bench: no Chromium here: apt-get install chromium")
    sys.stdout.write(f"{machine()}\n\n")
    rows = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        for marks in given.marks:
            one = measure(browser, marks, given.runs)
            rows.append(
                [
                    f"{marks:,}",
                    f"{one.made:.2f}",
                    f"{one.octets / 1e6:.2f}",
                    f"{min(one.ready)} ({median(one.ready):.0f})",
                    f"{min(one.busy):.0f}",
                    f"{min(one.redraws):.0f} ({median(one.redraws):.0f})",
                ]
            )
        browser.close()
    table(
        ("Marks", "made, CPU s", "MB", "ready, ms: least (median)", "its CPU ms", "redraw of all, ms"), rows
    )


if __name__ == "__main__":
    main()
