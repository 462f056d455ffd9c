"""Everything the configuration file decides, as one immutable snapshot with its defaults.

A reload makes a new snapshot; running jobs keep the one they began with. `config` is its only maker outside tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from netpulse.disclosure import EVERYTHING, Disclosure
from netpulse.inventory import Inventory, Site
from netpulse.values import Address, Prefix


@dataclass(frozen=True, slots=True)
class Limits:
    """Who may ask how often, and how much may be under way at once."""

    key_per_minute: int = 60
    visitor_queries: int = 10
    visitor_window_s: int = 300
    target_per_minute: int = 10
    bad_keys_per_minute: int = 20
    streams: int = 2000
    queue_places: int = 10
    queue_wait_s: float = 5.0
    neighbor_states_s: float = 0.0  # between two looks at a router's BGP neighbours; 0: it is never asked


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds that each thing outside may take."""

    dns_s: float = 3.0
    login_s: float = 8.0
    silence_s: float = 10.0
    ping_s: float = 20.0
    traceroute_s: float = 50.0
    bird_s: float = 15.0


@dataclass(frozen=True, slots=True)
class OutputLimits:
    """How much of a device's output is read: bytes and lines of text, bytes of JSON or XML."""

    most_bytes: int = 256 * 1024
    most_lines: int = 2000
    most_structured_bytes: int = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class TargetRules:
    """Targets allowed beyond the rules, and targets refused beyond them."""

    allow: tuple[Prefix, ...] = ()
    deny: tuple[Prefix, ...] = ()


@dataclass(frozen=True, slots=True)
class Resolver:
    """Name servers as `(address, port)`; empty means those of this host. `timeout_s` bounds one whole resolution."""

    servers: tuple[tuple[str, int], ...] = ()
    timeout_s: float = 3.0


@dataclass(frozen=True, slots=True)
class Retention:
    """Days that results and full client addresses are kept."""

    results_days: int = 7
    audit_days: int = 30


@dataclass(frozen=True, slots=True)
class DataFiles:
    """Tables that give numbers their meaning.

    CSV of `asn,name`, of `community,name` and of `prefix,name` (the LANs of exchanges); `vrps` is the JSON that RPKI
    validators export.
    """

    as_names: Path | None = None
    communities: Path | None = None
    vrps: Path | None = None
    ix_lans: Path | None = None


@dataclass(frozen=True, slots=True)
class Captcha:
    """The arithmetic question of the form; one right answer holds for `lasts_s`."""

    enabled: bool = True
    lasts_s: int = 600


MOST_LOGO_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Branding:
    """What the operator changes about the pages: an SVG or PNG file, a colour as `#rrggbb`, a line of text.

    `links` stand at the foot of every page as (text, URL); `terms` is the text of `/terms`, paragraphs by blank lines.
    """

    logo: Path | None = None
    accent: str | None = None
    footer: str | None = None
    links: tuple[tuple[str, str], ...] = ()
    terms: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """One reading of the configuration. `listen` is `(host, port)`; `storage` and `coordination` are URLs.

    With `hosts` no name server is ever asked: what is not in it, in either direction, has no address or no name.
    """

    inventory: Inventory
    site: Site = Site(name="NetPulse Looking Glass", organization="")
    listen: tuple[str, int] = ("127.0.0.1", 8080)
    public_url: str | None = None
    trusted_proxies: tuple[Prefix, ...] = ()
    cors_origins: tuple[str, ...] = ()
    storage: str = "sqlite:///netpulse.db"
    coordination: str = "memory://"
    metrics_listen: tuple[str, int] | None = None
    limits: Limits = field(default_factory=Limits)
    deadlines: Deadlines = field(default_factory=Deadlines)
    output: OutputLimits = field(default_factory=OutputLimits)
    targets: TargetRules = field(default_factory=TargetRules)
    resolver: Resolver = field(default_factory=Resolver)
    retention: Retention = field(default_factory=Retention)
    data: DataFiles = field(default_factory=DataFiles)
    captcha: Captcha = field(default_factory=Captcha)
    branding: Branding = field(default_factory=Branding)
    languages: tuple[str, ...] = ("en", "de")  # the first is the default
    disclosures: Mapping[str, Disclosure] = field(default_factory=dict)  # by audience; none: all is shown
    bgp_cache_s: float = 5.0
    banner: str | None = None  # shown on every page and in text answers, for example while answering from a recording
    hosts: Mapping[str, tuple[Address, ...]] | None = None

    def disclosure(self, audience: str) -> Disclosure:
        """What this audience (`public` or `key`) is not shown."""
        return self.disclosures.get(audience, EVERYTHING)
