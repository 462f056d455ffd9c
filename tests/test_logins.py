"""The least-privilege logins: every command of the cells is let through, everything else is refused, by the real programs."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doubles.forced import forced
from netpulse.cells import AccountFor, Cell, Reader, discover
from netpulse.inventory import Connection, RouteTable
from netpulse.platforms import bird, frr, junos, linux
from netpulse.platforms.logins import MARKS, pattern_of, shapes_of, wrapper
from netpulse.query import Ask
from netpulse.transports.bird_socket import _COMMANDS

MATRIX = discover()
LUMEN = Connection(id=2, name="Lumen", type="TRANSIT", egress="routing_instance", routing_instance="lumen-1")
KEY = "ssh-ed25519 AAAA lg"
SHELLS = sorted({str(Path(found).resolve()) for name in ("sh", "dash", "bash") if (found := shutil.which(name))})
"""Each shell that this machine has, once: `sh` is one of them everywhere."""

ADDRESSES = st.one_of(
    st.integers(0, 2**32 - 1).map(IPv4Address), st.integers(2**125, 2**126 - 1).map(IPv6Address)
)
"""IPv4 and global IPv6: whatever a caller can make of a target."""


def asked(target: IPv4Address | IPv6Address, length: int, source: int, instance: str | None) -> list[tuple[str, Ask]]:
    """Each query about this target, as policy would ask it."""
    family = target.version
    spread = 32 if family == 4 else 128
    prefix = ip_network((int(target) >> (spread - length % spread) << (spread - length % spread), length % spread))
    ours = IPv4Address(source) if family == 4 else IPv6Address(2**125 + source)
    probes = [Ask(target=target, family=family, source=s, routing_instance=instance) for s in (ours, None)]
    if prefix.version != family:  # a small number is an IPv4 network to the constructor
        prefix = ip_network("2001:db8::/32")
    routes = [Ask(target=what, family=family, own_routes=True) for what in (target, prefix)]
    return [(query, ask) for query in ("ping", "traceroute") for ask in probes] + [("aspath", ask) for ask in routes]


def commands(platform: str, asks: Iterable[tuple[str, Ask]]) -> Iterator[str]:
    """What the platform's cells send for these, with what their readers ask when no route was found."""
    for query, ask in asks:
        cell = MATRIX.cell(platform, query)
        if cell is None:
            continue
        yield cell.command(ask)
        yield from followed(cell, ask)


def followed(cell: Cell, ask: Ask) -> Iterator[str]:
    reader: Reader = cell.reader(ask)
    reader.feed("% Network not in table")
    command = reader.follow_up()
    if command is not None and not command.startswith(("show status", "show protocols")):
        yield command


def some_commands(platform: str, instance: str | None = None) -> list[str]:
    """Commands about 40 targets that are the same in every run."""
    dice = random.Random(7)  # noqa: S311
    targets: list[IPv4Address | IPv6Address] = [IPv4Address(dice.getrandbits(32)) for _ in range(20)]
    targets += [IPv6Address(2**125 + dice.getrandbits(125)) for _ in range(20)]
    asks = [ask for target in targets for ask in asked(target, dice.randrange(1, 30), dice.getrandbits(31), instance)]
    return list(commands(platform, asks))


def class_of(*connections: Connection) -> tuple[str, str]:
    """`allow-commands` and `deny-commands` as the account text has them."""
    shapes = shapes_of(MATRIX, "junos", connections)
    text = junos.account(AccountFor("Core Router 1", "netpulse", KEY, "192.0.2.10", shapes))
    (allow,) = re.findall(r'^set .* allow-commands "([^"]+)"$', text, re.MULTILINE)
    (deny,) = re.findall(r'^set .* deny-commands "([^"]+)"$', text, re.MULTILINE)
    return allow, deny


