"""The records of a picture: what kinds there are, and in which order they are drawn."""

from __future__ import annotations

from bypeer.core.picture import BULK, KINDS, Marks


def test_what_is_rare_is_drawn_last_and_never_thinned() -> None:
    names = [name for name, _ in KINDS]
    assert len(set(names)) == len(names) < 256  # Marks.kind is an octet
    assert set(names[:BULK]) == {"ack", "window", "sack", "data"}
    assert names[-1] == "rst-host"
    assert names.index("kept") < names.index("trigger") < min(map(names.index, names[-5:]))


def test_marks_have_a_column_a_name() -> None:
    assert Marks._fields == ("ts", "low", "size", "behind", "kind", "outside", "inside", "note")
