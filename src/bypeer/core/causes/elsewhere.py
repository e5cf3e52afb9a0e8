"""Causes that captures of one connection cannot show: each says what would."""

from __future__ import annotations

from bypeer.core.causes.model import Cause, Finding, Seen, untestable


def hidden_namespace(seen: Seen) -> Finding:
    """As untranslated-reply, inside Docker Swarm's own load-balancer namespaces.

    Predicts:    the host's own counters and captures show nothing; a capture in the
                 lb_ or ingress_sbox namespace shows the INVALID segment and its answer.
    Untestable:  without a capture in that namespace.
    Remedy:      as untranslated-reply, in that namespace.
    """
    return untestable("needs a capture and conntrack -S in the load balancer's own namespace")


def stale_entry_reuse(seen: Seen) -> Finding:
    """A SYN reused a port whose old entry still lived: challenge ACK, RST, SYN, in a loop.

    Predicts:    a SYN answered by a bare ACK, the client's RST to that not forwarded, again.
    Untestable:  without the earlier connection in the capture.
    Remedy:      Linux >= 5.14, and >= 6.1.9 for the challenge ACK.
    """
    return untestable("needs the earlier connection of this tuple in the capture")


def rule_too_late(seen: Seen) -> Finding:
    """The NAT rule came after the first SYN: all its repetitions follow the untranslated entry.

    Predicts:    SYNs that leave untranslated although the rule is there.
    Untestable:  without the time at which the rule was made.
    Remedy:      delete that entry (conntrack -D), try again.
    """
    return untestable("needs conntrack -L of the host at that moment")


CAUSES = (
    Cause("NF08", "hidden-namespace", hidden_namespace),
    Cause("NF14", "stale-entry-reuse", stale_entry_reuse),
    Cause("NF15", "rule-too-late", rule_too_late),
)
