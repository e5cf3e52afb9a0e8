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


def redirect_bypass(seen: Seen) -> Finding:
    """An INVALID segment skipped a REDIRECT (sidecar proxy) and met the application's port directly.

    Predicts:    in the pod, a segment that was not redirected, and the pod's kernel's RST.
    Untestable:  without the pod's ruleset and a capture in the pod.
    Remedy:      drop ctstate INVALID in the pod.
    """
    return untestable("needs the pod's nat rules and conntrack -S of the pod's namespace")


def table_full(seen: Seen) -> Finding:
    """The conntrack table was full: new connections are dropped, others leak.

    Predicts:    "nf_conntrack: table full, dropping packet"; SYNs not forwarded; drop and
                 early_drop rise in conntrack -S.
    Untestable:  without the kernel log or the counters.
    Remedy:      raise nf_conntrack_max; shorten timeouts.
    """
    return untestable("needs the kernel log or conntrack -S of the host")


def port_race(seen: Seen) -> Finding:
    """Two connections raced for one translated port; a SYN was lost and connecting took 1, 3, 7 s.

    Predicts:    a SYN not forwarded, its repetition forwarded; insert_failed rises.
    Untestable:  without conntrack -S.
    Remedy:      MASQUERADE --random-fully; a newer kernel.
    """
    return untestable("needs insert_failed of conntrack -S on the host")


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
    Cause("NF09", "redirect-bypass", redirect_bypass),
    Cause("NF11", "table-full", table_full),
    Cause("NF13", "port-race", port_race),
    Cause("NF14", "stale-entry-reuse", stale_entry_reuse),
    Cause("NF15", "rule-too-late", rule_too_late),
)