def grepped(pattern: str, lines: list[str]) -> list[str]:
    """The lines that a POSIX extended regular expression matches anywhere, in any case, as Junos compares them."""
    argv, given = ["grep", "-E", "-i", "-e", pattern], "\n".join(lines) + "\n"
    done = subprocess.run(argv, input=given, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout.splitlines()


REFUSED_BY_JUNOS = [
    *"start shell|show configuration|ssh 127.0.0.1|file list|request system reboot|configure".split("|"),
    "ping 192.0.2.1 rapid count 1000",
    "ping 192.0.2.1 routing-instance mgmt",
    "ping 192.0.2.1 count 5 routing-instance mgmt",
    "ping 192.0.2.1 source 203.0.113.1 count 5 routing-instance lumen-1 rapid",
    "ping 192.0.2.1 count 50",
    "ping 192.0.2.1 count 5 size 65468",
    "ping 1 count 5",
    "ping inet6 beef count 5",
    "ping router.example.net count 5",
    "traceroute 192.0.2.1 no-resolve wait 2 ttl 300",
    "traceroute monitor 192.0.2.1",
    "show route | save /var/tmp/lgtest",
    "show route 192.0.2.1 table inet.0 detail | save /var/tmp/lgtest",
    "show route 192.0.2.1 table inet.0 detail | no-more",
    "show route 192.0.2.1 table inetx0 detail",
    "show route 192.0.2.1 table mgmt.inet.0 detail",
    "show route",
    "show route extensive",
    "show route 192.0.2.1 table inet.0 extensive",
    "show route receive-protocol bgp 192.0.2.1",
    "show bgp neighbor",
    "clear bgp neighbor all",
    *(trial.command for trial in junos.TRIALS),
]


DENIED_BY_NAME = [
    *"start shell|show configuration|ssh 127.0.0.1|file list|request system reboot|configure|show bgp neighbor".split("|"),
    *"show route|show route extensive|show route terse table inet.0|show route receive-protocol bgp 192.0.2.1".split("|"),
    "clear bgp neighbor all",
    "ping 192.0.2.1 rapid count 1000",
    "ping 192.0.2.1 count 5 size 65468",
    "ping 192.0.2.1 source 203.0.113.1 count 5 routing-instance lumen-1 rapid",
    "traceroute monitor 192.0.2.1",
    "show route | save /var/tmp/lgtest",
    "show route 192.0.2.1 table inet.0 detail | save /var/tmp/lgtest",
    "show route 192.0.2.1 table inet.0 extensive",
    *(trial.command for trial in junos.TRIALS),
]
"""What does not depend on the permission bits: `view` would show some of it, and a wider class all of it."""


def test_the_login_class_lets_every_command_of_the_cells_through() -> None:
    allow, deny = class_of(LUMEN)
    sent = some_commands("junos") + some_commands("junos", "lumen-1")
    assert len(sent) > 400
    assert grepped(allow, sent) == sent
    assert grepped(deny, sent) == []


def test_the_login_class_lets_nothing_else_through() -> None:
    allow, _ = class_of(LUMEN)
    assert grepped(allow, REFUSED_BY_JUNOS) == []


def test_what_permissions_would_show_and_what_is_dangerous_is_denied_by_name_too() -> None:
    _, deny = class_of(LUMEN)
    assert grepped(deny, DENIED_BY_NAME) == DENIED_BY_NAME


def test_an_instance_of_another_router_is_not_in_the_class() -> None:
    allow, _ = class_of()
    assert grepped(allow, some_commands("junos", "lumen-1")[:1]) == []


@given(ADDRESSES, st.integers(1, 30), st.integers(0, 2**31), st.sampled_from((None, "lumen-1")))
def test_whatever_is_asked_has_one_of_the_shapes(
    target: IPv4Address | IPv6Address, length: int, source: int, instance: str | None
) -> None:
    for platform in MATRIX.platforms:
        heeded = instance if MATRIX.heeds(platform, "routing_instance") else None
        patterns = [re.compile(pattern_of(shape)) for shape in shapes_of(MATRIX, platform, (LUMEN,))]
        for command in commands(platform, asked(target, length, source, heeded)):
            assert [p.pattern for p in patterns if p.fullmatch(command)], command


@given(st.sampled_from(some_commands("junos", "lumen-1")), st.text("a0.: /|;?\n\t-", min_size=1, max_size=6), st.integers(0, 200))
def test_a_command_with_anything_put_into_it_is_another_shape_or_refused(command: str, extra: str, place: int) -> None:
    """Only digits, dots, colons and letters inside an address may differ; words never."""
    changed = command[:place] + extra + command[place:]
    allow = re.compile(class_of(LUMEN)[0], re.IGNORECASE)
    if any(allow.search(line) for line in [changed] if "\n" not in changed):
        assert [word for word in changed.split(" ") if not re.search("[0-9]", word)] == [
            word for word in command.split(" ") if not re.search("[0-9]", word)
        ]


@pytest.fixture
def run_wrapper(tmp_path: Path) -> tuple[str, Path]:
    """The forced command of an FRR router whose programs only say how they were called."""
    for name in ("ping", "traceroute", "vtysh"):
        program = tmp_path / name
        program.write_text('#!/bin/sh\nprintf "%s " "${0##*/}" "$@"\n')
        program.chmod(0o755)
    path = tmp_path / "allowed"
    path.write_text(wrapper(shapes_of(MATRIX, "frr")))
    path.chmod(0o755)
    return f"{tmp_path}:/usr/bin:/bin", path


def test_the_forced_command_runs_every_command_of_the_cells_as_it_is(run_wrapper: tuple[str, Path]) -> None:
    path, script = run_wrapper
    for command in some_commands("frr")[::5]:
        environment = {"SSH_ORIGINAL_COMMAND": command, "PATH": path}
        done = forced([str(script)], environment)
        expected = f"vtysh -c {command} " if command.startswith("show") else f"{command} "
        assert (done.returncode, done.stdout) == (0, expected)


@pytest.mark.parametrize("shell", SHELLS)
def test_the_forced_command_means_the_same_to_every_shell(run_wrapper: tuple[str, Path], shell: str) -> None:
    path, script = run_wrapper
    argv = [shell, str(script)]
    for command, code in [(some_commands("frr")[0], 0), *((trial.command, 126) for trial in frr.TRIALS)]:
        environment = {"SSH_ORIGINAL_COMMAND": command, "PATH": path}
        done = forced(argv, environment)
        assert done.returncode == code, command


@pytest.mark.parametrize("shell", SHELLS)
def test_the_end_of_input_ends_a_command_that_prints_nothing(run_wrapper: tuple[str, Path], shell: str) -> None:
    """All that a client of sshd can do to a forced command; nothing is left of it, and nothing of what watched it."""
    path, script = run_wrapper
    ping = script.parent / "ping"
    ping.write_text("#!/bin/sh\necho begun\nexec sleep 60\n")
    environment = {"SSH_ORIGINAL_COMMAND": some_commands("frr")[0], "PATH": path}
    for at_once in (False, True):
        held, holding = os.pipe()
        with subprocess.Popen(
            [shell, str(script)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=[holding],
        ) as running:
            os.close(holding)
            assert running.stdin is not None
            assert running.stdout is not None
            assert at_once or running.stdout.readline() == b"begun\n"
            running.stdin.close()
            assert running.wait(20) == 128 + signal.SIGKILL
        assert os.read(held, 1) == b""  # whoever the script started held the other end
        os.close(held)


def test_a_command_that_ends_keeps_its_status_and_leaves_nothing(run_wrapper: tuple[str, Path]) -> None:
    path, script = run_wrapper
    (script.parent / "ping").write_text("#!/bin/sh\necho lost >&2\nread -r line && echo heard\nexit 3\n")
    done = forced([str(script)], {"SSH_ORIGINAL_COMMAND": some_commands("frr")[0], "PATH": path})
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "lost\n")
    (script.parent / "ping").unlink()
    done = forced([str(script)], {"SSH_ORIGINAL_COMMAND": some_commands("frr")[0], "PATH": str(script.parent)})
    assert done.returncode == 127


def test_a_linux_login_cannot_reach_the_routing_daemon() -> None:
    assert "vtysh -c" not in wrapper(shapes_of(MATRIX, "linux"))


def test_every_word_of_a_shape_is_a_mark_or_within_what_is_ever_sent() -> None:
    for platform in MATRIX.platforms:
        for shape in shapes_of(MATRIX, platform, (LUMEN,), (RouteTable(table="core1_v4"),)):
            assert all(word in MARKS or re.fullmatch(r"[a-zA-Z0-9._/-]+", word) for word in shape.split())


def test_a_new_query_is_in_the_login_without_a_word_about_it_there() -> None:
    cell = replace(MATRIX.cells["junos", "ping"], command=lambda ask: f"show arp hostname {ask.target}")
    grown = replace(
        MATRIX,
        cells={**MATRIX.cells, ("junos", "arp"): cell},
        queries={**MATRIX.queries, "arp": replace(MATRIX.queries["ping"], name="arp")},
    )
    assert {"show arp hostname IPV4", "show arp hostname IPV6"} <= set(shapes_of(grown, "junos"))


def test_the_junos_login_is_pinned_to_its_place_and_says_what_each_line_is_for() -> None:
    text = junos.account(AccountFor("Core Router 1", "netpulse", KEY, "192.0.2.10", shapes_of(MATRIX, "junos")))
    assert f'set system login user netpulse authentication ssh-ed25519 "{KEY}" from 192.0.2.10\n' in text
    assert "?" not in text
    lines = text.splitlines()
    assert lines[0].startswith("# Core Router 1")
    assert all(line.startswith(("#", "set ")) or not line for line in lines)


def test_the_linux_login_pins_the_key_to_the_script_and_the_place() -> None:
    shapes = shapes_of(MATRIX, "linux")
    text = linux.account(AccountFor("Edge Router 2", "netpulse", KEY, "192.0.2.10", shapes))
    assert f'\nfrom="192.0.2.10",restrict,command="{linux.SCRIPT}" {KEY}\n' in text
    assert wrapper(shapes) in text
    assert "    DisableForwarding yes\n" in text
    assert "frrvty" not in text
    assert "--groups frrvty" in frr.account(AccountFor("Edge Router 1", "netpulse", KEY, None, shapes))


def test_a_login_that_also_opens_a_bird_socket_may_forward_nothing_else() -> None:
    account = AccountFor("Edge Router 2", "netpulse", KEY, None, shapes_of(MATRIX, "linux"), socket="/run/bird/np.ctl")
    text = linux.account(account)
    assert f'\nrestrict,port-forwarding,command="{linux.SCRIPT}" {KEY}\n' in text
    assert "    AllowStreamLocalForwarding local\n    AllowTcpForwarding no\n" in text
    assert "DisableForwarding" not in text
    assert "chgrp netpulse /run/bird/np.ctl && chmod 660 /run/bird/np.ctl\n" in text
    assert "from=" not in text
    assert "--from" in text


def test_the_bird_account_is_a_socket_of_its_own_and_a_login_that_runs_nothing() -> None:
    tables = (RouteTable(table="core1_v4"), RouteTable(protocol="core1_v6"))
    shapes = shapes_of(MATRIX, "bird", (), tables)
    text = bird.account(AccountFor("rs1", "netpulse", KEY, "192.0.2.10", shapes, socket="/run/bird/lg.ctl"))
    assert 'cli "/run/bird/lg.ctl" { restrict; };' in text
    assert f'\nfrom="192.0.2.10",restrict,port-forwarding {KEY}\n' in text
    assert "    ForceCommand /usr/sbin/nologin\n" in text
    assert "#   show route for IPV4 table core1_v4 all\n" in text
    local = bird.account(AccountFor("rs1", "netpulse", "", None, shapes, login=False, socket="/run/bird/lg.ctl"))
    assert "useradd" not in local
    assert "SupplementaryGroups=netpulse" in local
    assert "groupadd --system --force netpulse" in local  # the unit's user and group may be there before


def test_what_a_bird_is_asked_is_within_the_closed_set_of_its_door() -> None:
    address = {"IPV4": "8.8.8.8", "IPV6": "2001:db8::1", "PREFIX4": "8.8.8.0/24", "PREFIX6": "2001:db8::/32"}
    shapes = shapes_of(MATRIX, "bird", (), (RouteTable(), RouteTable(table="core1_v4"), RouteTable(protocol="core1")))
    for shape in shapes:
        assert _COMMANDS.match(" ".join(address.get(word, word) for word in shape.split()))


@pytest.mark.parametrize("platform", sorted(MATRIX.platforms))
def test_every_login_has_commands_that_prove_it(platform: str) -> None:
    trials = MATRIX.platforms[platform].trials
    assert len(trials) >= 3
    allowed = [re.compile(pattern_of(shape)) for shape in shapes_of(MATRIX, platform)]
    for trial in trials:
        assert not any(pattern.search(trial.command) for pattern in allowed)
        assert re.fullmatch(r"[A-Za-z0-9 .:/_-]+", trial.command), "the closed alphabet holds for these too"
        assert not re.search(r"reboot|halt|delete|commit|clear|restart|shutdown|reload", trial.command)
        assert trial.harmless


def test_addresses_that_are_none_do_not_fit_a_shape() -> None:
    v4, v6 = re.compile(pattern_of("ping IPV4")), re.compile(pattern_of("ping IPV6"))
    for text in ("1", "a.b.c.d", "8.8.8", "8.8.8.8.8", "8.8.8.8 ", "host"):
        assert not v4.search(f"ping {text}")
    for text in ("beef", "fe80::1%eth0", "::1 x", "host"):
        assert not v6.search(f"ping {text}")
    assert v6.search(f"ping {ip_address('2001:db8:1111:2222:3333:4444:5555:6666')}")
