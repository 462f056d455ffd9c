"""The growth of a result's page while it is open: server-sent events that carry parts of it, rendered as the page has them.

    state   the chip and the line below the title
    panel   the figures, tables and pictures, ten times a second at most, and at least every 5 s when there is news
    raw     lines of the router's output, to be added below those that are there
    say     a sentence for those who do not see the page
    whole   the whole result, at the end

An id is the run's own, `<run id>.<n>`, and comes with the last event of a batch, so a page that reconnects with it misses
and repeats nothing. The run does not wait for its page; a slow page gets the next picture later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from markupsafe import escape
from starlette.responses import Response

from netpulse.runs import Run
from netpulse.web.exchange import EVENTS, Receive, Scope, Send
from netpulse.web.pages.panels import panel_of
from netpulse.web.pages.progress import Progress
from netpulse.web.pages.verdict import sentence
from netpulse.web.stream import HEARTBEAT_S
from netpulse.web.waiting import Gone, unless_gone
from netpulse.words import Words

RECONNECT_MS = 2000
_PACE_S, _SLOWEST_S = 0.1, 5.0
_SPOKEN_EVERY = 5


class Live(Response):
    """The stream. `part` renders a template with the progress as it is, or only what grows of it.

    `seat` and the run's lease are held while it is open, and it is one of the `crowd` of pages that grow.
    """

    def __init__(
        self,
        run: Run,
        progress: Progress,
        after: int,
        part: Callable[[str, bool], str],
        words: Words,
        seat: AbstractContextManager[None],
        crowd: set[object],
    ) -> None:
        super().__init__()
        self._run = run
        self._progress = progress
        self._after = after
        self._part = part
        self._words = words
        self._seat = seat
        self._crowd = crowd
        self._sent: dict[str, str] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._seat, self._run.held(), self._among():
            headers = [(b"content-type", EVENTS), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            try:
                await unless_gone(receive, self._tell(send))
            except Gone:
                return

    @contextmanager
    def _among(self) -> Iterator[None]:
        self._crowd.add(self)
        try:
            yield
        finally:
            self._crowd.discard(self)

    async def _tell(self, send: Send) -> None:
        run, progress, loop = self._run, self._progress, asyncio.get_running_loop()
        progress.take(run.events[: self._after])
        # What the page shows already is not sent again.
        self._sent = {"state": self._state(), "say": self._spoken()}
        await _write(send, f"retry: {RECONNECT_MS}\n\n")
        next_s = 0.0
        while True:
            if not run.done and len(run.events) <= progress.seen and not await self._grown():
                await _write(send, ": still here\n\n")
                continue
            # The end of the run is told at once, whatever the pause.
            with suppress(TimeoutError):
                async with asyncio.timeout_at(next_s):
                    await run.over()
            began_s = loop.time()
            lines = progress.take(run.events[progress.seen :])
            if not progress.live:
                await _write(send, _event("whole", self._part("parts/result.html", False), self._id()), more=False)
                return
            batch = "".join(self._batch(lines))
            # Together they spend half of the time on pictures, however many they are, as long as each is fresh enough.
            share_s = 2 * len(self._crowd) * (loop.time() - began_s)
            next_s = began_s + min(_SLOWEST_S, max(_PACE_S, share_s))
            await _write(send, batch)

    async def _grown(self) -> bool:
        """Whether something happened before the next sign of life is due."""
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                async for _ in self._run.follow(self._progress.seen):
                    return True
        except TimeoutError:
            return False
        return True

    def _batch(self, lines: list[str]) -> Iterator[str]:
        """What changed, the raw lines last: they are the one thing that must not come twice."""
        for name, content in (("state", self._state()), ("say", self._spoken())):
            if self._sent.get(name) != content:
                self._sent[name] = content
                yield _event(name, content)
        yield _event("panel", self._part(panel_of(self._progress), True), None if lines else self._id())
        if lines:
            yield _event("raw", str(escape("".join(f"{line}\n" for line in lines))), self._id())

    def _state(self) -> str:
        return self._part("parts/state.html", True)

    def _spoken(self) -> str:
        """Said when the state changes and at every fifth step, not at every line."""
        done, _ = self._progress.steps
        if self._progress.state == "running" and not self._progress.everywhere and done % _SPOKEN_EVERY:
            return self._sent.get("say", "")
        return str(escape(sentence(self._words, self._progress)))

    def _id(self) -> str:
        return f"{self._run.id}.{self._progress.seen}"


def _event(name: str, content: str, event_id: str | None = None) -> str:
    """One event; every line of the content gets its own field, so nothing in it can end the event."""
    fields = [f"event: {name}"]
    if event_id is not None:
        fields.insert(0, f"id: {event_id}")
    plain = content.replace("\r\n", "\n").replace("\r", "\n")
    fields += [f"data: {line}" for line in plain.split("\n")]
    return "\n".join(fields) + "\n\n"


async def _write(send: Send, text: str, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": more})
