"""The operator's tables, read again when their files change: a validator rewrites its export every few minutes.

Names are small and read at once, so that settings with a bad table are refused. The RPKI's payloads are many: they are read
in a thread, and routes are not validated until they are there. A file that cannot be read later leaves what was read before.
"""

from __future__ import annotations

import asyncio
import csv
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from netpulse.enrich.rpki import Vrps, read_vrps
from netpulse.enrich.tables import Names, read_names
from netpulse.settings import DataFiles

Signature = tuple[int, int, int] | None

_log = logging.getLogger(__name__)
_EVERY_S = 30.0


def signature(path: Path) -> Signature:
    """What tells one state of a file from another, or None while there is no such file."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_mtime_ns, facts.st_ino, facts.st_size


class Tables:
    """The names of now; `follow` keeps them those of the files."""

    def __init__(self) -> None:
        self.names = Names()
        self._data = DataFiles()
        self._seen: dict[Path, Signature] = {}
        self._due = asyncio.Event()

    def adopt(self, data: DataFiles) -> Names:
        """Read these files' names now; OSError, ValueError or csv.Error if one cannot be, and nothing has changed."""
        if data != self._data or self._changed(_small(data)):
            seen = {path: signature(path) for path in _small(data)}
            fresh = read_names(data.as_names, data.communities, data.ix_lans)
            vrps = self.names.vrps if data.vrps == self._data.vrps else Vrps()
            if data.vrps == self._data.vrps and data.vrps is not None:
                seen[data.vrps] = self._seen.get(data.vrps)
            self.names, self._data, self._seen = replace(fresh, vrps=vrps), data, seen
            self._due.set()
        return self.names

    async def follow(self, accept: Callable[[Names], None], *, every_s: float = _EVERY_S) -> None:
        """Read whatever has changed, now and for ever; `accept` gets the names that are new."""
        while True:
            self._due.clear()
            await self._look(accept)
            try:
                async with asyncio.timeout(every_s):
                    await self._due.wait()
            except TimeoutError:
                continue

    async def _look(self, accept: Callable[[Names], None]) -> None:
        data = self._data
        files = [*_small(data), *([data.vrps] if data.vrps else [])]
        for path in self._changed(files):
            self._seen[path] = signature(path)
            try:
                names = await asyncio.to_thread(_read_again, path, data, self.names)
            except (OSError, ValueError, csv.Error) as problem:
                _log.warning("%s was not read, what it said before holds: %s", path.name, problem)
                continue
            if data is not self._data:  # a reload came meanwhile and has read everything itself
                return
            self.names = names
            accept(names)

    def _changed(self, files: Iterable[Path]) -> list[Path]:
        return [path for path in files if path not in self._seen or signature(path) != self._seen[path]]


def _small(data: DataFiles) -> list[Path]:
    return [path for path in (data.as_names, data.communities, data.ix_lans) if path is not None]


def _read_again(path: Path, data: DataFiles, names: Names) -> Names:
    if path == data.vrps:
        return replace(names, vrps=read_vrps(path))
    return replace(read_names(data.as_names, data.communities, data.ix_lans), vrps=names.vrps)
