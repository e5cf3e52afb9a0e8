"""`bypeer graph` and the page of `bypeer explain`. The renderers are stand-ins: what they get is tested."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bypeer.cli import Status, main
from bypeer.cli.explain import MOST_DRAWN, telling
from bypeer.core.picture import Picture
from tests import make
from tests.scene import ASKED, FAR, captures

PAIR = Path(__file__).parent.parent / "captures/late-segment"
FILES = [str(PAIR / "inside.pcap"), str(PAIR / "outside.pcap")]
KILLED = FAR + " 0.06 < . 1:1449(1448) ack 101 win 509 !\n 0.0601 H> R 101:101(0) win 0\n"


class Renderers:
    """Remember what they were asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def module(self, name: str, answer: str | bytes) -> ModuleType:
        def render(*args: Any, **told: Any) -> str | bytes:
            self.asked.append((name, args, told))
            return answer

        module = ModuleType(f"bypeer.report.{name}")
        vars(module)["render"] = render
        return module


@pytest.fixture
def renderers(monkeypatch: pytest.MonkeyPatch) -> Renderers:
    found = Renderers()
    answers: dict[str, str | bytes] = {
        "svg": "<svg/>", "png": b"\x89PNG\r\n", "page": "<!doctype html>\n", "braille": "\u28ff\n",
    }  # fmt: skip
    for name, answer in answers.items():
        module = found.module(name, answer)
        monkeypatch.setitem(sys.modules, f"bypeer.report.{name}", module)
        monkeypatch.setattr(import_module("bypeer.report"), name, module, raising=False)
    return found


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., list[str]]:
    """Stories as two files."""

    def written(*stories: str) -> list[str]:
        paths = [tmp_path / "inside.pcap", tmp_path / "outside.pcap"]
        for path, octets in zip(paths, captures(*stories), strict=True):
            path.write_bytes(octets)
        return [str(path) for path in paths]

    return written


@pytest.mark.parametrize(
    ("end", "name", "holds"),
    [("svg", "svg", b"<svg/>\n"), ("png", "png", b"\x89PNG\r\n"), ("PNG", "png", b"\x89PNG\r\n")],
)
@pytest.mark.parametrize("dark", [False, True])
def test_a_picture_is_written(
    end: str, name: str, holds: bytes, dark: bool, renderers: Renderers, tmp_path: Path
) -> None:
    path = tmp_path / f"a.{end}"
    assert main(["graph", *FILES, "-w", str(path), *(["--dark"] if dark else [])]) == 0
    assert path.read_bytes() == holds
    ((asked, (picture,), told),) = renderers.asked
    assert (asked, told) == (name, {"dark": dark})
    assert isinstance(picture, Picture)
    assert picture.moments


def test_a_page_has_what_was_found_and_the_pictures(renderers: Renderers, tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    assert main(["graph", *FILES, "-w", str(path)]) == 0
    ((name, (found, drawn), _),) = renderers.asked
    assert name == "page"
    assert [one.connection for one in drawn] == [found.verdict.connection]
    assert path.read_text() == "<!doctype html>\n"


def test_in_a_pipe_it_is_drawn_for_80_columns(
    renderers: Renderers, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["graph", *FILES]) == 0
    assert capsys.readouterr().out == "\u28ff\n"
    ((name, (picture, width, height, colour, plain), _),) = renderers.asked
    assert (name, width, height, colour, plain) == ("braille", 80, 23, False, False)
    assert isinstance(picture, Picture)


def test_size_and_characters_can_be_chosen(renderers: Renderers) -> None:
    assert main(["graph", *FILES, "--width", "120", "--height", "40", "--ascii"]) == 0
    assert renderers.asked[0][1][1:] == (120, 40, False, True)


def test_an_ascii_terminal_gets_ascii(renderers: Renderers, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii"))
    assert main(["graph", *FILES]) == 0
    assert renderers.asked[0][1][4] is True


def test_another_connection_can_be_named(
    renderers: Renderers, write: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    files = write(KILLED, KILLED.replace("0.06", "0.08"))
    for name in ("c1", "c2"):
        assert main(["graph", *files, "--connection", name]) == 0
    assert [args[0].connection for _, args, _ in renderers.asked] == ["c1", "c2"]
    assert main(["graph", *files, "--connection", "c9"]) == Status.USAGE
    assert "no connection 'c9' was looked at closely: there are c1, c2" in capsys.readouterr().err


def test_one_that_ended_as_it_should_is_drawn_too(renderers: Renderers, write: Any) -> None:
    closed = (
        ASKED
        + """
        0.030 > F. 101:101(0) ack 1449 win 502
        0.040 < F. 1449:1449(0) ack 102 win 509
        0.041 > . 102:102(0) ack 1450 win 502
    """
    )
    assert main(["graph", *write(closed)]) == 0
    assert len(renderers.asked[0][1][0].marks.ts) > 5


def test_nothing_to_draw(renderers: Renderers, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "none.pcap"
    path.write_bytes(make.pcap([], make.RAW))
    assert main(["graph", str(path)]) == Status.NOTHING_ANALYSED
    assert capsys.readouterr() == ("", "bypeer: the captures hold no TCP connection to be drawn\n")
    assert not renderers.asked


def test_of_a_damaged_capture_what_came_before_is_drawn(
    renderers: Renderers, write: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    inside, outside = write(KILLED)
    Path(outside).write_bytes(Path(outside).read_bytes()[:-9])
    assert main(["graph", inside, outside]) == 0
    assert "outside.pcap: at octet" in capsys.readouterr().err
    assert renderers.asked


@pytest.mark.parametrize("name", ["a.gif", "a", "a.svg.txt"])
def test_other_files_are_wrong_usage(name: str, renderers: Renderers, tmp_path: Path) -> None:
    assert main(["graph", *FILES, "-w", str(tmp_path / name)]) == Status.USAGE
    assert not (tmp_path / name).exists()


def test_no_capture_is_written_over(renderers: Renderers, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(Path(FILES[0]).read_bytes())
    assert main(["graph", str(path), "-w", str(path)]) == Status.USAGE
    assert path.read_bytes() == Path(FILES[0]).read_bytes()


def test_the_page_of_explain(renderers: Renderers, tmp_path: Path, write: Any) -> None:
    path = tmp_path / "report.html"
    assert main(["explain", "-o", "html", "-w", str(path), *write(KILLED, ASKED, KILLED)]) == 1
    ((name, (found, drawn), _),) = renderers.asked
    assert name == "page"
    assert drawn[0].connection == found.verdict.connection
    assert len(drawn) == 2
    assert path.read_text() == "<!doctype html>\n"


def test_of_many_the_failed_come_first_and_not_all() -> None:
    from types import SimpleNamespace as Some

    killers = ["none", "outside", "host"] * 20
    connections = [Some(id=f"c{at}", verdict=Some(killed_by=who)) for at, who in enumerate(killers)]
    told: Any = Some(verdict=Some(connection="c4"), connections=connections)
    assert telling(told)[:4] == ["c4", "c2", "c5", "c8"]
    assert len(telling(told)) == MOST_DRAWN
    assert not set(telling(told)) & {"c0", "c3"}
