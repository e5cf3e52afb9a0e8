"""The running kernel judges the model; and it notices a broken one."""

from __future__ import annotations

import os
from typing import Any

import pytest

from bypeer.core.kernels import ORIGINAL_TABLE, REPLY_TABLE, CtState, Index, Kernel, Sysctls, with_rules
from bypeer.core.rules import RULES
from bypeer.core.script import parse
from bypeer.errors import HostError
from bypeer.lab import agree as module
from bypeer.lab.agree import agree
from bypeer.lab.generate import Generator
from bypeer.lab.oracle import Oracle
from bypeer.lab.shrink import Judge, Packet
from bypeer.lab.wire import Batch
from bypeer.lab.worlds import TELLING, WORLDS, World
from tests.pure import here

pytestmark = pytest.mark.lab

FAST = here() == "compiled"
PACKETS, LOGGED, BROKEN = (1_000_000, 100_000, 200_000) if FAST else (16_000, 8_000, 30_000)

# A rule flipped, a cell changed, a setting taken for another: what the model would be if it were wrong.
FLIPPED = [row.rule for row in RULES if row.rule != "has_ignore_invalid_rst"]  # the oracle could not set it
# Where a late segment is INVALID anyway, the log alone tells for which of two reasons.
BY_LOG = ("judged_together", "numbered_log", "logs_ignored_index", "logs_invalid_new", "logs_unack")
# A rule that says nothing where another does not hold.
UNDER = {
    "overshoot_passes": "overshoot_counts", "liberal_overshoot_counts": "overshoot_counts",
    "logs_unack": "lowers_timer",
}  # fmt: skip
CELLS = {
    "a FIN in SYN_RECV closes": ("original", CtState.SYN_RECV, Index.FIN, CtState.CLOSE_WAIT),
    "a reply's SYN is ignored": ("reply", CtState.ESTABLISHED, Index.SYN, CtState.IGNORE),
    "TIME_WAIT is not reopened": ("original", CtState.TIME_WAIT, Index.SYN, CtState.IGNORE),
    "SYNs that cross are refused": ("reply", CtState.SYN_SENT, Index.SYN, CtState.INVALID),
}
# More packets of a conversation than this, and it was not shrunk.
SHORT = 10


def test_model_and_kernel_agree(running: Kernel) -> None:
    found = agree(PACKETS, 1, running)
    assert found.disagreement is None, found.disagreement.script
    assert found.packets >= PACKETS
    assert found.lost == 0
    assert set(found.worlds) == {world.name for world in WORLDS}
    met, wanted = found.coverage.table_cells()
    assert met == wanted or not FAST
    assert all(found.coverage.by_state().values())
    assert all(found.coverage.by_place(of_ack=False).values())


def test_to_the_letter_of_the_log(running: Kernel) -> None:
    found = agree(LOGGED, 2, running, reasons=True, timed=False)
    assert found.disagreement is None, found.disagreement.script
    assert found.logged > LOGGED / 10


def with_cell(kernel: Kernel, side: str, state: CtState, kind: Index, cell: CtState) -> Kernel:
    """The kernel with one cell of its tables changed."""
    table = dict(ORIGINAL_TABLE if side == "original" else REPLY_TABLE)
    table[state] = (*table[state][:kind], cell, *table[state][kind + 1 :])
    changed: dict[str, Any] = {side: table}
    return kernel._replace(**changed)


@pytest.mark.parametrize("rule", FLIPPED if FAST else FLIPPED[:2])
def test_a_flipped_rule_is_found(running: Kernel, rule: str) -> None:
    needed = UNDER.get(rule)
    if needed and not getattr(running, needed):
        pytest.skip(f"without {needed} it says nothing")
    wrong = with_rules(running, {rule: not getattr(running, rule)})
    found = agree(BROKEN, 1, wrong, reasons=rule in BY_LOG, timed=False).disagreement
    assert found is not None
    assert found.reproduced
    assert found.packets <= SHORT, found.script


