"""What a result amounts to, in plain words: one sentence for titles and heads, and notices for what should not be overlooked.

Pure: a result as far as it is known, the places it names, and a language. Nothing is claimed that the result does not say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any, Literal, NamedTuple

from netpulse.errors import CODES
from netpulse.inventory import Connection
from netpulse.queries.traceroute import SILENT_HOPS
from netpulse.records import ms_text
from netpulse.special_purpose import inside
from netpulse.transports.recording import NOT_RECORDED
from netpulse.web.pages.places import Places
from netpulse.web.pages.progress import Progress
from netpulse.web.pages.way_out import left_by
from netpulse.words import Words

Tone = Literal["b", "w", "n"]
"""How a notice is shown: a fault, a warning, or a remark."""

_GO_ELSEWHERE = frozenset(
    {"router_unreachable", "router_identity", "router_login", "router_timeout", "router_closed", "router_busy", "maintenance"}
)
"""Faults that another router need not have."""
_OURS = frozenset({"route_source_down", "audit_unavailable", "internal"})


class Notice(NamedTuple):
    """A line above the result: what it is about, the rest of the sentence, and where to go on.

    `ways` are further places to go to, each as address and label.
    """

    tone: Tone
    strong: str
    text: str
    href: str = ""
    label: str = ""
    ways: tuple[tuple[str, str], ...] = ()


def ms(value: float | None) -> str:
    """Milliseconds; a dash where there is nothing."""
    return "–" if value is None else ms_text(value)


def percent(value: float) -> str:
    """A share without needless decimals."""
    return f"{value:.3g}"


def sentence(words: Words, progress: Progress) -> str:
    """The result in one sentence; how far it is while it runs."""
    if progress.state == "queued":
        return words.t("result.say.queued", place=progress.position or 1)
    if progress.state == "stopped":
        return _stopped(words, progress)
    if progress.everywhere:
        return _of_all(words, progress)
    if progress.state == "failed":
        return fault(words, progress.code or "internal", _asked_name(progress), progress.error)
    if progress.live:
        done, whole = progress.steps
        return words.t("result.say.running") if whole is None else words.t("result.say.step", n=done, whole=whole)
    result = progress.result
    if progress.data.get("unread") or progress.data.get("result") is None:
        return words.t("result.say.unread")
    if progress.kind == "ping" and "sent" in result:
        return _of_ping(words, progress)
    if progress.kind == "traceroute":
        return _of_trace(words, result)
    if progress.kind == "aspath":
        return _of_routes(words, progress)
    return words.t("result.state." + progress.state)


def is_told(progress: Progress) -> bool:
    """Whether the head of the result tells its sentence: where a router's answer was read and nothing beside says the same."""
    if progress.state != "done" or progress.everywhere or progress.data.get("unread"):
        return False
    return progress.kind in ("ping", "traceroute") or (progress.kind == "aspath" and len(_origins(progress)) == 1)


def fault(words: Words, code: str, router: str, fallback: str | None) -> str:
    """What went wrong, in the reader's language; the public sentence where there are no words of ours."""
    if fallback == NOT_RECORDED:
        return words.t("result.fault.not_recorded")
    key = f"result.fault.{code}"
    return words.t(key, router=router) if words.has(key) else fallback or CODES.get(code, (0, code))[1]


def notices(words: Words, progress: Progress, places: Places) -> list[Notice]:
    """All that should not be overlooked, the gravest first."""
    found = [*_faults(words, progress, places)]
    if progress.state in ("done", "partly", "stopped"):
        if progress.kind == "ping" and progress.state == "done":
            found += _ping(words, progress, places)
        elif progress.kind == "traceroute":
            found += _trace(words, progress, places)
        found += _routes(words, progress)
    found += _way(words, progress, places)
    found += _not_whole(words, progress)
    order: dict[Tone, int] = {"b": 0, "w": 1, "n": 2}
    return sorted(found, key=lambda notice: order[notice.tone])


