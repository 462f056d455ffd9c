"""Real iputils ping and Linux traceroute output in, the same facts in Junos's form out. Pure, piece by piece.

Ping is printed a line at a time; traceroute a probe at a time, because both the Linux and the BSD program write each
probe as soon as its fate is known.
"""

from __future__ import annotations

import math
import re

from netpulse.lab.junos_cli import IPAddress, Ping, Traceroute

ICMP_HEADER_BYTES = 8
# The BSD programs put 8 bytes of data into an IPv6 echo. The Linux one needs 16 to carry its time stamp, so it is run
# with more, and the difference is taken off the sizes it reports.
DEFAULT_SIZE = {4: 56, 6: 8}
SMALLEST_TIMED_SIZE = 16
# What the BSD programs say they send: the whole packet over IPv4, the data alone over IPv6.
TRACE_BYTES = {4: 52, 6: 12}
# The error of a Junos router quotes the IP header and 8 bytes: 8 + 20 + 8 over IPv4; over IPv6 the whole packet.
QUOTED_IPV4_BYTES = 36

_ECHO = re.compile(
    r"(?P<size>\d+) bytes from (?P<address>[0-9a-fA-F.:]+): icmp_seq=(?P<seq>\d+) ttl=(?P<ttl>\d+)"
    r"(?: time=(?P<rtt_ms>[0-9.]+) ms)?(?P<rest>.*)"
)
_ERROR = re.compile(r"From (?P<address>[0-9a-fA-F.:]+)(?:%\S+)? icmp_seq=(?P<seq>\d+) (?P<said>.+)")
_COUNTS = re.compile(r"(?P<sent>\d+) packets transmitted, (?P<received>\d+) received")
_DUPLICATES = re.compile(r"\+(\d+) duplicates")
_ERROR_WORDS = {
    "Packet filtered": "Communication prohibited by filter",
    "Destination unreachable: No route": "No Route to Destination",
    "Destination unreachable: Administratively prohibited": "Destination Administratively Unreachable",
    "Destination unreachable: Address unreachable": "Destination Host Unreachable",
    "Destination unreachable: Port unreachable": "Destination Port Unreachable",
    "Time exceeded: Hop limit": "Time to live exceeded",
}


def data_bytes(ping: Ping) -> int:
    """How many bytes of data Junos would say it sends."""
    return DEFAULT_SIZE[ping.target.version] if ping.size is None else ping.size


def sent_data_bytes(ping: Ping) -> int:
    """How many bytes of data the Linux ping must be told to send, so that it can time the answers."""
    return max(data_bytes(ping), SMALLEST_TIMED_SIZE)


