"""`netpulse serve`: the looking glass itself."""

from __future__ import annotations

import contextlib
import re
import resource
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netpulse.cli.database import DEFAULT_FILE, fail, settings_of

if TYPE_CHECKING:
    import socket

_ENDPOINT = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[^\[\]:\s]+)):(?P<port>[0-9]{1,5})")


def serve(
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="The configuration file. Default: ./netpulse.yaml, else this host alone."),
    ] = None,
    listen: Annotated[
        str | None, typer.Option("--listen", metavar="ADDR:PORT", help="Listen here, whatever the file says.")
    ] = None,
) -> None:
    """Run the looking glass.

    Without any file it offers this host itself as a router, on loopback only. The file is read again when it changes and on
    SIGHUP; a bad one is refused and the old one stays. SIGTERM or Ctrl-C lets open answers go out and ends. Exit code 78: the
    file is bad, every fault is printed with its line; 1: an address or the database cannot be had. Standard error has one JSON
    object a line; `metrics.listen` in the file serves Prometheus metrics.

    \b
    Examples:
      netpulse serve
      netpulse serve --config /etc/netpulse/netpulse.yaml --listen '[::1]:8080'
    """
    from netpulse import logs
    from netpulse.cells import MatrixFault

    path = config if config is not None else DEFAULT_FILE if DEFAULT_FILE.exists() else None
    settings = settings_of(path)
    # Not put into the settings: a reload compares those with the file, and would say that the file's address had changed.
    where = settings.listen if listen is None else endpoint(listen)
    sock = opened(*where, remedy="change server.listen or use --listen")
    metrics = settings.metrics_listen
    metrics_sock = opened(*metrics, remedy="change metrics.listen") if metrics else None
    from netpulse.store import StorageFault
    from netpulse.web.server import run

    # Also what a reload has to say goes there: whoever reads standard error may have stopped, and nobody must wait for that.
    logs.configure()
    allow_open_files()
    try:
        run(settings, path, sockets=[sock], metrics_socket=metrics_sock, ready=_say_where)
    except (StorageFault, MatrixFault) as fault:
        raise fail(str(fault)) from None
    finally:
        sock.close()
        if metrics_sock is not None:
            metrics_sock.close()


def allow_open_files() -> None:
    """As many open files as this user may have: every stream is one, and the usual soft limit is 1,024."""
    # A sandbox may forbid both calls; whoever made it has set the limit that it wants.
    with contextlib.suppress(OSError, ValueError):
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def endpoint(text: str) -> tuple[str, int]:
    """Host and port of `127.0.0.1:8080` or `[::1]:8080`; ends the program with 2 if it is neither."""
    form = _ENDPOINT.fullmatch(text)
    if form is None or int(form["port"]) > 65535:
        raise fail("--listen takes ADDRESS:PORT, like 127.0.0.1:8080 or '[::1]:8080'.", 2)
    return form["v6"] or form["host"], int(form["port"])


def opened(host: str, port: int, *, remedy: str) -> socket.socket:
    """A socket on this address; ends the program with 1 and one sentence if it cannot be had."""
    from netpulse.web.server import bound_socket

    try:
        return bound_socket(host, port)
    except OSError as problem:
        raise fail(f"{problem.strerror or problem}; {remedy}.") from None


def url_of(address: tuple[str, int]) -> str:
    """How a browser on this machine gets there."""
    host, port = address
    if host in ("0.0.0.0", "::"):  # every address of this host; loopback is one that works from here
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _say_where(addresses: list[tuple[str, int]]) -> None:
    typer.echo(f"Listening on {', '.join(map(url_of, addresses))}")