def _faults(words: Words, progress: Progress, places: Places) -> Iterator[Notice]:
    if progress.state == "failed" and progress.code is not None:
        code = progress.code
        text = fault(words, code, _asked_name(progress), progress.error)
        played = progress.error == NOT_RECORDED
        ours = not played and (code in _OURS or (code.startswith("router_") and code != "router_busy"))
        rest = words.t("result.fault.ours", id=progress.id[:8]) if ours else ""
        if played:
            rest = words.t("result.fault.not_recorded.text")
        silence = places.silences.get(_asked_name(progress)) if ours else None
        if silence and silence.at:
            rest += " " + words.t("result.fault.last", time=silence.at, n=silence.minutes)
        if progress.output.strip() and ours:
            rest += " " + words.t("result.fault.words")
        yield Notice("b", text, rest, ways=_ways(progress, places) if code in _GO_ELSEWHERE else ())
    if progress.state == "stopped":
        text = words.t("result.stopped.text") if progress.output or progress.answered else ""
        yield Notice("n", _stopped(words, progress) + ".", text)
    for row in progress.silent:
        link = progress.question.link(row["slug"]) if progress.question else ""
        text = fault(words, row.get("code") or "internal", row["slug"], row.get("error"))
        yield Notice("n", text, "", link, words.t("result.retry", router=row["slug"]))


def _ways(progress: Progress, places: Places) -> tuple[tuple[str, str], ...]:
    """The same question to the nearest routers that work."""
    question = progress.question
    near = places.nearest(_asked_name(progress)) if question else []
    return tuple((question.link(r.slug), f"{r.slug} · {r.location}") for r in near) if question else ()


def _ping(words: Words, progress: Progress, places: Places) -> Iterator[Notice]:
    result = progress.result
    sent, received = result.get("sent"), result.get("received", 0)
    if sent is None:
        return
    connection = places.chosen(progress.question)
    if progress.unsent:
        yield _unsent(words, connection)
    elif received == 0:
        if lan := _in_lan(words, progress, connection):
            yield lan
            return
        text = words.t("result.ping.nothing.text")
        if connection is not None and connection.type == "IX" and _left_by_it(progress):
            text += " " + words.t("result.ping.ix", name=connection.name)
        yield Notice("w", words.t("result.ping.nothing"), text)
    elif received < sent:
        yield Notice("w", words.t("result.ping.loss", n=sent - received, sent=sent), words.t("result.ping.loss.text"))


def _trace(words: Words, progress: Progress, places: Places) -> Iterator[Notice]:
    result = progress.result
    connection = places.chosen(progress.question)
    last = _last_answering(result)
    if progress.unsent:
        yield _unsent(words, connection)
    elif result.get("stopped") == "silent_tail":
        text = words.t("result.trace.tail.after", hop=last) if last else words.t("result.trace.tail.never")
        yield Notice("w", words.t("result.trace.tail", n=_silent(result)), text)
        if lan := _in_lan(words, progress, connection):
            yield lan
    elif result.get("stopped") == "deadline":
        yield Notice("w", words.t("result.trace.late"), words.t("result.trace.late.text"))


def _unsent(words: Words, connection: Connection | None) -> Notice:
    """The router itself knows no way; an exchange leads to few places, so there that is nothing unusual."""
    text = words.t("result.ping.unsent.text")
    if connection is not None and connection.type == "IX":
        text += " " + words.t("result.ping.unsent.ix", name=connection.name)
    return Notice("w", words.t("result.ping.unsent") + ".", text)


def _left_by_it(progress: Progress) -> bool:
    """Whether packets left by the connection that was chosen, as far as anybody knows."""
    return (progress.data.get("egress") or {}).get("verdict") in ("enforced", "same")


