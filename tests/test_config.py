"""The configuration: a file loads into settings, or every fault of it is told at once with its place and remedy."""

from __future__ import annotations

import base64
import dataclasses
import os
import re
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from netpulse import settings as nouns
from netpulse.config import ConfigFaults, Reading, default_settings, faults_in, load, models, read
from netpulse.config.models import ConfigFile
from netpulse.config.schema import SCHEMA_FILE, manual_table, schema_text, settings_in_order
from netpulse.inventory import BirdSocket, Match, Recording, RouteTable, Ssh, ThisHost

PLATFORMS = frozenset({"junos", "linux", "frr", "bird"})
MANUAL = Path(__file__).parent.parent / "docs" / "configuration.md"
PRIVATE_KEY = (
    b"-----BEGIN OPENSSH PRIVATE KEY-----\n"
    + base64.encodebytes(b"openssh-key-v1\0\0\0\0\x04none" + bytes(64))
    + b"-----END OPENSSH PRIVATE KEY-----\n"
)


def host_key(kind: str = "ssh-ed25519") -> str:
    blob = len(kind).to_bytes(4, "big") + kind.encode() + (32).to_bytes(4, "big") + bytes(32)
    return f"{kind} {base64.b64encode(blob).decode()}"


WHOLE = f"""
site: {{name: Example LG, organization: Example, asn: 64500, contact: noc@example.com}}
server: {{listen: "[::1]:8080", public_url: "https://LG.example.com/", trusted_proxies: [127.0.0.1, "2001:db8::/32"]}}
route_servers:
  - {{name: rs1, bird: {{socket: bird.ctl}}}}
  - name: bird1
    own: true
    bird: {{socket: /run/bird/bird.ctl}}
    ssh: {{host: 192.0.2.4, user: netpulse, key_file: keys/core1, host_keys: ["{host_key()}"]}}
routers:
  - slug: core1
    name: Core Router 1
    location: DC1 - Primary
    model: MX304
    platform: junos
    os_version: 23.2R1
    ssh: {{host: 192.0.2.1, port: 2222, user: netpulse, key_file: keys/core1, host_keys: ["{host_key()} re0"]}}
    max_sessions: 4
    reserved_sessions: 1
    visible: key
    maintenance: null
    routes:
      - {{from: rs1, ipv4: {{table: core1_v4, best_protocol: core1_best}}, ipv6: {{protocol: core1_v6}}}}
    connections:
      - id: 1
        name: Cogent Transit
        type: TRANSIT
        asn: 174
        source_ipv4: 203.0.113.1
        source_ipv6: "2001:db8:174::1"
        egress: policy
        neighbors: [192.0.2.9, "2001:db8:9::1"]
        match: {{first_asn: 174, next_hop: [192.0.2.0/24, 198.51.100.7], community: 64500:1001}}
      - {{id: 3, name: DE-CIX, type: IX, group: DE-CIX, lan_ipv4: 192.0.2.128/26, source_ipv4: 203.0.113.129}}
  - {{slug: local, name: This host, platform: linux}}
  - {{slug: bird1, name: Edge, platform: linux, routes: [{{from: bird1}}]}}
hide: [local_pref, "communities:64500:*"]
redact: {{public: ["serial-[0-9]+"]}}
languages: [en, de-AT]
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    (tmp_path / "keys").mkdir()
    key = tmp_path / "keys" / "core1"
    key.write_bytes(PRIVATE_KEY)
    key.chmod(0o600)

    def written(text: str) -> Path:
        file = tmp_path / "netpulse.yaml"
        file.write_text(text, encoding="utf-8")
        return file

    return written


def reading(file: Path, **environment: str) -> Reading:
    return read(file, platforms=PLATFORMS, environment=environment)


def faults(file: Path, **environment: str) -> list[str]:
    """The lines of the faults without the name of the file."""
    with pytest.raises(ConfigFaults) as caught:
        reading(file, **environment)
    return [line.removeprefix(f"{file}:") for line in str(caught.value).splitlines()]


def one_router(more: str = "", connection: str = "") -> str:
    """A file of one router of this host; `more` and `connection` are flow entries beside its own."""
    connections = f", connections: [{{id: 1, name: A, type: PEER{connection}}}]" if connection else ""
    return f"routers:\n- {{slug: a, name: A, platform: linux{more}{connections}}}\n"


def test_a_whole_file_becomes_settings(write: Callable[[str], Path]) -> None:
    file = write(WHOLE)
    found = reading(file)
    settings = found.settings
    core1 = settings.inventory.routers[0]
    key = file.parent / "keys" / "core1"
    assert found.warnings == ()
    assert core1.device.key == "router:core1"
    assert core1.device.reach == Ssh("192.0.2.1", "netpulse", key, (f"{host_key()} re0",), 2222)
    assert (core1.device.max_sessions, core1.device.reserved_sessions, core1.visible) == (4, 1, "key")
    assert core1.routes[0].route_server == "rs1"
    assert core1.routes[0].device.key == "route_server:rs1"
    assert core1.routes[0].device.reach == BirdSocket(str(file.parent / "bird.ctl"))
    assert core1.routes[0].tables == {4: RouteTable("core1_v4", None, "core1_best"), 6: RouteTable(None, "core1_v6")}
    assert [c.id for c in core1.connections] == [1, 3]
    assert core1.connections[0].families == (4, 6)
    assert core1.connections[0].match == Match(
        174, (ip_network("192.0.2.0/24"), ip_address("198.51.100.7")), "64500:1001"
    )
    assert settings.listen == ("::1", 8080)
    assert settings.public_url == "https://lg.example.com"
    assert settings.trusted_proxies == (ip_network("127.0.0.1/32"), ip_network("2001:db8::/32"))
    assert settings.storage == f"sqlite:///{file.parent}/netpulse.db"
    assert settings.disclosure("key").fields == (("local_pref",),)
    assert settings.disclosure("key").redactions == ()
    assert settings.disclosure("public").fields == (("local_pref",),)
    assert [pattern.pattern for pattern in settings.disclosure("public").redactions] == ["serial-[0-9]+"]
    assert settings.languages == ("en", "de-AT")


def test_every_address_in_the_file_is_infrastructure(write: Callable[[str], Path]) -> None:
    found = reading(write(WHOLE)).settings.inventory.infrastructure
    assert [str(block) for block in found] == [
        "192.0.2.1/32",
        "192.0.2.4/32",
        "192.0.2.9/32",
        "203.0.113.1/32",
        "203.0.113.129/32",
        "2001:db8:9::1/128",
        "2001:db8:174::1/128",
    ]


def test_a_router_without_ssh_on_platform_linux_is_this_host_and_chooses_its_own_way(
    write: Callable[[str], Path],
) -> None:
    local = reading(write(WHOLE)).settings.inventory.routers[1]
    assert local.device.reach == ThisHost()
    assert [(c.id, c.name, c.type) for c in local.connections] == [(0, "Router's own choice", None)]
    assert [(source.device, source.route_server, source.tables) for source in local.routes] == [
        (local.device, None, {})
    ]


def test_the_routers_own_choice_can_stand_beside_connections(write: Callable[[str], Path]) -> None:
    text = one_router(", own_choice: true", ", source_ipv4: 192.0.2.1")
    assert [c.id for c in reading(write(text)).settings.inventory.routers[0].connections] == [0, 1]


def test_a_routers_own_bird_needs_no_tables(write: Callable[[str], Path]) -> None:
    source = reading(write(WHOLE)).settings.inventory.routers[2].routes[0]
    assert isinstance(source.device.reach, BirdSocket)
    assert source.device.reach.ssh is not None
    assert source.device.own_routes
    assert source.tables == {}


def test_a_recording_takes_the_place_of_a_router(write: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "lab.json").write_text("{}")
    text = "routers:\n- {slug: a, name: A, platform: junos, recording: lab.json}\n"
    assert reading(write(text)).settings.inventory.routers[0].device.reach == Recording(tmp_path / "lab.json")


def test_five_different_faults_are_five_lines_with_their_places(write: Callable[[str], Path]) -> None:
    text = """\