@pytest.mark.parametrize("change", CELLS.values() if FAST else list(CELLS.values())[:1], ids=str)
def test_a_changed_cell_is_found(running: Kernel, change: tuple[str, CtState, Index, CtState]) -> None:
    found = agree(BROKEN, 1, with_cell(running, *change), timed=False).disagreement
    assert found is not None
    assert found.packets <= SHORT, found.script


@pytest.mark.parametrize(
    "setting", ["tcp_be_liberal", "tcp_loose", "tcp_ignore_invalid_rst", "checksum", "tcp_max_retrans"]
)
def test_a_setting_that_the_model_does_not_have_is_found(running: Kernel, setting: str) -> None:
    other: dict[str, Any] = {setting: not getattr(Sysctls(), setting)}
    if setting == "tcp_max_retrans":
        other = {setting: 200}
    told = Sysctls(timeouts=WORLDS[1].sysctls.timeouts)
    found = module.Agreement(running.name, "", 1, reasons=False)
    with Oracle(told, kernel=running) as oracle:
        rules = module.Rules(running, told._replace(**other))
        generator = Generator(rules, module.Packer(4), nat=False, seed=1)
        module._play(found, oracle, generator, BROKEN, "told otherwise", None)
    assert found.disagreement is not None
    assert found.disagreement.packets <= SHORT, found.disagreement.script


def test_another_reason_is_found(running: Kernel) -> None:
    """The same verdict for another reason: only the log tells."""
    reason = next(reason for reason in running.texts if reason.name == "ACK_OVER")
    texts = dict(running.texts) | {reason: running.texts[reason].replace("{bound}", "17")}
    wrong = running._replace(texts=texts)
    assert agree(LOGGED // 4, 1, wrong, timed=False).disagreement is None
    found = agree(LOGGED // 4, 1, wrong, reasons=True, timed=False).disagreement
    assert found is not None
    assert found.differs == ("reason",)


def test_the_script_shows_it_too(running: Kernel) -> None:
    """What is printed can be read again, and the kernel gives the same answers."""
    wrong = running._replace(late_is_invalid=True)
    found = agree(BROKEN, 1, wrong, timed=False).disagreement
    assert found is not None
    packets = [Packet(line.direction, line.segment) for line in parse(found.script)]
    with Oracle(WORLDS[0].sysctls, kernel=running) as oracle:
        row = Judge(oracle, module.Rules(wrong, WORLDS[0].sysctls), reasons=False).play(packets).first()
        assert row == len(packets) - 1
        right = Judge(oracle, module.Rules(running, WORLDS[0].sysctls), reasons=False).play(packets)
    assert right.first() is None


def test_the_same_seed_gives_the_same(running: Kernel) -> None:
    runs = [agree(6000, seed, running, timed=False) for seed in (7, 7, 8)]
    assert runs[0].cells == runs[1].cells
    assert runs[0].cells != runs[2].cells


def test_a_timeout_that_differs_is_found(running: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    from bypeer.lab import timed

    world = World("longer", Sysctls(timeouts=TELLING))
    monkeypatch.setattr(timed, "WORLDS", (timed.WORLDS[0],))
    monkeypatch.setattr(
        timed, "_oracle", lambda _, kernel: Oracle(world.sysctls, kernel=kernel, timers=False)
    )
    found = timed.play_timed(running, 1)
    if found is None:
        pytest.skip("the machine is too busy for real timers")
    assert found.disagreement is not None
    assert "\n+1.4 " in found.disagreement.script


def test_what_cannot_be_set_leaves_nothing(running: Kernel) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(HostError, match="cannot be set"):
        Oracle(Sysctls(tcp_max_retrans=1 << 40), kernel=running, reasons=True)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_packet_that_does_not_come_out_is_no_answer(running: Kernel) -> None:
    from bypeer.lab.tracker import DROPPED

    batch = Batch(2)
    with Oracle(WORLDS[0].sysctls, kernel=running) as oracle:
        generator = Generator(module.Rules(running), module.Packer(4), nat=False, seed=1)
        generator.begin(0)
        assert generator.follow()
        generator.packer.pack(batch, 0, 0, generator.segment)
        batch.octets[8] = 1  # time to live: it is not forwarded
        batch.octets[10] += 63
        assert oracle.play(batch) == [DROPPED]
        assert oracle.lost == 1
