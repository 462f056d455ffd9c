"""Linux: what is sent, what its printed forms mean, and what the forced command lets through."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path

import pytest

from doubles.forced import forced
from netpulse.cells import Unread, discover
from netpulse.events import Ending
from netpulse.platforms import frr, linux, logins
from netpulse.platforms.echoes import PingReader
from netpulse.platforms.hops import TracerouteReader
from netpulse.queries.ping import PingResult
from netpulse.queries.ping import say as say_ping
from netpulse.queries.traceroute import Probe, TracerouteResult
from netpulse.queries.traceroute import say as say_traceroute
from netpulse.query import Ask

V4 = Ask(target=ip_address("8.8.8.8"), family=4, source=ip_address("203.0.113.1"))
V6 = Ask(target=ip_address("2001:4860:4860::8888"), family=6, source=ip_address("2001:db8:1::1"))
NO_SOURCE = Ask(target=ip_address("8.8.8.8"), family=4)
ALPHABET = re.compile(r"\A[A-Za-z0-9 .:/-]+\Z")


def ping(*lines: str) -> PingReader:
    reader = PingReader(5, first_seq=1)
    for line in lines:
        reader.feed(line)
    return reader


@pytest.mark.parametrize("number", ["3000000", "999999999999999999"])
@pytest.mark.parametrize("line", ["{} packets transmitted, 5 received, 0% packet loss", "5 packets transmitted, {} received"])
def test_counts_that_no_command_of_ours_could_lead_to_are_not_believed(line: str, number: str) -> None:
    reader = ping("PING 8.8.8.8 (8.8.8.8) 56(84) bytes of data.", line.format(number))
    result = reader.close("end")
    assert (result.sent, result.received) == (5, 0)


def trace(*lines: str, target: str = "8.8.8.8") -> TracerouteReader:
    reader = TracerouteReader(target)
    for line in lines:
        reader.feed(line)
    return reader


def test_the_commands_name_family_source_and_their_own_limits() -> None:
    assert linux.ping_command(V4) == "ping -4 -n -c 5 -W 1 -I 203.0.113.1 8.8.8.8"
    assert linux.ping_command(V6) == "ping -6 -n -c 5 -W 1 -I 2001:db8:1::1 2001:4860:4860::8888"
    assert linux.traceroute_command(V4) == "traceroute -4 -n -s 203.0.113.1 -N 32 -q 3 -w 2/3/10 -m 30 8.8.8.8"


def test_without_a_source_the_words_of_the_source_are_left_out() -> None:
    assert linux.ping_command(NO_SOURCE) == "ping -4 -n -c 5 -W 1 8.8.8.8"
    assert linux.traceroute_command(NO_SOURCE) == "traceroute -4 -n -N 32 -q 3 -w 2/3/10 -m 30 8.8.8.8"


@pytest.mark.parametrize("ask", [V4, V6, NO_SOURCE])
def test_a_command_stays_inside_the_alphabet_of_the_transport(ask: Ask) -> None:
    assert ALPHABET.match(linux.ping_command(ask))
    assert ALPHABET.match(linux.traceroute_command(ask))


def test_duplicates_are_counted_once() -> None:
    reader = ping(
        "PING 192.0.2.1 (192.0.2.1) 56(84) bytes of data.",
        "64 bytes from 192.0.2.1: icmp_seq=1 ttl=64 time=0.5 ms",
        "64 bytes from 192.0.2.1: icmp_seq=1 ttl=64 time=0.9 ms (DUP!)",
    )
    result = reader.close("deadline")
    assert (result.sent, result.received, result.loss_pct, result.rtt_max_ms) == (5, 1, 80.0, 0.5)


@pytest.mark.parametrize("ending", ["caller", "fault"])
def test_a_ping_that_ended_before_its_first_reply_claims_no_count_and_no_missing_way(ending: Ending) -> None:
    with pytest.raises(Unread, match="before its first reply"):
        ping("PING 66.66.66.66 (66.66.66.66) 56(84) bytes of data.").close(ending)
    assert ping("PING 8.8.8.8", "ping: sendto: No route to host").close(ending).sent == 0


def test_forms_of_older_and_timed_pings_are_replies_too() -> None:
    reader = ping(
        "[1594978465.914536] 64 bytes from dns.example.net (192.0.2.1): icmp_seq=1 ttl=64 time=0.5 ms",
        "64 bytes from 192.0.2.1: icmp_req=2 ttl=64 time=0.7 ms",
        "no answer yet for icmp_seq=3",
        "From 192.0.2.9 icmp_seq=4 Destination Host Unreachable",
    )
    assert [(echo.seq, echo.address) for echo in reader.close("deadline").echoes] == [
        (1, "192.0.2.1"),
        (2, "192.0.2.1"),
    ]


def test_a_summary_with_errors_and_duplicates_is_read() -> None:
    reader = ping(
        "3 packets transmitted, 1 received, +1 duplicates, +2 errors, 66.6667% packet loss, time 2003ms, pipe 3"
    )
    result = reader.close("end")
    assert (result.sent, result.received, result.loss_pct) == (3, 1, 66.7)
    assert reader.complete


def test_times_without_a_deviation_leave_it_null() -> None:
    reader = ping("5 packets transmitted, 5 received, 0% packet loss", "round-trip min/avg/max = 1.637/2.0/3.1 ms")
    result = reader.close("end")
    assert (result.rtt_min_ms, result.rtt_max_ms, result.rtt_stddev_ms) == (1.637, 3.1, None)


def test_output_of_another_program_is_unread() -> None:
    with pytest.raises(Unread):
        ping("Welcome to the router.").close("end")
    with pytest.raises(Unread):
        trace("Welcome to the router.").close("end")


def test_a_ping_says_itself_in_one_line() -> None:
    result = PingResult(
        sent=5, received=5, loss_pct=0.0, rtt_min_ms=1.2, rtt_avg_ms=1.4, rtt_max_ms=1.9, rtt_stddev_ms=0.2, echoes=()
    )
    assert say_ping(result) == "5 sent, 5 received, 0 % loss, 1.2 / 1.4 / 1.9 ms"


def test_several_addresses_in_a_hop_keep_their_names_times_and_marks() -> None:
    reader = trace(" 5  a.example.net (192.0.2.5)  1.5 ms 166-49.example.net (192.0.2.6)  2.5 ms !X *")
    assert reader.close("end").hops[0].probes == (
        Probe(address="192.0.2.5", name="a.example.net", rtt_ms=1.5),
        Probe(address="192.0.2.6", name="166-49.example.net", rtt_ms=2.5, note="!X"),
        Probe(address=None, note="timeout"),
    )


def test_as_numbers_of_the_program_are_passed_over() -> None:
    reader = trace(" 1  [AS7018] 192.0.2.5 (192.0.2.5) [AS  293]  1.5 ms [*]  2.5 ms  2.6 ms")
    assert [probe.rtt_ms for probe in reader.close("end").hops[0].probes] == [1.5, 2.5, 2.6]


def test_four_silent_hops_in_a_row_are_enough_and_three_are_not() -> None:
    reader = trace(" 1  192.0.2.1  1 ms", *(f" {n}  * * *" for n in (2, 3, 4)))
    assert not reader.enough
    reader.feed(" 5  * * *")
    assert reader.enough
    result = reader.close("silent_tail")
    assert [hop.hop for hop in result.hops] == [1, 2, 3, 4, 5]
    assert (result.reached, result.stopped) == (False, "silent_tail")


def test_an_answer_after_silence_begins_the_count_again() -> None:
    reader = trace(*(f" {n}  * * *" for n in (1, 2, 3)), " 4  192.0.2.4  1 ms", *(f" {n}  * * *" for n in (5, 6, 7)))
    assert not reader.enough


def test_a_trace_from_a_silent_start_is_enough_after_four_hops() -> None:
    reader = trace(
        "traceroute to 8.8.8.8 (8.8.8.8), 30 hops max, 60 byte packets", *(f" {n}  * * *" for n in (1, 2, 3, 4))
    )
    assert reader.enough
    assert len(reader.close("silent_tail").hops) == 4


def test_the_target_answering_completes_a_trace() -> None:
    reader = trace(" 3  8.8.8.8  1.0 ms  1.1 ms  1.2 ms")
    assert reader.complete
    result = reader.close("end")
    assert say_traceroute(result) == "1 hop, target reached"


def test_a_trace_that_printed_only_its_header_is_no_failure() -> None:
    reader = trace("traceroute to 8.8.8.8 (8.8.8.8), 30 hops max, 60 byte packets")
    assert reader.close("deadline") == TracerouteResult(hops=(), reached=False, stopped="deadline")


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The forced command of an FRR router, with programs that only say how they were called."""
    (tmp_path / "bin").mkdir()
    for name in ("ping", "traceroute", "vtysh"):
        program = tmp_path / "bin" / name
        program.write_text('#!/bin/sh\nprintf "%s\\n" "${0##*/}" "$@"\n')
        program.chmod(0o755)
    path = tmp_path / "allowed"
    path.write_text(logins.wrapper(logins.shapes_of(discover(), "frr")))
    path.chmod(0o755)
    return path


