"""What was read and what else was in it: captures, the other connections, totals."""

from __future__ import annotations

from itertools import pairwise

from bypeer.core.explanation import ConnectionReport, Explanation, File, Input
from bypeer.report.blocks import Block, Prose, Section, Table
from bypeer.report.words import (
    MAKER,
    cause_name,
    clock,
    counted,
    date,
    ended,
    file_name,
    pair,
    place,
    side,
    span,
)

FEW_ROWS = 10
FEW_VANTAGES = 4
FEW_FILES = 4
COLUMNS = ("id", "connection", "ended by", "cause", "certainty")  # of `row`


def captures(found: Explanation, ticket: bool) -> Section:
    """A row a capture, then what is wrong with them."""
    columns = ["file", "side", "packets", "TCP", "RST"]
    rows = []
    for number, one in enumerate(found.inputs):
        row = [one.path, _sides(found, number), f"{one.packets:,}", f"{one.tcp:,}", f"{one.rst:,}"]
        rows.append([*row, one.format, _digest(one)] if ticket else row)
    if not rows:
        return Section("")
    flaws: list[Block] = [Prose(text, item=True) for one in found.inputs for text in _flaws(found, one)]
    table = Table([*columns, "format", "SHA-256"] if ticket else columns, rows)
    total = [] if others(found) else [Prose(totals(found))]
    files = [_files(one) for one in found.inputs if one.files] if ticket else []
    return Section("Captures", [table, *files, *flaws, *total])


def connections(found: Explanation, ticket: bool) -> Section:
    """The other connections that failed, and how many there were in all."""
    failed = others(found)
    if not failed:
        return Section("")
    shown = failed if ticket else failed[:FEW_ROWS]
    blocks: list[Block] = [Table(list(COLUMNS), [row(one) for one in shown])]
    if len(shown) < len(failed):
        blocks.append(Prose(f"{len(failed) - len(shown):,} more: see -o markdown."))
    return Section("Other failed connections", [*blocks, Prose(totals(found))])


def others(found: Explanation) -> list[ConnectionReport]:
    """Connections that failed, without the one that the verdict is about."""
    return [one for one in found.connections if _failed(one) and one.id != found.verdict.connection]


def totals(found: Explanation) -> str:
    """How many connections there were, and how they fared."""
    totals = found.totals
    failed = f"{totals.failed:,} failed" if totals.failed else "none failed"
    text = f"{counted(totals.connections, 'connection')} in all, {failed}; {counted(totals.resets, 'RST')}."
    unlisted = totals.failed - sum(_failed(one) for one in found.connections)
    if unlisted > 0:
        text += f" {counted(unlisted, 'failed connection')} not listed anywhere."
    if totals.going_on:
        text += f" {counted(totals.going_on, 'connection')} went on when the capture ended."
    if totals.passed_over:
        text += f" {counted(totals.passed_over, 'connection')} did not end in order and were not looked at"
        text += " closely: too many."
    return text


def _failed(connection: ConnectionReport) -> bool:
    return connection.verdict.killed_by != "none"


def row(connection: ConnectionReport) -> list[str]:
    """A connection as a row under COLUMNS."""
    verdict = connection.verdict
    maker = MAKER.get(verdict.killed_by, verdict.killed_by)
    cause = cause_name(verdict.cause) if verdict.cause else "-"
    return [connection.id, pair(connection.inside or connection.outside), maker, cause, verdict.certainty]


def _sides(found: Explanation, number: int) -> str:
    """Where an input was taken; the interfaces are named where it has several."""
    own = [one for one in found.vantages if one.input == number]
    if len(own) == 1:
        return side(own[0])
    named = [f"{side(one)} {one.interface}".strip() for one in own[:FEW_VANTAGES]]
    more = [f"{len(own) - FEW_VANTAGES} more"] if len(own) > FEW_VANTAGES else []
    return ", ".join(named + more) or "-"


def _files(one: Input) -> Table:
    """A row a file of a capture that has several, in order of time."""
    rows = [[file.path, f"{file.packets:,}", _when(file), file.format, _digest(file)] for file in one.files]
    return Table([f"files of {one.path}", "packets", "first packet", "format", "SHA-256"], rows)


def _digest(one: Input | File) -> str:
    return one.sha256 or "not computed (--hash)"


def _when(file: File) -> str:
    return "-" if file.began_ns is None else f"{date(file.began_ns)} {clock(file.began_ns)}"


def _flaws(found: Explanation, one: Input) -> list[str]:
    flaws = []
    if one.files:
        flaws.append(f"{_named(one)} follow one another in time and were read as one capture.")
        flaws += _gaps(one)
    for file in one.files or (one,):
        if file.damage:
            flaws.append(
                f"{file.path} is damaged at octet {file.damage.offset:,}: {ended(file.damage.reason)} "
                "What comes before was read."
            )
    for loss in one.losses:
        where = f" ({place(found, loss.vantage)})" if loss.vantage else ""
        missed = counted(loss.packets, "packet")
        flaws.append(f"{one.path}{where} misses at least {missed}: {ended(loss.because)}")
    if one.weird:
        kinds = ", ".join(f"{number:,} {kind}" for kind, number in sorted(one.weird.items()))
        flaws.append(f"{one.path} holds odd packets: {kinds}.")
    return flaws


def _named(one: Input) -> str:
    """The files of a capture, in order; of many the first and the last."""
    paths = [file.path for file in one.files]
    if len(paths) <= FEW_FILES:
        return ", ".join(paths[:-1]) + f" and {paths[-1]}"
    return f"{paths[0]} to {paths[-1]} ({len(paths)} files)"


def _gaps(one: Input) -> list[str]:
    """Where a file may be missing."""
    found = []
    for before, file in pairwise(file for file in one.files if file.began_ns is not None):
        if file.gap and before.ended_ns is not None and file.began_ns is not None:
            names = f"{file_name(one, before.path)} and {file_name(one, file.path)}"
            found.append(f"{span(file.began_ns - before.ended_ns)} between {names} may lack packets")
    more = [f"{len(found) - FEW_FILES} more such gaps"] if len(found) > FEW_FILES else []
    return [f"{'; '.join([*found[:FEW_FILES], *more])}."] if found else []
