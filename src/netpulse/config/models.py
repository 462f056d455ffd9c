"""The shape of the configuration file: every setting, its default, its bounds and its words.

Defaults are those of `netpulse.settings`, so that there is one place for each. The descriptions appear in editors (through
`netpulse.schema.json`) and in the manual. What needs more than one field or the file system is in `rules`.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from netpulse.config.kinds import (
    AddressOrPrefix,
    AddressV4,
    AddressV6,
    AnyAddress,
    Asn,
    BirdSymbol,
    Colour,
    Community,
    Endpoint,
    Host,
    HostKey,
    Instance,
    Language,
    Line,
    NameServer,
    Origin,
    PathText,
    PrefixV4,
    PrefixV6,
    Slug,
    Space,
    User,
    WebLink,
)
from netpulse.inventory import ConnectionType, Device, EgressMode, ThisHost, Visibility
from netpulse.settings import Branding, Captcha, Deadlines, Limits, OutputLimits, Resolver, Retention

_LIMITS, _DEADLINES, _OUTPUT, _RESOLVER = Limits(), Deadlines(), OutputLimits(), Resolver()
_RETENTION, _CAPTCHA, _BRANDING = Retention(), Captcha(), Branding()
_DEVICE = Device(key="", platform="", reach=ThisHost())


class Block(BaseModel):
    """A block of settings; a key that is not declared is a fault, and nothing is converted silently."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=False)


class SiteBlock(Block):
    name: Line = Field(default="NetPulse Looking Glass", description="The name of this looking glass, on every page")
    organization: Line | None = Field(default=None, description="Who runs it")
    asn: Asn | None = Field(default=None, description="Your AS number")
    contact: Line | None = Field(default=None, description="Where visitors can reach you: an e-mail address or URL is linked")


class ServerBlock(Block):
    listen: Endpoint = Field(
        default=("127.0.0.1", 8080), description="Where the server listens; a change needs a restart"
    )
    public_url: Origin | None = Field(default=None, description="How visitors reach it; links in answers begin with it")
    trusted_proxies: list[Space] = Field(default=[], description="Reverse proxies whose X-Forwarded-For is believed")
    cors_origins: list[Origin] = Field(default=[], description="Web origins whose scripts may call the API")


class SshBlock(Block):
    host: Host = Field(description="Host name or address of the device")
    port: int = Field(default=22, ge=1, le=65535, description="TCP port")
    user: User = Field(description="Login name; `netpulse account ROUTER` prints a least-privilege login for it")
    key_file: PathText = Field(
        description="Private key, readable by the service only; a relative name is looked up in $CREDENTIALS_DIRECTORY, "
        "else it starts at this file's folder"
    )
    host_keys: list[HostKey] = Field(
        default=[], description="Public host keys that are accepted, each TYPE BASE64; `netpulse check` prints them"
    )


class BirdBlock(Block):
    socket: PathText = Field(description="BIRD's control socket: a path here, or on the host behind `ssh`")


class RouteServerBlock(Block):
    name: Slug = Field(description="The name that `routes` of routers refer to")
    bird: BirdBlock | None = Field(default=None, description="The BIRD that answers")
    ssh: SshBlock | None = Field(default=None, description="The host on which the socket is, if it is not this one")
    recording: PathText | None = Field(default=None, description="Answer from this recording instead of a BIRD")
    own: bool = Field(default=False, description="This BIRD is the router itself, so its choice is the router's choice")
    max_sessions: int = Field(default=_DEVICE.max_sessions, ge=1, le=64, description="Questions at once")


class TableBlock(Block):
    table: BirdSymbol | None = Field(default=None, description="The table that holds this router's routes")
    protocol: BirdSymbol | None = Field(default=None, description="The protocol that brings this router's routes")
    best_protocol: BirdSymbol | None = Field(
        default=None, description="The protocol that brings only what the router chose"
    )


class RoutesBlock(Block):
    from_: Slug = Field(alias="from", description="The name of a route server")
    ipv4: TableBlock | None = Field(default=None, description="Where it keeps this router's IPv4 routes")
    ipv6: TableBlock | None = Field(default=None, description="Where it keeps this router's IPv6 routes")


class MatchBlock(Block):
    first_asn: Asn | None = Field(default=None, description="First AS of the path")
    next_hop: list[AddressOrPrefix] = Field(default=[], description="Next hops, or prefixes that hold them")
    community: Community | None = Field(default=None, description="A community the route carries")


