"""A tracker's table that is full, or has an entry in the way."""

from __future__ import annotations

from pathlib import Path

import pytest

SERVER, HOST = "198.51.100.2", "203.0.113.12"


def test_one_entry_is_there_and_another_with_its_reply_is_refused() -> None:
    from bypeer.errors import HostError
    from bypeer.lab import crowd
    from bypeer.live.conntrack import Conntrack, Ends
    from bypeer.live.namespace import Namespace
    from bypeer.live.netlink import RefusedError

    original: Ends = ("172.17.0.3", 5000, SERVER, 80)
    reply: Ends = (SERVER, 80, HOST, 40000)
    try:
        with Namespace() as namespace:
            namespace.call(crowd.occupy, original, reply, 60)
            table = namespace.call(Conntrack)
            for ends in (original, reply):
                entry = table.entry(ends)
                assert entry is not None
                assert (entry["state"], entry["reply_dst"], entry["reply_dport"]) == (
                    "ESTABLISHED", HOST, 40000,
                )  # fmt: skip
                assert "assured" in str(entry["status"]).split()
            table.close()
            with pytest.raises(RefusedError, match="making an entry"):
                namespace.call(crowd.occupy, ("172.17.0.4", 5000, SERVER, 80), reply, 60)
    except HostError as error:
        pytest.skip(str(error))


def test_the_table_is_filled_up_to_what_it_may_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bypeer.errors import HostError
    from bypeer.lab import crowd
    from bypeer.live.namespace import Namespace

    most = tmp_path / "max"
    most.write_text("3000")
    monkeypatch.setattr(crowd, "_MAX", most)
    try:
        with Namespace() as namespace:
            assert namespace.call(crowd.fill) == 3000
            counted = namespace.call(Path("/proc/sys/net/netfilter/nf_conntrack_count").read_text)
            assert int(counted) >= 3000
    except HostError as error:
        pytest.skip(str(error))


def test_a_table_that_is_too_large_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bypeer.errors import HostError
    from bypeer.lab import crowd

    most = tmp_path / "max"
    most.write_text(str(1 << 24))
    monkeypatch.setattr(crowd, "_MAX", most)
    with pytest.raises(HostError, match="nf_conntrack_max is 16777216"):
        crowd.fill()
