"""A process that serves: it listens, reloads, and on the first signal ends in good order.

First signal (SIGTERM, SIGINT): no further questions, every run gets its last event, open answers go out, exit 0. Second
signal: the end, at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

import uvicorn

from netpulse import config
from netpulse.services import Services, open_services
from netpulse.settings import Settings
from netpulse.web.app import App
from netpulse.web.protocol import protocol_class

_ANSWERS_WITHIN_S = 8
_BACKLOG = 2048
_log = logging.getLogger(__name__)

Ready = Callable[[list[tuple[str, int]]], None]


class _Server(uvicorn.Server):
    """uvicorn without its own signals; says when it listens."""

    def __init__(self, settings: uvicorn.Config, listening: Callable[[], None]) -> None:
        super().__init__(settings)
        self._listening = listening

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening()


async def serve(
    settings: Settings,
    config_path: Path | None = None,
    *,
    sockets: Sequence[socket.socket] | None = None,
    ready: Ready | None = None,
    report: Callable[[str], None] | None = None,
) -> None:
    """Serve until a signal says stop. `ready` hears the addresses once they accept connections.

    `sockets` are listened on instead of `settings.listen`. With `config_path` the file is followed; `report` hears what
    its operator should know. Raises OSError if an address cannot be listened on, StorageFault if the store cannot be opened.
    """
    listening = list(sockets) if sockets is not None else [bound_socket(*settings.listen)]
    addresses = [sock.getsockname()[:2] for sock in listening]
    try:
        async with open_services(settings) as services, _followed(services, config_path, report or _log.info):
            server = _Server(_configuration(App(services)), lambda: ready(addresses) if ready else None)
            with _ending_on_signal(services, server):
                await server.serve(sockets=listening)
    finally:
        for sock in listening:
            sock.close()


def bound_socket(host: str, port: int) -> socket.socket:
    """A socket on this address, not yet accepting; OSError says which address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # `::` means every address of this host, of both families.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind((host, port))
    except OSError as problem:
        sock.close()
        raise OSError(
            problem.errno, f"cannot listen on {host} port {port}: {os.strerror(problem.errno or 0)}"
        ) from None
    sock.setblocking(False)
    return sock


def _configuration(app: App) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=protocol_class(),
        ws="none",
        loop="none",
        lifespan="off",
        interface="asgi3",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        backlog=_BACKLOG,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=_ANSWERS_WITHIN_S,
    )


@contextlib.asynccontextmanager
async def _followed(services: Services, path: Path | None, report: Callable[[str], None]) -> AsyncIterator[None]:
    """The configuration file is followed inside this scope."""
    if path is None:
        yield
        return
    watcher = config.Watcher(path, services.settings, services.reload, load=config.load, report=report)
    task = asyncio.create_task(watcher.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@contextlib.contextmanager
def _ending_on_signal(services: Services, server: _Server) -> Iterator[None]:
    """SIGTERM and SIGINT end the server inside this scope."""
    loop = asyncio.get_running_loop()
    ending: list[asyncio.Task[None]] = []

    async def end() -> None:
        await services.pipeline.close()
        server.should_exit = True

    def asked() -> None:
        if ending:
            _log.warning("second signal: leaving at once")
            os._exit(1)
        _log.info("stopping: every run under way ends now")
        services.begin_draining()
        ending.append(loop.create_task(end()))

    taken = [sign for sign in (signal.SIGTERM, signal.SIGINT) if _take(loop, sign, asked)]
    try:
        yield
    finally:
        for sign in taken:
            loop.remove_signal_handler(sign)


def _take(loop: asyncio.AbstractEventLoop, sign: signal.Signals, asked: Callable[[], None]) -> bool:
    try:
        loop.add_signal_handler(sign, asked)
    except (ValueError, RuntimeError, NotImplementedError):
        return False  # not the main thread: whoever embeds this keeps its signals
    return True


def run(settings: Settings, config_path: Path | None = None, **options: object) -> None:
    """`serve` in an event loop of its own, the fast one where there is one."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(serve(settings, config_path, **options))  # type: ignore[arg-type]
        return
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, config_path, **options))  # type: ignore[arg-type]