class ConnectionBlock(Block):
    id: int = Field(description="Its number in the API: from 1, unique in the file, never used again for another")
    name: Line = Field(description="The name visitors see")
    type: ConnectionType = Field(description="IX, TRANSIT, PEER or CUSTOMER")
    asn: Asn | None = Field(default=None, description="The neighbour's AS number; an IX has none")
    group: Line | None = Field(default=None, description="Connections of one group on several routers belong together")
    source_ipv4: AddressV4 | None = Field(
        default=None, description="IPv4 address that queries of this connection come from"
    )
    source_ipv6: AddressV6 | None = Field(
        default=None, description="IPv6 address that queries of this connection come from"
    )
    egress: EgressMode = Field(
        default="source",
        description="source: only the source address is set; policy: you steer that source out of this connection; "
        "routing_instance, next_hop: sent to the router with each query",
    )
    routing_instance: Instance | None = Field(default=None, description="The instance, with egress: routing_instance")
    next_hop_ipv4: AddressV4 | None = Field(default=None, description="The IPv4 next hop, with egress: next_hop")
    next_hop_ipv6: AddressV6 | None = Field(default=None, description="The IPv6 next hop, with egress: next_hop")
    neighbors: list[AnyAddress] = Field(default=[], description="BGP neighbours of this connection")
    match: MatchBlock = Field(default_factory=MatchBlock, description="How a route of this connection is recognised")
    lan_ipv4: PrefixV4 | None = Field(default=None, description="The exchange's IPv4 LAN")
    lan_ipv6: PrefixV6 | None = Field(default=None, description="The exchange's IPv6 LAN")
    visible: Visibility = Field(default="public", description="public, key (only callers with a key) or hidden")


class RouterBlock(Block):
    slug: Slug = Field(description="Its name in the API and in links; sessions and limits are kept by it")
    name: Line = Field(description="The name visitors see")
    location: Line | None = Field(default=None, description="Where it stands")
    model: Line | None = Field(default=None, description="The hardware")
    platform: Line = Field(description="Its operating system; `netpulse matrix` lists them")
    os_version: Line | None = Field(
        default=None, description="Its software release, in quotes if it looks like a number"
    )
    ssh: SshBlock | None = Field(default=None, description="How it is reached; platform linux without it is this host")
    recording: PathText | None = Field(default=None, description="Answer from this recording instead of a router")
    max_sessions: int = Field(default=_DEVICE.max_sessions, ge=1, le=64, description="Commands at once")
    reserved_sessions: int = Field(
        default=_DEVICE.reserved_sessions, ge=0, description="That many of them only for keys"
    )
    visible: Visibility = Field(default="public", description="public, key (only callers with a key) or hidden")
    maintenance: Line | None = Field(default=None, description="A text takes it out of service; the text is shown")
    own_choice: bool = Field(
        default=False,
        description='Offer "Router\'s own choice" (connection 0) beside the connections; without any it is always there',
    )
    routes: list[RoutesBlock] = Field(
        default=[], description="Where BGP questions are answered, in this order; else itself"
    )
    connections: list[ConnectionBlock] = Field(default=[], description="Its ways to the rest of the Internet")


class LimitsBlock(Block):
    key_per_minute: int = Field(
        default=_LIMITS.key_per_minute, ge=1, description="Requests a minute of a key without its own limit"
    )
    visitor_queries: int = Field(
        default=_LIMITS.visitor_queries, ge=1, description="Queries of one visitor in the window"
    )
    visitor_window_s: int = Field(default=_LIMITS.visitor_window_s, ge=1, description="Seconds of that window")
    target_per_minute: int = Field(
        default=_LIMITS.target_per_minute, ge=1, description="Queries a minute about one target, by all"
    )
    bad_keys_per_minute: int = Field(
        default=_LIMITS.bad_keys_per_minute, ge=1, description="Wrong keys a minute from one client"
    )
    streams: int = Field(default=_LIMITS.streams, ge=1, description="Event streams open at once")
    queue_places: int = Field(default=_LIMITS.queue_places, ge=0, description="Queries that may wait for one device")
    queue_wait_s: float = Field(default=_LIMITS.queue_wait_s, ge=0, le=30, description="Seconds that each may wait")
    neighbor_states_s: float = Field(
        default=_LIMITS.neighbor_states_s,
        ge=0,
        description="Seconds between two looks at a router's BGP neighbours, while somebody looks at the network; 0 for never",
    )


class TargetsBlock(Block):
    allow: list[Space] = Field(default=[], description="Targets allowed although the rules refuse them")
    deny: list[Space] = Field(default=[], description="Targets refused beyond the rules")


class ResolverBlock(Block):
    servers: list[NameServer] = Field(default=[], description="Name servers; empty means those of this host")
    timeout_s: float = Field(default=_RESOLVER.timeout_s, gt=0, le=30, description="Seconds for one whole resolution")


class DeadlinesBlock(Block):
    dns_s: float = Field(default=_DEADLINES.dns_s, gt=0, le=55, description="Seconds for a name")
    login_s: float = Field(default=_DEADLINES.login_s, gt=0, le=55, description="Seconds for TCP and login")
    silence_s: float = Field(
        default=_DEADLINES.silence_s, gt=0, le=55, description="Seconds a command may print nothing"
    )
    ping_s: float = Field(default=_DEADLINES.ping_s, gt=0, le=55, description="Seconds for a ping")
    traceroute_s: float = Field(default=_DEADLINES.traceroute_s, gt=0, le=55, description="Seconds for a traceroute")
    bird_s: float = Field(default=_DEADLINES.bird_s, gt=0, le=55, description="Seconds for a route server's answer")


