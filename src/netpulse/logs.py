"""What the program says about itself, one line to an event. The only door to structlog.

Every module logs with the standard library; this file decides how it looks: JSON for machines, short lines for a terminal.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from contextlib import AbstractContextManager
from typing import Any, TextIO

import structlog

from netpulse.screen import clean

_QUIET = ("asyncssh", "uvicorn", "uvicorn.error", "alembic", "asyncio")
"""Libraries that tell every step they take; their warnings are heard, the rest is not."""


def bound(**known: Any) -> AbstractContextManager[None]:
    """Everything logged inside, also by tasks that begin there, carries these fields."""
    return structlog.contextvars.bound_contextvars(**known)


def configure(*, stream: TextIO = sys.stderr, as_json: bool | None = None, level: str = "INFO") -> None:
    """Log to this stream from now on; JSON unless it is a terminal, or as told."""
    machine = not stream.isatty() if as_json is None else as_json
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
    handler = logging.StreamHandler(stream)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=before, processors=last))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _one_line(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Nothing that a device or a caller wrote may start a line of its own or move the terminal's cursor."""
    event["event"] = clean(str(event["event"]).replace("\n", " ").replace("\r", " "))
    return event
