"""What bench/ says of recording is what was recorded."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bypeer.errors import HostError
from bypeer.live.namespace import Namespace

pytestmark = pytest.mark.live


def test_every_line_is_accounted_for() -> None:
    try:
        Namespace().close()
    except HostError as error:
        pytest.skip(str(error))
    command = [sys.executable, "-m", "bench.ring", "--seconds", "0.5", "--rates", "10000"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.splitlines()[2:] if line
    ]
    assert [row[0] for row in rows] == ["small, 10,000/s", "1 Gbit/s, merged", "1 Gbit/s, single"]
    assert {row[5] for row in rows} == {"yes"}
    small, merged, single = (int(row[1].replace(",", "")) for row in rows)
    assert 5_000 < small < 15_000
    assert merged < single
