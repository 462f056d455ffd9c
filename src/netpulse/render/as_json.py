"""The public JSON of everything, version 1: the order of fields is part of it, and it only ever gains fields."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from netpulse.cells import QueryType
from netpulse.errors import NetPulseError
from netpulse.events import Answer
from netpulse.inventory import Connection, Router, RouteSource
from netpulse.query import Job
from netpulse.records import Egress, Record
from netpulse.values import Target, canonical

_LIFTED = frozenset({"prefix", "covering"})
"""Fields of a result that stand beside it in `data`, not inside."""

encode = msgspec.json.encode


def time_text(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds and Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def result_object(result: Record | None) -> dict[str, Any] | None:
    """The `result` object: every field in order, but those that stand beside it."""
    if result is None:
        return None
    return {name: getattr(result, name) for name in result.__struct_fields__ if name not in _LIFTED}


def source_object(job: Job) -> dict[str, str | None]:
    """Who answered a BGP question: `name`, and `router` or `route_server`."""
    source: RouteSource | None = job.route_source
    if source is None or source.route_server is None or source.device.own_routes:
        return {"name": job.router.name, "router": job.router.slug, "route_server": None}
    return {"name": source.route_server, "router": None, "route_server": source.route_server}


def target_text(target: Target | None) -> str | None:
    return None if target is None else canonical(target)


def answer_data(
    kind: QueryType,
    job: Job,
    answer: Answer | None,
    *,
    run_id: str,
    url: str,
    egress: Egress | None,
    cached: bool = False,
    age_s: float = 0.0,
) -> dict[str, Any]:
    """`data` of one job's answer, or as much of it as there is while it runs (`answer` None)."""
    head: dict[str, Any] = {"target": target_text(job.query.target), "router": job.router.name}
    output = answer.output if answer else None
    duration_ms = answer.duration_ms if answer else None
    result = answer.result if answer else None
    times: dict[str, Any] = {
        "started_at": time_text(answer.started_at) if answer else None,
        "id": run_id,
        "url": url,
    }
    tail: dict[str, Any] = {
        "truncated": answer.truncated if answer else False,
        "unread": answer.unread if answer else None,
    }
    if kind.sourced:
        connection: Connection | None = job.connection
        return {
            **head,
            "connection": connection.name if connection else None,
            "source_ip": str(job.ask.source) if job.ask.source is not None else None,
            "command": job.command,
            "output": output,
            "duration_ms": duration_ms,
            "address": str(job.ask.target) if job.ask.target is not None else None,
            "egress": egress,
            "result": result_object(result),
            "queued_ms": answer.queued_ms if answer else None,
            **times,
            **tail,
            **{flag: bool(job.query.options.get(flag)) for flag in kind.flags},
        }
    return {
        **head,
        "prefix": getattr(result, "prefix", None),
        "command": job.command,
        "output": output,
        "duration_ms": duration_ms,
        "source": source_object(job),
        "result": result_object(result),
        "cached": cached,
        "age_s": round(age_s),
        **times,
        "covering": getattr(result, "covering", None),
        **tail,
    }


def row_data(router: Router, answered: dict[str, Any] | None, error: NetPulseError | None) -> dict[str, Any]:
    """One router's row of an answer about all routers."""
    head = {"slug": router.slug, "name": router.name, "ok": error is None}
    if error is not None:
        return {**head, "error": error.sentence, "code": error.code}
    return {**head, **(answered or {})}


def error_object(error: NetPulseError) -> dict[str, Any]:
    return {"error": error.sentence, "code": error.code}
