"""The lab itself: real packets take the connection of their source, routes are where they should be, faults heal."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import asyncssh
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from netpulse.lab import bird_control
from netpulse.lab import topology as net
from netpulse.lab.lab import Lab, LabError
from netpulse.lab.shapes import Connection

CARRIED = [
    (connection, target) for connection in net.CONNECTIONS.values() for target in ("8.8.8.8", "2001:4860:4860::8888")
]


def received(lab: Lab, connection_id: int, target: str, count: int = 2) -> int:
    """How many of `count` pings from a connection's source came back."""
    connection = net.CONNECTIONS[connection_id]
    source = connection.source_ipv6 if ":" in target else connection.source_ipv4
    argv = ["ping", "-n", "-c", str(count), "-i", "0.02", "-W", "1", "-I", source, target]
    found = re.search(r"(\d+) received", lab.exec(connection.router, argv).stdout)
    return int(found[1]) if found else 0


def hops(lab: Lab, connection_id: int, target: str) -> list[str]:
    """The address (or *) of each hop, asked once."""
    connection = net.CONNECTIONS[connection_id]
    argv = ["traceroute", "-n", "-q", "1", "-w", "0.5", "-m", "10", "-s", connection.source_ipv4, target]
    lines = lab.exec(connection.router, argv).stdout.splitlines()[1:]
    return [line.split()[1] for line in lines]


@pytest.mark.parametrize(("connection", "target"), CARRIED, ids=lambda value: getattr(value, "id", value))
def test_a_ping_from_every_source_is_answered(lab: Lab, connection: Connection, target: str) -> None:
    if connection.router not in lab.routers:
        pytest.skip("FRR is not installed")
    assert received(lab, connection.id, target) == 2


def test_each_connection_takes_its_own_path(lab: Lab) -> None:
    paths = {number: hops(lab, number, "1.1.1.1") for number in (1, 2, 3, 4, 5)}
    assert [path[0] for path in paths.values()] == [
        "154.54.1.1", "4.68.1.1", "80.81.192.121", "129.250.1.1", "80.249.208.211",
    ]  # fmt: skip
    assert {path[-1] for path in paths.values()} == {"1.1.1.1"}


def test_a_target_that_an_exchange_lacks_is_unreachable_and_never_another_connections(lab: Lab) -> None:
    before = {number: lab.packets("core1", number) for number in (1, 2, 3)}
    assert received(lab, 3, "9.9.9.9", 50) == 0
    assert all(lab.packets("core1", number) - before[number] < 50 for number in before)


def test_only_the_exchange_member_is_reached_through_the_exchange(lab: Lab) -> None:
    assert (received(lab, 3, "23.0.0.1"), received(lab, 1, "23.0.0.1"), received(lab, 5, "23.0.0.1")) == (2, 0, 0)


def test_packets_are_counted_on_the_connection_they_left_by(lab: Lab) -> None:
    before = lab.packets("core1", 2)
    assert received(lab, 2, "8.8.8.8", 50) == 50
    assert lab.packets("core1", 2) - before >= 50


def test_a_source_only_connection_leaves_by_the_routers_best_path(lab: Lab) -> None:
    if "frr1" not in lab.routers:
        pytest.skip("FRR is not installed")
    before = lab.packets("frr1", 6), lab.packets("frr1", 7)
    assert received(lab, 7, "8.8.8.8", 50) == 50
    assert lab.packets("frr1", 6) - before[0] >= 50
    assert lab.packets("frr1", 7) - before[1] < 50


def test_a_lossy_link_loses_every_third_packet(lab: Lab) -> None:
    assert received(lab, 1, "80.80.80.80", 9) == 6


def test_a_slow_link_takes_40_ms(lab: Lab) -> None:
    reply = lab.exec("core1", ["ping", "-n", "-c", "2", "-i", "0.1", "-I", "203.0.113.1", "81.81.81.81"]).stdout
    assert min(float(ms) for ms in re.findall(r"time=([\d.]+)", reply)) >= 40


def test_a_trace_crosses_the_slow_link_to_its_target(lab: Lab) -> None:
    assert hops(lab, 1, "81.81.81.81")[-1] == "81.81.81.81"


def test_a_silent_network_is_a_silent_tail(lab: Lab) -> None:
    path = hops(lab, 1, "66.66.66.66")
    assert path[0] == "154.54.1.1"
    assert set(path[2:]) == {"*"}


def test_a_route_server_knows_all_paths_and_which_the_router_chose(lab: Lab) -> None:
    rs1, rs2 = lab.bird_sockets["rs1"], lab.bird_sockets["rs2"]
    everything = {"174 15169", "3356 15169", "15169"}
    assert bird_control.as_paths(rs1, "8.8.8.0/24", "table core1_v4 protocol core1_all") == everything
    assert bird_control.as_paths(rs2, "8.8.8.0/24", "protocol core1_v4") == everything
    assert bird_control.as_paths(rs1, "8.8.8.0/24", "table core1_v4 protocol core1_best") == {"174 15169"}
    assert bird_control.as_paths(rs1, "1.1.1.0/24", "table core1_v4 protocol core1_best") == {"13335"}
    assert bird_control.as_paths(rs1, "8.8.8.0/24", "table core1_decix_v4") == {"15169"}
    assert "BGP.next_hop: 154.54.1.1" in lab.bird(
        "rs1", "show route for 8.8.8.8 table core1_v4 protocol core1_best all"
    )


