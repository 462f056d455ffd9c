"""What the program says about itself, one line to an event. The only door to structlog.

Every module logs with the standard library; this file decides how it looks: JSON for machines, short lines for a terminal.
Lines are queued and written by a thread (`log_sink`), so a reader that has stopped holds nobody up.

Whatever a caller or a device wrote is cut at 256 characters and escaped: an event is one line and moves no cursor. Keys, the
Authorization header, cookies and bodies are never logged; targets only in their canonical form.

structlog brings rich along, whether it is used or not, so it is imported by the first line and not by the start.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any, TextIO

import msgspec

from netpulse.log_sink import MOST_QUEUED, Sink
from netpulse.screen import clean

MOST_TEXT = 256
"""Characters of one value of an event."""

MOST_EVENT = 1024
_MOST_TRACEBACK = 16 * 1024
_LAST_S = 1.0
_QUIET = ("asyncssh", "uvicorn", "uvicorn.error", "alembic", "asyncio")
"""Libraries that tell every step they take; their warnings are heard, the rest is not."""

_STANDARD = frozenset(vars(logging.makeLogRecord({})))

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request under way, as its answer has it in X-Request-Id; everything that it begins inherits it."""


class Access(msgspec.Struct, omit_defaults=True, gc=False):
    """One request, as its line has it. `route` is the template of its path, `client` the prefix it came from.

    `code` is that of an error; `query` to `run_id` are known where a question was asked. A `status` that is not known means
    that the client left before there was an answer.
    """

    request_id: str
    method: str
    route: str
    status: int = 0
    ms: int = -1
    client: str = ""
    key_id: str | None = None
    code: str | None = None
    query: str | None = None
    router: str | None = None
    connection: int | None = None
    target: str | None = None
    run_id: str | None = None


_requests: Sink | None = None
"""Where lines of requests go; None where they are not wanted."""


@contextmanager
def bound(new_id: str) -> Iterator[None]:
    """Everything logged inside, also by tasks that begin there, names this request."""
    token = request_id.set(new_id)
    try:
        yield
    finally:
        request_id.reset(token)


def prepare() -> None:
    """Import what the first line needs; from any thread."""
    import structlog.stdlib  # noqa: F401


def configure(
    *, stream: TextIO = sys.stderr, as_json: bool | None = None, level: str = "INFO", most_queued: int = MOST_QUEUED
) -> None:
    """Log to this stream from now on; JSON unless it is a terminal, or as told."""
    global _requests
    machine = not stream.isatty() if as_json is None else as_json
    handler = _Handler(stream, machine, most_queued)
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
        if isinstance(old, _Handler):
            old.close()
    root.addHandler(handler)
    root.setLevel(level)
    _requests = handler.sink if root.level <= logging.INFO else None
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)


def access(line: Access) -> None:
    """Log one answered request. Cheaper than a line of any logger, since each request has one."""
    if _requests is not None:
        _requests.put((time.time(), line))


def dropped() -> int:
    """How many lines have been given up since the log was configured, because nobody took them."""
    handler = _handler()
    return handler.sink.dropped if handler is not None else 0


def flush(within_s: float) -> bool:
    """Whether everything said so far was written within this time."""
    handler = _handler()
    return handler is None or handler.sink.flush(within_s)


def _handler() -> _Handler | None:
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _Handler):
            return handler
    return None


class _Handler(logging.Handler):
    """Queues records; what depends on the moment (the text, the request) is taken down at once."""

    def __init__(self, stream: TextIO, machine: bool, most: int) -> None:
        super().__init__()
        self._lines = _Lines(machine)
        self.sink = Sink(stream, self._lines.render, _missing, most)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.sink.put(_taken_down(record))
        except Exception:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """A line that cannot be made is one that says so: the traceback on standard error would be none of ours."""
        self.sink.put(_said(f"a line of {record.name} could not be made: {sys.exc_info()[1]!r}"[:MOST_EVENT]))

    def flush(self) -> None:
        self.sink.flush(_LAST_S)

    def close(self) -> None:
        global _requests
        if _requests is self.sink:
            _requests = None
        self.sink.close(_LAST_S)
        super().close()


