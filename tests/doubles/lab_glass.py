"""A looking glass in front of real devices, asked as a customer asks it: real HTTP, a key, answers of the documented shape."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from netpulse.services import Services, open_services
from netpulse.settings import Settings
from netpulse.web.server import bound_socket, listening


@dataclass(frozen=True)
class Event:
    """One server-sent event: its id, name and decoded data."""

    id: str
    name: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Glass:
    """A looking glass that runs, and a customer with a key."""

    services: Services
    url: str
    key: str
    http: httpx2.AsyncClient

    def headers(self, **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}", **more}

    async def get(self, path: str, **parameters: Any) -> httpx2.Response:
        return await self.http.get(f"/api/v1{path}", params=parameters, headers=self.headers())

    async def ask(self, path: str, **parameters: Any) -> dict[str, Any]:
        """`data` of an answer that must be a success."""
        answer = await self.get(path, **parameters)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert list(body) == ["success", "data"]
        assert body["success"] is True
        data: dict[str, Any] = body["data"]
        return data

    async def rows(self, path: str, **parameters: Any) -> list[dict[str, Any]]:
        """`data` of an answer that is a list."""
        answer = await self.get(path, **parameters)
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()["data"]
        return rows

    async def refused(self, path: str, **parameters: Any) -> tuple[int, str]:
        """Status and code of an answer that must be an error of the documented shape."""
        answer = await self.get(path, **parameters)
        body = answer.json()
        assert list(body) == ["error", "code"]
        assert body["error"].endswith(".")
        return answer.status_code, body["code"]

    @asynccontextmanager
    async def stream(
        self, path: str, last_event_id: str = "", **parameters: Any
    ) -> AsyncIterator[AsyncIterator[Event]]:
        more = {"Last-Event-ID": last_event_id} if last_event_id else {}
        headers = self.headers(Accept="text/event-stream", **more)
        async with self.http.stream("GET", f"/api/v1{path}", params=parameters, headers=headers) as response:
            assert response.status_code == 200, (await response.aread()).decode()
            yield events_of(response)


async def events_of(response: httpx2.Response) -> AsyncIterator[Event]:
    fields: dict[str, str] = {}
    async for line in response.aiter_lines():
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield Event(fields["id"], fields["event"], json.loads(fields["data"]))
            fields = {}


@asynccontextmanager
async def glass_for(settings: Settings, *, per_minute: int = 100_000) -> AsyncIterator[Glass]:
    """A looking glass with these settings on a free port of loopback, over real HTTP."""
    sock = bound_socket("127.0.0.1", 0)
    async with open_services(settings) as services, listening(services, [sock]):
        key, _ = await services.store.keys.create("tests", per_minute=per_minute)
        await services.store.keys.refresh()
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        limits = httpx2.Limits(max_connections=600, max_keepalive_connections=100)
        async with httpx2.AsyncClient(base_url=url, timeout=60, limits=limits) as http:
            yield Glass(services, url, key, http)
