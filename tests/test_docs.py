"""Documents that are generated, or that quote, hold what is true now."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

from bypeer.core.causes import CATALOGUE

ROOT = Path(__file__).parents[1]


def test_the_causes_page_is_the_catalogue() -> None:
    made = runpy.run_path(str(ROOT / "docs/make_causes.py"))["page"]()
    assert (ROOT / "docs/causes.md").read_text() == made, "make docs"


def test_readme_names_the_causes_that_are_tested() -> None:
    """Those that always answer untestable are the ones that it leaves out."""
    elsewhere = {cause.code for cause in CATALOGUE if cause.test.__module__.endswith("elsewhere")}
    said = re.search(r"- Causes (.*?) are tested", (ROOT / "README.md").read_text(), re.DOTALL)
    assert said is not None
    codes = set()
    for part in re.findall(r"([A-Z]{2})(\d\d)(?:-[A-Z]{2}(\d\d))?", said[1]):
        family, first, last = part
        codes |= {f"{family}{number:02}" for number in range(int(first), int(last or first) + 1)}
    assert codes == {cause.code for cause in CATALOGUE} - elsewhere


def test_every_path_that_the_documents_name_exists() -> None:
    for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/limits.md"):
        text = (ROOT / name).read_text()
        for path in re.findall(r"\]\(((?!http)[^)#]+)\)|`((?:src|tests|docs|bench)/[\w/.]+)`", text):
            assert (ROOT / (path[0] or path[1])).exists(), (name, path)
