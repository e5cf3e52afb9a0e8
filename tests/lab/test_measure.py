"""Which remedy heals what: the words that plays come to, the table, and what the remedies are."""

from __future__ import annotations

from typing import Any

import pytest

from bypeer.lab.measure import (
    BREAKS,
    HANGS,
    HEALS,
    NO_HELP,
    NOTHING,
    UNPLAYED,
    cells_of,
    effect,
    markdown,
    measured,
    rows,
    text,
    worth,
)
from bypeer.lab.remedies import REMEDIES
from bypeer.lab.result import Result, unplayed
from bypeer.lab.scenarios import SCENARIOS

pytestmark = pytest.mark.lab

ROW = SCENARIOS["beyond-window"]


def result(
    client: str = "", *, resets: int = 0, remedy: str = "", kernel: str = "6.18", **more: Any
) -> Result:
    """What came of a play."""
    words: dict[str, Any] = dict.fromkeys(Result._fields, "")
    words |= {"name": ROW.name, "code": ROW.code, "kernel": kernel, "remedy": remedy, "client": client}
    words |= {"host_resets": resets, "wrong": [], "seconds": 1.0}
    return Result(**words | more)


GONE = unplayed(ROW, "5.10", REMEDIES["ignore-invalid-rst"], "no such setting")
FAILS, COMPLETES, HARMLESS = result("ECONNRESET", resets=1), result(), result(resets=1)
EFFECTS = {
    "it heals": ([FAILS], [COMPLETES], HEALS),
    "it spares harmless RSTs": ([HARMLESS], [COMPLETES], HEALS),
    "it does not help": ([FAILS], [FAILS], NO_HELP),
    "the host still resets": ([FAILS], [HARMLESS], NO_HELP),
    "only the server fails": ([FAILS], [result(server="ECONNRESET")], NO_HELP),
    "now it hangs": ([FAILS], [result("TIMEOUT")], HANGS),
    "it hung before": ([result("TIMEOUT")], [result("ETIMEDOUT")], NO_HELP),
    "sometimes": ([FAILS, FAILS], [COMPLETES, FAILS], f"{HEALS} 1/2"),
    "there was nothing to heal": ([COMPLETES], [COMPLETES], NOTHING),
    "it went well before": ([COMPLETES], [FAILS], BREAKS),
    "the kernel has none": ([FAILS], [GONE], UNPLAYED),
    "the scenario is not for the kernel": ([GONE], [COMPLETES], UNPLAYED),
}


@pytest.mark.parametrize(("without", "those", "word"), EFFECTS.values(), ids=EFFECTS)
def test_what_a_remedy_does(without: list[Result], those: list[Result], word: str) -> None:
    assert effect(without, those) == word


def test_kernels_that_differ_stand_side_by_side() -> None:
    results = [
        result("ECONNRESET", kernel="5.10"), result(remedy="be-liberal", kernel="5.10"),
        result("ECONNRESET", remedy="keepalive", kernel="5.10", wrong=["found something"]),
        result(), result(remedy="be-liberal"), result(remedy="keepalive"),
    ]  # fmt: skip
    cells = list(cells_of(results))
    assert rows(cells) == [
        ["scenario", "code", "be-liberal", "keepalive"],
        ["beyond-window", "NF02", f"{HEALS} / {NOTHING}", f"{NO_HELP} / {NOTHING}"],
    ]
    shown = list(text(cells))
    assert shown[0] == "Measured on Linux 5.10, 6.18; where they differ: 5.10 / 6.18"
    assert shown[-1] == "WRONG  beyond-window with keepalive: found something"
    assert "| beyond-window | NF02 | heals / - | no help / - |" in list(markdown(cells))


def test_kernels_that_agree_have_one_word() -> None:
    results = [
        result("ECONNRESET", kernel=kernel, remedy=remedy) for kernel in "ab" for remedy in ("", "keepalive")
    ]
    assert rows(list(cells_of(results)))[1:] == [["beyond-window", "NF02", NO_HELP]]


def test_a_remedy_has_its_own_name_and_does_something() -> None:
    for name, one in REMEDIES.items():
        assert name == one.name
        assert one.sysctls or one.rules or one.options


@pytest.mark.parametrize("name", REMEDIES)
@pytest.mark.usefixtures("stage")
def test_a_remedy_can_be_set(name: str) -> None:
    from bypeer.errors import HostError
    from bypeer.lab.net import built, run
    from bypeer.lab.topologies import DOCKER

    one = REMEDIES[name]
    with built(DOCKER) as net:
        try:
            net["host"].set_sysctls(one.sysctls)
        except HostError as error:
            pytest.skip(str(error))
        if one.rules:
            net.nft("host", one.rules)
        assert all(net["host"].sysctl(key) == str(value) for key, value in one.sysctls.items())
        assert ("ct state invalid drop" in net["host"].call(run, "nft", "list", "ruleset")) == bool(one.rules)


@pytest.mark.usefixtures("stage")
def test_the_running_kernel_is_measured() -> None:
    heard: list[Result] = []
    cells = measured(["beyond-window"], ["drop-invalid", "keepalive"], watch=heard.append)
    assert [(one.remedy, one.effect, one.wrong) for one in cells] == [
        ("drop-invalid", HEALS, []), ("keepalive", NO_HELP, []),
    ]  # fmt: skip
    assert [one.remedy for one in heard] == ["", "drop-invalid", "keepalive"]


def test_what_is_worth_measuring() -> None:
    names = worth()
    assert "beyond-window" in names
    assert "abortive-close" not in names
