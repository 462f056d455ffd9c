"""Parsers of what neither a device nor a person's target is: replies of BIRD, forwarded addresses, the configuration."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from ipaddress import ip_address, ip_network
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from netpulse.cells import discover
from netpulse.config import faults_in
from netpulse.errors import Fault
from netpulse.transports.bird_socket import BirdTransport
from netpulse.web.clients import client_of, parsed
from properties.effort import tried
from properties.hostile import TOKENS, addresses, device_lines

PLATFORMS = tuple(discover().platforms)
GREETING = b"0001 BIRD 2.0.12 ready.\n0016 Access restricted\n"


class Wire:
    """Both halves of a connection to a BIRD that says these bytes, in pieces, and closes."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces
        self.closed = False
        self.written: list[bytes] = []

    async def read(self, _n: int, /) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    def write(self, data: bytes, /) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.closed = True


codes = st.sampled_from("0000 0001 0016 1007 1008 1012 1999 8001 8007 9001 9999 12 00000 abcd".split())
marks = st.sampled_from(["-", " ", "+", "", "\t"])
reply_lines = st.one_of(
    st.builds(lambda code, mark, text: code + mark + text, codes, marks, device_lines),
    st.builds(lambda mark, text: mark + text, marks, device_lines),
)
replies = st.one_of(
    st.binary(max_size=300),
    st.lists(reply_lines, max_size=12).map(lambda lines: "\n".join([*lines, ""]).encode("utf-8", "surrogatepass")),
)


def conversation(pieces: list[bytes]) -> tuple[list[Wire], bytes, bool]:
    """The wires that were opened, the text read, and whether the reply was whole; a Fault goes on to the caller."""
    wires: list[Wire] = []

    async def connect() -> tuple[Wire, Wire]:
        wires.append(Wire([*([GREETING] if not wires else []), *pieces]))
        return wires[-1], wires[-1]

    async def talk() -> tuple[bytes, bool]:
        transport = BirdTransport(connect, login_s=60.0)
        text = b""
        try:
            running = await transport.start("show status")
            while data := await running.read():
                text += data
            return text, running.ended_well
        finally:
            await transport.close()

    text, well = asyncio.run(talk())
    return wires, text, well


@tried(600)
@given(replies, st.lists(st.integers(1, 40), max_size=5))
@example(b"1007-8.8.8.0/24\n9001 x\n", [])
@example(b"8001 Network not found\n", [3])
def test_a_reply_of_bird_is_read_or_a_fault_and_no_connection_stays_open(reply: bytes, cuts: list[int]) -> None:
    pieces = [piece for piece in _cut(reply, cuts) if piece]
    wires: list[Wire] = []
    with suppress(Fault):
        wires, text, well = conversation(pieces)
        assert well or not text.endswith(b"\0never")
        assert text == b"" or text.endswith(b"\n")
        whole, again, well_again = conversation([reply] if reply else [])
        assert (again, well_again) == (text, well)
        assert all(wire.closed for wire in (*wires, *whole))
    for wire in wires:
        assert wire.written[:1] == [b"restrict\n"]


def _cut(data: bytes, cuts: list[int]) -> list[bytes]:
    pieces: list[bytes] = []
    for cut in cuts:
        pieces.append(data[:cut])
        data = data[cut:]
    return [*pieces, data]


entries = st.one_of(
    addresses.map(str),
    st.sampled_from(["127.0.0.2", "::ffff:1.2.3.4", "1.2.3.4:56", "[::1]", "", "unknown"]),
    st.text(max_size=20),
)
headers = st.lists(
    st.lists(entries, max_size=5).map(lambda parts: ",".join(parts).encode("utf-8", "surrogatepass")), max_size=3
)


@tried(600)
@given(st.one_of(addresses.map(str), st.text(max_size=12)), headers, st.booleans())
def test_a_client_is_the_peer_or_what_trusted_proxies_wrote(
    peer: str, given_headers: list[bytes], trusting: bool
) -> None:
    trusted = (ip_network("127.0.0.0/8"), ip_network("::/1")) if trusting else ()
    client = client_of((peer, 1), given_headers, trusted)
    assert "%" not in str(client)
    here = parsed(peer.partition("%")[0]) or ip_address("127.0.0.1")
    if not any(here.version == block.version and here in block for block in trusted):
        assert client == here
        return
    named = [parsed(entry.strip().decode("latin-1")) for entry in b",".join(given_headers).split(b",")]
    assert client == here or client in named


SAMPLE = """\
site: {name: A, organization: B, asn: 64500, contact: noc@example.com}
server: {listen: 127.0.0.1:8080, public_url: https://lg.example.com, trusted_proxies: [10.0.0.0/8]}
routers:
  - slug: r1
    name: R1
    location: L
    model: M
    platform: linux
    max_sessions: 3
    local: true
    connections:
      - {id: 1, name: One, type: TRANSIT, asn: 174, source_ipv4: 203.0.113.1, match: {first_asn: 174}}
limits: {key_per_minute: 60}
targets: {allow: [10.0.0.0/8], deny: ["2001:db8::/32"]}
redact: ["a+"]
"""
YAML_PIECES = (
    *(
        "&a",
        "*a",
        "<<: *a",
        "!!python/object:os.system x",
        "!!set {a}",
        "- - -",
        "{",
        "}",
        "[",
        "]",
        "? ",
        "|",
        ">",
        "%YAML 1.1\n---",
        "\t",
    ),
    *(
        "null",
        "~",
        "0x1F",
        "1e400",
        ".nan",
        "2001-01-01",
        "yes",
        "1:30",
        "''",
        '"\\x00"',
        "...",
        "---",
        "#",
        "9" * 5000,
        "a: " * 50,
        "[" * 400,
    ),
)


@tried(250)
@given(st.data())
def test_any_text_as_configuration_is_good_or_has_faults_with_places(data: st.DataObject) -> None:
    text = SAMPLE
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(at, min(len(text), at + 12)))
        piece = data.draw(
            st.one_of(st.sampled_from(YAML_PIECES), st.sampled_from(TOKENS), st.text(max_size=6), st.just(""))
        )
        text = text[:at] + piece + text[end:]
    for fault in faults_in(text, Path("netpulse.yaml"), platforms=PLATFORMS, environment={}):
        assert fault.line >= 1
        assert "\n" not in str(fault)
