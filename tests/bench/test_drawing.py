"""What bench/drawing.py draws is a picture as bypeer makes them, and it measures each way to draw it."""

from __future__ import annotations

import pytest

from bench import drawing
from bypeer.core.picture import KINDS

pytest.importorskip("PIL", reason="Pillow is not installed: no PNG can be written")


def test_the_picture_is_a_download_with_late_segments() -> None:
    marks = drawing.made(30_000).marks
    assert {len(column) for column in marks} == {30_000}
    assert list(marks.ts) == sorted(marks.ts)
    names = [KINDS[kind][0] for kind in marks.kind]
    assert names.count("late") in range(290, 320)
    assert names.count("ack") == names.count("window") == 10_000


def test_a_line_a_size(capsys: pytest.CaptureFixture[str]) -> None:
    drawing.main([600, 900])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:4]] == ["600", "900"]
    assert all(len(line.split("|")) == 8 for line in lines[:4])
