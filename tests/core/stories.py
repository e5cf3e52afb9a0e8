"""Packet scripts at story length, with what 6.18 makes of each segment.

A 6.18.44 kernel answered the same to every segment, log line and bound included.
"""

from __future__ import annotations

from tests.core.tracking import ASKED, CLOSED, CROSSED, HALF_CLOSED, LAST, OPEN, RESET, SYN

PICKED_UP = "> . 1:1(0) ack 1 win 1000 => ESTABLISHED NEW\n"

STORIES = {
    "a connection opened, used, closed": CLOSED,
    "numbers wrap": OPEN + """
        < P. 1:301(300) ack 1 => ESTABLISHED ESTABLISHED
        > . 1:1(0) ack 301 => ESTABLISHED ESTABLISHED
        < F. 301:301(0) ack 1 => FIN_WAIT ESTABLISHED
        > F. 1:1(0) ack 302 => LAST_ACK ESTABLISHED
        < . 302:302(0) ack 2 => TIME_WAIT ESTABLISHED""",
    "simultaneous open": CROSSED + """
        > S. 0:0(0) ack 1 => SYN_RECV ESTABLISHED
        < S. 0:0(0) ack 1 => SYN_RECV ESTABLISHED
        < . 1:1(0) ack 1 => ESTABLISHED ESTABLISHED
        > . 1:1(0) ack 1 => ESTABLISHED ESTABLISHED""",
    "fast open": """
        > S 0:500(500) win 65535 => SYN_SENT NEW
        < S. 0:0(0) ack 501 win 65535 => SYN_RECV ESTABLISHED
        > . 501:501(0) ack 1 => ESTABLISHED ESTABLISHED""",
    "fast open with its data refused": """
        > S 0:500(500) win 65535 => SYN_SENT NEW
        < S. 0:0(0) ack 1 win 65535 => SYN_RECV ESTABLISHED
        > P. 1:501(500) ack 1 => ESTABLISHED ESTABLISHED""",
    "a refused connection is forgotten": SYN + """
        < R. 0:0(0) ack 1 => CLOSE ESTABLISHED
        < . 1:1(0) ack 1 => ESTABLISHED NEW""",
    "a broken RST with no acknowledgement": SYN + "< R. 0:0(0) ack -1000000000 win 0 => CLOSE ESTABLISHED",
    "a port reused by its client": CLOSED + """
        > S 70000:70000(0) => SYN_SENT NEW
        < S. 90000:90000(0) ack 70001 => SYN_RECV ESTABLISHED""",
    "a port reused by the server": CLOSED + """
        < S 70000:70000(0) => SYN_SENT NEW
        > S. 90000:90000(0) ack 70001 => SYN_RECV ESTABLISHED""",
    "reopened by whoever reset it": OPEN + """
        > R. 1:1(0) ack 1 => CLOSE ESTABLISHED
        > S 5000:5000(0) => SYN_SENT NEW""",
    "not reopened by the other": RESET + "> S 5000:5000(0) => CLOSE ESTABLISHED",
    "a SYN let through, and its answer, begin anew": OPEN + """
        > S 500000:500000(0) win 0 <mss 1460,sackOK,wscale 7> => ESTABLISHED ESTABLISHED
        < S. 700000:700000(0) ack 500001 win 2000 <mss 1460,sackOK,wscale 7> => SYN_RECV ESTABLISHED
        > . 500001:500001(0) ack 700001 win 10 => ESTABLISHED ESTABLISHED
        < . 700001:701281(1280) ack 500001 win 10 => ESTABLISHED ESTABLISHED""",
    "an old SYN/ACK does not begin anew": OPEN + """
        > S 500000:500000(0) => ESTABLISHED ESTABLISHED
        < S. 700000:700000(0) ack 500000 => ESTABLISHED ESTABLISHED
        > . 500001:500001(0) ack 700001 win 10 => ESTABLISHED INVALID""",
    "a challenge ACK in LAST_ACK ends nothing": LAST + """
        > S 500000:500000(0) => LAST_ACK ESTABLISHED
        < . 2:2(0) ack 2 => LAST_ACK ESTABLISHED
        < . 2:2(0) ack 2 => TIME_WAIT ESTABLISHED""",
    "in LAST_ACK the SYN's own side acknowledges": LAST + """
        > S 500000:500000(0) => LAST_ACK ESTABLISHED
        > . 2:2(0) ack 2 => TIME_WAIT ESTABLISHED""",
    "picked up in its middle, never judged": PICKED_UP + """
        < . 1:1001(1000) ack 1 win 10 => ESTABLISHED ESTABLISHED
        > . 900000:900000(0) ack 900000 => ESTABLISHED ESTABLISHED
        < . -900000:-900000(0) ack 900000 => ESTABLISHED ESTABLISHED""",
    "picked up, keep-alive answered": "> . 1:1(0) ack 1 win 0 => ESTABLISHED NEW\n"
        "< . 1:1(0) ack 2 win 0 => ESTABLISHED ESTABLISHED",
    "a RST in its train": OPEN + """
        < P. 1:20(19) ack 1 => ESTABLISHED ESTABLISHED
        < R. 20:20(0) ack 1 => CLOSE ESTABLISHED""",
    "the window of a SYN is not scaled": """
        > S 0:0(0) win 1000 <wscale 15> => SYN_SENT NEW
        < S. 0:0(0) ack 1 win 1000 <wscale 2> => SYN_RECV ESTABLISHED
        > . 1001:1001(0) ack 1 win 1 => ESTABLISHED ESTABLISHED
        < . 16385:16385(0) ack 1 win 1000 => ESTABLISHED ESTABLISHED
        < . 60000:60000(0) ack 1 win 1000 => ESTABLISHED INVALID
        > . 4001:4001(0) ack 1 win 1 => ESTABLISHED ESTABLISHED""",
    "scaling needs both": """
        > S 0:0(0) win 1000 <wscale 7> => SYN_SENT NEW
        < S. 0:0(0) ack 1 win 1000 => SYN_RECV ESTABLISHED
        > . 1:1(0) ack 1 win 1000 => ESTABLISHED ESTABLISHED
        < . 3000:3000(0) ack 1 win 1000 => ESTABLISHED INVALID""",
    "a newer SYN replaces the first": """
        > S 0:0(0) win 1000 <wscale 7> => SYN_SENT NEW
        > S 500000:500000(0) win 1000 <wscale 7> => SYN_SENT NEW
        < S. 0:0(0) ack 500001 win 1000 <wscale 7> => SYN_RECV ESTABLISHED
        > . 500001:500001(0) ack 1 win 1000 => ESTABLISHED ESTABLISHED
        < . 100000:100000(0) ack 500001 win 1000 => ESTABLISHED ESTABLISHED""",
    "a second SYN crosses the first": CROSSED + "< S 5000:5000(0) win 10 => SYN_SENT2 ESTABLISHED",
    "a newer SYN/ACK replaces the first": ASKED + """
        > . 1:1(0) ack 1 => ESTABLISHED ESTABLISHED
        < S. 5000:5000(0) ack 1 => ESTABLISHED ESTABLISHED""",
    "SACK counts where it was permitted": """
        > S 0:0(0) <mss 1460,sackOK> => SYN_SENT NEW
        < S. 0:0(0) ack 1 <mss 1460,sackOK> => SYN_RECV ESTABLISHED
        > . 1:1(0) ack 1 => ESTABLISHED ESTABLISHED
        > . 1:1(0) ack 1 <nop,nop,sack 500:600> => ESTABLISHED INVALID""",
    "and is not looked at elsewhere": OPEN + "> . 1:1(0) ack 1 <sack 500:600> => ESTABLISHED ESTABLISHED",
    "a probe of a closed window may be answered": OPEN + """
        < . 1:1(0) ack 1 win 0 => ESTABLISHED ESTABLISHED
        > . 1:2(1) ack 1 => ESTABLISHED ESTABLISHED
        < . 1:1(0) ack 2 win 0 => ESTABLISHED ESTABLISHED""",
}  # fmt: skip

