"""One question to a running server over its public API, event by event. The only door to httpx2.

A stream that breaks is taken up again where it was, by `Last-Event-ID`, as long as the server keeps the run: 5 s. Nothing
is asked twice.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx2

from netpulse import __version__
from netpulse.errors import CODES

_LEASE_S = 5.0
_PAUSE_S = 0.25
_LAST = frozenset({"finished", "failed"})
# The server sends a comment every 15 s; a stream that is silent for two of them is dead.
_TIMES = httpx2.Timeout(connect=5.0, read=30.0, write=5.0, pool=5.0)


class Event(NamedTuple):
    """One event: its id `<run id>.<n>` (empty if it has none), its name, its object."""

    id: str
    name: str
    body: dict[str, Any]


class Unanswered(Exception):
    """No answer; the text is one sentence for the terminal. `refused`: the question itself has to change."""

    def __init__(self, sentence: str, *, refused: bool = False) -> None:
        super().__init__(sentence)
        self.refused = refused


def is_refusal(code: str) -> bool:
    """Whether this code of the API means that the question has to change or to come later."""
    status, _ = CODES.get(code, (500, ""))
    return status in (400, 401, 429)


def base_of(url: str) -> str:
    """The server's base URL without a final slash; Unanswered if it is not one."""
    text = url.rstrip("/").removesuffix("/api/v1")
    try:
        parts = urlsplit(text)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits or parts.query or parts.fragment or "@" in parts.netloc:
        raise Unanswered(
            "--url must be the address of a server, like http://127.0.0.1:8080 or https://lg.example.com.", refused=True
        )
    return text


def connect(base: str, key: str) -> httpx2.Client:
    """A client for this server that shows this key. Unanswered if the key cannot be one."""
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        what = "What NETPULSE_KEY holds is no API key" if key else "No API key"
        raise Unanswered(
            f"{what}: put one into the environment variable NETPULSE_KEY; `netpulse keys create NAME` makes one.",
            refused=True,
        )
    local = urlsplit(base).hostname in ("127.0.0.1", "::1", "localhost")
    headers = {"Authorization": f"Bearer {key}", "User-Agent": f"netpulse/{__version__}"}
    # A proxy of the environment is for the world outside, never for this host.
    return httpx2.Client(base_url=base, headers=headers, timeout=_TIMES, trust_env=not local)


class Asking:
    """One question under way. `run_id` is known once the server has begun to answer."""

    def __init__(
        self,
        client: httpx2.Client,
        path: str,
        parameters: Sequence[tuple[str, str]],
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._path = f"/api/v1/{path}"
        self._parameters: list[tuple[str, str | int | float | bool | None]] = list(parameters)
        self._clock = clock
        self._pause = pause
        self._last_id = ""
        self._run_id: str | None = None

    @property
    def run_id(self) -> str | None:
        return self._run_id

    def events(self) -> Iterator[Event]:
        """Every event once, in order, up to the last one. Raises Unanswered."""
        heard_at = self._clock()
        while True:
            try:
                for event in self._listen():
                    self._last_id = event.id or self._last_id
                    self._run_id = self._last_id.rpartition(".")[0] or self._run_id
                    yield event
                    if event.name in _LAST:
                        return
                    heard_at = self._clock()
                problem = "it ended early"
            except httpx2.TransportError as error:
                problem = str(error) or type(error).__name__
            if not self._last_id:
                raise Unanswered(
                    f"The server at {self._client.base_url} does not answer ({problem}); is it running? "
                    "Name another one with --url or NETPULSE_URL."
                )
            if self._clock() - heard_at > _LEASE_S:
                raise Unanswered(f"The connection to the server broke ({problem}); ask the question again.")
            self._pause(_PAUSE_S)

    def stop(self) -> bool:
        """Tell the server to stop the router's command; False if it could not be told."""
        if self.run_id is None:
            return False
        try:
            return self._client.delete(f"/api/v1/results/{self.run_id}", timeout=3.0).is_success
        except httpx2.TransportError:
            return False

    def _listen(self) -> Iterator[Event]:
        headers = {"Accept": "text/event-stream"}
        if self._last_id:
            headers["Last-Event-ID"] = self._last_id
        with self._client.stream("GET", self._path, params=self._parameters, headers=headers) as response:
            if response.status_code != httpx2.codes.OK:
                response.read()
                raise _refusal(response)
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                raise Unanswered(_not_ours(response))
            self._run_id = response.headers.get("x-result-id") or self._run_id
            yield from parse(response.iter_bytes())


def parse(chunks: Iterator[bytes]) -> Iterator[Event]:
    """The events of a stream of bytes (WHATWG HTML, server-sent events); comments and unknown fields are skipped."""
    rest = b""
    event_id, name = "", "message"
    data: list[str] = []
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for raw in lines:
            line = raw.decode("utf-8", errors="replace").removesuffix("\r")
            if not line:
                if data:
                    yield Event(event_id, name, _object("\n".join(data)))
                event_id, name, data = "", "message", []
                continue
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "data":
                data.append(value)
            elif field == "event":
                name = value
            elif field == "id":
                event_id = value


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Unanswered("The server sent an event that is not a JSON object; is it a NetPulse server?")
    return found


def _refusal(response: httpx2.Response) -> Unanswered:
    try:
        said = response.json()
        sentence, code = str(said["error"]), str(said["code"])
    except (ValueError, KeyError, TypeError):
        return Unanswered(_not_ours(response))
    wait = response.headers.get("retry-after", "")
    hint = f" Ask again in {wait} s." if wait.isascii() and wait.isdigit() else ""
    if code == "unauthorized":
        hint = " The one in NETPULSE_KEY is none of this server's, or no longer; `netpulse keys list` shows those that are."
    refused = is_refusal(code) or 400 <= response.status_code < 500
    return Unanswered(f"{sentence}{hint}", refused=refused)


def _not_ours(response: httpx2.Response) -> str:
    return (
        f"{response.request.url.host} answered with status {response.status_code}, but not as the API does; "
        "is --url the address of a NetPulse server?"
    )
