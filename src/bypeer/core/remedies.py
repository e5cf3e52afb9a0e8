"""What to do about a cause, and what it costs. Source: causes.md; measured where it says so."""

from __future__ import annotations

from collections.abc import Iterable

from bypeer.core.explanation import Remedy

_DROP = Remedy(
    "Drop INVALID segments on their way in, instead of answering them",
    "iptables -w -I INPUT -m conntrack --ctstate INVALID -j DROP",
    ["NF01", "NF02", "NF06"],
    "for every service of this host; breaks asymmetric and multi-homed routing, where good segments are "
    "INVALID, and turns an ACK of unseen data (NF03) into a hang; dropped segments leave no trace but the "
    "rule's counter",
    "lost on a firewalld reload, an iptables-services restart, sometimes a Docker restart: keep it where "
    "your rules are kept",
)
_LIBERAL = Remedy(
    "Make conntrack accept segments outside its window",
    "sysctl -w net.netfilter.nf_conntrack_tcp_be_liberal=1",
    ["NF01", "NF02", "NF03", "NF06", "NF07"],
    "for the whole network namespace, which must be the one that does the NAT; segments out of window "
    "reach the container, and INVALID disappears from the counters",
    "lost at boot without a file in /etc/sysctl.d",
)
_FORWARD = Remedy(
    "Drop INVALID segments that would be forwarded untranslated",
    "iptables -w -I FORWARD -m conntrack --ctstate INVALID -j DROP",
    ["NF07", "NF10"],
    "for all forwarded traffic of this host; breaks asymmetric routing; stops a leak (NF10), but nobody "
    "tells the peer",
    "as any rule: keep it where your rules are kept",
)
_KERNEL = Remedy(
    "Linux 6.1 or later on the NAT host: late segments are ignored there, not INVALID",
    "",
    ["NF01"],
    "a new kernel; vendor kernels do not follow their number: probe the behaviour",
)
_TIMEOUT = Remedy(
    "Let idle connections live longer in conntrack",
    "sysctl -w net.netfilter.nf_conntrack_tcp_timeout_established=432000",
    ["NF04"],
    "more entries stay in the table; helps only if the entry expired; 432000 s (5 days) is Linux' default",
    "lost at boot without a file in /etc/sysctl.d",
)
_FLUSH = Remedy(
    "Find what deletes conntrack entries of living connections (conntrack -F or -D, agents, container churn)",
    "conntrack -E -e DESTROY -p tcp",
    ["NF04"],
    "none, it only watches; neither dropping INVALID nor be_liberal helps against a missing entry",
)
_KEEPALIVE = Remedy(
    "Keep idle connections busy: TCP keepalive below the timeout, in the application or by default",
    "sysctl -w net.ipv4.tcp_keepalive_time=120",
    ["NF04", "PA02", "EP06"],
    "only sockets with SO_KEEPALIVE; a packet every two minutes for each idle connection",
    "lost at boot without a file in /etc/sysctl.d; in a container it is the container's own",
)
_RULES = Remedy(
    "Find the rule that rejects: its counter moves with each RST",
    "nft list ruleset; iptables -vnL FORWARD",
    ["NF12"],
    "none, it only looks",
)
_PATH = Remedy(
    "Repair the path: both directions through this host, offload off where packets bypass conntrack",
    "ethtool -K eth0 hw-tc-offload off",
    ["NF03", "NF05"],
    "more load on the processors",
)
_POD = Remedy(
    "Drop INVALID segments in the pod itself, before they pass its proxy by",
    "nsenter -n -t PID iptables -w -I INPUT -m conntrack --ctstate INVALID -j DROP",
    ["NF09"],
    "for every connection of the pod; PID is one of its processes",
    "lost with the pod: keep it where its proxy's own rules are made",
)
_ROOM = Remedy(
    "Make room in conntrack's table; or shorten its timeouts, so that entries end sooner",
    "sysctl -w net.netfilter.nf_conntrack_max=1048576",
    ["NF11"],
    "some 320 octets of the kernel's memory for each entry; can be set in the first namespace only",
    "lost at boot without a file in /etc/sysctl.d",
)
_PORTS = Remedy(
    "Let the NAT choose ports at random (MASQUERADE --random-fully), and from as many as there are",
    "",
    ["NF13"],
    "the inside's own ports are not kept",
    "as any rule: keep it where your rules are kept",
)
_RP_FILTER = Remedy(
    "Refuse packets that come from the wrong interface",
    "sysctl -w net.ipv4.conf.all.rp_filter=1",
    ["NF06"],
    "breaks asymmetric routing; does not stop a forger on the same link",
    "lost at boot without a file in /etc/sysctl.d",
)
_PEER = Remedy(
    "Ask the other end: its log, uptime and restarts at that time, and a capture there",
    "",
    ["EP01", "EP02", "EP03", "EP04", "EP05", "EP07"],
    "none",
)
_CLIENT = Remedy(
    "Look at the client: its timeout, or who stopped it",
    "",
    ["EP08"],
    "none",
)
_BOX = Remedy(
    "Find the box on the path: compare the RST's TTL with traceroute, ask who runs the network",
    "",
    ["PA01", "PA02", "PA03"],
    "none",
)

REMEDIES = (
    _DROP, _LIBERAL, _KERNEL, _FORWARD, _FLUSH, _TIMEOUT, _KEEPALIVE, _RULES, _PATH, _POD, _ROOM,
    _PORTS, _RP_FILTER, _CLIENT, _PEER, _BOX,
)  # fmt: skip


def remedies(causes: Iterable[str]) -> list[Remedy]:
    """What helps against any of these causes, each naming those of them that it heals."""
    wanted = list(causes)
    found = []
    for one in REMEDIES:
        heals = [code for code in wanted if code in one.heals]
        if heals:
            found.append(Remedy(one.title, one.command, heals, one.cost, one.persistence))
    return found
