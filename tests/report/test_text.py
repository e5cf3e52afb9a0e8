"""The text is for a tired person: what matters first, nothing that misleads."""

from __future__ import annotations

import re

import pytest

from bypeer.core.explanation import Event, Evidence, Explanation, Subject
from bypeer.report.text import render
from tests.core.test_describe import told
from tests.report import sample
from tests.scene import ASKED

SGR = re.compile(r"\x1b\[[0-9;]*m")


def section(text: str, title: str) -> list[str]:
    """The lines of a section."""
    return next((one.splitlines()[1:] for one in text.split("\n\n") if one.startswith(title)), [])


def letters(text: str) -> list[str]:
    return re.findall(r"^  ([A-Z]+)  [\d:.-]+  ", text, re.MULTILINE)


def test_the_first_three_lines_suffice() -> None:
    first, second, third = render(sample.killed()).splitlines()[:3]
    assert first.startswith("The NAT host itself reset this download")
    assert second == (
        'Certain: NF01 late-segment. The client got "connection reset by peer" (ECONNRESET); '
        "the server was reset."
    )
    assert third.endswith("iptables -I INPUT -m conntrack --ctstate INVALID -j DROP")


def test_the_simple_case_fits_about_one_screen() -> None:
    assert render(sample.killed()).count("\n") <= 64
    assert render(sample.harmless()).count("\n") <= 17  # what the tracker noted among it


def test_the_timeline_is_lettered_in_order() -> None:
    text = render(sample.killed())
    assert letters(text) == ["A", "B", "C", "X", "Y"]
    assert "  A  22:26:19.414064  outside #24876 = inside #24050\n" in text
    assert "  B  22:26:19.414077  outside #24877\n" in text
    assert re.search(r"in answer to B\n  \.\.\.\n  X  ", text)


def test_an_event_without_a_time_keeps_its_place() -> None:
    found = sample.killed()
    undated = [one._replace(time_ns=None) for one in found.connections[0].events]
    text = render(found._replace(connections=[found.connections[0]._replace(events=undated)]))
    assert letters(text) == ["A", "B", "C", "X", "Y"]
    assert "the captures hold no times" in text


def test_the_next_day_is_named() -> None:
    found = sample.killed()
    later = found.connections[0].events[-1]._replace(time_ns=sample.T0 + 7_200 * 10**9)
    text = render(found._replace(connections=[found.connections[0]._replace(events=[_first(found), later])]))
    assert "  Y  2020-01-31 00:26:19.414064  " in text


def _first(found: Explanation) -> Event:
    return found.connections[0].events[0]


def test_the_tracker_is_quoted() -> None:
    said = " ".join(section(render(sample.killed()), "What the tracker said"))
    assert "called B INVALID" in said
    assert "SEQ is under the lower bound" in said
    assert "1,224,960 octets behind" in said
    assert "It was not forwarded." in said
    assert "rules of Linux 5.10" in said
    assert "fit 5.10, 4.19" in said


def test_causes_are_grouped_by_reason_and_counted_beyond_a_few() -> None:
    lines = section(render(sample.killed()), "Causes")
    assert lines[0].startswith("  Supported   NF01 late-segment: B had been acknowledged")
    assert any("EP02 abortive-close, EP03 unread-data-close: the first" in line for line in lines)
    assert "              3 more causes: see -o markdown" in lines
    assert sum("NF01" in line for line in lines) == 1  # not once more for each RST


def test_where_the_host_kept_segments_back_a_later_rst_is_no_part_of_the_causes() -> None:
    kept = "".join(f"+{wait} < . 1449:1549(100) ack 101 !\n" for wait in (0.01, 0.3, 0.6))
    found = told(f"{ASKED}{kept}+9 > R. 101:101(0) ack 1449")
    assert (found.verdict.killed_by, found.verdict.client_outcome) == ("host", "hung")
    causes = "\n".join(section(render(found), "Causes"))
    assert "EP07" in causes
    assert "the RST was not made by the host" not in causes


