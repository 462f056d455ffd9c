"""A server in a process of its own against requests with faults in every part: each is answered or cut off, none breaks it."""

from __future__ import annotations

import asyncio
import os
import random
import re
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from doubles import server_process
from netpulse.store import open_store
from properties.effort import TIMES
from properties.hostile import TOKENS

REQUESTS = round(2500 * TIMES)
SEED = int(os.environ.get("NETPULSE_FUZZ_SEED", "15169"))
AT_ONCE = 40
WARMED_UP_AFTER = 600
MOST_GROWTH_KIB = 20 * 1024
HANGS_AFTER_S = 60.0
"""The server itself ends what is not whole after 10 s; a connection that outlives this hangs. No test waits for it."""

PATHS = (
    "/api/v1/routers /api/v1/connections?router=core1 /api/v1/limits /api/v1/ping?target=10.0.0.1&router=core1&connection=1 "
    "/api/v1/aspath?target=8.8.8.0/24 /api/v1/aspath/all-routers?target=8.8.8.8 /api/v1/results/00000000000000000000000000000000 "
    "/ /healthz /readyz /openapi.json /r/00000000000000000000000000000000 /network /static/x.css /api/v1/nothing"
).split()
METHODS = "GET GET GET HEAD POST DELETE OPTIONS PUT TRACE FOO".split()
HEADERS = (
    "Accept: text/event-stream|Accept: text/plain|Accept: */*|X-Forwarded-For: 1.2.3.4, ,x|Last-Event-ID: ../../x|Cookie: a=b; c|"
    "Content-Length: 5|Content-Length: +5|Content-Length: -1|Content-Length: 99999999999999999999|Transfer-Encoding: chunked|"
    "Transfer-Encoding: xchunked|Transfer-Encoding: chunked, identity|Connection: Upgrade|Upgrade: websocket|Upgrade: h2c|"
    "Expect: 100-continue|Range: bytes=0-0,0-0|Host: b|X: \t|: x|X Y: z|Content-Type: application/x-www-form-urlencoded|"
    "If-None-Match: *|Accept-Encoding: br;q=nan|Accept-Language: ,,,;q=x|Origin: null|Sec-Fetch-Site: cross-site"
).split("|")
BODIES = (
    b"hello",
    b"5\r\nhello\r\n0\r\n\r\n",
    b"5\r\nhelloXX0\r\n\r\n",
    b"FFFFFFFFFFFFFFFF1\r\n",
    b"target=8.8.8.8&router=core1",
    b"\x00" * 70_000,
)
BYTES = (
    b"\r\n",
    b"\n",
    b"\r",
    b"\x00",
    b"\xff",
    b"%00",
    b"%zz",
    b" ",
    b"\t",
    b":",
    b"\r\n\r\n",
    b"HTTP/9.9",
    b"/../",
    b"a" * 9000,
    b"#",
)
SENTINEL = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
_STATUS = re.compile(rb"HTTP/1\.1 ([0-9]{3}) ")


def request(chance: random.Random, key: str) -> bytes:
    """A request that may be whole, with up to three faults anywhere in it."""
    headers = ["Host: a", f"Authorization: Bearer {key}", *chance.sample(HEADERS, chance.choice((0, 0, 1, 2, 4)))]
    chance.shuffle(headers)
    head = f"{chance.choice(METHODS)} {chance.choice(PATHS)} HTTP/1.1\r\n" + "".join(f"{line}\r\n" for line in headers)
    raw = head.encode() + b"\r\n" + (chance.choice(BODIES) if chance.random() < 0.3 else b"")
    for _ in range(chance.choice((0, 1, 1, 2, 3))):
        at = chance.randrange(len(raw) + 1)
        end = min(len(raw), at + chance.choice((0, 0, 1, 4, 20)))
        piece = chance.choice(
            (chance.choice(BYTES), chance.choice(TOKENS).encode("utf-8", "surrogatepass"), chance.randbytes(4))
        )
        raw = raw[:at] + piece + raw[end:]
    return raw


@asynccontextmanager
async def server(folder: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, int, str]]:
    """The process, its port, and a key that may ask as often as it likes."""
    async with open_store(f"sqlite:///{folder / 'test.db'}") as store:
        key, _ = await store.keys.create("fuzz", per_minute=100_000_000)
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, server_process.__file__, str(folder)), stdout=PIPE, stderr=DEVNULL
    )
    try:
        assert running.stdout is not None
        yield running, int(await running.stdout.readline()), key
    finally:
        if running.returncode is None:
            running.terminate()
        await running.wait()


def memory_kib(process: asyncio.subprocess.Process) -> int:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+([0-9]+)", status)[0])


async def answer(port: int, pieces: list[bytes]) -> bytes:
    """All that comes back until the server closes. What is never whole is ended from this side once nothing comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    got = b""
    try:
        with suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            while True:
                try:
                    async with asyncio.timeout(0.5):
                        data = await reader.read(65536)
                except TimeoutError:
                    if writer.can_write_eof() and not writer.is_closing():
                        writer.write_eof()
                    data = await reader.read(65536)
                if not data:
                    return got
                got = (got + data)[-200_000:]
    finally:
        writer.close()
    return got


def kept(raw: bytes, number: int) -> str:
    """Where a request that broke something is kept, if a long run names a folder."""
    folder = os.environ.get("NETPULSE_FUZZ_FOLDER")
    if folder is None:
        return repr(raw)
    path = Path(folder) / f"http-{SEED}-{number}.bin"
    path.write_bytes(raw)
    return str(path)


async def test_requests_with_faults_are_answered_or_cut_off_and_harm_nothing(tmp_path: Path) -> None:
    chance = random.Random(SEED)  # noqa: S311 - any numbers will do
    numbers = iter(range(REQUESTS))
    statuses: dict[bytes, int] = {}
    async with server(tmp_path) as (process, port, key):
        before_kib = 0

        async def worker() -> None:
            nonlocal before_kib
            for number in numbers:
                raw = request(chance, key)
                cut = chance.randrange(1, len(raw)) if len(raw) > 1 else 1
                pieces = [raw[:cut], raw[cut:] + SENTINEL] if chance.random() < 0.5 else [raw + SENTINEL]
                try:
                    async with asyncio.timeout(HANGS_AFTER_S):
                        got = await answer(port, pieces)
                except TimeoutError:
                    raise AssertionError(f"hangs: {kept(raw, number)}") from None
                assert process.returncode is None, f"the server died: {kept(raw, number)}"
                for status in _STATUS.findall(got):
                    statuses[status] = statuses.get(status, 0) + 1
                    assert not status.startswith(b"5"), f"{status!r} for {kept(raw, number)}"
                if number == WARMED_UP_AFTER:
                    before_kib = memory_kib(process)

        async with asyncio.TaskGroup() as workers:
            for _ in range(AT_ONCE):
                workers.create_task(worker())
        assert process.returncode is None
        assert memory_kib(process) - before_kib < MOST_GROWTH_KIB
        whole = await answer(port, [SENTINEL])
        assert whole.startswith(b"HTTP/1.1 200 ")
    assert {b"200", b"400", b"404", b"405"} <= set(statuses), statuses
