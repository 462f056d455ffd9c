"""`netpulse check` asks each router and route server what the product would ask, and says what to mend."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from doubles.bird_proxy import FakeBird
from doubles.fake_router import FakeRouter
from doubles.steps import Exit, Hang, Say, Step
from netpulse import cells
from netpulse.cli.check import check_command, check_everything
from netpulse.cli.check_router import check_router
from netpulse.cli.check_routes import check_route_server
from netpulse.cli.findings import Finding
from netpulse.inventory import (
    BirdSocket,
    Connection,
    Device,
    Inventory,
    Recording,
    Router,
    RouteSource,
    RouteTable,
    Ssh,
    ThisHost,
)
from netpulse.settings import Deadlines, Settings

MATRIX = cells.discover()
SOURCE = ip_address("203.0.113.1")
NEIGHBOR = ip_address("192.0.2.9")
TRANSIT = Connection(1, "Example Transit", "TRANSIT", source_ipv4=SOURCE, neighbors=(NEIGHBOR,))
OURSELVES = "ping -4 -n -c 5 -W 1 -I 203.0.113.1 203.0.113.1"
THE_NEIGHBOR = "ping -4 -n -c 5 -W 1 -I 203.0.113.1 192.0.2.9"


def answered(by: str) -> tuple[Step, ...]:
    return (
        Say(
            f"PING {by} ({by}) from 203.0.113.1 : 56(84) bytes of data.\n64 bytes from {by}: icmp_seq=1 ttl=64 time=0.4 ms\n"
        ),
        Hang(),
    )


def settings_for(*routers: Router) -> Settings:
    return Settings(Inventory(routers), deadlines=Deadlines(login_s=5.0))


def behind_ssh(fake: FakeRouter, folder: Path, *connections: Connection) -> Router:
    key = folder / "key"
    key.write_bytes(fake.client_key.export_private_key())
    key.chmod(0o600)
    reach = Ssh("127.0.0.1", fake.user, key, (fake.host_key_line,), fake.port)
    device = Device("router:edge1", "linux", reach, own_routes=True)
    return Router("edge1", "Edge 1", "", "", "linux", device, connections=connections)


def short(findings: list[Finding]) -> list[tuple[bool, str]]:
    return [(finding.good, finding.what) for finding in findings]


async def checked(router: Router) -> list[Finding]:
    return await check_router(router, settings_for(router), MATRIX)


async def test_a_router_that_answers_as_its_file_says_passes_every_check(tmp_path: Path) -> None:
    script = {OURSELVES: answered("203.0.113.1"), THE_NEIGHBOR: answered("192.0.2.9")}
    async with FakeRouter(script) as fake:
        findings = await checked(behind_ssh(fake, tmp_path, TRANSIT))
        assert fake.commands == [OURSELVES, THE_NEIGHBOR]
        await fake.until(lambda router: router.connections == 0)
    assert short(findings) == [
        (True, "TCP"),
        (True, "host key"),
        (True, "login"),
        (True, "command"),
        (True, "connection 1 Example Transit, IPv4"),
    ]
    assert findings[-1].said == "source 203.0.113.1 is on this router, neighbour 192.0.2.9 answers in 0.4 ms"


async def test_a_source_that_is_not_on_the_router_is_found(tmp_path: Path) -> None:
    refusal = (Say("ping: bind: Cannot assign requested address\n", on_stderr=True), Exit(2))
    async with FakeRouter({OURSELVES: refusal, THE_NEIGHBOR: refusal}) as fake:
        findings = await checked(behind_ssh(fake, tmp_path, TRANSIT))
    assert findings[-2].good
    assert findings[-1] == Finding(
        False,
        "connection 1 Example Transit, IPv4",
        "the source 203.0.113.1 is not on this router; correct source_ipv4",
    )


async def test_a_neighbour_that_does_not_answer_is_found(tmp_path: Path) -> None:
    silent = (Say("PING 192.0.2.9\nFrom 203.0.113.1 icmp_seq=1 Destination Host Unreachable\n"), Exit(1))
    async with FakeRouter({OURSELVES: answered("203.0.113.1"), THE_NEIGHBOR: silent}) as fake:
        findings = await checked(behind_ssh(fake, tmp_path, TRANSIT))
    assert findings[-1].said == (
        "the neighbour 192.0.2.9 does not answer packets from 203.0.113.1 "
        "(last line: From 203.0.113.1 icmp_seq=1 Destination Host Unreachable)"
    )


async def test_a_route_server_of_an_exchange_need_not_know_the_way_back_to_the_source(tmp_path: Path) -> None:
    script = {
        OURSELVES: answered("203.0.113.1"),
        THE_NEIGHBOR: (Say("PING 192.0.2.9\n"), Exit(1)),
        "ping -4 -n -c 5 -W 1 192.0.2.9": answered("192.0.2.9"),
    }
    async with FakeRouter(script) as fake:
        findings = await checked(behind_ssh(fake, tmp_path, replace(TRANSIT, type="IX")))
    assert findings[-1].good
    assert "neighbour 192.0.2.9 answers, but not to that source" in findings[-1].said


async def test_an_unknown_host_key_is_printed_ready_to_paste_and_nothing_is_sent(tmp_path: Path) -> None:
    async with FakeRouter() as fake:
        router = behind_ssh(fake, tmp_path, TRANSIT)
        fake.swap_host_key()
        findings = await checked(router)
        assert fake.execs == []
        assert fake.attempts == []
        assert short(findings) == [(True, "TCP"), (False, "host key")]
        assert findings[-1].paste == f'host_keys: ["{fake.host_key_line}"]'


async def test_without_a_pinned_key_the_presented_one_is_printed(tmp_path: Path) -> None:
    async with FakeRouter() as fake:
        router = behind_ssh(fake, tmp_path, TRANSIT)
        assert isinstance(router.device.reach, Ssh)
        bare = replace(router, device=replace(router.device, reach=replace(router.device.reach, host_keys=())))
        findings = await checked(bare)
        assert findings[-1].paste == f'host_keys: ["{fake.host_key_line}"]'
        assert fake.attempts == []


async def test_a_refused_login_is_found(tmp_path: Path) -> None:
    async with FakeRouter() as fake:
        fake.refuse_auth = True
        findings = await checked(behind_ssh(fake, tmp_path, TRANSIT))
    assert short(findings) == [(True, "TCP"), (False, "login")]
    assert f"netpulse with the key {tmp_path / 'key'} is refused" in findings[-1].said


async def test_a_login_that_may_not_ping_is_found(tmp_path: Path) -> None:
    async with FakeRouter({OURSELVES: (Say("Not an allowed command.\n"), Exit(1))}) as fake:
        findings = await checked(behind_ssh(fake, tmp_path, TRANSIT))
    assert findings[-1].said == f"{OURSELVES}: refused with: Not an allowed command.; `netpulse account` allows it"


async def test_a_closed_port_and_a_name_without_address_end_the_checks(tmp_path: Path) -> None:
    async with FakeRouter() as fake:
        router = behind_ssh(fake, tmp_path, TRANSIT)
        await fake.stop_listening()
        assert short(await checked(router)) == [(False, "TCP")]
    assert isinstance(router.device.reach, Ssh)
    nowhere = replace(router, device=replace(router.device, reach=replace(router.device.reach, host="no.such.invalid")))
    assert short(await checked(nowhere)) == [(False, "name")]


async def test_this_host_is_asked_to_ping_itself() -> None:
    device = Device("router:local", "linux", ThisHost(), own_routes=True)
    router = Router("local", "Local", "", "", "linux", device, connections=(Connection(0, "Own", None),))
    (finding,) = await checked(router)
    assert finding.good
    assert finding.said.startswith("ping -4 -n -c 5 -W 1 127.0.0.1: first line after ")


async def test_a_recording_is_not_asked(tmp_path: Path) -> None:
    router = Router("a", "A", "", "", "junos", Device("router:a", "junos", Recording(tmp_path / "lab.json")))
    assert short(await checked(router)) == [(True, "recording")]


async def test_a_router_in_maintenance_is_not_asked(tmp_path: Path) -> None:
    async with FakeRouter() as fake:
        router = replace(behind_ssh(fake, tmp_path, TRANSIT), maintenance="Until noon")
        assert short(await checked(router)) == [(True, "maintenance")]
        assert fake.connected == 0


PROTOCOLS = """\
2002-Name       Proto      Table      State  Since         Info
1002-core1_v4   BGP        ---        up     08:00:22.895  Established
1006-  BGP state:          Established
     Channel ipv4
       State:          UP
       Table:          core1_v4
       Import updates:             24          0          0          0         24
