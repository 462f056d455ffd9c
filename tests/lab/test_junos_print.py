"""Lines of the real Linux programs, recorded in a namespace, and what Junos would have printed."""

from __future__ import annotations

from ipaddress import ip_address

from netpulse.lab.junos_cli import Ping, Traceroute
from netpulse.lab.junos_print import PingPrinter, TracePrinter, sent_data_bytes

SOURCE4, SOURCE6 = ip_address("10.0.0.1"), ip_address("2001:db8::1")


def printed(printer: PingPrinter, text: str) -> tuple[str, str]:
    said = [printer.feed(line) for line in text.splitlines()]
    return printer.header() + "".join(out for out, _ in said), "".join(err for _, err in said)


def test_an_answered_ping() -> None:
    out, err = printed(PingPrinter(Ping(ip_address("8.8.8.8"), source=SOURCE4, count=2), SOURCE4), """\
PING 8.8.8.8 (8.8.8.8) from 10.0.0.1 : 56(84) bytes of data.
64 bytes from 8.8.8.8: icmp_seq=1 ttl=63 time=0.167 ms
64 bytes from 8.8.8.8: icmp_seq=2 ttl=63 time=12.3 ms
64 bytes from 8.8.8.8: icmp_seq=2 ttl=63 time=12.5 ms (DUP!)

--- 8.8.8.8 ping statistics ---
2 packets transmitted, 2 received, +1 duplicates, 0% packet loss, time 203ms
rtt min/avg/max/mdev = 0.167/8.322/12.500/5.766 ms
""")
    assert err == ""
    assert out == """\
PING 8.8.8.8 (8.8.8.8): 56 data bytes
64 bytes from 8.8.8.8: icmp_seq=0 ttl=63 time=0.167 ms
64 bytes from 8.8.8.8: icmp_seq=1 ttl=63 time=12.300 ms
64 bytes from 8.8.8.8: icmp_seq=1 ttl=63 time=12.500 ms (DUP!)

--- 8.8.8.8 ping statistics ---
2 packets transmitted, 2 packets received, +1 duplicates, 0% packet loss
round-trip min/avg/max/stddev = 0.167/8.322/12.500/5.767 ms
"""


def test_an_answered_ipv6_ping_has_the_older_form_and_eight_bytes() -> None:
    ping = Ping(ip_address("2001:4860::1"), source=SOURCE6, count=1)
    assert sent_data_bytes(ping) == 16
    out, _ = printed(PingPrinter(ping, SOURCE6), """\
PING 2001:4860::1(2001:4860::1) from 2001:db8::1 : 16 data bytes
24 bytes from 2001:4860::1: icmp_seq=1 ttl=63 time=0.128 ms

--- 2001:4860::1 ping statistics ---
1 packets transmitted, 1 received, 0% packet loss, time 0ms
""")
    assert out == """\
PING6(56=40+8+8 bytes) 2001:db8::1 --> 2001:4860::1
16 bytes from 2001:4860::1, icmp_seq=0 hlim=63 time=0.128 ms

--- 2001:4860::1 ping6 statistics ---
1 packets transmitted, 1 packets received, 0% packet loss
round-trip min/avg/max/std-dev = 0.128/0.128/0.128/0.000 ms
"""


def test_an_unreachable_quotes_the_packet_and_a_silent_neighbour_is_down() -> None:
    out, err = printed(PingPrinter(Ping(ip_address("1.1.1.1"), source=SOURCE4, count=3), SOURCE4), """\
From 10.0.0.2 icmp_seq=1 Destination Host Unreachable
From 10.0.0.2 icmp_seq=2 Packet filtered
From 10.0.0.1 icmp_seq=3 Destination Host Unreachable

--- 1.1.1.1 ping statistics ---
3 packets transmitted, 0 received, +3 errors, 100% packet loss, time 202ms
""")
    assert err == "ping: sendto: Host is down\n"
    assert out == """\
PING 1.1.1.1 (1.1.1.1): 56 data bytes
36 bytes from 10.0.0.2: Destination Host Unreachable
Vr HL TOS  Len   ID Flg  off TTL Pro  cks      Src      Dst
 4  5  00 0054 0001   0 0000  01  01 ada6 10.0.0.1  1.1.1.1 

36 bytes from 10.0.0.2: Communication prohibited by filter
Vr HL TOS  Len   ID Flg  off TTL Pro  cks      Src      Dst
 4  5  00 0054 0002   0 0000  01  01 ada5 10.0.0.1  1.1.1.1 


--- 1.1.1.1 ping statistics ---
3 packets transmitted, 0 packets received, 100% packet loss
"""  # noqa: W291


