"""A reload of the configuration on SIGHUP and when the file changes; a bad file is refused and the old one stays."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

from netpulse.config.faults import ConfigFaults
from netpulse.enrich.fresh import signature
from netpulse.settings import Settings

_log = logging.getLogger(__name__)

NEEDS_RESTART = {
    "listen": "server.listen",
    "storage": "storage",
    "coordination": "coordination",
    "metrics_listen": "metrics.listen",
}
"""Fields of `Settings` that only a restart changes, and what they are called in the file."""


class Watcher:
    """Watches one file and hands over new settings; `run` is a task of whoever owns it.

    `load` reads the file (`config.load`), `accept` gets each new snapshot in the event loop, `report` gets one line of
    text for each thing the operator should know, `complain` for each that has to be mended (default: `report`). `settled`
    hears whether the file as it is now was taken, `around` is entered for each reload and left when it is over.
    """

    def __init__(
        self,
        path: Path,
        settings: Settings,
        accept: Callable[[Settings], None],
        *,
        load: Callable[[Path], Settings],
        report: Callable[[str], None],
        complain: Callable[[str], None] | None = None,
        poll_s: float = 1.0,
        settled: Callable[[bool], None] = lambda _accepted: None,
        around: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.path = path
        self.settings = settings
        self._accept = accept
        self._load = load
        self._report = report
        self._complain = complain or report
        self._poll_s = poll_s
        self._settled = settled
        self._around = around
        self._seen = signature(path)
        self._asked = asyncio.Event()

    async def run(self) -> None:
        """Watches until cancelled. Takes over SIGHUP where the event loop can (main thread) and gives it back."""
        loop = asyncio.get_running_loop()
        try:
            loop.add_signal_handler(signal.SIGHUP, self.request)
            owns_signal = True
        except (ValueError, RuntimeError, NotImplementedError):
            owns_signal = False  # not the main thread: a test, or an embedding program that keeps its signals
        try:
            while True:
                await self._tick()
        finally:
            if owns_signal:
                loop.remove_signal_handler(signal.SIGHUP)

    def request(self) -> None:
        """Asks for a reload although the file may look unchanged, as SIGHUP does."""
        self._asked.set()

    async def _tick(self) -> None:
        try:
            async with asyncio.timeout(self._poll_s):
                await self._asked.wait()
        except TimeoutError:
            await self.look()
        else:
            self._asked.clear()
            await self.reload()

    async def look(self) -> bool:
        """Reloads if the file is another than at the last look; whether new settings were accepted."""
        return signature(self.path) != self._seen and await self.reload()

    async def reload(self) -> bool:
        """Reads the file now; whether new settings were accepted. Faults are reported, never raised."""
        with self._around():
            return await self._reload()

    async def _reload(self) -> bool:
        self._seen = signature(self.path)
        try:
            fresh = await asyncio.to_thread(self._load, self.path)
        except ConfigFaults as bad:
            for fault in bad.faults:
                self._complain(str(fault))
            self._complain(f"{self.path}: not loaded, {len(bad.faults)} to mend; the settings before stay in force")
            self._settled(False)
            return False
        except Exception as problem:  # whatever reading met: a watch that ended would miss the mended file
            self._refuse(problem)
            return False
        for name, written in NEEDS_RESTART.items():
            if getattr(fresh, name) != getattr(self.settings, name):
                self._complain(f"{self.path}: {written} has changed; that needs a restart and is ignored until then")
        kept = {name: getattr(self.settings, name) for name in NEEDS_RESTART}
        fresh = replace(fresh, banner=self.settings.banner, **kept)
        if fresh == self.settings:
            self._report(f"{self.path}: read again, nothing to change")
            self._settled(True)
            return False
        try:
            self._accept(fresh)
        except Exception as problem:  # the old settings are still whole, and the file is watched on
            self._refuse(problem)
            return False
        self.settings = fresh
        self._settled(True)
        self._report(f"{self.path}: loaded, {len(fresh.inventory.routers)} routers")
        return True

    def _refuse(self, problem: Exception) -> None:
        """Report settings that could not be taken; what is no fault of a file is logged whole, as the defect it is."""
        if not isinstance(problem, OSError | ValueError):
            _log.error("a reload of %s failed unexpectedly", self.path, exc_info=problem)
        self._complain(f"{self.path}: not loaded, the old settings stay: {type(problem).__name__}: {problem}")
        self._settled(False)
