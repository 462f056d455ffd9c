"""Answers that are told while they happen: a run's events as server-sent events.

The run does not wait for its readers: its log is in memory and bounded, a reader that is slow only falls behind, and one
that takes nothing for a while is cut off by `protocol`.
"""

from __future__ import annotations

import asyncio

from netpulse.runs import Run, RunEvent
from netpulse.web.access import facts_of
from netpulse.web.exchange import EVENTS, Exchange
from netpulse.web.waiting import Gone, unless_gone

HEARTBEAT_S = 15.0
_FIRST_EVENT_S = 5.0
_HEADERS = ((b"x-accel-buffering", b"no"),)
_MOST_AT_ONCE = 64 * 1024


async def tell(exchange: Exchange, run: Run, after: int = 0) -> None:
    """Send the run's events numbered above `after` until the last one, holding its lease as long as the client stays.

    If a new run has failed before anything else happened, its error is raised instead: then the answer is that error.
    """
    with run.held():
        if after == 0 and (refusal := await _refusal(run)) is not None:
            raise refusal
        headers = ((b"x-result-id", run.id.encode()), *_HEADERS)
        facts_of(exchange.scope).status = 200
        await exchange.begin(200, EVENTS, headers)
        try:
            await unless_gone(exchange.receive, _send(exchange, run, after))
        except Gone:
            return


async def _refusal(run: Run) -> Exception | None:
    """The run's error if that is its first event."""
    try:
        async with asyncio.timeout(_FIRST_EVENT_S):
            async for event in run.follow():
                return run.error if event.name == "failed" else None
    except TimeoutError:
        return None
    return None


async def _send(exchange: Exchange, run: Run, after: int) -> None:
    seen = after
    events = run.follow(seen)
    more = True
    while more:
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                event = await anext(events)
        except TimeoutError:
            events = run.follow(seen)
            await exchange.send({"type": "http.response.body", "body": b": still here\n\n", "more_body": True})
            continue
        except StopAsyncIteration:
            break
        pieces = [written(run, event)]
        size = len(pieces[0])
        seen = event.n
        # What has gathered meanwhile goes out in one write.
        while seen < len(run.events) and size < _MOST_AT_ONCE:
            event = await anext(events)
            pieces.append(written(run, event))
            size += len(pieces[-1])
            seen = event.n
        more = event.name not in ("finished", "failed")
        await exchange.send({"type": "http.response.body", "body": b"".join(pieces), "more_body": more})
    if more:
        await exchange.send({"type": "http.response.body", "body": b""})


def written(run: Run, event: RunEvent) -> bytes:
    """One event as it goes over the wire; its JSON is one line."""
    return b"id: %s.%d\nevent: %s\ndata: %s\n\n" % (run.id.encode(), event.n, event.name.encode(), event.body)
