"""The loopback listeners that the host makes and the lab serves: nothing else crosses the border but Unix sockets."""

from __future__ import annotations

import socket

LOOPBACK = "127.0.0.1"


def listener(port: int = 0) -> socket.socket:
    """A TCP socket that already listens on loopback. Port 0 lets the kernel choose."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((LOOPBACK, port))
    sock.listen(64)
    return sock


def datagram_and_stream(attempts: int = 20) -> tuple[socket.socket, socket.socket]:
    """UDP and TCP on the same loopback port, for DNS. OSError if no common port was free in that many attempts."""
    for left in reversed(range(attempts)):
        tcp = listener()
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.bind((LOOPBACK, tcp.getsockname()[1]))
        except OSError:
            tcp.close()
            udp.close()
            if not left:
                raise
        else:
            return udp, tcp
    raise OSError("no attempt to bind the name server's port was allowed")