def ask_script(script: Path, command: str) -> tuple[int, list[str]]:
    environment = {"SSH_ORIGINAL_COMMAND": command, "PATH": f"{script.parent / 'bin'}:/usr/bin:/bin"}
    done = forced([str(script)], environment)
    return done.returncode, done.stdout.splitlines()


def test_the_forced_command_runs_what_the_cells_send(script: Path) -> None:
    for ask in (V4, V6, NO_SOURCE):
        for command in (linux.ping_command(ask), linux.traceroute_command(ask)):
            assert ask_script(script, command) == (0, command.split())
        shown = frr.aspath_command(ask)
        assert ask_script(script, shown) == (0, ["vtysh", "-c", shown])


@pytest.mark.parametrize(
    "command",
    [
        "",
        "id",
        "ping -4 -n -c 5 -W 1 8.8.8.8; id",
        "ping -4 -n -c 5 -W 1 8.8.8.8 -f",
        "ping -4 -n -c 5 -W 1 -f",
        "ping -4 -n -c 50 -W 1 8.8.8.8",
        "ping -4 -n -c 5 -W 1 $(id)",
        "ping -4 -n -c 5 -W 1 *",
        "ping -4 -n -c 5 -W 1 8.8.8.8\nid",
        "ping -6 -n -c 5 -W 1 fe80::1%eth0",
        "show bgp ipv4 unicast 8.8.8.8 json json",
        "show bgp ipv4 unicast 8.8.8.0/24/8 json",
        "show running-config",
        "show bgp ipv4 unicast -c json",
        "show bgp ipv6 unicast / json",
        "vtysh -c id",
        "ping -4 -n -c 5 -W 1 " + "8" * 400,
        "ping -4 -n -c 5 -W 1 1",
        "ping -4 -n -c 5 -W 1 8.8.8",
        "ping -4 -n -c 5 -W 1 8.8.8.8.8",
        "ping -4 -n -c 5 -W 1 8..8.8.8",
        "ping -6 -n -c 5 -W 1 beef",
        "show bgp ipv4 unicast 8.8.8.0/2444 json",
        "show bgp ipv4 unicast 8.8.8.8/ json",
        "show bgp ipv4 unicast /24 json",
    ],
)
def test_the_forced_command_refuses_everything_else(script: Path, command: str) -> None:
    assert ask_script(script, command) == (126, [])


def test_its_refusal_is_one_that_the_platform_knows() -> None:
    assert any(re.match(pattern, "Not an allowed command.") for pattern in frr.PLATFORM.refusals)