# What the kernel's own selftests assert (conntrack.md, 7), with segments of ours.
SELFTESTS = {
    "ack_loss_stall": OPEN + "".join(
        f"< P. {at}:{at + 6600}(6600) ack 1 => ESTABLISHED ESTABLISHED\n"
        f"> . 1:1(0) ack {at + 6600} => ESTABLISHED ESTABLISHED\n" for at in range(1, 66001, 6600)
    ) + "< P. 1:101(100) ack 1 => ESTABLISHED ESTABLISHED\n> . 1:1(0) ack 66001 => ESTABLISHED ESTABLISHED",
    "inexact_rst": HALF_CLOSED + """
        < R 700:700(0) => CLOSE ESTABLISHED
        < R 400:400(0) => CLOSE ESTABLISHED""",
    "rst_invalid": OPEN + """
        < P. 1:2001(2000) ack 1 => ESTABLISHED ESTABLISHED
        > . 1:1(0) ack 2001 => ESTABLISHED ESTABLISHED
        < R 0:0(0) win 0 => ESTABLISHED INVALID
        < R 1000000:1000000(0) win 0 => ESTABLISHED INVALID
        < R 42:42(0) win 0 => ESTABLISHED INVALID
        < R 2000:2000(0) win 0 => ESTABLISHED INVALID
        < R 2001:2001(0) win 0 => CLOSE ESTABLISHED""",
    "syn_challenge_ack": SYN + """
        < . 830000:830000(0) ack 643160523 => SYN_SENT ESTABLISHED
        > R 643160523:643160523(0) win 0 => CLOSE ESTABLISHED""",
    "syn_challenge_ack, answered": SYN + """
        < . 830000:830000(0) ack 643160523 => SYN_SENT ESTABLISHED
        > S 0:0(0) => SYN_SENT ESTABLISHED
        < S. 0:0(0) ack 1 => SYN_RECV ESTABLISHED
        > . 1:1(0) ack 1 => ESTABLISHED ESTABLISHED""",
    "synack_old": SYN + """
        < S. 0:0(0) ack 830000 => SYN_SENT INVALID
        < S. 500000:500000(0) ack 1 => SYN_RECV ESTABLISHED
        > . 1:1(0) ack 500001 => ESTABLISHED ESTABLISHED""",
    "synack_reuse": OPEN + """
        > S 70000:70000(0) => ESTABLISHED ESTABLISHED
        < . 1:1(0) ack 1 => ESTABLISHED ESTABLISHED
        > R 1:1(0) win 0 => CLOSE ESTABLISHED
        > S 70000:70000(0) => SYN_SENT NEW
        < S. 90000:90000(0) ack 70001 => SYN_RECV ESTABLISHED""",
}  # fmt: skip