def test_every_command_and_filter_is_there_to_be_pasted() -> None:
    found = sample.killed()
    for width in (0, 40, 80):
        text = render(found, width=width)
        assert all(f"\n      {one.command}\n" in text for one in found.remedies if one.command)
        assert all(f"  {one.expression}\n" in text for one in found.filters)
        assert all(one.cost[:20] in text for one in found.remedies)


def test_a_remedy_says_which_candidates_it_leaves() -> None:
    found = sample.killed()
    text = render(found._replace(verdict=found.verdict._replace(candidates=["NF01", "NF04"])))
    assert text.count("Does not help if it was NF04 entry-missing.") == 3
    assert "(the evidence also fits NF04 entry-missing)" in text.splitlines()[1]


def test_undetermined_says_first_what_would_settle_it() -> None:
    text = render(sample.undetermined())
    assert text.splitlines()[1].startswith("Undetermined. ")
    assert text.splitlines()[2].startswith("To settle it: a capture on the NAT host's external interface")
    assert "NF01 late-segment, NF02 beyond-window, NF04 entry-missing and 2 more" in text.splitlines()[3]
    assert "seen inside only" in text
    assert "What to do" not in text


def test_several_needs_are_all_listed() -> None:
    found = sample.undetermined()
    text = render(found._replace(verdict=found.verdict._replace(needs=["this", "that"])))
    assert section(text, "What would settle it") == ["  - This.", "  - That."]


def test_no_kill_is_short_and_calm() -> None:
    text = render(sample.harmless())
    assert text.splitlines()[2] == "Nothing to do. The NAT host made 3 RSTs, but they did no harm."
    assert "so the server ignored it" in section(text, "RSTs that did no harm")[0]
    assert not letters(text)


def test_a_hang_says_that_nobody_told_the_client_and_that_the_clocks_differ() -> None:
    text = render(sample.hung())
    assert "Likely, not certain: NF04 entry-missing" in text.splitlines()[1]
    assert "Nobody told the client: it waits until a timeout (ETIMEDOUT)" in text.splitlines()[1]
    assert "outside clock is 3.7 s ahead of the inside one" in text
    assert section(text, "What would make it certain") == ["  - The events of conntrack -E over that time."]


def test_a_refusal_is_called_one() -> None:
    text = render(sample.refused())
    assert '"connection refused" (ECONNREFUSED)' in text.splitlines()[1]
    assert "Carried no data." in text


def test_other_failures_are_tabled_and_counted() -> None:
    text = render(sample.many())
    assert "40 other connections failed too" in text.splitlines()[1]
    lines = section(text, "Other failed connections")
    assert re.fullmatch(
        r"  c2 +172\.17\.0\.2:50002 > \S+ +the outside endpoint +EP02 abortive-close +certain", lines[1]
    )
    assert lines[-2:] == [
        "  30 more: see -o markdown.",
        "  1,200 connections in all, 49 failed; 77 RSTs. 8 failed connections not listed anywhere.",
    ]


def test_damage_and_losses_are_told_with_the_captures() -> None:
    text = "\n".join(section(render(sample.hostile()), "Captures"))
    assert "is damaged at octet 99" in text
    assert "misses at least 5 packets" in text
    assert "holds odd packets: 3 evil" in text


def test_of_several_files_each_frame_names_its_own() -> None:
    text = render(sample.rotated())
    assert "B  22:26:19.414077  outside host.pcap2 #4877\n" in text
    assert "A  22:26:19.414064  outside host.pcap2 #4876 = inside #24050\n" in text
    assert "(# is the frame in the file that is named, or in that side's capture." in text
    assert "the late packet, B (outside, host.pcap2)  frame.number == 4877" in text
    captures = section(text, "Captures")
    assert any(line.startswith("  out/host.pcap and 2 more ") for line in captures)
    assert (
        "  - out/host.pcap, out/host.pcap1 and out/host.pcap2 follow one another in time and were read as one"
        " capture." in captures
    )
    assert "  - 1 s between host.pcap1 and host.pcap2 may lack packets." in captures
    assert any("out/host.pcap1 is damaged at octet 99: cut short in a frame." in line for line in captures)


