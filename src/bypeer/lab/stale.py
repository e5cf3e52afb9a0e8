"""A connection that its client has left and its server has not: what a new one of the same port meets.

Source: tcp(7); socket(7), SO_LINGER.
"""

from __future__ import annotations

import socket
import struct

from bypeer.lab.net import Net
from bypeer.lab.topologies import PORT

_LINGER_0 = struct.pack("ii", 1, 0)
_LOSE = """
table inet losing {
    chain forward { type filter hook forward priority 0; tcp flags & rst == rst drop; }
}
"""


def abandon(net: Net, port: int) -> socket.socket:
    """The server's end of a connection from that port, of whose end the path lost the RST.

    The tracker of the host has seen the RST. The socket lives until it is closed.
    """
    topology = net.topology
    with (
        net[topology.server].call(socket.socket) as listener,
        net[topology.client].call(socket.socket) as client,
    ):
        for one in (listener, client):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.settimeout(5)
        listener.bind(("", PORT))
        listener.listen()
        client.bind(("", port))
        client.connect((topology.service[4], PORT))
        left, _ = listener.accept()
        net.nft(topology.path, _LOSE)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
    net.nft(topology.path, "delete table inet losing")
    return left