def test_the_paths_of_note_are_there(lab: Lab) -> None:
    rs1 = lab.bird_sockets["rs1"]
    assert "3356 64666" in bird_control.as_paths(rs1, "9.9.9.0/24", "table core1_v4")
    assert "2914 3333 3333 3333 3333" in bird_control.as_paths(rs1, "193.0.6.0/24", "table core2_v4")
    assert "174 1103 {1124 1133}" in bird_control.as_paths(rs1, "130.89.0.0/16", "table core1_v4")


def test_link_nets_are_not_in_our_routes(lab: Lab) -> None:
    reply = lab.bird("rs1", "show route for 154.54.1.1 table core1_v4")
    assert "154.54.0.0/16" in reply
    assert "/30" not in reply


def test_names_are_answered_both_ways_over_udp_and_tcp(lab: Lab) -> None:
    host, port = lab.dns
    forward = dns.message.make_query("dns.google.", dns.rdatatype.AAAA)
    assert "2001:4860:4860::8888" in dns.query.udp(forward, host, port=port, timeout=5).to_text()
    reverse = dns.message.make_query("1.1.54.154.in-addr.arpa.", dns.rdatatype.PTR)
    assert "cogentco.com." in dns.query.tcp(reverse, host, port=port, timeout=5).to_text()
    unknown = dns.message.make_query("no.such.name.", dns.rdatatype.A)
    assert dns.query.udp(unknown, host, port=port, timeout=5).rcode() == dns.rcode.NXDOMAIN


async def test_a_routers_command_line_answers_with_real_packets(lab: Lab) -> None:
    host, port = lab.ssh["core1"]
    known = asyncssh.import_known_hosts(f"[{host}]:{port} {lab.host_keys['core1']}\n")
    async with asyncssh.connect(
        host, port, username="netpulse", client_keys=[str(lab.key_file)], known_hosts=known
    ) as ssh:
        reply = await ssh.run("ping 8.8.8.8 source 203.0.113.1 count 5")
    assert "5 packets transmitted, 5 packets received, 0% packet loss" in str(reply.stdout)


def test_a_cut_connection_loses_its_routes_and_mended_has_them_again(lab: Lab) -> None:
    def through_cogent() -> bool:
        return "174 15169" in bird_control.as_paths(lab.bird_sockets["rs1"], "8.8.8.0/24", "table core1_v4")

    lab.cut("core1", 1)
    lab.until("Cogent's routes are gone", lambda: not through_cogent())
    assert received(lab, 1, "8.8.8.8", 1) == 0
    lab.mend("core1", 1)
    lab.until("Cogent's routes are back", through_cogent)
    lab.wait("core")
    assert received(lab, 1, "8.8.8.8") == 2


def test_a_stopped_session_empties_its_table_and_started_fills_it(lab: Lab) -> None:
    lab.stop_bgp("rs1", "core1_*")
    lab.until(
        "core1's table is empty",
        lambda: not bird_control.as_paths(lab.bird_sockets["rs1"], "8.8.8.0/24", "table core1_v4"),
    )
    assert bird_control.as_paths(lab.bird_sockets["rs1"], "8.8.8.0/24", "table core2_v4")
    lab.start_bgp("rs1", "core1_*")
    lab.wait("core")


def test_a_stopped_router_refuses_connections_until_it_is_started(lab: Lab) -> None:
    lab.stop_router("core2")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(lab.ssh["core2"], timeout=5)
    lab.start_router("core2")
    with socket.create_connection(lab.ssh["core2"], timeout=5) as sock:
        assert sock.recv(4) == b"SSH-"


def test_a_connection_of_another_router_is_refused_by_name(lab: Lab) -> None:
    with pytest.raises(LabError, match="core1 has no connection 4"):
        lab.packets("core1", 4)


def test_no_daemon_has_died(lab: Lab) -> None:
    assert lab.ended() == {}


def test_killing_its_owner_leaves_nothing_running(lab: Lab, tmp_path: Path) -> None:
    program = (
        "import sys, pathlib\n"
        "from netpulse.lab.lab import Lab\n"
        "lab = Lab(pathlib.Path(sys.argv[1]))\n"
        "lab.start('core')\n"
        "print(lab.pid, lab.bird_sockets['rs1'], flush=True)\n"
        "sys.stdin.read()\n"
    )
    argv = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid, bird = owner.stdout.readline().split()
        end = os.pidfd_open(int(pid))
        owner.send_signal(signal.SIGKILL)
    try:
        ended, _, _ = select.select([end], [], [], 20)
    finally:
        os.close(end)
    assert ended
    assert not Path(bird).parent.exists()


def test_nobody_beyond_an_exchanges_members_has_a_route_to_its_lan(lab: Lab) -> None:
    for node in ("cogent2", "lumen3", "ntt2", "far1", "quad9"):
        for lan in ("80.81.192.50", "80.249.208.50", "2001:7f8::32"):
            assert lab.exec(node, ["ip", "route", "get", lan]).returncode != 0
