"""A valid file into the settings that everything else works with; nothing here can fail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

from netpulse import values
from netpulse.config.models import (
    BrandingBlock,
    ConfigFile,
    ConnectionBlock,
    RouterBlock,
    RouteServerBlock,
    SshBlock,
    TableBlock,
)
from netpulse.config.rules import sqlite_file
from netpulse.config.secrets import named_file, secret_file
from netpulse.disclosure import Disclosure, disclosure
from netpulse.inventory import (
    OWN_CHOICE,
    BirdSocket,
    Connection,
    Device,
    Inventory,
    Match,
    Reach,
    Recording,
    Router,
    RouteSource,
    RouteTable,
    Site,
    Ssh,
    ThisHost,
)
from netpulse.settings import (
    Branding,
    Captcha,
    DataFiles,
    Deadlines,
    Limits,
    OutputLimits,
    Resolver,
    Retention,
    Settings,
    TargetRules,
)
from netpulse.values import Address, Family, Prefix

ROUTE_SERVER_PLATFORM = "bird"


@dataclass(frozen=True, slots=True)
class Builder:
    """Makes settings of a file in this folder; `environment` is where credentials are looked up.

    `shows` tells where the platforms' text shows the fields of answers.
    """

    folder: Path
    environment: Mapping[str, str]
    shows: Mapping[str, tuple[str, ...]]

    def settings(self, file: ConfigFile) -> Settings:
        servers = {server.name: self._server(server) for server in file.route_servers}
        routers = tuple(self._router(router, servers) for router in file.routers)
        database = sqlite_file(file.storage, self.folder)
        return Settings(
            inventory=Inventory(routers, tuple(sorted_space(_addresses(file)))),
            site=Site(file.site.name, file.site.organization or "", file.site.asn, file.site.contact),
            listen=file.server.listen,
            public_url=file.server.public_url,
            trusted_proxies=tuple(file.server.trusted_proxies),
            cors_origins=tuple(file.server.cors_origins),
            storage=f"sqlite:///{database}",
            coordination=file.coordination,
            metrics_listen=file.metrics.listen,
            limits=Limits(**file.limits.model_dump()),
            deadlines=Deadlines(**file.deadlines.model_dump()),
            output=OutputLimits(**file.output.model_dump()),
            targets=TargetRules(tuple(file.targets.allow), tuple(file.targets.deny)),
            resolver=Resolver(tuple(file.resolver.servers), file.resolver.timeout_s),
            retention=Retention(**file.retention.model_dump()),
            data=DataFiles(**{name: self._file(text) for name, text in file.data.model_dump().items()}),
            captcha=Captcha(**file.captcha.model_dump()),
            branding=self._branding(file.branding),
            languages=tuple(file.languages),
            disclosures=dict(self._disclosures(file)),
        )

    def _disclosures(self, file: ConfigFile) -> Iterator[tuple[str, Disclosure]]:
        """What each audience is not shown, of those that are not shown everything."""
        lists = {"public": (file.hide.public, file.redact.public), "key": (file.hide.key, file.redact.key)}
        for audience, (hide, redact) in lists.items():
            if found := disclosure(hide, redact, self.shows):
                yield audience, found

    def _branding(self, block: BrandingBlock) -> Branding:
        terms = self._file(block.terms)
        return Branding(
            logo=self._file(block.logo),
            accent=block.accent,
            footer=block.footer,
            links=tuple((link.text, link.url) for link in block.links),
            terms=terms.read_text("utf-8-sig", errors="replace") if terms else None,
        )

    def _file(self, name: str | None) -> Path | None:
        return None if name is None else named_file(self.folder, name)

    def _ssh(self, block: SshBlock) -> Ssh:
        key_file = secret_file(self.folder, block.key_file, self.environment)
        return Ssh(block.host, block.user, key_file, tuple(block.host_keys), block.port)

    def _server(self, block: RouteServerBlock) -> Device:
        reach: Reach
        if block.recording is not None or block.bird is None:
            reach = Recording(named_file(self.folder, block.recording or ""))
        elif block.ssh is None:
            reach = BirdSocket(str(named_file(self.folder, block.bird.socket)))
        else:
            reach = BirdSocket(block.bird.socket, self._ssh(block.ssh))
        return Device(
            key=f"route_server:{block.name}",
            platform=ROUTE_SERVER_PLATFORM,
            reach=reach,
            max_sessions=block.max_sessions,
            own_routes=block.own,
        )

    def _router(self, block: RouterBlock, servers: Mapping[str, Device]) -> Router:
        reach: Reach = ThisHost()
        if block.recording is not None:
            reach = Recording(named_file(self.folder, block.recording))
        elif block.ssh is not None:
            reach = self._ssh(block.ssh)
        device = Device(
            key=f"router:{block.slug}",
            platform=block.platform,
            reach=reach,
            max_sessions=block.max_sessions,
            reserved_sessions=block.reserved_sessions,
            own_routes=True,
        )
        routes = tuple(
            RouteSource(servers[source.from_], source.from_, _tables({4: source.ipv4, 6: source.ipv6}))
            for source in block.routes
        )
        connections = tuple(_connection(connection) for connection in block.connections)
        if block.own_choice or not connections:
            connections = (OWN_CHOICE, *connections)
        return Router(
            slug=block.slug,
            name=block.name,
            location=block.location or "",
            model=block.model or "",
            platform=block.platform,
            device=device,
            os_version=block.os_version,
            connections=connections,
            routes=routes or (RouteSource(device, None, {}),),
            visible=block.visible,
            maintenance=block.maintenance,
        )


def _tables(blocks: Mapping[Family, TableBlock | None]) -> dict[Family, RouteTable]:
    return {
        family: RouteTable(block.table, block.protocol, block.best_protocol)
        for family, block in blocks.items()
        if block is not None
    }


def _connection(block: ConnectionBlock) -> Connection:
    return Connection(
        id=block.id,
        name=block.name,
        type=block.type,
        asn=block.asn,
        group=block.group,
        source_ipv4=block.source_ipv4,
        source_ipv6=block.source_ipv6,
        egress=block.egress,
        routing_instance=block.routing_instance,
        next_hop_ipv4=block.next_hop_ipv4,
        next_hop_ipv6=block.next_hop_ipv6,
        neighbors=tuple(block.neighbors),
        match=Match(block.match.first_asn, tuple(block.match.next_hop), block.match.community),
        lan_ipv4=block.lan_ipv4,
        lan_ipv6=block.lan_ipv6,
        visible=block.visible,
    )


def _addresses(file: ConfigFile) -> Iterator[Address]:
    """Every address that the file says belongs to the operator's infrastructure."""
    for ssh in (*(router.ssh for router in file.routers), *(server.ssh for server in file.route_servers)):
        literal = values.address(ssh.host) if ssh else None
        if literal is not None:
            yield literal
    for router in file.routers:
        for connection in router.connections:
            ours = (connection.source_ipv4, connection.source_ipv6, connection.next_hop_ipv4, connection.next_hop_ipv6)
            yield from (address for address in ours if address is not None)
            yield from connection.neighbors


def sorted_space(addresses: Iterator[Address]) -> list[Prefix]:
    """These addresses as prefixes of one address each, IPv4 first, without repetition."""
    return [ip_network(address) for address in sorted(set(addresses), key=lambda a: (a.version, int(a)))]