def test_a_rapid_ping_is_a_line_of_marks() -> None:
    out, _ = printed(PingPrinter(Ping(ip_address("8.8.8.8"), rapid=True), SOURCE4), """\
64 bytes from 8.8.8.8: icmp_seq=1 ttl=63 time=0.1 ms
64 bytes from 8.8.8.8: icmp_seq=4 ttl=63 time=0.1 ms
5 packets transmitted, 2 received, 60% packet loss, time 40ms
""")
    assert out.startswith("PING 8.8.8.8 (8.8.8.8): 56 data bytes\n!..!.\n--- 8.8.8.8 ping statistics ---\n")


def test_a_router_without_a_route_says_so_for_every_packet() -> None:
    assert PingPrinter(Ping(ip_address("9.9.9.9")), None).cannot_send() == ("", "ping: sendto: No route to host\n")
    assert PingPrinter(Ping(ip_address("2001:db9::1")), None).cannot_send() == (
        "ping6: wrote 2001:db9::1 16 chars, ret=-1\n", "ping6: sendmsg: No route to host\n",
    )


TRACE = Traceroute(ip_address("8.8.8.8"), source=SOURCE4, no_resolve=True)
HEAD = "traceroute to 8.8.8.8 (8.8.8.8), 30 hops max, 52 byte packets"


def test_a_hop_is_printed_whole_as_soon_as_its_third_fate_is_known() -> None:
    printer = TracePrinter(TRACE, SOURCE4)
    assert printer.header() == "traceroute to 8.8.8.8 (8.8.8.8) from 10.0.0.1, 30 hops max, 52 byte packets\n"
    pieces = [HEAD, "\n 1  10.0.0.2  0.022 ms", "  0.008 ms", "  12.5 ms", "\n 2  *", " *", " *", "\n 3  8.8.8.8  0.1 ms  0.1 ms",
              "  0.1 ms\n"]
    assert [printer.feed(piece) for piece in pieces] == [
        "", " 1  10.0.0.2  0.022 ms", "  0.008 ms", "  12.500 ms\n", " 2  *", " *", " *\n",
        " 3  8.8.8.8  0.100 ms  0.100 ms", "  0.100 ms\n",
    ]
    assert printer.close() == ""


def test_another_address_inside_a_hop_begins_a_line_of_its_own() -> None:
    printer = TracePrinter(TRACE, SOURCE4)
    assert printer.feed(f"{HEAD}\n 1  10.0.0.2  0.1 ms 10.2.0.2  0.2 ms  0.3 ms\n 2  * 10.0.0.2  0.035 ms !H *\n") == (
        " 1  10.0.0.2  0.100 ms\n    10.2.0.2  0.200 ms  0.300 ms\n 2  * 10.0.0.2  0.035 ms !H *\n"
    )


def test_with_names_wanted_an_address_without_one_stands_for_its_own() -> None:
    printer = TracePrinter(Traceroute(ip_address("8.8.8.8")), SOURCE4)
    assert printer.feed(f"{HEAD}\n 1  10.0.0.2  0.1 ms  0.1 ms !X  0.1 ms\n") == (
        " 1  10.0.0.2 (10.0.0.2)  0.100 ms  0.100 ms !X  0.100 ms\n"
    )


def test_an_ipv6_traceroute_names_its_source_even_if_none_was_given() -> None:
    printer = TracePrinter(Traceroute(ip_address("2001:4860::1")), SOURCE6)
    assert printer.header() == (
        "traceroute6 to 2001:4860::1 (2001:4860::1) from 2001:db8::1, 30 hops max, 12 byte packets\n"
    )


def test_an_interrupted_hop_is_ended() -> None:
    printer = TracePrinter(TRACE, SOURCE4)
    assert printer.feed(f"{HEAD}\n 1  *") == " 1  *"
    assert printer.close() == "\n"
