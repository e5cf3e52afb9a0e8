"""The verdict as the sentence that one would say to a colleague."""

from __future__ import annotations

from bypeer.core.causes.model import Seen
from bypeer.core.conclusion import Conclusion
from bypeer.core.narrate import Frontier, octets_text, peer_of
from bypeer.core.resets import ENDPOINTS
from bypeer.core.study import INSIDE, OUTSIDE
from bypeer.core.verdict import client_outcome

# What the host did, by cause; {what} is filled in with how far the trigger lay off.
_HOST = {
    "NF01": "conntrack called a late segment from {peer} INVALID{off}, so it was not translated back, "
    "met no socket, and the host answered RST",
    "NF02": "conntrack called a segment from {peer} beyond the window INVALID{off}, so it was not "
    "translated back, met no socket, and the host answered RST",
    "NF03": "conntrack called an acknowledgement from {peer} INVALID because it had not seen the data "
    "acknowledged, and the host answered RST",
    "NF04": "conntrack had lost the connection's entry, took a good segment from {peer} for one to the host "
    "itself, and the host answered RST",
    "NF05": "it answered a malformed segment from {peer} with RST",
    "NF06": "conntrack called a segment forged in the name of {peer} INVALID{off}, and the host answered it "
    "with RST",
    "NF12": "a firewall rule of the host rejected a good segment with RST",
}
_DROPPED = {
    "NF01": "conntrack calls them INVALID as too late, and a rule drops what is INVALID",
    "NF02": "conntrack calls them INVALID as beyond the window, and a rule drops what is INVALID",
    "NF03": "conntrack calls them INVALID for data that it has not seen, and a rule drops what is INVALID",
    "NF04": "the connection's conntrack entry is gone",
    "NF10": "they leave with the inside address",
    "NF11": "conntrack's table is full, and there was no room for an entry",
    "NF13": "conntrack found the port taken to which they were to be translated",
    "PA06": "no port was free to which they could be translated",
}
_ENDPOINT = {
    "EP01": "nobody listens on that port: RST answers the SYN",
    "EP02": "it reset the connection by itself (its application aborted{unread})",
    "EP03": "it closed with data unread, so its kernel sent RST",
    "EP04": "it had closed already when more data came, and its kernel answered them with RST",
    "EP05": "in mid-stream it answers as one that knows no such connection (rebooted, replaced, or reset "
    "unseen)",
    "EP06": "keepalive probes failed",
    "EP08": "the client gave up first",
    "NF07": "a reply reached it untranslated, with the backend's own address, and it answered that with RST",
    "NF09": "a segment that its own tracker would call INVALID passed its proxy by, and met a port without "
    "a connection",
    "NF10": "what left the NAT host bore the inside address, and the peer knows no such connection",
    "PA02": "it, or a box on the way, had forgotten the idle connection",
}
_CLIENT = {
    "reset": 'the client was told "connection reset by peer"',
    "hung": "the client was never told and hangs until its own timeout",
    "refused": 'the client was told "connection refused"',
    "completed": "the client had all it wanted",
    "aborted": "the client left by itself",
    "unknown": "what the client saw is not in the capture",
}


def headline(seen: Seen, conclusion: Conclusion) -> str:
    """One or two sentences: who, what, why, and what the client saw."""
    killer = conclusion.killed_by
    if killer == "none":
        return _nobody(seen)
    if conclusion.silence is not None:
        return _silence(seen, conclusion)
    said = {"host": _host, "on-path": _path, "unknown": _unknown}.get(killer, _endpoint)(seen, conclusion)
    return f"{said}; {_CLIENT[client_outcome(seen)]}{_decoys(seen, killer)}."


def _either(conclusion: Conclusion) -> str:
    """The other codes that fit, if any."""
    said = {"EP02": ("EP03",)}.get(conclusion.cause or "", ())  # its own sentence names both
    others = [code for code in conclusion.candidates[1:] if code != conclusion.cause and code not in said]
    return f" (or {', '.join(others)}: the packets do not tell them apart)" if others else ""


def _host(seen: Seen, conclusion: Conclusion) -> str:
    peer = peer_of(seen, OUTSIDE)
    first = conclusion.first
    trigger = first.trigger if first is not None else None
    if first is not None and first.target(seen.study) == INSIDE:
        peer = peer_of(seen, INSIDE)
    off = ""
    if trigger is not None:
        lag = Frontier(seen).behind(trigger)
        off = f" ({octets_text(abs(lag))} {'behind' if lag > 0 else 'ahead'})" if lag else ""
    why = _HOST.get(conclusion.cause or "", "it answered a segment with RST").format(peer=peer, off=off)
    verb = "refused" if first is not None and first.refuses else "reset"
    return f"Your own NAT host {verb} this connection, not the peer: {why}{_either(conclusion)}"


def _endpoint(seen: Seen, conclusion: Conclusion) -> str:
    side = ENDPOINTS.index("inside" if conclusion.killed_by == "inside" else "outside")
    name = "The peer" if side == OUTSIDE else "The inside endpoint"
    unread = ", or closed with data unread" if "EP03" in conclusion.candidates else ""
    why = _ENDPOINT.get(conclusion.cause or "", "it sent the RST").format(unread=unread)
    verb = "refused" if conclusion.first is not None and conclusion.first.refuses else "ended"
    return f"{name} {peer_of(seen, side)} {verb} this connection: {why}{_either(conclusion)}"


def _path(seen: Seen, conclusion: Conclusion) -> str:
    because = conclusion.first.author_because if conclusion.first is not None else ""
    return f"Something on the path forged the RST that ended this connection ({because}){_either(conclusion)}"


def _unknown(seen: Seen, conclusion: Conclusion) -> str:
    first = conclusion.first
    if first is None:
        return "Undetermined: the captures do not show how this connection ended"
    what = "a RST of unknown origin"
    if first.author == "host":
        what = "a RST that looks like the NAT host's own"
    elif first.author != "unknown":
        what = f"a RST from the {first.author} side"
    fits = f" ({', '.join(conclusion.candidates)} all fit)" if conclusion.candidates else ""
    return f"Undetermined: {what} ended this connection, but who really killed it does not show{fits}"


def _silence(seen: Seen, conclusion: Conclusion) -> str:
    silence = conclusion.silence
    assert silence is not None
    waiting = peer_of(seen, silence.side)
    count, why = len(silence.copies), _DROPPED.get(conclusion.cause or "", "")
    if conclusion.killed_by == "host":
        because = f": {why}" if why else ""
        said = f"Your own NAT host keeps this connection's segments back{because}{_either(conclusion)}"
    else:
        other = f"the {ENDPOINTS[1 - silence.side]} side"
        doubt = "Undetermined: " if conclusion.certainty == "undetermined" else ""
        said = (
            f"{doubt}{other} fell silent, or the path to it" if doubt else f"{other.capitalize()} fell silent"
        )
    told = _CLIENT[client_outcome(seen)]
    return f"{said}: {waiting} sent the same segment {count} times without an answer; {told}."


def _nobody(seen: Seen) -> str:
    ends = "completed" in seen.fates.outcomes
    said = "Nobody killed this connection: it " + (
        "ended as it should" if ends else "shows no end in the captures"
    )
    return said + _decoys(seen, "none") + "."


def _decoys(seen: Seen, killer: str) -> str:
    """A word on the host's harmless RSTs, so that nobody blames them."""
    harmless = [one for one in seen.resets if one.author == "host" and one.effect == "harmless"]
    if killer == "host" or not harmless:
        return ""
    count = len(harmless)
    return f"; {count} RST{'s' if count > 1 else ''} that your own NAT host made on the way harmed nobody"
