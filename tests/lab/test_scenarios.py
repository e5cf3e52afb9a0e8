"""Scenarios, played on the running kernel: verdicts are right, nothing is left. `make lab` plays all."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from bypeer.lab import clean as cleaning
from bypeer.lab.clean import clean, scratch
from bypeer.lab.plays import Play, meant, played, plays
from bypeer.lab.scenario import applies
from bypeer.lab.scenarios import SCENARIOS
from bypeer.lab.stage import play
from bypeer.live.namespace import Namespace
from tests.lab import kill

pytestmark = pytest.mark.lab

RELEASE = os.uname().release
# Some of each family of causes and of each topology: a minute, or two on a busy machine.
QUICK = (
    *("late-segment", "beyond-window", "beyond-window-ipv6", "entry-flushed-chat", "malformed-flags"),
    *("untranslated-reply", "asymmetric-drop", "reject-rule", "harmless-resets", "forged-segment"),
    *("closed-port", "abortive-close-published", "data-after-close", "lost-state"),
    *("injected-reset", "idle-reset", "reset-outside", "download-doubled"),
)


@pytest.mark.parametrize("name", meant(QUICK, RELEASE))
@pytest.mark.usefixtures("stage")
def test_the_verdict_is_right(name: str) -> None:
    ran = play(SCENARIOS[name], RELEASE)
    assert list(ran.wrong) == []


@pytest.mark.skipif(applies("<6.1", RELEASE), reason="before Linux 6.1 late segments do harm")
@pytest.mark.usefixtures("stage")
def test_late_segments_do_no_harm_here() -> None:
    truth = play(SCENARIOS["late-segment"], RELEASE).truth
    assert len(truth.dealt[0]) > 20  # of which each came late
    assert (truth.client.error, truth.counted.resets["host"].made) == ("", 0)


@pytest.mark.usefixtures("stage")
def test_what_the_kernel_lacks_is_said_and_the_rest_is_played(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = SCENARIOS["closed-port"]._replace(settings={"host": {"net.ipv4.no_such": 1}})
    monkeypatch.setitem(SCENARIOS, "closed-port", lacking)
    first, second = played(plays(["closed-port", "abortive-close"]))
    assert (first.played, first.wrong) == (
        False, ["not played: this kernel has no such setting: net.ipv4.no_such"],
    )  # fmt: skip
    assert (second.played, second.wrong) == (True, [])


def test_rounds_and_remedies_in_their_order() -> None:
    assert plays(["a", "b"], ["", "fix"], 2) == 2 * [
        Play("a"), Play("a", "fix"), Play("b"), Play("b", "fix"),
    ]  # fmt: skip


# Nothing is left


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("stage", "own_folder")
def test_a_play_leaves_nothing() -> None:
    with Namespace() as space:
        before = kill.sight(space, "whole")
        assert kill.start(space, "whole", "beyond-window").wait() == 0
        assert kill.sight(space, "whole") == before


@pytest.mark.usefixtures("stage", "own_folder")
def test_killed_plays_leave_nothing_that_is_not_cleaned_up() -> None:
    assert kill.rounds(4, 7) == []


def test_a_folder_in_use_is_left_alone(own_folder: Path) -> None:
    with scratch() as path:
        (path / "case.pcapng").write_text("")
        assert (path.parent, clean()) == (own_folder, [])
        assert (path / "case.pcapng").exists()
    assert list(own_folder.iterdir()) == []


HOLDER = """
import sys, time
from bypeer.lab.clean import scratch
with scratch() as path:
    (path / "case.pcapng").write_text("")
    print(path, flush=True)
    time.sleep(60)
"""


def test_a_folder_of_the_dead_is_removed(own_folder: Path) -> None:
    (own_folder / "bypeer-other").mkdir()
    (own_folder / "bypeer-lab-file").write_text("")
    command = [sys.executable, "-c", HOLDER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        path = Path(holder.stdout.readline().strip())
        assert clean() == []
        holder.kill()
    assert clean() == [f"the folder {path}"]
    assert sorted(one.name for one in own_folder.iterdir()) == ["bypeer-lab-file", "bypeer-other"]


@pytest.mark.skipif(os.getuid() != 0, reason="making a tracing instance needs root")
def test_a_tracing_instance_of_the_dead_is_removed(own_folder: Path) -> None:
    from bypeer.errors import HostError
    from bypeer.live.tracefs import mount

    try:
        root = mount()
    except HostError as error:
        pytest.skip(str(error))
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as one:
        name = f"bypeer_{one.pid}"
        os.mkdir(f"instances/{name}", dir_fd=root)
        try:
            assert f"the tracing instance {name}" not in clean()
            one.kill()
            one.wait()
            assert f"the tracing instance {name}" in clean()
            assert name not in cleaning._names(root)
        finally:
            if name in cleaning._names(root):
                os.rmdir(f"instances/{name}", dir_fd=root)
            os.close(root)