def _routes(words: Words, progress: Progress) -> Iterator[Notice]:
    if progress.kind != "aspath":
        return
    for prefix, origins in _disputed(progress).items():
        listed = _and(words, [f"AS{asn}" for asn in origins])
        text = words.t("result.origin.second.text", origins=listed, prefix=prefix)
        yield Notice("b", words.t("result.origin.second"), text)
    if progress.everywhere:
        for row in progress.answered:
            if row.get("ok") and _is_none(row):
                yield Notice("n", row["slug"], _no_route(words, row))
    elif progress.state != "stopped" and _is_none(progress.data):
        yield Notice(
            "n",
            _none(words, progress) + ".",
            _no_route(words, progress.data),
        )


def _is_none(data: Mapping[str, Any]) -> bool:
    """Whether this answer was read, and says that there is no route; what was not read or was cut may have had some."""
    result = data.get("result")
    return result is not None and not result.get("routes") and not data.get("unread") and not data.get("truncated")


def _not_whole(words: Words, progress: Progress) -> Iterator[Notice]:
    """What was printed and is not there, or not as values: of the one answer, or of each router's."""
    if not progress.everywhere:
        if told := _left_out(words, progress.data, read=progress.state in ("done", "partly")):
            yield Notice("w", *told)
        return
    for row in progress.answered:
        if row.get("ok") and (told := _left_out(words, row, read=True)):
            yield Notice("w", row["slug"], " ".join(told))


def _left_out(words: Words, data: Mapping[str, Any], *, read: bool) -> tuple[str, str] | None:
    """A sentence and the rest of it; `read` says whether it was tried to read what was printed."""
    unread = bool(data.get("unread")) and read
    if data.get("truncated"):
        return words.t("result.cut"), words.t("result.cut.unread" if unread else "result.cut.text")
    return (words.t("result.unread"), words.t("result.unread.text")) if unread else None


def _none(words: Words, progress: Progress) -> str:
    target, router = progress.data.get("target") or "", progress.question.router if progress.question else None
    if router is None:
        return words.t("result.route.none", target=target)
    return words.t("result.route.none.on", target=target, router=router)


def _no_route(words: Words, data: Mapping[str, Any]) -> str:
    if data.get("covering"):
        return words.t("result.route.covering", covering=data["covering"])
    return words.t("result.route.none.text")


def _way(words: Words, progress: Progress, places: Places) -> Iterator[Notice]:
    """Whether packets really left by the connection that was asked for."""
    egress = progress.data.get("egress")
    connection = places.chosen(progress.question)
    if not egress or egress["verdict"] != "differs" or connection is None or progress.question is None:
        return
    out, steered = left_by(progress, places), egress["mode"] != "source"
    if steered or out is None:
        key = "result.way.steered" if steered else "result.way.unsteered"
        text = words.t(key + ".by", out=out.name) if out else words.t(key)
        yield Notice("w", words.t("result.way.other", name=connection.name), text)
        return
    text = words.t("result.way.chosen", back=connection.name, router=progress.question.router)
    result = progress.result
    unanswered = result.get("received") == 0 or (result.get("stopped") == "silent_tail" and not result.get("reached"))
    if unanswered:
        text += " " + words.t("result.way.dropped", out=out.name)
    yield Notice("w", words.t("result.way", out=out.name, back=connection.name), text)


def _in_lan(words: Words, progress: Progress, connection: Connection | None) -> Notice | None:
    """What it means that the source is an address of an exchange's LAN; None where it is none."""
    source = progress.data.get("source_ip")
    lans = [lan for lan in (connection.lan_ipv4, connection.lan_ipv6) if lan is not None] if connection else []
    if connection is None or source is None or not inside(ip_address(source), tuple(lans)):
        return None
    return Notice("w", words.t("result.ping.lan", name=connection.name), words.t("result.ping.lan.text"))