def _taken_down(record: logging.LogRecord) -> logging.LogRecord:
    """The record as plain values, every one of them bounded."""
    if isinstance(record.args, tuple):
        record.args = tuple(_bounded(value) for value in record.args)
    record.msg, record.args = record.getMessage()[:MOST_EVENT], None
    if record.exc_info:
        record.exc_text = logging.Formatter().formatException(record.exc_info)[-_MOST_TRACEBACK:]
        record.exc_info = None
    for name in record.__dict__.keys() - _STANDARD:
        value = _bounded(record.__dict__[name])
        record.__dict__[name] = str(value) if isinstance(value, _Cut) else value
    known = request_id.get()
    if known is not None:
        record.__dict__.setdefault("request_id", known)
    return record


def _bounded(value: Any) -> Any:
    """Numbers as they are; anything else as text of at most 256 characters."""
    if value is None or isinstance(value, int | float):
        return value
    text = value if isinstance(value, str) else _Cut(value)
    return text[:MOST_TEXT] if isinstance(text, str) else text


class _Cut:
    """Something whose text is cut, whether it is asked for by str or repr."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __str__(self) -> str:
        return str(self._value)[:MOST_TEXT]

    def __repr__(self) -> str:
        return repr(self._value)[:MOST_TEXT]


def _said(text: str) -> logging.LogRecord:
    return logging.LogRecord(__name__, logging.WARNING, __file__, 0, text, None, None)


def _missing(count: int) -> logging.LogRecord:
    return _said(f"{count} lines of the log are missing here: they were not taken in time")


class _Lines:
    """Items of the queue as lines, for a machine or a terminal."""

    def __init__(self, machine: bool) -> None:
        self._machine = machine

    def render(self, item: logging.LogRecord | tuple[float, Access]) -> str:
        try:
            if isinstance(item, tuple):
                return (_access_line if self._machine else _access_text)(*item)
            return self._made.format(item) + "\n"
        except Exception as problem:  # one line that cannot be written must not end all that follow
            return json.dumps({"level": "error", "event": f"a line could not be written: {problem!r}"[:MOST_EVENT]}) + "\n"

    @cached_property
    def _made(self) -> logging.Formatter:
        return _formatter(self._machine)


_ALWAYS = '"level":"info","logger":"netpulse.access","event":"request"'
_ENCODE = msgspec.json.Encoder().encode


def _access_line(at: float, line: Access) -> str:
    facts = _ENCODE(line).decode()
    text = f'{{"timestamp":"{_second(int(at))}.{int(at % 1 * 1000):03d}Z",{_ALWAYS},{facts[1:]}\n'
    return text if text.isascii() else json.dumps(json.loads(text)) + "\n"


def _access_text(at: float, line: Access) -> str:
    more = {name: value for name, value in msgspec.to_builtins(line).items() if name not in _IN_TEXT}
    facts = " ".join(f"{name}={clean(str(value))}" for name, value in more.items())
    return f"{_time(at)} [info     ] {line.method} {line.route} {line.status} {line.ms} ms {facts}\n"


_IN_TEXT = frozenset({"method", "route", "status", "ms"})


@lru_cache(maxsize=4)
def _second(at: int) -> str:
    """A time of day to the second; under load a thousand lines have the same."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _formatter(machine: bool) -> logging.Formatter:
    import structlog

    before: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        _stamped,
    ]
    last: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if machine:
        # ASCII: whatever reorders or hides text at a terminal is an escape here.
        last += [structlog.processors.JSONRenderer(ensure_ascii=True, separators=(",", ":"))]
    else:
        last += [_one_line, structlog.dev.ConsoleRenderer(colors=False)]
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=before, processors=last)


def _stamped(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The moment of the record, not of its writing, and its traceback."""
    record: logging.LogRecord = event["_record"]
    if record.exc_text:
        event["exception"] = record.exc_text
    return {"timestamp": _time(record.created), **event}


def _one_line(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Nothing that a device or a caller wrote may start a line of its own or move the terminal's cursor."""
    plain = {name: _plain(value) if isinstance(value, str) else value for name, value in event.items()}
    if "exception" in event:  # for people, its lines stay lines; none of them can look like an event
        plain["exception"] = "\n".join("  " + _plain(line) for line in event["exception"].split("\n"))
    return plain


def _plain(text: str) -> str:
    return clean(text.replace("\n", " ").replace("\r", " "))
