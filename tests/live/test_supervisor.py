"""The supervisor: what it was asked for is taken back, however the recorder ends, and no more is done."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from bypeer.errors import HostError
from bypeer.live import changes
from bypeer.live.changes import LOGGING, Changes
from bypeer.live.namespace import Namespace
from bypeer.live.supervisor import Supervisor
from tests.live.kill import inhabitants, kill
from tests.live.nat import Net, state, until

pytestmark = pytest.mark.live

# It keeps a copy of the supervisor's socket in a child, as a program that forks would.
FORKED = """
import os, time
from bypeer.live.supervisor import Supervisor
supervisor = Supervisor(allow=True)
supervisor.log_reasons()
supervisor.add_rules(77)
if os.fork() == 0:
    time.sleep(60)
print(os.getpid(), flush=True)
time.sleep(60)
"""


def test_it_is_in_the_namespace_and_in_a_session_of_its_own(namespace: Namespace) -> None:
    with namespace.call(Supervisor, allow=False) as supervisor:
        assert inhabitants(namespace) == [supervisor.pid]
        assert os.getsid(supervisor.pid) == supervisor.pid != os.getsid(0)
    assert inhabitants(namespace) == []


@pytest.mark.parametrize("ask", ["log_reasons", "trace"])
def test_without_leave_it_changes_nothing(net: Net, ask: str) -> None:
    before = state(net.host)
    with net.host.call(Supervisor, allow=False) as supervisor:
        with pytest.raises(HostError, match="needs --allow-system-changes"):
            getattr(supervisor, ask)()
        with pytest.raises(HostError, match="needs --allow-system-changes"):
            supervisor.add_rules(77)
        assert state(net.host) == before
        assert supervisor.counters()["invalid"] == 0


def test_the_host_is_as_before_after_sigkill_at_random_moments(net: Net) -> None:
    chance = random.Random()
    for at in (chance.uniform(0, 0.5), chance.uniform(0.4, 1.0), chance.uniform(0.4, 1.5)):
        done = kill(net, at)
        assert done.left == []
        assert done.restored < 1, done


def test_sigkill_while_the_host_is_changed(net: Net) -> None:
    program = FORKED.replace("if os.fork() == 0:", "if False:")
    check_killed(net, program)


def test_a_child_of_the_recorder_that_lives_on_keeps_nothing(net: Net) -> None:
    check_killed(net, FORKED)


def check_killed(net: Net, program: str) -> None:
    """Start a recorder, see that it changed the host, kill it, and see the host restored in a second."""
    before = state(net.host)
    recorder = net.host.call(subprocess.Popen, [sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert recorder.stdout
    recorder.stdout.readline()
    assert state(net.host) != before
    recorder.kill()
    killed = time.monotonic()
    try:
        assert until(lambda: state(net.host) == before, 1.0)
        assert time.monotonic() - killed < 1
    finally:
        recorder.wait()
        recorder.stdout.close()
        for pid in inhabitants(net.host):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_ended_itself_it_takes_all_back(net: Net, number: signal.Signals) -> None:
    before = state(net.host)
    supervisor = net.host.call(Supervisor, allow=True)
    supervisor.log_reasons()
    supervisor.add_rules(77)
    assert state(net.host) != before
    os.kill(supervisor.pid, number)
    assert until(lambda: state(net.host) == before, 1.0)
    assert supervisor.close() == []


def test_killed_itself_its_rules_end_and_the_rest_is_said(net: Net) -> None:
    before = state(net.host)
    supervisor = net.host.call(Supervisor, allow=True)
    supervisor.log_reasons()
    supervisor.add_rules(77)
    os.kill(supervisor.pid, signal.SIGKILL)
    assert until(lambda: state(net.host)["ruleset"] == before["ruleset"], 1.0)
    left = supervisor.close()
    assert left[1:] == [f"{name} was {value}" for name, value in supervisor.earlier.items()]
    assert set(supervisor.earlier) == set(LOGGING)


def test_where_one_sysctl_cannot_be_set_none_stays_changed(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    before = state(net.host)
    written = []
    write = changes._write_sysctl
    monkeypatch.setattr(changes, "_write_sysctl", lambda *args: (written.append(args), write(*args)))
    monkeypatch.setitem(LOGGING, "net.netfilter.nf_conntrack_log_invalid", ("256", ("256",)))
    ours = Changes()
    with pytest.raises(HostError, match=r"setting .*_log_invalid to 256: Invalid argument"):
        net.host.call(ours.log_reasons)
    assert ("net.netfilter.nf_log.2", "nfnetlink_log") in written
    assert state(net.host) == before
    assert net.host.call(ours.undo) == []


def test_a_change_is_made_once(net: Net) -> None:
    before = state(net.host)
    with net.host.call(Supervisor, allow=True) as supervisor:
        supervisor.add_rules(77)
        with pytest.raises(HostError, match="add_rules was asked for before"):
            supervisor.add_rules(78)
    assert state(net.host) == before


@pytest.mark.parametrize("octets", [b"nonsense", b"{}", b'{"ask": "write", "number": 1}', b"[]"])
def test_a_question_that_makes_no_sense_ends_it_and_takes_all_back(
    net: Net, octets: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    before = state(net.host)
    supervisor = net.host.call(Supervisor, allow=True)
    supervisor.log_reasons()
    supervisor.add_rules(77)
    supervisor._socket.send(octets)
    assert until(lambda: state(net.host) == before, 1.0)
    assert supervisor.close() == []
    assert "Traceback" in capfd.readouterr().err


def test_rules_belong_to_their_owner(net: Net) -> None:
    from tests.live.nat import run

    with net.host.call(Supervisor, allow=True) as supervisor:
        table = supervisor.add_rules(77)
        if "flags owner" not in state(net.host)["ruleset"]:
            pytest.skip("this kernel's tables have no owner (before 5.12)")
        with pytest.raises(AssertionError, match="Operation not permitted"):
            net.host.call(run, "nft", "delete", "table", "inet", table)
        net.host.call(run, "nft", "flush", "ruleset")
        assert table in state(net.host)["ruleset"]


def test_an_answer_that_nobody_waited_for_is_passed_over(net: Net) -> None:
    before = state(net.host)
    with net.host.call(Supervisor, allow=True) as supervisor:
        supervisor.add_rules(77)
        supervisor._socket.send(b'{"ask": "trace", "number": 0}')  # and then the recorder was interrupted
        assert "reset output" in supervisor.counters()
    assert supervisor.left == []
    assert state(net.host) == before
