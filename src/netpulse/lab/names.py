"""The lab's DNS server: A, AAAA and PTR for every name of the topology, over UDP and TCP.

Authoritative for everything: a name that is not here does not exist, and nothing is ever asked of anyone else.
"""

from __future__ import annotations

import ipaddress
import socket
import socketserver
import struct
from collections.abc import Mapping
from threading import Thread

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.reversename
import dns.rrset

TTL_S = 60
Records = dict[dns.name.Name, dict[dns.rdatatype.RdataType, list[str]]]


def zone(names: Mapping[str, tuple[str, ...]]) -> Records:
    """Forward and reverse records. An address with several names answers with the first."""
    records: Records = {}
    for text, addresses in names.items():
        name = dns.name.from_text(text)
        for address in addresses:
            kind = dns.rdatatype.A if ipaddress.ip_address(address).version == 4 else dns.rdatatype.AAAA
            records.setdefault(name, {}).setdefault(kind, []).append(address)
            reverse = records.setdefault(dns.reversename.from_address(address), {})
            reverse.setdefault(dns.rdatatype.PTR, [name.to_text()])
    return records


def answer(query: dns.message.Message, records: Records) -> dns.message.Message:
    """The reply to one query: its records, an empty answer for another type, or NXDOMAIN."""
    reply = dns.message.make_response(query)
    reply.flags |= dns.flags.AA
    if len(query.question) != 1:
        reply.set_rcode(dns.rcode.FORMERR)
        return reply
    question = query.question[0]
    found = records.get(question.name)
    if found is None:
        reply.set_rcode(dns.rcode.NXDOMAIN)
    elif question.rdtype in found:
        values = found[question.rdtype]
        reply.answer.append(dns.rrset.from_text_list(question.name, TTL_S, "IN", question.rdtype, values))
    return reply


def _reply_to(wire: bytes, records: Records) -> bytes | None:
    try:
        query = dns.message.from_wire(wire)
    except Exception as error:  # dnspython raises many kinds for a malformed packet; each only means "not a query"
        print(f"names: dropped a packet that is not a DNS query: {error}", flush=True)
        return None
    return answer(query, records).to_wire()


def serve(udp: socket.socket, tcp: socket.socket, names: Mapping[str, tuple[str, ...]]) -> None:
    """Answer on both sockets from two threads that end with the process."""
    records = zone(names)
    Thread(target=_serve_udp, args=(udp, records), name="names-udp", daemon=True).start()
    Thread(target=_serve_tcp, args=(tcp, records), name="names-tcp", daemon=True).start()


def _serve_udp(sock: socket.socket, records: Records) -> None:
    sock.setblocking(True)
    while True:
        wire, sender = sock.recvfrom(65535)
        if (reply := _reply_to(wire, records)) is not None:
            sock.sendto(reply, sender)


class _Handler(socketserver.StreamRequestHandler):
    records: Records

    def handle(self) -> None:
        while len(head := self.rfile.read(2)) == 2:
            wire = self.rfile.read(struct.unpack("!H", head)[0])
            reply = _reply_to(wire, self.records)
            if reply is None:
                return
            self.wfile.write(struct.pack("!H", len(reply)) + reply)


def _serve_tcp(sock: socket.socket, records: Records) -> None:
    sock.setblocking(True)
    handler = type("Handler", (_Handler,), {"records": records})
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler, bind_and_activate=False)
    server.daemon_threads = True
    server.socket.close()
    server.socket = sock
    server.serve_forever()