def test_of_very_many_files_the_ends_are_named_and_a_few_gaps() -> None:
    found = sample.rotated()
    files = [
        found.inputs[1]
        .files[2]
        ._replace(path=f"d/{at}.pcap", first_frame=1 + at, began_ns=at * 10, ended_ns=at)
        for at in range(1, 100)
    ]
    text = render(found._replace(inputs=[found.inputs[0], found.inputs[1]._replace(files=files)]))
    assert "  - d/1.pcap to d/99.pcap (99 files) follow one another in time" in text
    assert "between 4.pcap and 5.pcap may lack packets; 94 more such gaps.\n" in text


def test_files_of_one_name_in_several_folders_are_told_apart() -> None:
    found = sample.rotated()
    files = [one._replace(path=f"{at}/host.pcap") for at, one in enumerate(found.inputs[1].files)]
    text = render(found._replace(inputs=[found.inputs[0], found.inputs[1]._replace(files=files)]))
    assert "outside 2/host.pcap #4877\n" in text


@pytest.mark.parametrize("width", [0, 30, 72])
@pytest.mark.parametrize("name", sample.ALL)
def test_no_control_character_gets_through(name: str, width: int) -> None:
    text = render(sample.ALL[name](), width=width)
    assert text.replace("\n", "").isprintable()
    assert "\n\n\n" not in text
    assert not re.search(r" $", text, re.MULTILINE)


@pytest.mark.parametrize("name", sample.ALL)
def test_colour_carries_no_meaning_of_its_own(name: str) -> None:
    found = sample.ALL[name]()
    coloured = render(found, colour=True, width=80)
    assert SGR.search(coloured)
    assert SGR.sub("", coloured) == render(found, width=80)
    assert all(line.count("\x1b[0m") * 2 == line.count("\x1b") for line in coloured.splitlines())


def test_prose_is_wrapped_to_the_width_and_only_prose() -> None:
    whole, folded = render(sample.killed()), render(sample.killed(), width=72)
    assert re.sub(r"\s+", " ", whole) == re.sub(r"\s+", " ", folded)
    long = [line for line in folded.splitlines() if len(line) > 72]
    assert all("iptables" in line or "tcp.port" in line for line in long)


def test_unknown_values_of_a_later_version_are_shown_as_they_are() -> None:
    found = sample.killed()
    strange = found.verdict._replace(killed_by="hypervisor", client_outcome="half-closed", certainty="firm")  # type: ignore[arg-type]
    text = render(found._replace(verdict=strange))
    assert text.splitlines()[1].startswith("firm: NF01 late-segment. The client's end: half-closed;")


def test_interfaces_are_named_where_one_file_has_several() -> None:
    found = sample.killed()
    one = [
        vantage._replace(input=0, interface=f"if{row}", role=role)  # type: ignore[arg-type]
        for row, role in enumerate(("inside", "outside", "outside", "unknown", "unknown", "peer"))
        for vantage in [found.vantages[0]._replace(id=f"v{row + 1}")]
    ]
    text = render(found._replace(vantages=one, inputs=found.inputs[:1]))
    assert "inside if0, outside if1, outside if2, side unknown if3, 2 more" in text
    assert "  A  22:26:19.414064  outside if1 #24876 = inside #24050\n" in text


def test_an_unlisted_vantage_goes_by_its_id() -> None:
    assert "  A  22:26:19.414064  v2 #24876 = v1 #24050" in render(sample.killed()._replace(vantages=[]))


def test_a_remedy_without_one_line_of_command_is_named_by_its_title() -> None:
    found = sample.killed()
    script = found.remedies[0]._replace(command="one\ntwo")
    for remedy in (script, found.remedies[2]):
        text = render(found._replace(remedies=[remedy]))
        assert text.splitlines()[2] == f"What to do: {remedy.title}."
    assert "\n      one\n      two\n" in render(found._replace(remedies=[script]))


def test_where_there_is_no_cause_none_is_made_up() -> None:
    found = sample.killed()
    text = render(found._replace(remedies=[], verdict=found.verdict._replace(cause=None, candidates=[])))
    assert text.splitlines()[1].startswith("Certain: cause not known. ")
    assert text.splitlines()[2] == ""


