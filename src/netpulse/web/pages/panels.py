"""The figures of a result as its templates show them: statistics of a ping, the sum of many paths, raw text with its command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise
from statistics import fmean, median
from typing import Any, NamedTuple

from netpulse.render.chart import Chart, ping_charts
from netpulse.render.graph import Graph, Path, graph_of
from netpulse.render.timebar import TimeBar, time_bar
from netpulse.web.pages.places import Places
from netpulse.web.pages.progress import Progress
from netpulse.web.pages.verdict import ms, percent, routes_in
from netpulse.web.pages.why import Why, rpki_reason, why_not
from netpulse.words import Words

PARTS = {"ping": "parts/ping.html", "traceroute": "parts/traceroute.html", "aspath": "parts/aspath.html"}
"""The questions with a picture of their own; every other is shown in its one line and the router's words."""

_STARTS = (64, 128, 255)
_MOST_PROBES = 100
"""Columns of a chart, whatever number of probes a router says that it sent."""

_MOST_ROWS, _FEWEST_ROWS = 200, 8
"""Paths in the table, shared by the routers that answered, and how many each may have at least."""


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
    sent = 0 if progress.unsent else result.get("sent", max(progress.steps[0], received))
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


def ping_picture(progress: Progress) -> tuple[Chart, ...]:
    """The chart of the probes so far: those that were passed over got no answer."""
    times = {echo["seq"]: echo["rtt_ms"] for echo in progress.result["echoes"]}
    first = progress.first_probe
    through, expected = progress.steps
    count = 0 if progress.unsent else max(progress.result.get("sent") or 0, through)
    probes = [(seq, times.get(seq)) for seq in range(first, first + min(count, _MOST_PROBES))]
    return ping_charts(probes, expected or count, progress.result.get("rtt_avg_ms"))


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


def trace_picture(progress: Progress) -> TimeBar:
    """Every hop so far, and what each of them adds."""
    return time_bar(progress.result.get("hops") or ())


class PathStep(NamedTuple):
    """An AS of a path, or a set of them, and how many times in a row it stands there."""

    text: str
    times: int


class PathRow(NamedTuple):
    """A route as a line: whose it is, which connection it was learned on, and its path in steps."""

    number: int
    router: str
    first: bool
    route: Mapping[str, Any]
    kind: str | None
    learned: str | None
    steps: Sequence[PathStep]
    communities: Sequence[Mapping[str, Any]]
    age: str
    why: Why
    rpki_reason: str


def path_rows(words: Words, progress: Progress, places: Places, *, med_hidden: bool = False) -> list[PathRow]:
    """The routes of every router, each router's best first; of very many the last of each router are left out."""
    rows: list[PathRow] = []
    answered = routes_by_router(progress)
    most = max(_FEWEST_ROWS, _MOST_ROWS // max(1, len(answered)))
    for slug, routes in answered:
        for place, route in enumerate(sorted(routes, key=lambda route: not route.get("best"))[:most]):
            learned = route["learned_from"]
            connection = places.connection(slug, learned["connection_id"])
            every = [*route["communities"], *route["large_communities"], *route["ext_communities"]]
            rows.append(
                PathRow(
                    number=len(rows),
                    router=slug,
                    first=place == 0,
                    route=route,
                    kind=connection.type if connection else None,
                    learned=connection.name if connection else learned["name"],
                    steps=_steps(route["as_path"] or ()),
                    communities=every,
                    age=_age(words, route["age_s"]),
                    why=why_not(route, routes, med_hidden=med_hidden),
                    rpki_reason=rpki_reason(words, (route.get("rpki") or {}).get("reason")),
                )
            )
    return rows


class Matched(NamedTuple):
    """What the question led to: the prefixes of the routes and the networks that originate them, each with its name."""

    prefixes: tuple[str, ...] = ()
    origins: tuple[tuple[int, str], ...] = ()


def matched(rows: Sequence[PathRow], node_names: Mapping[str, str]) -> Matched:
    """The prefixes and origins of these routes, those of the routers' choices first."""
    routes = sorted((row.route for row in rows), key=lambda route: not route.get("best"))
    origins = dict.fromkeys(route["origin_asn"] for route in routes if route.get("origin_asn") is not None)
    return Matched(
        tuple(dict.fromkeys(route["prefix"] for route in routes)),
        tuple((asn, node_names.get(str(asn), "")) for asn in origins),
    )


def path_graph(rows: Sequence[PathRow], names: Mapping[str, str]) -> Graph:
    """The graph of these lines of the table, under the same numbers. `names` are what routers and networks are called."""
    return graph_of(
        [
            Path(
                row.number,
                row.router,
                row.kind,
                tuple((s.text, s.times) for s in row.steps),
                bool(row.route.get("best")),
                row.learned,
                (row.route.get("rpki") or {}).get("state") == "valid",
            )
            for row in rows
        ],
        names,
    )


def _steps(path: Sequence[Any]) -> list[PathStep]:
    texts = [str(each) if isinstance(each, int) else _set_text(each) for each in path]
    return [PathStep(text, len(list(same))) for text, same in groupby(texts)]


def _set_text(element: Mapping[str, Sequence[int]]) -> str:
    """A set or a confederation in the brackets that routers print it in."""
    ((kind, numbers),) = element.items()
    brackets = {"confed": "()", "confed_set": "[]"}.get(kind, "{}")
    return brackets[0] + " ".join(map(str, numbers)) + brackets[1]


def _age(words: Words, seconds: int | None) -> str:
    if seconds is None:
        return "–"
    minutes, hours = seconds // 60, seconds // 3600
    if minutes < 60:
        return words.t("result.age.minutes", minutes=minutes, seconds=f"{seconds % 60:02d}")
    if hours < 48:
        return words.t("result.age.hours", hours=hours, minutes=f"{minutes % 60:02d}")
    return words.t("result.age.days", days=hours // 24, hours=f"{hours % 24:02d}")
