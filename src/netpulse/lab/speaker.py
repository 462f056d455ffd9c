"""A BGP speaker that announces one aggregate whose path ends in an AS set, which no BIRD of this age can make.

`python -m netpulse.lab.speaker JSON` runs in its node's namespace and keeps one session to each neighbour (RFC 4271).
It hears routes and forgets them: its node sends everything to one provider.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import time
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from threading import Thread

PORT = 179
HOLD_S = 90
RETRY_S = 0.5
_OPEN, _UPDATE, _NOTIFICATION, _KEEPALIVE = 1, 2, 3, 4
_SET, _SEQUENCE = 1, 2


@dataclass(frozen=True)
class Announcement:
    """What is said to a neighbour: this prefix, from this AS, as the sum of what these members announced."""

    asn: int
    router_id: str
    prefix: str
    members: tuple[int, ...]


def message(kind: int, body: bytes = b"") -> bytes:
    """One BGP message: marker, length, type, body."""
    return b"\xff" * 16 + struct.pack("!HB", 19 + len(body), kind) + body


def opening(said: Announcement) -> bytes:
    """OPEN with IPv4 unicast (RFC 4760) and four-octet AS numbers (RFC 6793)."""
    capabilities = struct.pack("!BBHBB", 1, 4, 1, 0, 1) + struct.pack("!BBI", 65, 4, said.asn)
    parameter = struct.pack("!BB", 2, len(capabilities)) + capabilities
    two_octets = said.asn if said.asn < 65536 else 23456
    head = struct.pack("!BHH", 4, two_octets, HOLD_S) + IPv4Address(said.router_id).packed
    return message(_OPEN, head + bytes([len(parameter)]) + parameter)


def update(said: Announcement, next_hop: str) -> bytes:
    """UPDATE for the aggregate: path `ASN {members}`, atomic aggregate, aggregator."""
    network = IPv4Network(said.prefix)

    def attribute(flags: int, code: int, value: bytes) -> bytes:
        return struct.pack("!BBB", flags, code, len(value)) + value

    members = b"".join(struct.pack("!I", asn) for asn in sorted(said.members))
    path = struct.pack("!BBI", _SEQUENCE, 1, said.asn) + struct.pack("!BB", _SET, len(said.members)) + members
    attributes = (
        attribute(0x40, 1, b"\x00")
        + attribute(0x40, 2, path)
        + attribute(0x40, 3, IPv4Address(next_hop).packed)
        + attribute(0x40, 6, b"")
        + attribute(0xC0, 7, struct.pack("!I", said.asn) + IPv4Address(said.router_id).packed)
        + attribute(0xC0, 8, struct.pack("!HH", said.asn & 0xFFFF, 100))
    )
    octets = network.network_address.packed[: (network.prefixlen + 7) // 8]
    body = struct.pack("!HH", 0, len(attributes)) + attributes + bytes([network.prefixlen]) + octets
    return message(_UPDATE, body)


def _read(sock: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        piece = sock.recv(count - len(got))
        if not piece:
            raise ConnectionError("the neighbour closed the session")
        got += piece
    return got


def _session(said: Announcement, local: str, neighbor: str) -> None:
    with socket.create_connection((neighbor, PORT), timeout=5, source_address=(local, 0)) as sock:
        sock.sendall(opening(said))
        sock.settimeout(HOLD_S / 3)
        announced = False
        while True:
            try:
                head = _read(sock, 19)
            except TimeoutError:
                sock.sendall(message(_KEEPALIVE))
                continue
            length, kind = struct.unpack("!HB", head[16:])
            body = _read(sock, length - 19)
            if kind == _NOTIFICATION:
                raise ConnectionError(f"the neighbour ended the session with {body[:2].hex()}")
            if kind in (_OPEN, _KEEPALIVE):
                sock.sendall(message(_KEEPALIVE))
            if kind == _KEEPALIVE and not announced:
                sock.sendall(update(said, local))
                announced = True


def keep_session(said: Announcement, local: str, neighbor: str) -> None:
    """Hold one session for ever, calling again after every failure."""
    while True:
        try:
            _session(said, local, neighbor)
        except OSError as error:
            print(f"speaker: {neighbor}: {error}; calling again", file=sys.stderr, flush=True)
        time.sleep(RETRY_S)


def main(spec: str) -> None:
    """spec: JSON with asn, router_id, prefix, members and sessions (pairs of local and neighbour address)."""
    wanted = json.loads(spec)
    said = Announcement(wanted["asn"], wanted["router_id"], wanted["prefix"], tuple(wanted["members"]))
    threads = [Thread(target=keep_session, args=(said, *pair)) for pair in wanted["sessions"]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(sys.argv[1])
