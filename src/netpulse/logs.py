"""What the program says about itself, one line to an event. The only door to structlog.

Every module logs with the standard library; this file decides how it looks: JSON for machines, short lines for a terminal.
structlog brings rich along, whether it is used or not, so it is imported by the first line and not by the start.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any, TextIO

from netpulse.screen import clean

_QUIET = ("asyncssh", "uvicorn", "uvicorn.error", "alembic", "asyncio")
"""Libraries that tell every step they take; their warnings are heard, the rest is not."""


def bound(**known: Any) -> AbstractContextManager[None]:
    """Everything logged inside, also by tasks that begin there, carries these fields."""
    from structlog.contextvars import bound_contextvars

    return bound_contextvars(**known)


def prepare() -> None:
    """Import what the first line needs; from any thread."""
    import structlog.stdlib  # noqa: F401


def configure(*, stream: TextIO = sys.stderr, as_json: bool | None = None, level: str = "INFO") -> None:
    """Log to this stream from now on; JSON unless it is a terminal, or as told."""
    machine = not stream.isatty() if as_json is None else as_json
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Lines(machine))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


class _Lines(logging.Formatter):
    """structlog's lines, for a machine or a terminal."""

    def __init__(self, machine: bool) -> None:
        super().__init__()
        self._machine = machine

    def format(self, record: logging.LogRecord) -> str:
        return self._made.format(record)

    @cached_property
    def _made(self) -> logging.Formatter:
        return _formatter(self._machine)


def _formatter(machine: bool) -> logging.Formatter:
    import structlog

    before: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if machine:
        last += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    else:
        last += [_one_line, structlog.dev.ConsoleRenderer(colors=False)]
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=before, processors=last)


def _one_line(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Nothing that a device or a caller wrote may start a line of its own or move the terminal's cursor."""
    event["event"] = clean(str(event["event"]).replace("\n", " ").replace("\r", " "))
    return event
