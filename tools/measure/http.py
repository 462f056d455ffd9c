"""HTTP/1.1 over one kept connection, and event streams: just enough for a server that is known."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, NamedTuple, Self


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    def data(self) -> Any:
        return json.loads(self.body)["data"]


class Connection:
    """`async with Connection(host, port, key) as web: await web.get("/api/v1/routers")`"""

    def __init__(self, host: str, port: int, key: str = "", source: str = "", tls: ssl.SSLContext | None = None) -> None:
        """`source` is the address to come from, one of this machine's."""
        self._place = host, port
        self._tls = tls
        self._source = (source, 0) if source else None
        self._head = f"Host: {host}:{port}\r\n" + (f"Authorization: Bearer {key}\r\n" if key else "")

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(*self._place, local_addr=self._source, ssl=self._tls)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    async def get(self, path: str) -> Answer:
        """The whole answer."""
        self._ask(path, "application/json")
        status, headers = await self._headers()
        return Answer(status, headers, await self._reader.readexactly(int(headers.get("content-length", "0"))))

    async def open_stream(self, path: str, after: str = "") -> Answer:
        """Ask for events, those after an event's id if there is one. There is a body only if it is a refusal; else `lines`."""
        self._ask(path, "text/event-stream", f"Last-Event-ID: {after}\r\n" if after else "")
        status, headers = await self._headers()
        length = headers.get("content-length")
        return Answer(status, headers, await self._reader.readexactly(int(length)) if length else b"")

    async def lines(self) -> AsyncIterator[bytes]:
        """The lines of the open stream without their ends, until the server has said the last one."""
        rest = b""
        while size := int(await self._reader.readline() or b"0", 16):
            chunk = await self._reader.readexactly(size + 2)
            *whole, rest = (rest + chunk[:-2]).split(b"\n")
            for line in whole:
                yield line
        await self._reader.readline()

    def _ask(self, path: str, accept: str, further: str = "") -> None:
        self._writer.write(f"GET {path} HTTP/1.1\r\n{self._head}Accept: {accept}\r\n{further}\r\n".encode())

    async def _headers(self) -> tuple[int, dict[str, str]]:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.partition(": ") for line in head[1:] if line)
        return int(head[0].split()[1]), {name.lower(): value for name, _, value in pairs}
