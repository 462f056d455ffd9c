"""The figures of a result as its templates show them: statistics of a ping, the sum of many paths, raw text with its command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import fmean, median
from typing import Any, NamedTuple

from netpulse.web.pages.progress import Progress
from netpulse.web.pages.verdict import Places, ms, percent, routes_in
from netpulse.words import Words

PARTS = {"ping": "parts/ping.html", "traceroute": "parts/traceroute.html", "aspath": "parts/aspath.html"}
"""The questions with a picture of their own; every other is shown in its one line and the router's words."""

_STARTS = (64, 128, 255)


class Figure(NamedTuple):
    """A number with its label and its unit."""

    label: str
    value: str
    small: str = ""


class Raw(NamedTuple):
    """What one router printed, below who it is and what it was told."""

    prompt: str
    output: str


def panel_of(progress: Progress) -> str:
    """The template of this kind of result."""
    return PARTS.get(progress.kind, "parts/other.html")


def ping_figures(words: Words, progress: Progress) -> list[Figure]:
    """Eight figures; while it runs they cover the probes so far."""
    result = progress.result
    times = [echo["rtt_ms"] for echo in result["echoes"] if echo["rtt_ms"] is not None]
    received = result.get("received", len(result["echoes"]))
    sent = result.get("sent", max(progress.steps[0], received))
    loss = result.get("loss_pct", 100 * (sent - received) / sent if sent else 0.0)
    steps = [abs(later - earlier) for earlier, later in pairwise(times)]
    ttl = next((echo["ttl"] for echo in result["echoes"] if echo["ttl"] is not None), None)
    hops = next((start - ttl for start in _STARTS if ttl is not None and ttl <= start), None)

    def time(label: str, value: float | None) -> Figure:
        return Figure(words.t("result.stat." + label), ms(value), "ms" if value is not None else "")

    return [
        Figure(
            words.t("result.stat.loss"),
            percent(loss) if sent else "–",
            words.t("result.stat.loss.of", lost=sent - received, sent=sent) if sent else "",
        ),
        time("median", median(times) if times else None),
        time("average", result.get("rtt_avg_ms") or (fmean(times) if times else None)),
        time("min", result.get("rtt_min_ms") or min(times, default=None)),
        time("max", result.get("rtt_max_ms") or max(times, default=None)),
        time("stddev", result.get("rtt_stddev_ms")),
        time("jitter", fmean(steps) if steps else None),
        Figure(
            words.t("result.stat.ttl"),
            "–" if ttl is None else str(ttl),
            "" if hops is None else words.t("result.stat.hops", n=hops),
        ),
    ]


def path_figures(words: Words, progress: Progress, places: Places) -> list[Figure]:
    """How many paths there are, by which connections the best ones leave, how long they are, and who originates them."""
    routes = routes_in(progress)
    best = [route for route in routes if route.get("best")]
    if not routes:
        return []
    lengths = sorted(len(dict.fromkeys(map(str, route["as_path"] or ()))) for route in routes)
    span = f"{lengths[0]} – {lengths[-1]}" if lengths[0] != lengths[-1] else str(lengths[0])
    return [
        Figure(words.t("result.sum.best"), str(len(best)), words.t("result.sum.best.of", n=len(routes))),
        Figure(words.t("result.sum.out"), ", ".join(_ways_out(progress, places)) or "–"),
        Figure(words.t("result.sum.length"), span, words.t("result.sum.length.unit")),
        _rpki(words, routes),
    ]


def _ways_out(progress: Progress, places: Places) -> list[str]:
    """The connections that the routers chose, each once, in the order of the routers."""
    found: dict[str, None] = {}
    for slug, routes in routes_by_router(progress):
        for route in routes:
            if route.get("best"):
                connection = places.connection(slug, route["learned_from"]["connection_id"])
                name = connection.name if connection else route["learned_from"].get("name")
                if name:
                    found[name] = None
    return list(found)


def routes_by_router(progress: Progress) -> list[tuple[str, Sequence[Mapping[str, Any]]]]:
    """The routes of each router that answered, under its slug."""
    if progress.everywhere:
        return [
            (row["slug"], (row.get("result") or {}).get("routes") or ()) for row in progress.answered if row.get("ok")
        ]
    slug = progress.question.router if progress.question else None
    return [(slug or "", progress.result.get("routes") or ())]


def _rpki(words: Words, routes: Sequence[Mapping[str, Any]]) -> Figure:
    label = words.t("result.sum.rpki")
    counts = {
        state: sum(route["rpki"]["state"] == state for route in routes) for state in ("valid", "invalid", "not_found")
    }
    said = [words.t(f"result.sum.rpki.{state}", n=count) for state, count in counts.items() if count]
    return Figure(label, said[0], " · ".join(said[1:])) if said else Figure(label, words.t("result.sum.rpki.none"))


def raw_of(progress: Progress) -> list[Raw]:
    """What the routers printed, each with the command that it answers."""
    if progress.everywhere:
        return [
            Raw(_prompt(row["slug"], row), row.get("output") or "") for row in progress.answered if row.get("command")
        ]
    slug = progress.question.router if progress.question else None
    return [Raw(_prompt(slug or "", progress.data), progress.output)]


def _prompt(slug: str, data: Mapping[str, Any]) -> str:
    """As on the device that was really asked: a route server for many BGP questions."""
    server = (data.get("source") or {}).get("route_server")
    return f"{server or slug}> {data['command']}" if data.get("command") else ""
