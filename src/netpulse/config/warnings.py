"""What the author of a valid file should know before visitors find out."""

from __future__ import annotations

from collections.abc import Iterator

from netpulse.config.faults import ConfigFault, Place
from netpulse.config.models import ConfigFile
from netpulse.config.positions import Document
from netpulse.render.shades import by_day
from netpulse.values import Prefix
from netpulse.words import WRITTEN, known


def warnings_of(file: ConfigFile, document: Document) -> Iterator[ConfigFault]:
    """Each warning with its position.

    A source address inside the LAN of an exchange is one: that LAN is not announced, so nobody beyond its members can
    answer. A device without a pinned host key is another: it is never logged in to. So are a route server that no router's
    `routes` name, a language that nobody wrote, and a colour that is too faint to read by day.
    """
    asked = {source.from_ for router in file.routers for source in router.routes}
    for i, server in enumerate(file.route_servers):
        if server.name not in asked:
            text = f"is asked about no router; add `routes: [{{from: {server.name}, ...}}]` to one"
            yield document.fault(("route_servers", i, "name"), text)
    for i, language in enumerate(file.languages):
        if not known(language):
            text = f"the pages have no words of {language}, so it is not offered; there are {', '.join(WRITTEN)}"
            yield document.fault(("languages", i), text)
    accent = file.branding.accent
    if accent and (darker := by_day(accent).colour) != accent:
        text = f"{accent} is too faint to read on white, so light pages show {darker}; name a darker colour to choose it yourself"
        yield document.fault(("branding", "accent"), text)
    devices = (("routers", [r.ssh for r in file.routers]), ("route_servers", [s.ssh for s in file.route_servers]))
    for kind, logins in devices:
        for i, ssh in enumerate(logins):
            if ssh is not None and not ssh.host_keys:
                text = "no host key is pinned, so nothing is sent to it; `netpulse check` prints the key to paste"
                yield document.fault((kind, i, "ssh", "host_keys"), text, of_key=True)
    lans: list[tuple[Prefix, str]] = [
        (lan, connection.name)
        for router in file.routers
        for connection in router.connections
        for lan in (connection.lan_ipv4, connection.lan_ipv6)
        if lan is not None
    ]
    for i, router in enumerate(file.routers):
        for j, connection in enumerate(router.connections):
            for name in ("source_ipv4", "source_ipv6"):
                source = getattr(connection, name)
                inside = next((found for found in lans if source is not None and source in found[0]), None)
                if inside:
                    place: Place = ("routers", i, "connections", j, name)
                    lan, exchange = inside
                    text = f"{source} is inside the LAN {lan} of {exchange}; nobody beyond the LAN can answer it"
                    yield document.fault(place, text)
