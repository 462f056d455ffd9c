"""The commands that need no server: parse, matrix, account, capture, and what redaction leaves."""

from __future__ import annotations

import json
import re
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import test_captures
from netpulse.cells import discover
from netpulse.cli.app import app
from netpulse.cli.redact import Redaction, asns_in, asns_written

CAPTURES = Path(__file__).parent / "captures"
PING = "64 bytes from 8.8.8.8: icmp_seq=1 ttl=61 time=1.50 ms\n"
CONFIG = """
site: {{name: Test, organization: Example}}
routers:
  - slug: core1
    name: Core Router 1
    platform: junos
    ssh: {{host: 192.0.2.1, user: netpulse, key_file: key, host_keys: ["{host_key}"]}}
    connections:
      - {{id: 1, name: Transit, type: TRANSIT, asn: 174, source_ipv4: 203.0.113.1}}
"""
RECORDED = {
    "router:local": {
        "ping -4 -n -c 5 -W 1 8.8.8.8": [
            [0.0, "PING 8.8.8.8 (8.8.8.8) 56(84) bytes of data.\n"],
            [0.0, PING],
            [0.0, "\n--- 8.8.8.8 ping statistics ---\n1 packets transmitted, 1 received, 0% packet loss, time 0ms\n"],
            [0.0, "rtt min/avg/max/mdev = 1.500/1.500/1.500/0.000 ms\n"],
        ]
    }
}


def run(*words: str, given: str | None = None) -> Result:
    return CliRunner().invoke(app, list(words), input=given)


def cases(pattern: str) -> list[Path]:
    return [case for case in sorted(CAPTURES.glob(pattern)) if "result" in json.loads(case.read_text())]


@pytest.mark.parametrize("case", cases("linux/*/*.json")[:4], ids=lambda case: case.stem)
def test_parse_prints_the_result_object_of_the_api(case: Path) -> None:
    platform, query = case.parent.parts[-2:]
    target = re.search(r'^target = "(.*)"', case.with_suffix(".toml").read_text(), re.MULTILINE)
    assert target is not None
    said = run("parse", "-p", platform, "-q", query, "--target", target[1], str(case.with_suffix(".out")))
    expected = json.loads(case.read_text())["result"]
    assert json.loads(said.stdout) == expected
    assert said.exit_code == 0


def test_parse_reads_standard_input() -> None:
    output = "".join(
        text for _, text in RECORDED["router:local"]["ping -4 -n -c 5 -W 1 8.8.8.8"] if isinstance(text, str)
    )
    said = run("parse", "--platform", "linux", "--query", "ping", given=output)
    assert json.loads(said.stdout)["received"] == 1


def test_parse_says_why_nothing_was_understood() -> None:
    said = run("parse", "--platform", "linux", "--query", "ping", given="hello\n")
    assert said.exit_code == 1
    assert said.stdout == ""
    assert said.stderr.startswith("Nothing was understood: ")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("-p", "ios", "-q", "ping"), "junos, linux"),
        (("-p", "linux", "-q", "pong"), "ping, traceroute"),
        (("-p", "linux", "-q", "aspath"), "it answers ping, traceroute"),
        (("-p", "bird", "-q", "aspath"), "--target"),
        (("-p", "linux", "-q", "ping", "--target", "8.8.8.1/24"), "beyond its length"),
        (("-p", "linux", "-q", "ping", "no-such-file"), "cannot be read"),
    ],
)
def test_parse_that_is_asked_wrongly_says_what_there_is(words: tuple[str, ...], hint: str) -> None:
    said = run("parse", *words, given="x\n")
    assert said.exit_code == 2
    assert hint in said.stderr


def test_the_matrix_names_the_file_of_every_cell() -> None:
    said = run("matrix")
    header, *rows = [line.split() for line in said.stdout.splitlines()]
    shown = {
        (row[0], query): home for row in rows for query, home in zip(header[1:], row[1:], strict=True) if home != "-"
    }
    assert shown == dict(discover().where)


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration of one Junos router, and its key pair."""
    from netpulse.transports.ssh import new_key

    private, public = new_key("test")
    (tmp_path / "key").write_bytes(private)
    (tmp_path / "key").chmod(0o600)
    (tmp_path / "key.pub").write_text(public + "\n")
    (tmp_path / "netpulse.yaml").write_text(CONFIG.format(host_key=" ".join(public.split()[:2])))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_account_prints_a_login_that_allows_what_the_cells_send(configured: Path) -> None:
    said = run("account", "core1", "--from", "192.0.2.10")
    assert said.exit_code == 0, said.stderr
    assert "netpulse" in said.stdout
    assert (configured / "key.pub").read_text().split()[1] in said.stdout
    assert "ping" in said.stdout


def test_account_without_the_public_key_says_how_to_get_it(configured: Path) -> None:
    (configured / "key.pub").unlink()
    said = run("account", "core1")
    assert said.exit_code == 1
    assert "ssh-keygen -y" in said.stderr


@pytest.mark.parametrize("words", [("account", "core9"), ("capture", "core9", "ping", "8.8.8.8")])
def test_an_unknown_router_is_refused_with_those_there_are(configured: Path, words: tuple[str, ...]) -> None:
    said = run(*words)
    assert said.exit_code == 2
    assert "core1" in said.stderr


def test_a_bad_configuration_ends_a_command_with_its_faults(configured: Path) -> None:
    (configured / "netpulse.yaml").write_text("routers: 5\n")
    said = run("account", "core1")
    assert said.exit_code == 78
    assert "netpulse.yaml:1:" in said.stderr


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This host as a router that answers from a recording; fixtures go to the folder."""
    from dataclasses import replace

    from netpulse.config import default_settings
    from netpulse.inventory import Recording
    from netpulse.settings import Settings

    file = tmp_path / "recording.json"
    file.write_text(json.dumps(RECORDED))
    plain = default_settings({"HOME": str(tmp_path)})
    router = plain.inventory.routers[0]
    device = replace(router.device, reach=Recording(file))
    settings: Settings = replace(plain, inventory=replace(plain.inventory, routers=(replace(router, device=device),)))
    monkeypatch.setattr("netpulse.cli.capture.settings_of", lambda config: settings)
    return tmp_path