class PingPrinter:
    """Turns the lines of one iputils ping into the lines Junos prints. ``source`` is the address really used."""

    def __init__(self, ping: Ping, source: IPAddress | None) -> None:
        self._ping = ping
        self._source = source
        self._surplus = sent_data_bytes(ping) - data_bytes(ping)
        self._rtts_ms: list[float] = []
        self._next_seq = 0

    def header(self) -> str:
        """The first line, printed before any packet is sent."""
        target, size = self._ping.target, data_bytes(self._ping)
        if target.version == 6:
            return f"PING6({40 + ICMP_HEADER_BYTES + size}=40+8+{size} bytes) {self._source} --> {target}\n"
        return f"PING {target} ({target}): {size} data bytes\n"

    def feed(self, line: str) -> tuple[str, str]:
        """What Junos prints for this line of output: (standard output, standard error)."""
        if match := _ECHO.fullmatch(line):
            return self._echo(match), ""
        if match := _ERROR.fullmatch(line):
            return self._error(match)
        if match := _COUNTS.match(line):
            duplicates = _DUPLICATES.search(line)
            return self.summary(int(match["sent"]), int(match["received"]), int(duplicates[1]) if duplicates else 0), ""
        return "", ""

    def summary(self, sent: int, received: int, duplicates: int = 0) -> str:
        """The closing lines. The times are those of the echoes as printed, so the two never disagree."""
        version6 = self._ping.target.version == 6
        lost_pct = 100 * (sent - received) // sent if sent else 0
        doubled = f"+{duplicates} duplicates, " if duplicates else ""
        # The empty line before the summary is what ends a line of marks.
        marks = "." * (sent - self._next_seq) if self._ping.rapid else ""
        text = (
            f"{marks}\n--- {self._ping.target} ping{'6' if version6 else ''} statistics ---\n"
            f"{sent} packets transmitted, {received} packets received, {doubled}{lost_pct}% packet loss\n"
        )
        if self._rtts_ms:
            mean = sum(self._rtts_ms) / len(self._rtts_ms)
            deviation = math.sqrt(sum((rtt - mean) ** 2 for rtt in self._rtts_ms) / len(self._rtts_ms))
            label = "min/avg/max/std-dev" if version6 else "min/avg/max/stddev"
            text += (
                f"round-trip {label} = {min(self._rtts_ms):.3f}/{mean:.3f}/{max(self._rtts_ms):.3f}/{deviation:.3f} ms\n"
            )
        return text

    def cannot_send(self) -> tuple[str, str]:
        """One packet that this router has no route for: (standard output, standard error)."""
        if self._ping.target.version == 6:
            size = ICMP_HEADER_BYTES + data_bytes(self._ping)
            said = f"ping6: wrote {self._ping.target} {size} chars, ret=-1\n"
            return said, "ping6: sendmsg: No route to host\n"
        return "", "ping: sendto: No route to host\n"

    def _echo(self, match: re.Match[str]) -> str:
        seq = int(match["seq"]) - 1
        rtt_ms = float(match["rtt_ms"] or 0)
        self._rtts_ms.append(rtt_ms)
        if self._ping.rapid:
            # Marks come in the order of the probes, so a lost one shows as soon as a later one is answered.
            text = "." * (seq - self._next_seq) + "!"
            self._next_seq = max(self._next_seq, seq + 1)
            return text
        size, address, rest = int(match["size"]) - self._surplus, match["address"], match["rest"]
        if self._ping.target.version == 6:
            return f"{size} bytes from {address}, icmp_seq={seq} hlim={match['ttl']} time={rtt_ms:.3f} ms{rest}\n"
        return f"{size} bytes from {address}: icmp_seq={seq} ttl={match['ttl']} time={rtt_ms:.3f} ms{rest}\n"

    def _error(self, match: re.Match[str]) -> tuple[str, str]:
        said = _ERROR_WORDS.get(match["said"], match["said"])
        if self._source is not None and match["address"] == str(self._source):
            # Linux reports a neighbour that does not answer as an error from itself; BSD fails to send.
            name = "ping6: sendmsg" if self._ping.target.version == 6 else "ping: sendto"
            return "", f"{name}: Host is down\n"
        if self._ping.rapid:
            return "", ""
        if self._ping.target.version == 6:
            size = 48 + ICMP_HEADER_BYTES + data_bytes(self._ping)
            plen = ICMP_HEADER_BYTES + data_bytes(self._ping)
            return (
                f"{size} bytes from {match['address']}: {said}\nVr TC  Flow Plen Nxt Hlim\n"
                f" 6 00 00000 {plen:04x}  3a   01\n{self._source}->{self._ping.target}\n"
            ), ""
        return f"{QUOTED_IPV4_BYTES} bytes from {match['address']}: {said}\n{self._quoted(int(match['seq']))}\n", ""

    def _quoted(self, ident: int) -> str:
        """The returned IPv4 header, as BSD prints it.

        Linux does not pass on its identification and time to live; the sequence number and 1 stand for them.
        """
        length = 20 + ICMP_HEADER_BYTES + data_bytes(self._ping)
        source = self._source
        return (
            "Vr HL TOS  Len   ID Flg  off TTL Pro  cks      Src      Dst\n"
            f" 4  5  00 {length:04x} {ident:04x}   0 0000  01  01 "
            f"{_header_checksum(length, ident, source, self._ping.target):04x} {source}  {self._ping.target} \n"
        )