site: {nmae: Example}
routers:
  - slug: core1
    name: Core
    platform: junso
    maintenance: null
    connections:
      - {id: 0, name: A, type: TRANSIT, source_ipv4: 203.0.113.1}
      - {id: 2, name: B, type: TRANSIT, source_ipv4: 203.0.113.1}
  - {slug: core1, name: Other, platform: linux}
"""
    assert faults(write(text)) == [
        "1:8: site.nmae: is not a setting here; did you mean name?",
        '5:15: routers[0].platform: "junso" is not a platform; did you mean junos?',
        "8:14: routers[0].connections[0].id: 0 is the router's own choice; number connections from 1 "
        "(`own_choice: true` offers 0)",
        "9:54: routers[0].connections[1].source_ipv4: 203.0.113.1 is already used by "
        "routers[0].connections[0].source_ipv4; each needs its own",
        "10:12: routers[1].slug: core1 is already used by routers[0].slug; each needs its own",
    ]


PEER = ", source_ipv4: 192.0.2.1"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("routers:\n- {name: A, platform: linux}\n", "2:3: routers[0].slug: is missing; add it"),
        (one_router(", model: 23.20"), 'model: must be text, is the value 23.20; write it in quotes: "23.20"'),
        (one_router(", max_sessions: three"), 'max_sessions: must be a whole number, is "three"'),
        (one_router(", max_sessions: 0"), "max_sessions: must be at least 1, is 0"),
        (
            one_router(", max_sessions: 2, reserved_sessions: 2"),
            "reserved_sessions: must be less than max_sessions (2)",
        ),
        (one_router(", own_choice: yes"), 'own_choice: must be true or false, is "yes"'),
        (one_router(", visible: all"), "visible: must be one of public, key, hidden"),
        (one_router(", slug: b"), "routers[0].slug: is already set in line 2; remove one of the two"),
        (one_router(", routes: [{from: rs9}]"), '"rs9" is not a route server of this file'),
        (one_router(", recording: none.json"), "recording: there is no file"),
        (one_router(connection=", source_ipv4: 10.0.0.1/8"), "must be an IPv4 address like 192.0.2.1"),
        (one_router(connection=', source_ipv6: "fe80::1%eth0"'), "must be an IPv6 address"),
        (one_router(connection=", source_ipv4: 127.0.0.1"), "cannot be a source of packets to others"),
        (one_router(connection=", asn: 174"), "connections[0]: needs source_ipv4 or source_ipv6"),
        (one_router(connection=PEER + ", neighbors: 192.0.2.9"), "must be a list; write [192.0.2.9]"),
        (
            one_router(connection=PEER + ", egress: routing_instance"),
            "egress: needs `routing_instance: NAME` beside it",
        ),
        (one_router(connection=PEER + ", routing_instance: lumen"), "routing_instance: has no effect unless egress is"),
        (one_router(connection=PEER + ", egress: next_hop"), "egress: needs `next_hop_ipv4: ADDRESS` beside it"),
        (one_router(connection=PEER + ', egress: routing_instance, routing_instance: "a b"'), "must be a name of"),
        (
            one_router(connection=PEER + ", egress: routing_instance, routing_instance: lumen"),
            "egress: the commands of platform linux cannot be told a way out; use policy",
        ),
        (one_router(connection=PEER + ", lan_ipv4: 192.0.2.0/24"), "only an IX has a LAN"),
        (one_router(connection=PEER + ", match: {community: 65536:1}"), "must be a community like 64500:100"),
        (
            "routers:\n- {slug: a, name: A, platform: junos}\n",
            "routers[0]: needs `ssh: {host, user, key_file, host_keys}`",
        ),
        ("routers:\n- {slug: a, name: A, platform: bird}\n", "a BIRD is a route server"),
        (one_router() + "targets: {allow: [192.0.2.1/24]}", "has bits set beyond its length; write 192.0.2.0/24"),
        (one_router() + "targets: {allow: [192.0.2.0/33]}", "must be a prefix like"),
        (one_router() + "server: {listen: 8080}", "must be ADDRESS:PORT like 127.0.0.1:8080"),
        (one_router() + "server: {listen: '0.0.0.0:99999'}", "must be ADDRESS:PORT"),
        (one_router() + "server: {public_url: lg.example.com}", "must be an origin like https://lg.example.com"),
        (one_router() + "storage: postgresql://db/netpulse", "PostgreSQL is not supported by this release"),
        (one_router() + "storage: sqlite:///none/here.db", "none does not exist; make it"),
        (one_router() + "storage: mysql://db", "must be a database URL like sqlite:///netpulse.db"),
        (one_router() + "coordination: redis://db", "Redis and Valkey are not supported by this release"),
        (one_router() + "redact: ['(']", "must be a regular expression; missing ), unterminated subpattern"),
        (one_router() + "redact: {key: ['x*']}", "matches the empty text, so it would be everywhere; make it longer"),
        (one_router() + "hide: [local_perf]", '"local_perf" is not a field that can be hidden; did you mean local_pref?'),
        (one_router() + "hide: [as_path]", '"as_path" is not a field that can be hidden; '),
        (one_router() + "hide: ['med:1']", "single values can be hidden of communities, large_communities, ext_comm"),
        (one_router() + "hide: ['communities:64500']", "must end in a community with * for any part"),
        (one_router() + "hide: [rtt_avg_ms]", "cannot be taken out of the text that platform linux prints; hide output"),
        (one_router() + "limits:\n", "limits: must be a block of settings, is empty"),
        (one_router() + "deadlines: {ping_s: 0}", "deadlines.ping_s: must be more than 0, is 0"),
        (one_router() + "deadlines: {ping_s: .nan}", "deadlines.ping_s: must be"),
        (one_router() + "resolver: {servers: [ns.example.com]}", "must be ADDRESS:PORT"),
        ("routers: []\n", "routers: is empty; it needs at least one entry"),
        ("routers: core1\n", "routers: must be a list"),
        ("site: {}\n", "routers: is missing; add it"),
        ("", "1:1: is empty; begin with `routers:`"),
        ("- a\n", "1:1: is not a block of settings"),
        ("a: 'b\n", "not YAML"),
        ("%YAML 1.1\n---\na: no\n", "asks for another YAML than 1.2"),
        ("a: \x01\n", "1:4: contains a control character"),
        ("a: &x [*x]\n", "contains itself"),
        ("a: !!python/object:os.system x\n", "has a tag; write a plain value"),
    ],
)
def test_each_fault_says_what_and_the_remedy(write: Callable[[str], Path], text: str, told: str) -> None:
    lines = faults(write(text))
    assert any(told in line for line in lines), lines
    assert all(re.match(r"\d+:\d+: ", line) for line in lines)


def test_faults_of_one_kind_never_hide_those_of_another(write: Callable[[str], Path]) -> None:
    text = one_router(", colour: red, slug: b, routes: [{from: x}]", PEER + ", egress: next_hop") + "storage: 5\n"
    assert [line.split(": ")[1] for line in faults(write(text))] == [
        "routers[0].colour",
        "routers[0].slug",
        "routers[0].routes[0].from",
        "routers[0].connections[0].egress",
        "routers[0].connections[0].egress",
        "storage",
    ]


def test_a_community_and_a_no_stay_what_was_written(write: Callable[[str], Path]) -> None:
    text = one_router(', location: no, os_version: "1.10"', PEER + ", match: {community: 64500:012}")
    router = reading(write(text)).settings.inventory.routers[0]
    assert (router.location, router.os_version, router.connections[0].match.community) == ("no", "1.10", "64500:12")


def test_a_file_that_is_not_there_or_not_text_is_one_fault(tmp_path: Path) -> None:
    assert faults(tmp_path / "none.yaml") == ["1:1: there is no such file; `netpulse init` writes a first one"]
    assert faults(tmp_path) == ["1:1: cannot be read: is a directory; check the path"]
    (tmp_path / "latin.yaml").write_bytes(b"site:\n  name: M\xfcller\n")
    assert faults(tmp_path / "latin.yaml") == ["2:10: is not UTF-8 here; save the file as UTF-8"]


def ssh_router(**changes: str) -> str:
    login = {"host": "192.0.2.1", "user": "netpulse", "key_file": "keys/core1", "host_keys": f'["{host_key()}"]'}
    login |= changes
    inner = ", ".join(f"{name}: {value}" for name, value in login.items())
    return f"routers:\n- {{slug: a, name: A, platform: junos, ssh: {{{inner}}}}}\n"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"host": '"a b"'}, "must be a host name or an IP address"),
        ({"host": "999.1.1.1"}, "must be a host name or an IP address"),
        ({"user": '"-oProxyCommand=x"'}, "must be a login name"),
        ({"key_file": "keys/none"}, "there is no key file"),
        ({"key_file": "keys"}, "is not a file"),
        ({"host_keys": '["192.0.2.1 ' + host_key() + '"]'}, 'begins with "192.0.2.1"; remove it'),
        ({"host_keys": '["ssh-ed25519 AAAA"]'}, "is not a key of that type; paste the complete line"),
        ({"host_keys": '["ssh-ed25519 !!!"]'}, "is not whole base64"),
        (
            {"host_keys": '["' + host_key("ssh-rsa").replace("ssh-rsa ", "ssh-ed25519 ") + '"]'},
            "is not a key of that type",
        ),
        ({"host_keys": '["ssh-dss AAAA"]'}, "must be a public host key"),
        ({"password": "secret"}, "password: is not a setting here"),
    ],
)
def test_a_bad_login_is_told(write: Callable[[str], Path], changes: dict[str, str], told: str) -> None:
    assert told in "\n".join(faults(write(ssh_router(**changes))))


def test_a_key_open_to_others_is_refused(write: Callable[[str], Path], tmp_path: Path) -> None:
    file = write(ssh_router())
    key = tmp_path / "keys" / "core1"
    key.chmod(0o644)
    assert faults(file) == [
        f"2:88: routers[0].ssh.key_file: the key file {key} is open to others (mode 0644); do: chmod 600 {key}"
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"ssh-ed25519 AAAA a\n", "is a public key; name the private key file"),
        (b"hello\n", "is not a private key"),
        (PRIVATE_KEY.replace(b"BEGIN OPENSSH", b"BEGIN ENCRYPTED"), "has a passphrase"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\n!\n-----END", "is damaged"),
    ],
)
def test_a_key_file_must_hold_a_private_key_without_passphrase(
    write: Callable[[str], Path], tmp_path: Path, content: bytes, told: str
) -> None:
    file = write(ssh_router())
    (tmp_path / "keys" / "core1").write_bytes(content)
    (line,) = faults(file)
    assert told in line


def test_a_router_without_a_pinned_key_is_a_warning(write: Callable[[str], Path]) -> None:
    (line,) = reading(write(ssh_router(host_keys="[]"))).warnings
    assert ":2:100: routers[0].ssh.host_keys: no host key is pinned, so nothing is sent to it" in line


def test_what_is_written_for_nothing_is_a_warning(write: Callable[[str], Path]) -> None:
    text = (
        "route_servers:\n- {name: rs1, bird: {socket: /b.ctl}}\n- {name: rs2, bird: {socket: /b.ctl}}\n"
        "routers: [{slug: a, name: A, platform: linux, routes: [{from: rs1, ipv4: {table: t}}]}]\nlanguages: [de, fr]\n"
    )
    server, language = reading(write(text)).warnings
    assert "route_servers[1].name: is asked about no router" in server
    assert "languages[1]: the pages have no words of fr" in language


HERE = "routers: [{slug: a, name: A, platform: linux}]\n"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("logo.gif", b"GIF89a", "is neither a .svg nor a .png; browsers are shown no other kind"),
        ("logo.png", b"", "is empty; name the file of a picture"),
        ("logo.PNG", PNG + bytes(256 * 1024), "is larger than 256 KiB, which every visitor would load; make it smaller"),
        ("logo.png", b"GIF89a", "is no PNG picture, whatever its name says; save it as PNG or SVG"),
        ("logo.svg", b"\x1f\x8b packed", "is no SVG picture, as it has no <svg> in it; save it as SVG (not packed) or PNG"),
    ],
)
def test_a_logo_that_no_page_can_show_is_a_fault(
    write: Callable[[str], Path], name: str, content: bytes, says: str
) -> None:
    file = write(f"{HERE}branding:\n  logo: {name}\n")
    logo = file.parent / name
    logo.write_bytes(content)
    assert faults(file) == [f"3:9: branding.logo: {logo} {says}"]
    logo.write_bytes(PNG if logo.suffix.lower() == ".png" else b'<?xml version="1.0"?><svg/>')
    if logo.suffix != ".gif":
        assert reading(file).warnings == ()


def test_terms_that_are_not_utf_8_are_a_fault_in_their_line(write: Callable[[str], Path]) -> None:
    file = write(f"{HERE}branding: {{terms: terms.txt}}\n")
    terms = file.parent / "terms.txt"
    terms.write_bytes("One.\n\nZwei für alle.\n".encode("latin-1"))
    assert faults(file) == [f"2:19: branding.terms: {terms} is not UTF-8 in line 3; save it as UTF-8"]
    terms.write_bytes("\ufeffOne.\n\nZwei für alle.\n".encode())
    assert load(file).branding.terms == "One.\n\nZwei für alle.\n"


@pytest.mark.parametrize(("accent", "shown"), [("#FFFF00", "#6b6b00"), ("#ffffff", "#666666"), ("#7a1fa2", None)])
def test_a_colour_that_is_too_faint_by_day_is_a_warning(
    write: Callable[[str], Path], accent: str, shown: str | None
) -> None:
    warnings = reading(write(f'{HERE}branding:\n  accent: "{accent}"\n')).warnings
    assert [f":3:11: branding.accent: {accent.lower()} is too faint" in line for line in warnings] == [True] * bool(shown)
    assert all(f"light pages show {shown};" in line for line in warnings)


def test_a_source_inside_an_exchange_lan_is_a_warning(write: Callable[[str], Path]) -> None:
    text = one_router(connection=", source_ipv4: 192.0.2.130, lan_ipv4: 192.0.2.128/26").replace("PEER", "IX")
    (line,) = reading(write(text)).warnings
    assert "routers[0].connections[0].source_ipv4: 192.0.2.130 is inside the LAN 192.0.2.128/26 of A" in line
    assert "nobody beyond the LAN can answer it" in line


def test_without_a_file_this_host_is_the_router(tmp_path: Path) -> None:
    found = default_settings({"XDG_STATE_HOME": str(tmp_path)})
    (router,) = found.inventory.routers
    assert (router.slug, router.platform, router.device.reach) == ("local", "linux", ThisHost())
    assert [c.id for c in router.connections] == [0]
    assert found.listen == ("127.0.0.1", 8080)
    assert found.storage == f"sqlite:///{tmp_path}/netpulse/netpulse.db"


def test_without_a_place_for_state_the_database_is_temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    storage = default_settings({"XDG_STATE_HOME": str(tmp_path / "file")}).storage
    assert storage.startswith(f"sqlite:///{tmp_path}/netpulse-")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    assert default_settings({}).storage == "sqlite:///:memory:"


BLOCKS: list[tuple[type[Any], type[Any]]] = [
    (models.LimitsBlock, nouns.Limits),
    (models.DeadlinesBlock, nouns.Deadlines),
    (models.OutputBlock, nouns.OutputLimits),
    (models.TargetsBlock, nouns.TargetRules),
    (models.ResolverBlock, nouns.Resolver),
    (models.RetentionBlock, nouns.Retention),
    (models.DataBlock, nouns.DataFiles),
    (models.CaptchaBlock, nouns.Captcha),
    (models.BrandingBlock, nouns.Branding),
]


@pytest.mark.parametrize(("block", "noun"), BLOCKS)
def test_each_block_has_the_fields_of_its_settings(block: type[Any], noun: type[Any]) -> None:
    assert list(block.model_fields) == [field.name for field in dataclasses.fields(noun)]


def test_an_empty_file_has_the_defaults_of_the_settings(write: Callable[[str], Path]) -> None:
    found = reading(write(one_router())).settings
    assert found == nouns.Settings(
        inventory=found.inventory,
        storage=found.storage,
    )


def test_the_shipped_schema_is_the_one_of_the_models() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(), "run: python -m netpulse.config.schema"


def test_every_setting_is_in_the_manual_with_its_default() -> None:
    assert manual_table() in MANUAL.read_text(encoding="utf-8"), (
        "paste the output of netpulse.config.schema.manual_table"
    )
    paths = [path for path, _, _ in settings_in_order()]
    assert len(paths) == len(set(paths)) > 100
    assert all(what != "None" for _, _, what in settings_in_order())


def test_the_examples_of_the_manual_load(write: Callable[[str], Path]) -> None:
    examples = re.findall(r"```yaml\n(.*?)```", MANUAL.read_text(encoding="utf-8"), re.DOTALL)
    assert examples
    for example in examples:
        whole = example if "routers:" in example else one_router() + example
        assert faults_in(whole.replace("AAAA…", host_key().split()[1]), write(""), platforms=PLATFORMS) == ()


def test_the_platforms_of_the_matrix_are_known_without_being_told(write: Callable[[str], Path]) -> None:
    assert load(write(one_router())).inventory.routers[0].platform == "linux"


def test_a_key_that_this_user_cannot_read_is_a_fault(write: Callable[[str], Path], tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads every file")
    file = write(ssh_router())
    (tmp_path / "keys" / "core1").chmod(0)
    assert "cannot be read by user" in "\n".join(faults(file))


def test_the_model_refuses_what_it_does_not_know() -> None:
    assert ConfigFile.model_config.get("extra") == "forbid"
