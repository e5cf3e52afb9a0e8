"""Writes docs/causes.md from the catalogue: the docstrings of the causes are its pages."""

from __future__ import annotations

from pathlib import Path

from bypeer.core.causes import CATALOGUE

HEAD = """# The catalogue of causes

Generated from the docstrings in `src/bypeer/core/causes/` (`make docs`). `bypeer causes CODE` prints a page.
What the remedies do was measured: [remedies.md](remedies.md).
"""


def page() -> str:
    """The whole document."""
    parts = [HEAD]
    for cause in CATALOGUE:
        parts.append(f"## {cause.code} {cause.name}\n\n```\n{cause.page}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    Path(__file__).with_name("causes.md").write_text(page())