def capture(folder: Path, *words: str) -> Result:
    return run("capture", "local", "ping", "8.8.8.8", "-c", "0", "--to", str(folder), *words)


def test_a_capture_is_a_fixture_that_the_tests_of_captures_take(recorded: Path) -> None:
    said = capture(recorded)
    assert said.exit_code == 0, said.stderr
    case = recorded / "linux" / "ping" / "8-8-8-8.toml"
    assert str(case) in said.stdout.splitlines()
    assert case.with_suffix(".out").read_text().splitlines()[1] == PING.strip()
    test_captures.test_a_capture_is_read_as_the_file_beside_it_says(case)


def test_a_redacted_capture_still_is_one_and_names_nobody(recorded: Path) -> None:
    said = capture(recorded, "--redact", "--case", "One reply!")
    assert said.exit_code == 0, said.stderr
    case = recorded / "linux" / "ping" / "one-reply.toml"
    assert (
        "8.8.8.8" not in case.read_text() + case.with_suffix(".out").read_text() + case.with_suffix(".json").read_text()
    )
    test_captures.test_a_capture_is_read_as_the_file_beside_it_says(case)


def test_a_capture_is_not_overwritten_unawares(recorded: Path) -> None:
    capture(recorded)
    again = capture(recorded)
    assert again.exit_code == 1
    assert "--force" in again.stderr
    assert capture(recorded, "--force").exit_code == 0


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("capture", "local", "ping", "10.0.0.1", "-c", "0"), "special-purpose"),
        (("capture", "local", "pong", "8.8.8.8"), "ping"),
        (("capture", "local", "ping", "8.8.8.8", "-c", "7"), "it has 0"),
        (("capture", "local", "ping", "8.8.8.8", "-c", "0", "--with", "family"), "NAME=VALUE"),
        (("capture", "local", "ping", "8.8.8.8", "-c", "0", "--with", "family=5"), "4 or 6"),
    ],
)
def test_a_capture_obeys_the_rules_of_every_question(recorded: Path, words: tuple[str, ...], hint: str) -> None:
    said = run(*words)
    assert said.exit_code == 2
    assert hint in said.stderr


def test_what_a_device_refuses_to_answer_is_no_capture(recorded: Path) -> None:
    said = run("capture", "local", "ping", "9.9.9.9", "-c", "0", "--to", str(recorded))
    assert said.exit_code == 1
    assert "recording" in said.stderr


def test_redaction_is_the_same_everywhere_and_keeps_what_readers_need() -> None:
    redaction = Redaction({174, 15169})
    text = redaction.text(
        "8.8.8.0/24 via 8.8.8.1 metric 8.0.0.0/9 AS174 [AS15169i] 174 15169 174:3000 (174,1) x174 1174 1.5 ms 12:34:56 "
        "2001:4860:4860::8888 2001:4860:4860::/48 fe80::a8bb:ccff:fedd:eeff%eth0 ::/0 0.0.0.0/0 127.0.0.1."
    )
    assert text == (
        "192.0.2.0/24 via 192.0.2.1 metric 198.0.0.0/9 AS64496 [AS64497i] 64496 64497 64496:3000 (64496,1) x174 1174 1.5 ms "
        "12:34:56 2001:db8:1::8888 2001:db8:1::/48 fe80::1:0%eth0 ::/0 0.0.0.0/0 127.0.0.1."
    )


@pytest.mark.parametrize("case", cases("*/*/*.json"), ids=lambda case: "/".join(case.parts[-3:]))
def test_no_real_address_of_any_capture_is_left(case: Path) -> None:
    output = case.with_suffix(".out").read_text(encoding="utf-8", errors="surrogateescape")
    result: Any = json.loads(case.read_text())["result"]
    redacted = Redaction(asns_in(result) | asns_written(output)).text(output)
    documented = [ip_network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15")]
    found = [ip_address(text) for text in re.findall(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])", redacted)]
    kept = [place for place in found if not (place.is_unspecified or place.is_loopback or place.is_multicast)]
    # A prefix shorter than /24 begins before the block that stands for it.
    assert [place for place in kept if not any(place in net for net in documented) and int(place) & 0xFF] == []


def test_as_numbers_are_found_where_a_text_calls_them_so() -> None:
    text = "AS path: 174 {3356 15169} I\n[AS64666i] BGP.large_community: (6695, 0, 1)\nseen 08:14:05 from 2001:db8::1"
    assert asns_written(text) == {174, 3356, 15169, 64666, 6695}
    assert asns_in({"routes": [{"as_path": [1, {"set": [2]}], "med": 3, "learned_from": {"asn": 4}}]}) == {1, 2, 4}
