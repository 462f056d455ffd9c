"""`netpulse account ROUTER --verify` proves what a login may and may not do, on devices that differ in just that."""

from __future__ import annotations

import asyncio
import json
from ipaddress import ip_address
from pathlib import Path

from typer.testing import CliRunner

from doubles.fake_router import FakeRouter
from doubles.steps import Exit, Hang, Say, Step
from netpulse import config
from netpulse.cells import discover
from netpulse.cli.app import app
from netpulse.cli.findings import Finding
from netpulse.cli.verify import filled, verify
from netpulse.inventory import Connection, Router, Ssh
from netpulse.lab.lab import Lab
from netpulse.platforms.logins import shapes_of

MATRIX = discover()
JUNOS = MATRIX.platforms["junos"]
TRIALS = [trial.command for trial in JUNOS.trials]
OURS = Connection(1, "Transit", "TRANSIT", source_ipv4=ip_address("203.0.113.1"))
PING = "ping 203.0.113.1 source 203.0.113.1 count 5"
DENIED: tuple[Step, ...] = (Say("\nerror: permission denied: x\n"), Exit(1))
CONFINED: dict[str, tuple[Step, ...]] = {PING: (Say("PING 203.0.113.1\n"), Hang()), **dict.fromkeys(TRIALS, DENIED)}


def reach_of(fake: FakeRouter, folder: Path) -> Ssh:
    key = folder / "key"
    key.write_bytes(fake.client_key.export_private_key())
    key.chmod(0o600)
    return Ssh("127.0.0.1", fake.user, key, (fake.host_key_line,), fake.port)


async def verified(script: dict[str, tuple[Step, ...]], folder: Path) -> list[Finding]:
    async with FakeRouter(script) as fake:
        return await verify(reach_of(fake, folder), JUNOS, (PING,), login_s=5.0, patience_s=0.3)


async def test_a_confined_login_is_as_it_must_be_and_was_asked_everything(tmp_path: Path) -> None:
    async with FakeRouter(CONFINED) as fake:
        findings = await verify(reach_of(fake, tmp_path), JUNOS, (PING,), login_s=5.0)
        assert fake.commands == [PING, *TRIALS]
        await fake.until(lambda router: router.connections == 0)
    assert [finding.what for finding in findings if not finding.good] == []
    assert findings[-1].said == "is refused: error: permission denied: x"


async def test_each_command_that_is_not_refused_is_told_with_why_no_harm_was_done(tmp_path: Path) -> None:
    said = await verified({**CONFINED, "configure": (Say("Entering configuration mode\nsecret\n"), Hang())}, tmp_path)
    (bad,) = [finding for finding in said if not finding.good]
    assert bad.what == "configure"
    assert "commits nothing" in bad.said
    assert "Entering" not in bad.said, "what a router prints to a forbidden question is not repeated"


async def test_silence_is_no_refusal(tmp_path: Path) -> None:
    said = await verified({**CONFINED, "start shell": (Hang(),), "file list": (Exit(0),)}, tmp_path)
    assert [finding.what for finding in said if not finding.good] == ["start shell", "file list"]


async def test_a_command_that_must_run_and_does_not_is_told(tmp_path: Path) -> None:
    said = await verified({**CONFINED, PING: DENIED}, tmp_path)
    assert said[0] == Finding(False, PING, "must run, is refused with: error: permission denied: x")
    said = await verified({**CONFINED, PING: (Hang(),)}, tmp_path)
    assert said[0] == Finding(False, PING, "must run, and nothing came back in 0.3 s")


async def test_what_the_world_refuses_the_login_let_through(tmp_path: Path) -> None:
    said = await verified({**CONFINED, PING: (Say("ping: bind: Can't assign requested address\n"), Exit(1))}, tmp_path)
    assert said[0] == Finding(True, PING, "runs")


async def test_a_device_that_cannot_be_reached_is_one_finding(tmp_path: Path) -> None:
    async with FakeRouter(CONFINED) as fake:
        await fake.stop_listening()
        (finding,) = await verify(reach_of(fake, tmp_path), JUNOS, (PING,), login_s=5.0)
    assert (finding.good, finding.what) == (False, "login")


async def test_refused_channels_are_refusals(tmp_path: Path) -> None:
    async with FakeRouter(CONFINED) as fake:
        fake.refuse_exec = True
        findings = await verify(reach_of(fake, tmp_path), JUNOS, (PING,), login_s=5.0)
    assert [finding.good for finding in findings] == [False] + [True] * len(TRIALS)


def test_forms_are_filled_with_the_routers_own_addresses() -> None:
    shapes = shapes_of(MATRIX, "junos")
    for shape in shapes:
        words = filled(shape, (OURS,)).split()
        assert {word for word in words if "." in word and word[0].isdigit()} <= {"203.0.113.1", "0.0.0.0/0"}
        assert {word for word in words if "::" in word} <= {"::1", "::/0"}


async def test_the_logins_of_the_lab_do_what_they_must_and_no_more(lab: Lab) -> None:
    inventory = config.load(lab.config_file).inventory
    routers = [router for router in inventory.routers if router.slug in ("core1", "frr1", "bird1")]

    async def checked(router: Router) -> list[Finding]:
        platform = MATRIX.platforms[router.platform]
        commands = [filled(shape, router.connections) for shape in shapes_of(MATRIX, router.platform)]
        assert isinstance(router.device.reach, Ssh)
        findings = await verify(router.device.reach, platform, commands, login_s=8.0)
        assert len(findings) == len(commands) + len(platform.trials)
        return findings

    found = await asyncio.gather(*map(checked, routers))
    assert len(found) >= 1
    assert [finding for findings in found for finding in findings if not finding.good] == []


async def test_the_command_line_says_how_it_ended(lab: Lab) -> None:
    words = ["account", "core1", "--verify", "--config", str(lab.config_file)]
    done = await asyncio.to_thread(CliRunner().invoke, app, words)
    assert done.exit_code == 0, done.stdout
    assert done.stdout.splitlines()[-1] == "as it must be"


def test_a_router_without_a_login_has_none_to_verify(tmp_path: Path) -> None:
    file = tmp_path / "netpulse.yaml"
    file.write_text(json.dumps({"routers": [{"slug": "here", "name": "Here", "platform": "linux"}]}))
    done = CliRunner().invoke(app, ["account", "here", "--verify", "--config", str(file)])
    assert done.exit_code == 1
    assert "no login to verify" in done.stderr
