"""What scripts expect: answers, and the kernels that they are expected of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypeer.core.expected import ALL, ANY_PATCH, NEWEST, Answer, answer, read_answer, read_kernels, version
from bypeer.core.kernels import TIMERS, CtState, Reason
from tests.core.tracking import OPEN, SYN, play

ANSWERS = st.builds(
    Answer,
    st.sampled_from([None, *(state.name for state in CtState if state < CtState.INVALID)]),
    st.sampled_from([None, "NEW", "ESTABLISHED", "INVALID"]),
    st.sampled_from(Reason),
    st.sampled_from([None, *TIMERS]),
)


@given(ANSWERS)
def test_there_and_back(one: Answer) -> None:
    assert read_answer(str(one)) == one
    assert one.allows(one)


FOUND = Answer("ESTABLISHED", "INVALID", Reason.SEQ_OVER, "CLOSE")
ALLOWED = {
    "- -": True, "-": True, "ESTABLISHED": True, "ESTABLISHED -": True, "- INVALID": True,
    "FIN_WAIT -": False, "- NEW": False, "FIN_WAIT": False,
    "ESTABLISHED INVALID seq-over timer CLOSE": True,
    "ESTABLISHED INVALID seq-over": False,
    "ESTABLISHED INVALID timer CLOSE": False,
    "ESTABLISHED INVALID seq-under timer CLOSE": False,
    "ESTABLISHED NEW seq-over timer CLOSE": False,
    "FIN_WAIT INVALID seq-over timer CLOSE": False,
}  # fmt: skip


@pytest.mark.parametrize(("words", "allowed"), ALLOWED.items())
def test_what_is_expected_allows(words: str, allowed: bool) -> None:
    assert read_answer(words).allows(FOUND) == allowed


WRONG = {
    "": "no expectation",
    "ESTABLISHED NEW ok": "ok is none of seq-over",
    "ESTABLISHED RELATED": "RELATED is none of NEW",
    "IGNORE NEW": "IGNORE is none of NONE",
    "ESTABLISHED NEW timer": "timer is none of",
    "ESTABLISHED NEW timer BANANA": "BANANA is none of NONE",
    "ESTABLISHED NEW seq-over seq-over": "no expectation",
}


@pytest.mark.parametrize(("words", "why"), WRONG.items())
def test_what_is_no_answer(words: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_answer(words)


KERNELS = {
    "5.10": ("5.10 5.10.0-32-amd64 5.10.1 5.10.223", "5.9.9 5.11 4.10 6.10"),
    "..6.0": ("4.19 5.10 6.0 6.0.19", "6.1 6.1.1 7.0"),
    "6.1..": ("6.1 6.1.1 6.18.44-fc 7.0", "6.0 6.0.19 5.15"),
    "5.15..6.0": ("5.15 5.15.3 5.19 6.0.19", "5.14.21 6.1"),
    "6.1.1..6.1.175, 5.10": ("6.1.1 6.1.175 5.10.3", "6.1 6.1.0-9 6.1.176 5.15"),
    "6.12.117": ("6.12.117", "6.12 6.12.116"),
    "..5.10.261": ("5.10.261 4.19", "5.10 5.10.262"),
}


@pytest.mark.parametrize(("words", "inside", "outside"), [(k, *v) for k, v in KERNELS.items()])
def test_which_kernels_are_meant(words: str, inside: str, outside: str) -> None:
    kernels = read_kernels(words)
    assert all(kernels.cover(version(release)) for release in inside.split())
    assert not any(kernels.cover(version(release)) for release in outside.split())


@pytest.mark.parametrize(
    "words", ["", "6", "..", "6.1-6.2", "6.1 6.2", "6.1,", "6.1.2.3", "new", "6.1..6.0", "6.1.9..6.1.8"]
)
def test_what_are_no_kernels(words: str) -> None:
    with pytest.raises(ValueError, match="kernels"):
        read_kernels(words)


def test_all_are_meant_where_none_is_named() -> None:
    assert ALL.cover(version("4.19"))
    assert ALL.cover(NEWEST)


def test_a_version_without_a_patch_level_is_the_last_of_its_series() -> None:
    assert version("6.12.74+deb13-cloud-amd64") == (6, 12, 74)
    assert version("5.10.0-32-amd64") == version("5.10") == (5, 10, ANY_PATCH) < NEWEST
    with pytest.raises(ValueError, match="no kernel version"):
        version("banana")


TOLD = {
    SYN: "SYN_SENT NEW",
    OPEN + "< R 0:0(0)": "ESTABLISHED INVALID invalid-rst",
    OPEN + "< R 2:2(0)": "ESTABLISHED ESTABLISHED timer CLOSE",
    SYN + "< R. 0:0(0) ack 1": "CLOSE ESTABLISHED",
    "> R 0:0(0)": "NONE INVALID invalid-new",
}


@pytest.mark.parametrize(("script", "words"), TOLD.items())
def test_what_the_model_says_in_these_words(script: str, words: str) -> None:
    played = play(script)
    assert str(answer(played.entry, played.out, played.rules)) == words