class OutputBlock(Block):
    most_bytes: int = Field(default=_OUTPUT.most_bytes, ge=1024, description="Bytes of text read from one command")
    most_lines: int = Field(default=_OUTPUT.most_lines, ge=10, description="Lines of text read from one command")
    most_structured_bytes: int = Field(
        default=_OUTPUT.most_structured_bytes, ge=1024, description="Bytes of JSON or XML"
    )


class RetentionBlock(Block):
    results_days: int = Field(default=_RETENTION.results_days, ge=1, le=3650, description="Days that results are kept")
    audit_days: int = Field(
        default=_RETENTION.audit_days, ge=1, le=3650, description="Days until addresses are truncated"
    )


class CaptchaBlock(Block):
    enabled: bool = Field(default=_CAPTCHA.enabled, description="Ask visitors the arithmetic question")
    lasts_s: int = Field(default=_CAPTCHA.lasts_s, ge=0, le=86400, description="Seconds that a right answer holds")


class LinkBlock(Block):
    text: Line = Field(description="What the link says")
    url: WebLink = Field(description="Where it leads, http or https")


class BrandingBlock(Block):
    logo: PathText | None = Field(default=None, description="An SVG or PNG file for the page header, at most 256 KiB")
    accent: Colour | None = Field(
        default=_BRANDING.accent, description='The one colour of the pages, like "#0b5a99"; darkened where it is too faint'
    )
    footer: Line | None = Field(default=None, description="A line at the foot of every page")
    links: list[LinkBlock] = Field(default=[], description="Links at the foot of every page, text and url each")
    terms: PathText | None = Field(default=None, description="A text file in UTF-8 with the terms of use, shown at /terms")


class DataBlock(Block):
    as_names: PathText | None = Field(default=None, description="CSV of asn,name")
    communities: PathText | None = Field(default=None, description="CSV of community,name")
    vrps: PathText | None = Field(
        default=None, description="JSON of validated ROA payloads, as RPKI validators export it"
    )
    ix_lans: PathText | None = Field(default=None, description="CSV of prefix,name of exchange LANs")


class MetricsBlock(Block):
    listen: Endpoint | None = Field(
        default=None, description="Where Prometheus finds metrics; a change needs a restart"
    )


class AudienceBlock(Block):
    public: list[str] = Field(default=[], description="For visitors of the pages")
    key: list[str] = Field(default=[], description="For callers with an API key")


def _for_all(value: Any) -> Any:
    """A plain list holds for every audience."""
    return {"public": value, "key": value} if isinstance(value, list) else value


AudienceLists = Annotated[AudienceBlock, BeforeValidator(_for_all, json_schema_input_type=list[str] | AudienceBlock)]


class ConfigFile(Block):
    """The whole file."""

    site: SiteBlock = Field(default_factory=SiteBlock, description="Who runs this looking glass")
    server: ServerBlock = Field(default_factory=ServerBlock, description="The web server")
    storage: PathText = Field(default="sqlite:///netpulse.db", description="Database URL; a change needs a restart")
    coordination: PathText = Field(default="memory://", description="What replicas share; a change needs a restart")
    route_servers: list[RouteServerBlock] = Field(default=[], description="Your own collectors of BGP routes")
    routers: list[RouterBlock] = Field(min_length=1, description="The routers, in the order visitors see")
    limits: LimitsBlock = Field(default_factory=LimitsBlock, description="Who may ask how often")
    targets: TargetsBlock = Field(default_factory=TargetsBlock, description="Exceptions to the rules about targets")
    resolver: ResolverBlock = Field(default_factory=ResolverBlock, description="How names become addresses")
    deadlines: DeadlinesBlock = Field(
        default_factory=DeadlinesBlock, description="Seconds that things outside may take"
    )
    output: OutputBlock = Field(default_factory=OutputBlock, description="How much of a device's output is read")
    hide: AudienceLists = Field(
        default_factory=AudienceBlock,
        description="Fields of answers that are not shown: a list for all, or lists for `public` and `key`",
    )
    redact: AudienceLists = Field(
        default_factory=AudienceBlock,
        description="Regular expressions; what matches in answers is blacked out: a list for all, or as in `hide`",
    )
    retention: RetentionBlock = Field(default_factory=RetentionBlock, description="How long things are kept")
    captcha: CaptchaBlock = Field(default_factory=CaptchaBlock, description="The question that visitors answer")
    branding: BrandingBlock = Field(default_factory=BrandingBlock, description="The look of the pages")
    languages: list[Language] = Field(
        default=["en", "de"], min_length=1, description="Languages of the pages, the first by default"
    )
    data: DataBlock = Field(default_factory=DataBlock, description="Tables that give numbers their meaning")
    metrics: MetricsBlock = Field(default_factory=MetricsBlock, description="Prometheus metrics")
