"""A process that serves: it listens, reloads, and on the first signal ends in good order.

First signal (SIGTERM, SIGINT): no further questions, every run gets its last event, open answers go out, exit 0. Second
signal: the end, at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn

from netpulse import config, logs
from netpulse.pool import MakeTransport, import_transports, make_transport
from netpulse.service_manager import ServiceManager
from netpulse.services import Services, open_services
from netpulse.settings import Settings
from netpulse.web.app import App
from netpulse.web.pages import page_routes
from netpulse.web.protocol import protocol_class

if TYPE_CHECKING:
    from netpulse.web.metrics_page import MetricsPage

_ANSWERS_WITHIN_S = 8
_BACKLOG = 2048
_DOORS = 16
"""How often each socket is listened on. libuv takes one new connection from each in a turn of its loop: with one, a client
that comes while two hundred others keep the loop busy was seen to wait 4 s for its first answer, with 16 half a second. Each
costs a new connection about 5 µs."""

_GARBAGE = (10_000, 20, 20)
"""New objects after which Python looks for garbage among them, and how many such searches make an older one."""

_LAST_LINES_S = 0.2
_log = logging.getLogger(__name__)

Ready = Callable[[list[tuple[str, int]]], None]
Report = Callable[[str], None]


class _Server(uvicorn.Server):
    """uvicorn without its own signals; `accepting` is set once it listens."""

    def __init__(self, settings: uvicorn.Config) -> None:
        super().__init__(settings)
        self.accepting = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.accepting.set()


async def serve(
    settings: Settings,
    config_path: Path | None = None,
    *,
    sockets: Sequence[socket.socket] | None = None,
    metrics_socket: socket.socket | None = None,
    ready: Ready | None = None,
    report: Report = _log.info,
    complain: Report = _log.warning,
) -> None:
    """Serve until a signal says stop. `ready` hears the addresses once they accept connections.

    `sockets` are listened on instead of `settings.listen`, `metrics_socket` instead of `settings.metrics_listen`.
    With `config_path` the file is followed; `report` hears what its operator should know, `complain` what has to be mended.
    systemd is told too, where it asks. Raises OSError if an address cannot be listened on, StorageFault if the store cannot be
    opened.
    """
    manager = ServiceManager.of(os.environ)

    def to_all(hear: Report) -> Report:
        def tell(line: str) -> None:
            hear(line)
            manager.says(line)

        return tell

    owned = list(sockets) if sockets is not None else [bound_socket(*settings.listen)]
    if metrics_socket is None and settings.metrics_listen is not None:
        metrics_socket = bound_socket(*settings.metrics_listen)
    addresses = [sock.getsockname()[:2] for sock in owned]
    with _ended_by_signal() as over:
        async with (
            _while_inside(manager.keep_alive()),
            serving(settings, owned, metrics_socket) as services,
            _while_inside(_settled(services)),
            _followed(services, config_path, to_all(report), to_all(complain), manager),
        ):
            if ready:
                ready(addresses)
            manager.ready(f"serving on {', '.join(f'{host} port {port}' for host, port in addresses)}")
            await over.wait()
            manager.stopping()


@contextlib.asynccontextmanager
async def serving(
    settings: Settings,
    sockets: Sequence[socket.socket],
    metrics_socket: socket.socket | None = None,
    *,
    make: MakeTransport = make_transport,
) -> AsyncIterator[Services]:
    """A looking glass on these sockets inside the scope, which closes them; its metrics on theirs, if there is one."""
    try:
        async with contextlib.AsyncExitStack() as stack:
            if metrics_socket is None:
                services = await stack.enter_async_context(open_services(settings, make=make))
            else:
                # Here, because only who serves metrics needs what they are made with.
                from netpulse.metrics.meter import Meter
                from netpulse.web.metrics_page import MOST_SCRAPERS, MetricsPage

                meter = Meter()
                services = await stack.enter_async_context(open_services(settings, make=make, observer=meter))
                server = _configuration(MetricsPage(services, meter), most=MOST_SCRAPERS)
                await stack.enter_async_context(_answering(server, [metrics_socket]))
            await stack.enter_async_context(listening(services, sockets))
            yield services
    finally:
        for sock in (*sockets, *([metrics_socket] if metrics_socket is not None else [])):
            sock.close()


@contextlib.asynccontextmanager
async def _answering(configuration: uvicorn.Config, sockets: Sequence[socket.socket]) -> AsyncIterator[_Server]:
    """A server with this configuration on these sockets inside the scope."""
    server = _Server(configuration)
    # All are closed together when the last questions are being answered: who comes then is refused, not kept waiting.
    doors = [*sockets, *(sock.dup() for sock in sockets for _ in range(_DOORS - 1))]
    task = asyncio.create_task(server.serve(sockets=doors))
    try:
        await _first_of(server.accepting.wait(), task)
        yield server
    finally:
        server.should_exit = True
        await task


@contextlib.asynccontextmanager
async def listening(services: Services, sockets: Sequence[socket.socket]) -> AsyncIterator[None]:
    """These services answer on these sockets inside the scope.

    At its end no further question is taken, every run gets its last event and open answers go out.
    """
    async with _answering(_configuration(App(services, page_routes(services))), sockets):
        warming = asyncio.create_task(services.warm())
        try:
            yield
        finally:
            services.begin_draining()
            await services.pipeline.close()
            warming.cancel()
            # What could not be imported is told by the first question that needs it.
            await asyncio.gather(warming, return_exceptions=True)


async def _first_of(happening: Coroutine[Any, Any, object], task: asyncio.Task[None]) -> None:
    """Returns when this has happened; raises what ended the task if that comes first."""
    waiting = asyncio.ensure_future(happening)
    await asyncio.wait((waiting, task), return_when=asyncio.FIRST_COMPLETED)
    if not waiting.done():
        waiting.cancel()
        await task


def bound_socket(host: str, port: int) -> socket.socket:
    """A socket on this address, not yet accepting; OSError says which address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP: only then does asyncio send each write of its connections at once.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
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


