"""A wire that takes time and loses packets, between two interfaces, because not every kernel has netem.

`python -m netpulse.lab.relay JSON` runs in the namespace that holds the interfaces. Loss is counted, not drawn: the
third, sixth, … packet of each flow is dropped, so that a test knows what it will see.
"""

from __future__ import annotations

import array
import fcntl
import heapq
import json
import selectors
import socket
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

ALL_PROTOCOLS = 0x0003
_OUTGOING = 4  # PACKET_OUTGOING: a copy of what we sent ourselves
_SIOCETHTOOL, _SET_TX_CHECKSUM = 0x8946, 0x17
_ICMP, _ECHO_REQUEST = 1, 8


@dataclass(frozen=True)
class Wire:
    """near and far are interface names; delay_ms is one way; lose_every counts packets from near to far."""

    near: str
    far: str
    delay_ms: float
    lose_every: int


@dataclass
class Loss:
    """Says which packets of a flow are lost. Only IPv4 ICMP echo requests and UDP count: neighbours must resolve."""

    every: int
    seen: dict[bytes, int] = field(default_factory=dict)

    def drops(self, frame: bytes) -> bool:
        """True for each n-th packet of its flow."""
        flow = _flow(frame) if self.every else None
        if flow is None:
            return False
        if len(self.seen) > 4096:
            self.seen.clear()
        self.seen[flow] = self.seen.get(flow, 0) + 1
        return self.seen[flow] % self.every == 0


def _flow(frame: bytes) -> bytes | None:
    """What tells one ping or traceroute from another; None for packets that are never lost.

    A ping is its addresses and its identifier. A traceroute changes its ports with each probe, so it is its addresses.
    """
    if frame[12:14] != b"\x08\x00" or len(frame) < 42:
        return None
    header_length = (frame[14] & 0x0F) * 4
    protocol, addresses, payload = frame[23], frame[26:34], frame[14 + header_length :]
    if protocol == _ICMP and payload[:1] == bytes([_ECHO_REQUEST]):
        return b"icmp" + addresses + payload[4:6]
    return b"udp" + addresses if protocol == socket.IPPROTO_UDP else None


def _open(interface: str) -> socket.socket:
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
    sock.bind((interface, 0))
    sock.setblocking(False)
    return sock


def trust_no_offload(interface: str) -> None:
    """Make the kernel fill in checksums itself: a relayed frame would otherwise carry an unfinished one."""
    value = array.array("B", struct.pack("II", _SET_TX_CHECKSUM, 0))
    request = struct.pack("16sP", interface.encode(), value.buffer_info()[0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, _SIOCETHTOOL, request)


def run(wires: list[Wire], clock: Callable[[], float] = time.monotonic) -> None:
    """Carry frames between each wire's ends until the process is ended."""
    selector = selectors.DefaultSelector()
    for wire in wires:
        near, far = _open(wire.near), _open(wire.far)
        delay_s = wire.delay_ms / 1000
        selector.register(near, selectors.EVENT_READ, (near, far, delay_s, Loss(wire.lose_every)))
        selector.register(far, selectors.EVENT_READ, (far, near, delay_s, Loss(0)))
    due: list[tuple[float, int, bytes, socket.socket]] = []
    order = 0
    while True:
        wait_s = max(0.0, due[0][0] - clock()) if due else None
        for key, _ in selector.select(wait_s):
            source, target, delay_s, loss = key.data
            frame, origin = source.recvfrom(65535)
            if origin[2] == _OUTGOING or loss.drops(frame):
                continue
            order += 1
            heapq.heappush(due, (clock() + delay_s, order, frame, target))
        while due and due[0][0] <= clock():
            _, _, frame, target = heapq.heappop(due)
            try:
                target.send(frame)
            except OSError as error:
                # A cable whose other end is down is a cable that loses: the lab cuts links on purpose.
                print(f"relay: {error}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    run([Wire(**wire) for wire in json.loads(sys.argv[1])])
