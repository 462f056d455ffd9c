"""The Junos-style grammar accepts what the design sends, and refuses the rest in Junos's words."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from netpulse.lab.junos_cli import Ping, Refusal, ShowRoute, ShowVersion, Traceroute, parse

A4, S4 = ip_address("8.8.8.8"), ip_address("203.0.113.1")
A6, S6 = ip_address("2001:4860:4860::8888"), ip_address("2001:db8:1::1")


@pytest.mark.parametrize(("line", "command"), [
    (f"ping {A4} source {S4} count 5", Ping(A4, source=S4, count=5)),
    (f"ping inet6 {A6} source {S6} count 5", Ping(A6, source=S6, count=5)),
    (f"ping {A4} source {S4} count 5 routing-instance lumen", Ping(A4, source=S4, count=5, instance="lumen")),
    (f"ping {A4} rapid size 100 ttl 9 wait 2 no-resolve do-not-fragment",
     Ping(A4, rapid=True, size=100, ttl=9, wait_s=2, no_resolve=True, do_not_fragment=True)),
    (f"ping count 5 {A4}", Ping(A4, count=5)),
    (f"traceroute {A4} source {S4} no-resolve wait 2 ttl 30", Traceroute(A4, source=S4, no_resolve=True, wait_s=2)),
    (f"traceroute inet6 {A6} source {S6} no-resolve wait 2 ttl 30",
     Traceroute(A6, source=S6, no_resolve=True, wait_s=2)),
    (f"show route {A4} table inet.0 detail", ShowRoute(A4, "inet.0")),
    ("show route 8.8.8.0/24 table inet.0 exact detail", ShowRoute(ip_network("8.8.8.0/24"), "inet.0", exact=True)),
    (f"show route table inet6.0 {A6} detail | no-more", ShowRoute(A6, "inet6.0")),
    ("sh rou 8.8.8.8 det", ShowRoute(A4, "inet.0")),
    ("show version", ShowVersion()),
])
def test_a_command_means_what_junos_takes_it_for(line: str, command: object) -> None:
    assert parse(line) == command


@pytest.mark.parametrize(("line", "text"), [
    ("", "\nerror: missing command"),
    ("request system reboot", "\nerror: unknown command: request"),
    ("ping 8.8.8.8; id", "\nerror: syntax error, expecting <command>: 8.8.8.8;"),
    ("ping 8.8.8.8 bypass-routing", "\nerror: syntax error, expecting <command>: bypass-routing"),
    ("ping 8.8.8.8 count 5 count 6", "\nerror: syntax error, expecting <command>: count"),
    ("ping 8.8.8.8 | save /tmp/x", "\nerror: syntax error, expecting <command>: |"),
    ("ping 8.8.8.8 count", "\nerror: missing argument for 'count'"),
    ("ping 8.8.8.8 count 0", "\nerror: Value 0 is not within range (1..2000000000)"),
    ("ping 8.8.8.8 count five", "\nerror: Invalid numeric value: 'five'"),
    ("ping 8.8.8.8 source here", "\nerror: invalid value 'here' in ip address: 'here'"),
    ("ping 8.8.8.8 s 1", "\nerror: 's' is ambiguous."),
    ("ping", "\nerror: missing mandatory argument: host"),
    ("traceroute 8.8.8.8 count 3", "\nerror: syntax error, expecting <command>: count"),
    ("show configuration", "\nerror: syntax error, expecting <command>: configuration"),
    ("show route", "\nerror: command is not valid on the mx304"),
    ("show route 8.8.8.0/99 detail", "\nerror: invalid value '8.8.8.0/99' in ip prefix: '8.8.8.0/99'"),
])
def test_a_refusal_is_an_empty_line_and_an_error_on_standard_output(line: str, text: str) -> None:
    assert parse(line) == Refusal(text)


@pytest.mark.parametrize(("line", "text"), [
    (f"traceroute inet6 {A6} wait 1", "traceroute6: wait must be >1 sec."),
    ("ping dns.google count 1", "ping: cannot resolve dns.google: Host name lookup failure"),
    ("ping inet6 8.8.8.8", "ping: cannot resolve 8.8.8.8: Host name lookup failure"),
    (f"traceroute inet {A6}", f"traceroute: cannot resolve {A6}: Host name lookup failure"),
])
def test_what_the_program_itself_refuses_is_said_on_standard_error(line: str, text: str) -> None:
    assert parse(line) == Refusal(text, "stderr")
