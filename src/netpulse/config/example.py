"""The first configuration file: what `init` writes, with the settings an operator meets next as comments."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from netpulse.config.schema import SCHEMA_FILE


@dataclass(frozen=True, slots=True)
class FirstFile:
    """The answers that a first file is made of. Without `host` the router is this host; without `connection` it has none."""

    organization: str = "Your Company Name"
    asn: int | None = None
    router: str = "This Server"
    platform: str = "linux"
    host: str | None = None
    user: str = "netpulse"
    key_file: str | None = None
    host_key: str | None = None
    connection: str | None = None
    connection_type: str = "TRANSIT"
    connection_asn: int | None = None
    source_ipv4: str | None = None
    source_ipv6: str | None = None

    @property
    def slug(self) -> str:
        """The router's name as a word for links."""
        return re.sub(r"[^a-z0-9]+", "-", self.router.lower()).strip("-")[:63] or "router"

    @property
    def key_name(self) -> str:
        return self.key_file or f"keys/{self.slug}"


def first_file(answers: FirstFile, schema: Path = SCHEMA_FILE) -> str:
    """The text of a `netpulse.yaml` with these answers; the values are quoted as YAML needs."""
    return "\n".join(
        [
            f"# yaml-language-server: $schema={schema}",
            "# NetPulse Looking Glass. `netpulse check` tells what is wrong here and whether every router answers.",
            "",
            "site:",
            "  name: NetPulse Looking Glass",
            f"  organization: {_text(answers.organization)}",
            f"  asn: {answers.asn}" if answers.asn else "  # asn: 64500                      # your AS number",
            "  # contact: noc@example.com",
            "",
            "server:",
            "  listen: 127.0.0.1:8080             # put a reverse proxy with TLS in front",
            "  # public_url: https://lg.example.com",
            "  # trusted_proxies: [127.0.0.1]     # whose X-Forwarded-For is believed",
            "",
            "storage: sqlite:///netpulse.db       # relative names start at the folder of this file",
            "",
            "routers:",
            *_router(answers),
            "",
            *_COMMENTED,
        ]
    )


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _router(answers: FirstFile) -> list[str]:
    lines = [
        f"  - slug: {_text(answers.slug)}",
        f"    name: {_text(answers.router)}",
        "    # location: DC1 - Primary",
        "    # model: MX304",
        f"    platform: {_text(answers.platform)}",
    ]
    if answers.host:
        keys = f"[{_text(answers.host_key)}]" if answers.host_key else "[]  # `netpulse check` prints the key to paste"
        lines += [
            "    ssh:",
            f"      host: {_text(answers.host)}",
            f"      user: {_text(answers.user)}",
            f"      key_file: {_text(answers.key_name)}",
            f"      host_keys: {keys}",
        ]
    else:
        lines += ["    # Without `ssh:` a router of platform linux is this host itself."]
    lines += [
        "    # max_sessions: 3                # commands at once",
        '    # maintenance: "Until noon"      # out of service',
    ]
    return [*lines, *(_connection(answers) if answers.connection else _NO_CONNECTION)]


def _connection(answers: FirstFile) -> list[str]:
    lines = [
        "    connections:",
        "      - id: 1                        # never used again for another connection",
        f"        name: {_text(answers.connection or '')}",
        f"        type: {answers.connection_type}              # IX, TRANSIT, PEER or CUSTOMER",
    ]
    sources = {"source_ipv4": answers.source_ipv4, "source_ipv6": answers.source_ipv6}
    lines += [f"        {name}: {_text(source)}" for name, source in sources.items() if source]
    if answers.connection_asn:
        lines += [f"        asn: {answers.connection_asn}", f"        match: {{first_asn: {answers.connection_asn}}}"]
    return [
        *lines,
        "        egress: source               # source, policy, routing_instance or next_hop",
        '        # neighbors: [192.0.2.9, "2001:db8:9::1"]',
    ]


_NO_CONNECTION = """\
    # Without connections visitors get "Router's own choice". Each way to the Internet has a source address of its own:
    # connections:
    #   - id: 1
    #     name: Example Transit
    #     type: TRANSIT                  # IX, TRANSIT, PEER or CUSTOMER
    #     asn: 64496
    #     source_ipv4: 203.0.113.1
    #     source_ipv6: "2001:db8:1::1"
    #     egress: policy                 # you steer that source out of this connection
    #     neighbors: [192.0.2.9, "2001:db8:9::1"]
    #     match: {first_asn: 64496}      # how its routes are recognised""".splitlines()

_COMMENTED = """\
# Where BGP questions are answered, if not by the routers themselves:
# route_servers:
#   - {name: rs1, bird: {socket: /run/bird/netpulse.ctl}}
# and then in a router: routes: [{from: rs1, ipv4: {table: core1_v4}, ipv6: {table: core1_v6}}]

# limits: {key_per_minute: 60, visitor_queries: 10, visitor_window_s: 300, target_per_minute: 10}
# targets: {allow: [], deny: []}
# retention: {results_days: 7, audit_days: 30}
# metrics: {listen: 127.0.0.1:9464}
# Every setting with its default is in docs/configuration.md.
""".split("\n")