@pytest.mark.parametrize("number", [1, 12])
def test_other_resets_are_counted_by_kind(number: int) -> None:
    found = sample.killed()
    kinds = [found.resets[1]._replace(id=f"x{one}", cause=f"XX{one:02}") for one in range(number)]
    lines = section(render(found._replace(resets=[found.resets[0], *kinds])), "RSTs that did no harm")
    assert (
        lines[0]
        == "  - 1 by the NAT host, XX00 (outside frame 24890): the server had no connection any more."
    )
    assert lines[1:2] == [] if number == 1 else lines[6:] == ["  6 more of 6 other kinds: see -o json."]


def test_a_reset_of_unknown_effect_is_not_called_harmless() -> None:
    found = sample.killed()
    lines = section(render(found._replace(resets=[found.resets[1]._replace(effect="unknown")])), "Other RSTs")
    assert lines[0].startswith("  - 1 by the NAT host, whether it did harm is not known, NF01 late-segment")


def test_what_lies_beyond_the_newest_data_is_said_so() -> None:
    found = sample.killed()
    beyond = sample.trigger()._replace(octets_behind=-50_000_000, forwarded=None)
    text = render(found._replace(resets=[found.resets[0]._replace(trigger=beyond)]))
    assert "B ended 50,000,000 octets beyond the newest data. Whether it was forwarded is not known." in text


def test_filters_beyond_a_few_are_counted() -> None:
    found = sample.killed()
    lines = section(render(found._replace(filters=found.filters * 2)), "See it in Wireshark")
    assert lines[3:] == ["  3 more: see -o markdown."]


def test_a_cause_that_was_not_tested_is_explained() -> None:
    lines = section(render(sample.killed()._replace(outcomes=[])), "Causes")
    assert lines == [
        "  NF01 late-segment: Conntrack called a late segment INVALID; untranslated, it met no socket; "
        "the host reset the peer."
    ]


def test_many_findings_are_told_in_little_time() -> None:
    found = sample.killed()
    resets = [found.resets[1]._replace(id=f"x{one}") for one in range(2_000)]
    outcomes = [found.outcomes[1]._replace(subject=Subject("reset", one.id)) for one in resets]
    text = render(found._replace(resets=[found.resets[0], *resets], outcomes=outcomes * 20))
    assert "  - 2,000 by the NAT host, NF01 late-segment" in text
    assert "  40,000 findings about other resets and connections: see -o json." in text


def test_a_nearly_empty_explanation_is_told() -> None:
    found = sample.harmless()
    bare = found._replace(inputs=[], vantages=[], connections=[], resets=[], outcomes=[], filters=[])
    text = render(bare._replace(evidence=[], verdict=found.verdict._replace(connection=None)))
    assert text.splitlines()[1:] == ["Certain. The client finished normally.", "Nothing to do."]


def test_what_was_not_looked_at_is_said() -> None:
    found = sample.killed()
    text = render(found._replace(totals=found.totals._replace(passed_over=1234)))
    assert "1,234 connections did not end in order and were not looked at closely: too many." in " ".join(
        text.split()
    )


# What the kernel itself said


def test_the_kernels_own_words_are_told_from_the_models() -> None:
    found = sample.killed()
    reset = found.resets[0]
    assert reset.trigger is not None
    line = "nf_ct_proto_6: SEQ is under the lower bound (already ACKed data retransmitted)"
    own = reset._replace(trigger=reset.trigger._replace(told_by="kernel", reason=line))
    facts = {"kernel": "5.10.0-32-amd64"} | {f"net.x{at}": str(at) for at in range(20)}
    evidence = [Evidence("kernel", f"{line}: INVALID", True), Evidence("model", "no objection", False)]
    text = render(
        found._replace(
            resets=[own, *found.resets[1:]],
            host=facts,
            evidence=evidence,
            kernel=found.kernel._replace(recorded=True, note=""),
        )
    )
    assert f"Its reason, in the kernel's own words: {line}" in text
    assert "Linux 5.10 (as the host said of itself)" in text
    assert "The NAT host: kernel 5.10.0-32-amd64; net.x0 0;" in text
    assert "13 more facts: see -o json." in text
    assert f"Agrees      kernel: {line}: INVALID" in text
    assert "Disagrees   model: no objection" in text
