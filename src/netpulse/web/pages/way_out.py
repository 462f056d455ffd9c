"""By which connection the packets of a result left, in a few words beside its source; nobody knowing is told as well.

The note of the public answer is a sentence in English; here the same facts are told in the reader's language.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any

from netpulse.enrich.egress import seen_at
from netpulse.inventory import Connection
from netpulse.web.pages.places import Places
from netpulse.web.pages.progress import Progress
from netpulse.words import Words


def way_out(words: Words, progress: Progress, places: Places) -> list[tuple[str, bool]]:
    """The way out in pieces, each with whether it is a name; nothing where no verdict is known (yet), or nothing left."""
    return list(_told(words, progress, places))


def _told(words: Words, progress: Progress, places: Places) -> Iterator[tuple[str, bool]]:
    egress = progress.data.get("egress")
    asked = places.chosen(progress.question)
    if not egress or asked is None or progress.unsent:
        return iter(())
    verdict, seen = egress["verdict"], seen_by(progress, places)
    if verdict == "unknown":
        return words.parts("result.out.unknown")
    if verdict == "differs":
        out = left_by(progress, places)
        if out is None:
            return words.parts("result.out.another", asked=asked.name)
        return words.parts("result.out.differs", out=out.name, asked=asked.name)
    if seen is not None and (seen.id == asked.id or asked.id == 0):
        return words.parts("result.out.seen", out=seen.name)
    if verdict == "enforced":
        return words.parts(f"result.out.{egress['mode']}", out=asked.name)
    out = asked if asked.id else _expected(progress, places)
    return words.parts("result.out.best", out=out.name) if out else words.parts("result.out.own")


def left_by(progress: Progress, places: Places) -> Connection | None:
    """The connection by which the packets left instead of the chosen one; None where it is not known or not to be named."""
    asked, seen = places.chosen(progress.question), seen_by(progress, places)
    out = seen
    if _first_seen(progress, places) is None and (progress.data.get("egress") or {}).get("mode") == "source":
        out = _expected(progress, places)
    return None if out is None or asked is None or out.id == asked.id else out


def seen_by(progress: Progress, places: Places) -> Connection | None:
    """The connection that the first hop of this trace belongs to, if the reader may know of it."""
    seen = _first_seen(progress, places)
    return places.connection(_slug(progress), seen.id) if seen else None


def _first_seen(progress: Progress, places: Places) -> Connection | None:
    router, hops = places.router(_slug(progress)), progress.result.get("hops") or ()
    if router is None or not hops or hops[0]["hop"] != 1:
        return None
    address = next((probe["address"] for probe in hops[0]["probes"] if _answered(probe)), None)
    return seen_at(ip_address(address), router) if address else None


def _answered(probe: Mapping[str, Any]) -> bool:
    """A router that only complains (`!H`) is not where packets went, as in the verdict itself."""
    return bool(probe["address"]) and not (probe.get("note") or "").startswith("!")


def _expected(progress: Progress, places: Places) -> Connection | None:
    return places.connection(_slug(progress), (progress.data.get("egress") or {}).get("expected_connection"))


def _slug(progress: Progress) -> str | None:
    return progress.question.router if progress.question else None
