"""Lines on their way out: queued in memory, written by a thread of their own, so that nobody waits for who reads them.

A pipe that is full or a journal that has stopped holds up the thread and nothing else. The queue is bounded; what comes while
it is full is counted and given up, and once lines can be written again one of them says how many are missing.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, TextIO

MOST_QUEUED = 10_000
"""Lines; near 5 MB of the usual ones."""

_GATHER_S = 0.1
_MOST_AT_ONCE = 2000

_END = object()

Render = Callable[[Any], str]


class Sink:
    """Writes to one stream what `render` makes of each item, in order. `dropped` counts what was given up."""

    def __init__(self, stream: TextIO, render: Render, missing: Callable[[int], Any], most: int = MOST_QUEUED) -> None:
        self.dropped = 0
        self._render = render
        self._missing = missing
        self._most = most
        self._queue: SimpleQueue[Any] = SimpleQueue()
        self._stream = stream
        self._fd = _descriptor(stream)
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def put(self, item: Any) -> None:
        """Queue one item; from any thread, never waits for the stream."""
        if self._queue.qsize() >= self._most:
            self.dropped += 1
            return
        self._queue.put(item)
        if self._thread is None:
            self._start()

    def flush(self, within_s: float) -> bool:
        """Whether everything queued so far was written within this time."""
        if self._thread is None:
            return True
        written = threading.Event()
        self._queue.put(written)
        return written.wait(within_s)

    def close(self, within_s: float) -> None:
        """Write what is queued, within this time; nothing may be put any more."""
        if self._thread is not None:
            self._queue.put(_END)
            self._thread.join(within_s)

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                # A daemon: a stream that takes nothing must not keep the process from ending.
                self._thread = threading.Thread(target=self._run, name="log", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        told = 0
        while True:
            items = [self._queue.get()]
            if not isinstance(items[0], threading.Event):
                # Taking lines together costs their makers least: each waking of this thread takes time from the others.
                time.sleep(_GATHER_S)
            with suppress(Empty):
                while len(items) < _MOST_AT_ONCE:
                    items.append(self._queue.get_nowait())
            lines = [item for item in items if item is not _END and not isinstance(item, threading.Event)]
            missing = self.dropped - told
            told += missing
            if missing:
                lines.append(self._missing(missing))
            if lines and not self._write("".join(map(self._render, lines))):
                self.dropped += len(lines)
            for item in items:
                if isinstance(item, threading.Event):
                    item.set()
            if _END in items:
                return

    def _write(self, text: str) -> bool:
        """Whether the stream took it. Written past Python's own buffer, whose lock a stuck thread would hold at the exit."""
        try:
            if self._fd is None:
                self._stream.write(text)
                self._stream.flush()
                return True
            rest = memoryview(text.encode("utf-8", "backslashreplace"))
            while rest:
                try:
                    rest = rest[os.write(self._fd, rest) :]
                except BlockingIOError:  # somebody who shares the pipe made it so
                    select.select([], [self._fd], [])
        except (OSError, ValueError):
            return False  # nobody is there to be told; the count tells whoever asks for metrics
        return True


def _descriptor(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (OSError, ValueError, AttributeError):
        return None