def _configuration(app: App | MetricsPage, *, most: int | None = None) -> uvicorn.Config:
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
        limit_concurrency=most,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=_ANSWERS_WITHIN_S,
    )


@contextlib.asynccontextmanager
async def _followed(
    services: Services, path: Path | None, report: Report, complain: Report, manager: ServiceManager
) -> AsyncIterator[None]:
    """The configuration file is followed inside this scope."""
    if path is None:
        yield
        return
    watcher = config.Watcher(
        path,
        services.settings,
        services.reload,
        load=_loaded,
        report=report,
        complain=complain,
        settled=services.observer.reloaded,
        around=manager.reloading,
    )
    async with _while_inside(watcher.run()):
        yield


async def _settled(services: Services) -> None:
    """What a server keeps for its life is searched no more for garbage: that took 60 to 90 ms in which nobody was served.

    Without it the search for the youngest garbage would be the dearest, so that is begun less often.
    """
    await services.warmed.wait()
    gc.freeze()
    gc.set_threshold(*_GARBAGE)


@contextlib.asynccontextmanager
async def _while_inside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """This goes on inside the scope and is cancelled at its end."""
    task = asyncio.create_task(work)
    try:
        # It has begun before anybody hears that we are ready: a SIGHUP that came at once found no handler and killed.
        await asyncio.sleep(0)
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _loaded(path: Path) -> Settings:
    """What the file says. Read in a thread, where what its routers newly need can be imported too."""
    settings = config.load(path)
    import_transports(settings.inventory.devices().values())
    return settings


@contextlib.contextmanager
def _ended_by_signal() -> Iterator[asyncio.Event]:
    """The event that SIGTERM and SIGINT set inside this scope; a second one ends the process at once."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()

    def asked() -> None:
        if over.is_set():
            _log.warning("second signal: leaving at once")
            logs.flush(_LAST_LINES_S)
            os._exit(1)
        _log.info("stopping: every run under way ends now")
        over.set()

    taken = [sign for sign in (signal.SIGTERM, signal.SIGINT) if _take(loop, sign, asked)]
    try:
        yield over
    finally:
        for sign in taken:
            loop.remove_signal_handler(sign)


def _take(loop: asyncio.AbstractEventLoop, sign: signal.Signals, asked: Callable[[], None]) -> bool:
    try:
        loop.add_signal_handler(sign, asked)
    except (ValueError, RuntimeError, NotImplementedError):
        return False  # not the main thread: whoever embeds this keeps its signals
    return True


def run(
    settings: Settings,
    config_path: Path | None = None,
    *,
    sockets: Sequence[socket.socket] | None = None,
    metrics_socket: socket.socket | None = None,
    ready: Ready | None = None,
    report: Report = _log.info,
) -> None:
    """`serve` in an event loop of its own, the fast one where there is one."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve(settings, config_path, sockets=sockets, metrics_socket=metrics_socket, ready=ready, report=report))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