def _stopped(words: Words, progress: Progress) -> str:
    """How far it had come, and no more: what a whole answer would have said is not known."""
    done, whole = progress.steps
    if progress.everywhere:
        return words.t("result.stopped.all", n=done - len(progress.silent), whole=whole)
    if progress.kind not in ("ping", "traceroute"):
        return words.t("result.stopped.other")
    if not done:
        return words.t("result.stopped.first")
    return words.t(f"result.stopped.{progress.kind}", n=done, whole=whole)


def _of_ping(words: Words, progress: Progress) -> str:
    if progress.unsent:
        return words.t("result.ping.unsent")
    result = progress.result
    known = {"sent": result["sent"], "received": result["received"], "loss": percent(result["loss_pct"])}
    if result["rtt_avg_ms"] is None:
        return words.t("result.say.ping.none", n=result["sent"], **known)
    return words.t("result.say.ping", n=result["sent"], average=ms(result["rtt_avg_ms"]), **known)


def _of_trace(words: Words, result: Mapping[str, Any]) -> str:
    n = len(result["hops"])
    if result["reached"]:
        return words.t("result.say.reached", n=n)
    if result.get("stopped") == "silent_tail":
        return words.t("result.say.tail", n=n, silent=_silent(result))
    return words.t("result.say.unreached", n=n)


def _of_routes(words: Words, progress: Progress) -> str:
    routes = progress.result.get("routes") or ()
    if not routes:
        return _none(words, progress) if _is_none(progress.data) else words.t("result.say.unread")
    origins = next(iter(_disputed(progress).values()), [])
    if origins:
        return words.t("result.say.origins", n=len(routes), origins=_and(words, [f"AS{asn}" for asn in origins]))
    best = next((route for route in routes if route.get("best")), None)
    if best is None or not best.get("as_path_text"):
        return words.t("result.say.routes", n=len(routes))
    return words.t("result.say.best", n=len(routes), path=best["as_path_text"])


def _of_all(words: Words, progress: Progress) -> str:
    done, whole = progress.steps
    ok = done - len(progress.silent)
    text = words.t("result.say.answered", n=ok, whole=whole or done)
    origins = _origins(progress)
    if origins and not progress.live:
        text += " " + words.t("result.say.origin", n=len(origins), origins=_and(words, [f"AS{asn}" for asn in origins]))
    return text


def routes_in(progress: Progress) -> list[Mapping[str, Any]]:
    """The routes of all routers that answered, in their order."""
    results = [row.get("result") or {} for row in progress.answered] if progress.everywhere else [progress.result]
    return [route for result in results for route in result.get("routes") or ()]


def _origins(progress: Progress) -> list[int]:
    """Every AS that originates a route here, in numeric order."""
    return sorted({route["origin_asn"] for route in routes_in(progress) if route.get("origin_asn") is not None})


def _disputed(progress: Progress) -> dict[str, list[int]]:
    """The prefixes that more than one AS originates, each with those ASes."""
    by_prefix: dict[str, set[int]] = {}
    for route in routes_in(progress):
        if route.get("origin_asn") is not None:
            by_prefix.setdefault(route["prefix"], set()).add(route["origin_asn"])
    return {prefix: sorted(origins) for prefix, origins in by_prefix.items() if len(origins) > 1}


def _last_answering(result: Mapping[str, Any]) -> int | None:
    answering = [hop["hop"] for hop in result["hops"] if any(probe["address"] for probe in hop["probes"])]
    return max(answering, default=None)


def _silent(result: Mapping[str, Any]) -> int:
    """How many hops at the end are silent: at least as many as end a trace, more where a router probes several at once."""
    last = _last_answering(result)
    return max(SILENT_HOPS, max((hop["hop"] for hop in result["hops"]), default=0) - (last or 0))


def _asked_name(progress: Progress) -> str:
    question = progress.question
    return (question.router if question else None) or progress.data.get("router") or ""


def _and(words: Words, texts: list[str]) -> str:
    if len(texts) < 2:
        return "".join(texts)
    return words.t("result.and", first=", ".join(texts[:-1]), last=texts[-1])
