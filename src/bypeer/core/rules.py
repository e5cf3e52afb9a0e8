"""What tells the kernels' trackers apart: a row a rule, a cell a kernel, and what changed within a series.

Every cell of RULES carries where it is known from: `m` measured on that kernel, `r` read in a
release of that series, `i` only inferred from its neighbours. A verdict that rests on an `i` is not
certain, and vendor kernels (RHEL, OpenWrt) do not follow their number.

Measured means that the kernel disagrees with the model, in generated packets, once the rule is taken
the other way: Debian's 5.10.262, 6.1.192, 6.12.118, 7.2.13 and 7.3.4 (trixie-backports), and 6.18.44.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """A rule over all kernels: `+` holds, `-` does not; then m, r or i (see the module's head)."""

    rule: str
    cells: str
    holds: str  # what a user sees where it holds
    fails: str  # and where not
    source: str


SERIES = ("4.19", "5.10", "5.15", "6.1", "6.6", "6.12", "6.18", "7.2", "7.3")

RULES: tuple[Row, ...] = (
    Row("late_is_invalid",
        "+r +m +r -m -i -m -m -m -m",
        "a segment or acknowledgement from below the window (late) is INVALID",
        "a late segment or acknowledgement passes, ignored",
        "netfilter: conntrack: ignore overly delayed tcp packets (6.1)"),
    Row("overshoot_counts",
        "-r -m +r +m +i +m +m +m +m",
        "data a little beyond the window count as sent, so that their acknowledgement is believed",
        "data beyond the window leave no trace, so their acknowledgement is INVALID too",
        "netfilter: conntrack: work around exceeded receive window (6.0, 5.19.9, 5.15 stable)"),
    Row("overshoot_passes",
        "-r -m -r +m +i +m +m +m +m",
        "data a little beyond the window pass, ignored",
        "data a little beyond the window are INVALID",
        "netfilter: conntrack: ignore overly delayed tcp packets (6.1)"),
    Row("liberal_overshoot_counts",
        "-r -m -r +m +i +m +m +m +m",
        "tcp_be_liberal: data a little beyond the window count as sent",
        "tcp_be_liberal: data beyond the window leave no trace",
        "netfilter: conntrack: prepare tcp_in_window for ternary return value (6.1)"),
    Row("judged_together",
        "+r +m +r -m -i -m -m -m -m",
        "where two bounds fail, a late segment is named before a wrong acknowledgement",
        "where two bounds fail, a wrong acknowledgement is named before a late segment",
        "netfilter: conntrack: prepare tcp_in_window for ternary return value (6.1)"),
    Row("closing_rst_unchecked",
        "-r -m +r +m +i +m +m +m +m",
        "a RST passes unchecked once a FIN or RST was seen",
        "a RST is checked even after a FIN or RST: a repeated one may be INVALID",
        "netfilter: conntrack: improve RST handling when tuple is re-used (5.15)"),
    Row("rst_after_syn_unchecked",
        "-r -m +r +m +i +m +m +m +m",
        "a RST right after a SYN that was let through is not held against acknowledgements",
        "a RST right after a SYN that was let through may be `invalid rst`",
        "netfilter: conntrack: improve RST handling when tuple is re-used (5.15)"),
    Row("own_syn_counts",
        "+i -m -r -m -i -m -m -m -m",
        "a RST that acknowledges an ignored SYN closes, even if its own sender sent the SYN",
        "a RST that acknowledges an ignored SYN closes only if the other side sent the SYN",
        "netfilter: conntrack: tcp: do not force CLOSE on invalid-seq RST (5.10.259, 6.1.176, 6.12.93)"),
    Row("zero_rst_unchecked",
        "-i -m +r +m +i +m +m +m +m",
        "a RST with SEG.SEQ 0 passes while the connection is not established",
        "a RST with SEG.SEQ 0 is checked like any other",
        "netfilter: conntrack: do not mark RST in the reply direction coming after SYN (5.14)"),
    Row("has_ignore_invalid_rst",
        "-r -m +r +m +i +m +m +m +m",
        "has the sysctl nf_conntrack_tcp_ignore_invalid_rst",
        "cannot be told to let an `invalid rst` pass",
        "netfilter: conntrack: add new sysctl to disable RST check (5.14)"),
    Row("challenge_ack_noted",
        "-r -m -r +m +i +m +m +m +m",
        "the RST that answers a challenge ACK to a reused port's SYN passes",
        "the RST that answers a challenge ACK to a reused port's SYN is INVALID",
        "netfilter: conntrack: handle tcp challenge acks during connection reuse (6.2, 6.1.9)"),
    Row("reinit_needs_syn",
        "-r -m -r +m +i +m +m +m +m",
        "only a newer SYN begins a handshake anew",
        "any newer segment of the side that opens begins its handshake anew",
        "netfilter: conntrack: re-init for syn packets only (5.18, 5.17.6)"),
    Row("resync_keeps_liberal",
        "-i +m +r +m +i +m +m +m +m",
        "a connection picked up in its middle stays unjudged after a new handshake",
        "a connection picked up in its middle is judged again after a new handshake",
        "netfilter: nf_conntrack_tcp: preserve liberal flag in tcp options (5.18, 5.10.110)"),
    Row("inexact_rst_unack",
        "-r -m -r -m -i +m -m -m +m",
        "a RST that does not close leaves the entry 300 s at most",
        "a RST that does not close leaves the entry 10 s",
        "netfilter: conntrack: tcp: use UNACK timeout for non-closing RST packets (7.3, 6.12.117)"),
    Row("lowers_timer",
        "-r -m -r +m +i +m +m +m +m",
        "a FIN or RST out of window from both sides leaves the entry 300 s",
        "a FIN or RST out of window changes no timer",
        "netfilter: conntrack: reduce timeout when receiving out-of-window fin or rst (6.1)"),
    Row("numbered_log",
        "-r -m -r +m +i +m +m +m +m",
        "log lines name the bound that failed",
        "log lines do not name the bound",
        "netfilter: conntrack: prepare tcp_in_window for ternary return value (6.1)"),
    Row("logs_ignored_index",
        "-r -m +r +m +i +m +m +m +m",
        "the log names the kind of a segment that the state lets through",
        "the log names only the state of a segment that it lets through",
        "conntrack.md, 4"),
    Row("logs_invalid_new",
        "-r -m -r -m -i +m +m +m +m",
        "a segment that can begin no connection is logged, the host's own RST too",
        "a segment that can begin no connection is not logged",
        "conntrack.md, 3 and 4"),
    Row("logs_unack",
        "-r -m -r +m -i +m -m +m +m",
        "the log says `lowered timeout to UNACK` where a refused FIN or RST lowers a timer",
        "the log does not say `lowered timeout to UNACK`",
        "netfilter: nf_conntrack: defer invalid log until after unlock (7.2, 6.1.184, 6.12.104)"),
)  # fmt: skip

# Within a series: from this patch level on the rule holds or not. Source: the upstream changes that
# Debian's changelogs list by patch level, under the subjects that RULES names.
PATCHES: tuple[tuple[tuple[int, int], int, str, bool], ...] = (
    ((5, 10), 1, "own_syn_counts", True),
    ((5, 10), 259, "own_syn_counts", False),
    ((5, 10), 1, "resync_keeps_liberal", False),
    ((5, 10), 110, "resync_keeps_liberal", True),
    ((6, 1), 1, "challenge_ack_noted", False),
    ((6, 1), 9, "challenge_ack_noted", True),
    ((6, 1), 1, "own_syn_counts", True),
    ((6, 1), 176, "own_syn_counts", False),
    ((6, 1), 1, "logs_unack", False),
    ((6, 1), 184, "logs_unack", True),
    ((6, 12), 1, "own_syn_counts", True),
    ((6, 12), 93, "own_syn_counts", False),
    ((6, 12), 1, "logs_unack", False),
    ((6, 12), 104, "logs_unack", True),
    ((6, 12), 1, "inexact_rst_unack", False),
    ((6, 12), 117, "inexact_rst_unack", True),
)

# Rules that show in a log line or a timer, or only with a sysctl: they decide no segment's fate.
FATELESS = frozenset((
    "numbered_log", "logs_ignored_index", "logs_invalid_new", "logs_unack", "has_ignore_invalid_rst",
    "inexact_rst_unack", "lowers_timer", "liberal_overshoot_counts",
))  # fmt: skip
