"""Accessibility by an automated checker: axe-core, fetched by npm into build/ and not shipped (MPL-2.0)."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bypeer.report.page import render
from tests.browser.driver import Window
from tests.picture import picture
from tests.report import sample

Open = Callable[..., Window]
VERSION = "4.14.1"
CACHE = Path(__file__).parent.parent.parent / "build" / "axe-core"


@pytest.fixture(scope="session")
def axe() -> str:
    """Its source."""
    path = CACHE / f"axe-{VERSION}.min.js"
    if path.exists():
        return path.read_text(encoding="utf-8")
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("axe-core is not here, and no npm to fetch it")
    CACHE.mkdir(parents=True, exist_ok=True)
    command = [npm, "pack", f"axe-core@{VERSION}", "--silent", "--pack-destination", str(CACHE)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if run.returncode:
        pytest.skip(f"npm could not fetch axe-core: {run.stderr.strip()[-200:]}")
    with tarfile.open(CACHE / run.stdout.split()[-1]) as archive:
        source = archive.extractfile("package/axe.min.js")
        assert source is not None
        path.write_bytes(source.read())
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "make", [sample.killed, sample.undetermined, sample.many], ids=lambda one: one.__name__
)
def test_no_serious_violation(window: Open, axe: str, make: Callable[[], object], scheme: str) -> None:
    html = render(make(), [picture(1_500), picture(1_000, connection="c2")])  # type: ignore[arg-type]
    one = window(html, color_scheme=scheme).ready()
    one.press("n")
    one.page.evaluate(axe)
    found = one.page.evaluate("axe.run()")
    assert len(found["passes"]) > 20
    said = [
        f"{it['id']}: {node['html'][:120]}"
        for it in found["violations"]
        if it["impact"] in ("serious", "critical")
        for node in it["nodes"]
    ]
    assert said == []