def _header_checksum(length: int, ident: int, source: IPAddress | None, target: IPAddress) -> int:
    addresses = (source.packed if source else bytes(4)) + target.packed
    words = [0x4500, length, ident, 0, 0x0101, *(int.from_bytes(addresses[i : i + 2], "big") for i in range(0, 8, 2))]
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class TracePrinter:
    """Turns the output of one Linux ``traceroute -n -N 1 -q 3`` into what Junos prints, in the pieces it comes in.

    Linux writes the end of a hop's line with the next hop's first probe; BSD writes it with the last probe. So the
    probes are counted, and a hop is whole as soon as its third fate is known.
    """

    PROBES = 3

    def __init__(self, trace: Traceroute, source: IPAddress | None) -> None:
        self._trace = trace
        self._source = source
        self._header_seen = False
        self._pending = ""
        self._number_ms: str | None = None
        self._hop_open = False
        self._probes = 0
        self._address: str | None = None

    def header(self) -> str:
        """The first line, printed before any packet is sent."""
        target = self._trace.target
        name = "traceroute6" if target.version == 6 else "traceroute"
        spoken = self._trace.source or (self._source if target.version == 6 else None)
        source = f" from {spoken}" if spoken is not None else ""
        return f"{name} to {target} ({target}){source}, {self._trace.ttl} hops max, {TRACE_BYTES[target.version]} byte packets\n"

    def feed(self, piece: str) -> str:
        """What Junos prints for this piece of output. A piece is what one read gave, so it ends behind a whole word."""
        text = self._pending + piece
        if not self._header_seen:
            first, newline, text = text.partition("\n")
            if not newline:
                self._pending = first
                return ""
            self._header_seen, self._pending = True, ""
        return "".join(self._word(word) for word in text.split()) + self._close_full_hop()

    def close(self) -> str:
        """The end of a line that was begun."""
        if self._hop_open:
            self._hop_open = False
            return "\n"
        return ""

    def cannot_send(self, hop: int, probe: int) -> tuple[str, str]:
        """One probe that this router has no route for: (standard output, standard error)."""
        name = "traceroute6" if self._trace.target.version == 6 else "traceroute"
        size = TRACE_BYTES[self._trace.target.version]
        begin = f"{hop:2d} " if probe == 0 else ""
        said = f"{name}: wrote {self._trace.target} {size} chars, ret=-1\n"
        return f"{begin}{said} *" + ("\n" if probe == self.PROBES - 1 else ""), f"{name}: sendto: No route to host\n"

    def _word(self, word: str) -> str:
        if word == "*":
            self._probes += 1
            return " *"
        if word == "ms":
            self._probes += 1
            rtt, self._number_ms = self._number_ms, None
            return f"  {float(rtt or 0):.3f} ms"
        if word.startswith("!"):
            return f" {word}"
        if re.fullmatch(r"\d+", word) and (not self._hop_open or self._probes >= self.PROBES):
            begin = self._close_full_hop()
            self._hop_open, self._probes, self._address = True, 0, None
            return f"{begin}{int(word):2d} "
        if re.fullmatch(r"\d+\.\d+", word):
            self._number_ms = word
            return ""
        return self._from(word)

    def _from(self, address: str) -> str:
        # BSD names an answering address once, and begins a line of its own for another one inside the same hop.
        begin = "\n   " if self._address is not None and self._address != address else ""
        shown = address if self._trace.no_resolve else f"{address} ({address})"
        repeated = self._address == address
        self._address = address
        return "" if repeated else f"{begin} {shown}"

    def _close_full_hop(self) -> str:
        return self.close() if self._probes >= self.PROBES else ""