1002-core1_v6   BGP        ---        start  08:00:22.895  Connect
1006-  BGP state:          Connect
     Channel ipv6
       State:          DOWN
       Table:          core1_v6
0000\x20
"""
STATUS = "1000-BIRD 2.0.12\n1011-Router ID is 192.0.2.5\n0013 Daemon is up and running\n"


def collected(socket: Path, tables: dict[int, RouteTable]) -> Router:
    server = Device("route_server:rs1", "bird", BirdSocket(str(socket)))
    source = RouteSource(server, "rs1", tables)  # type: ignore[arg-type]
    device = Device("router:core1", "junos", ThisHost())
    return Router("core1", "Core 1", "", "", "junos", device, routes=(source,))


async def test_a_route_server_is_asked_for_its_sessions_and_a_wrong_table_lists_the_real_ones(tmp_path: Path) -> None:
    socket = tmp_path / "b.ctl"
    tables = {
        4: RouteTable("core1_v4", None, "core1_best"),
        6: RouteTable(None, "core1_v6"),
    }
    router = collected(socket, tables)
    wrong = replace(router, slug="core2", routes=collected(socket, {4: RouteTable("core2_v4")}).routes)
    async with FakeBird(socket, {"show status": STATUS, "show protocols all": PROTOCOLS}) as bird:
        findings = await check_route_server(router.routes[0].device, [router, wrong], settings_for(router, wrong))
        assert bird.asked == ["restrict", "show status", "show protocols all"]
    assert findings[0].said.startswith("show status: BIRD 2.0.12, first line after ")
    assert findings[1:] == [
        Finding(False, "routes of core1, IPv4", "there is no protocol core1_best; it has core1_v6, core1_v4"),
        Finding(
            False,
            "routes of core1, IPv6",
            "session core1_v6 is not established; see the route server and the router",
        ),
        Finding(False, "routes of core2, IPv4", "there is no table core2_v4; it has core1_v4, core1_v6"),
    ]


async def test_an_established_session_passes(tmp_path: Path) -> None:
    socket = tmp_path / "b.ctl"
    router = collected(socket, {4: RouteTable("core1_v4")})
    async with FakeBird(socket, {"show status": STATUS, "show protocols all": PROTOCOLS}):
        findings = await check_route_server(router.routes[0].device, [router], settings_for(router))
    assert findings[-1] == Finding(
        True, "routes of core1, IPv4", "session core1_v4 is established, 24 updates received"
    )


async def test_a_route_server_without_a_socket_is_found(tmp_path: Path) -> None:
    router = collected(tmp_path / "none.ctl", {4: RouteTable("core1_v4")})
    (finding,) = await check_route_server(router.routes[0].device, [router], settings_for(router))
    assert not finding.good
    assert finding.said.startswith(f"{tmp_path}/none.ctl: The route server does not accept a connection")


async def test_one_dead_router_hides_nothing_of_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alive = Router("local", "Local", "", "", "linux", Device("router:local", "linux", ThisHost(), own_routes=True))
    async with FakeRouter() as fake:
        dead = behind_ssh(fake, tmp_path, TRANSIT)
        await fake.stop_listening()
    assert await check_everything(settings_for(dead, alive), MATRIX) == 1
    said = capsys.readouterr().out
    assert said.index("router edge1 (Edge 1)\n  FAIL  TCP") < said.index("router local (Local)\n  ok    command")


def test_a_bad_file_is_78_and_a_line_for_each_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "netpulse.yaml"
    file.write_text("routers:\n- {slug: A, name: A, platform: junso}\n")
    assert check_command(file, offline=True) == 78
    said = capsys.readouterr()
    assert said.out == ""
    assert [line.split(": ")[:2] for line in said.err.splitlines()] == [
        [f"{file}:2:10", "routers[0].slug"],
        [f"{file}:2:32", "routers[0].platform"],
    ]


def test_a_good_file_is_0_offline_and_says_its_warnings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "netpulse.yaml"
    connection = "{id: 1, name: IX, type: IX, source_ipv4: 192.0.2.5, lan_ipv4: 192.0.2.0/24}"
    file.write_text(f"routers:\n- {{slug: a, name: A, platform: linux, connections: [{connection}]}}\n")
    assert check_command(file, offline=True) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"{file}: no faults; 1 router, 1 connection"
    assert said[1].endswith("nobody beyond the LAN can answer it (a warning)")
