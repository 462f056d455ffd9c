"""`netpulse demo`: a small Internet in this machine and the looking glass in front of it, both gone when it ends."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netpulse.cli.database import fail
from netpulse.cli.serve import opened, url_of

if TYPE_CHECKING:
    import socket

    from netpulse.lab.lab import Lab
    from netpulse.settings import Settings

_PER_MINUTE = 600
_HEAVY = (
    "netpulse.web.server",
    "netpulse.config.reading",
    "netpulse.store.database",
    "netpulse.store.keys",
    "netpulse.transports.ssh",
)
_TRY = """
Try it in a browser, or from another terminal:
  export NETPULSE_URL={url} NETPULSE_KEY={key}
  {program} ping 8.8.8.8 --router core1 --connection 1
  {program} traceroute 1.1.1.1 --router core2 --connection 4 --as-lookup
  {program} aspath 9.9.9.0/24 --all
  curl -H "Authorization: Bearer $NETPULSE_KEY" "$NETPULSE_URL/api/v1/routers"
Ctrl-C ends it and leaves nothing running.
"""


def demo(
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")
    ] = 8080,
    replay: Annotated[bool, typer.Option("--replay", help="Answer from recordings; start no lab.")] = False,
) -> None:
    """Run a small Internet on this machine and a looking glass in front of it.

    Real BGP, real packets, in network namespaces that have no way out; no privilege is needed. Prints the address and an API
    key, each alone on a line of standard output; everything else goes to standard error. Where the kernel or a container
    refuses namespaces it says so and answers from recordings. Ctrl-C leaves nothing running.

    \b
    Example:
      netpulse demo --port 9000
    """
    began_s = time.monotonic()
    sock = opened("127.0.0.1", port, remedy="choose another port with --port")
    _end_in_order()
    with ExitStack() as held:
        held.callback(sock.close)
        try:
            folder = Path(held.enter_context(_folder()))
            tell = _teller(began_s)
            settings, lab = _begin(folder, tell, held, replay=replay)
            settings = replace(settings, listen=sock.getsockname()[:2], storage=f"sqlite:///{folder / 'netpulse.db'}")
            key = asyncio.run(_new_key(settings))
            _serve(settings, key, lab, tell, sock)
        finally:
            # From here on everything is cleaned up, and nothing interrupts that.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)


def _begin(folder: Path, tell: Callable[[str], None], held: ExitStack, *, replay: bool) -> tuple[Settings, Lab | None]:
    """The settings of the running lab, or those of the recordings if there can be none."""
    # Both take a second: the lab mostly waits for its daemons, so the imports cost nothing beside it.
    threading.Thread(target=lambda: [import_module(name) for name in _HEAVY], daemon=True).start()
    from netpulse.lab import lab as labs

    why = None if replay else labs.refusal()
    if replay or why is not None:
        from netpulse.lab.replay import RECORDING, replay_settings

        if not RECORDING.exists():
            raise fail(f"{why or 'No lab was wanted.'} This installation has no recordings to answer from either.")
        tell(f"{why} Answering from recordings instead." if why else "Answering from recordings.")
        return replay_settings(("127.0.0.1", 0)), None
    lab = held.enter_context(labs.Lab(folder))
    try:
        lab.start(until="core", report=tell)
    except labs.LabError as problem:
        raise fail(f"The lab did not start: {problem}") from None
    from netpulse.config import load

    return load(lab.config_file), lab


def _serve(settings: Settings, key: str, lab: Lab | None, tell: Callable[[str], None], sock: socket.socket) -> None:
    from netpulse import logs
    from netpulse.web.server import run

    over = threading.Event()

    def ready(addresses: list[tuple[str, int]]) -> None:
        # The terminal is gone. Sent from an ordinary handler, uvloop delivers this SIGTERM twice, and twice means "at once".
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, os.kill, os.getpid(), signal.SIGTERM)
        url = url_of(addresses[0])
        print(f"URL: {url}\nAPI key: {key}", flush=True)
        tell("The looking glass answers.")
        print(_TRY.format(url=url, key=key, program=typed_name()), file=sys.stderr, flush=True)
        if lab is not None:
            threading.Thread(target=_tell_rest, args=(lab, tell, over), daemon=True).start()

    logs.configure(level="WARNING")
    try:
        run(settings, None, sockets=[sock], ready=ready)
    finally:
        over.set()


def typed_name() -> str:
    """How a person types this program here: after `make demo` it is not on the PATH."""
    typed = Path(sys.argv[0])
    return "netpulse" if shutil.which("netpulse") or typed.name != "netpulse" else shlex.quote(str(typed))


def _tell_rest(lab: Lab, tell: Callable[[str], None], over: threading.Event) -> None:
    from netpulse.lab.lab import LabError

    try:
        lab.wait("all")
    except (LabError, OSError) as problem:
        if not over.is_set():  # a lab that was ended while it was waited for is no news
            tell(f"The rest of the lab did not come up: {problem}")
        return
    tell("The rest of the lab is up: every router answers.")


async def _new_key(settings: Settings) -> str:
    from netpulse.store import open_store

    async with open_store(settings.storage) as store:
        text, _ = await store.keys.create("demo", per_minute=_PER_MINUTE)
        return text


def _teller(began_s: float) -> Callable[[str], None]:
    def tell(line: str) -> None:
        print(f"{time.monotonic() - began_s:5.1f} s  {line}", file=sys.stderr, flush=True)

    return tell


def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="netpulse-demo-", ignore_cleanup_errors=True)


def _end_in_order() -> None:
    """Whatever ends this process politely unwinds it first, until the server takes the signals over."""

    def leave(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)
