"""`bypeer kernels`: in users' words."""

from __future__ import annotations

import json

import pytest

from bypeer.cli import Status, main
from bypeer.core.kernels import KERNELS, describe


def test_all_are_listed_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kernels"]) == 0
    heads = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Linux ")]
    assert heads == [f"Linux {kernel.name}" for kernel in KERNELS]


def test_one_by_any_version_of_its_series(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kernels", "5.10.0-32-amd64"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Linux 5.10\n")
    assert "  - a segment or acknowledgement from below the window (late) is INVALID" in out
    assert main(["kernels", "6.18"]) == 0
    assert "  - a late segment or acknowledgement passes, ignored" in capsys.readouterr().out


def test_what_is_only_inferred_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kernels", "6.6", "-o", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (kernel,) = (one for one in KERNELS if one.name == "6.6")
    assert found == {"name": "6.6", "inferred": list(kernel.inferred), "behaviour": list(describe(kernel))}
    assert all(words.endswith("(inferred, not measured)") for words in found["behaviour"])


def test_an_unknown_one_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kernels", "3.2"]) == Status.USAGE
    assert "older than 4.19" in capsys.readouterr().err
