"""HTTP as bytes: what is too large, too slow or not HTTP is refused here, in our words, and the connection closes.

uvicorn with httptools has no limits of its own: measured on 0.54, it took a header of 4 MB, a thousand headers, no Host and
two, HTTP/0.9, and waited for ever for the end of a header. llhttp itself refuses bad framing, bare line feeds, folded
headers and NUL.
"""

from __future__ import annotations

import asyncio
import re
from secrets import token_hex
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from netpulse.render.as_json import encode
from netpulse.web.exchange import GUARDS, JSON

MOST_URL_BYTES = 8 * 1024
MOST_HEADER_BYTES = 16 * 1024
MOST_HEADERS = 100
MOST_BODY_BYTES = 64 * 1024
MOST_PIPELINED = 1024
REQUEST_WITHIN_S = 10.0
"""Seconds from the first byte of a request, or from the connection, to its last."""

READ_WITHIN_S = 25.0
"""Seconds that a client may leave a full send buffer untouched; with the time to fill it, half a minute."""

LINGER_S = 0.8
"""Seconds that a refused client has to take its answer and leave; what it still sends is not looked at."""

_HOST = re.compile(rb"\A(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?\Z")
_UNKNOWN_METHOD = re.compile(rb"\A[A-Z][A-Z_-]{0,30} /")


class _NotServed(Exception):
    """This request is refused; raised inside a callback of the parser to stop it."""


class Protocol(HttpToolsProtocol):
    """One connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._refusal: tuple[int, str, str] | None = None
        self._serving: RequestResponseCycle | None = None
        self._in_head = self._in_request = self._head_is_new = False
        self._header_bytes = self._head_received = self._body_bytes = 0
        self._reading_until: asyncio.TimerHandle | None = None
        self._writing_until: asyncio.TimerHandle | None = None
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._request_is_whole()
        self.resume_writing()
        super().connection_lost(exc)
        # uvicorn keeps the timer when the connection was reset; it would hold all of this until it fires.
        self._unset_keepalive_if_required()

    def data_received(self, data: bytes) -> None:
        if self._refusal is not None:
            return
        self._unset_keepalive_if_required()
        self._head_is_new = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # The request was served as if it had not asked; what follows it is in another protocol.
            self._refuse_rest()
            return
        except httptools.HttpParserInvalidMethodError:
            if _UNKNOWN_METHOD.match(data):
                self._refuse(405, "method_not_allowed", "There is no such method here.")
            else:
                self._refuse(400, "bad_parameter", "This is not HTTP.")
            return
        except httptools.HttpParserError:
            self._refuse(*(self._refusal or (400, "bad_parameter", "The request is not well-formed HTTP/1.1.")))
            return
        if self._in_head and not self._head_is_new:
            self._head_received += len(data)
            if self._head_received > MOST_URL_BYTES + MOST_HEADER_BYTES:
                self._refuse(431, "bad_parameter", "The headers are too large.")
                return
        if self._in_request and self._reading_until is None:
            self._await_request()

    # What the parser tells.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = self._in_request = self._head_is_new = True
        self._header_bytes = self._head_received = self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > MOST_URL_BYTES:
            self._stop(414, "The URL is too long.")

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._header_bytes += len(name) + len(value) + 4
        if self._header_bytes > MOST_HEADER_BYTES or len(self.headers) > MOST_HEADERS:
            self._stop(431, "The headers are too large.")

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self.parser.get_http_version() not in ("1.1", "1.0"):
            self._stop(400, "Only HTTP/1.1 is spoken here.")
        if self.url[:1] != b"/" or b"#" in self.url:
            self._stop(400, "The request target must be a path that begins with a slash.")
        hosts = [value for name, value in self.headers if name == b"host"]
        if len(hosts) != 1 or not _HOST.match(hosts[0]):
            self._stop(400, "The request needs one Host header with a host name or address.")
        if len(self.pipeline) >= MOST_PIPELINED:
            self._stop(400, "Too many requests came before the first was answered.")
        if any(name == b"transfer-encoding" and value.lower() != b"chunked" for name, value in self.headers):
            self._stop(400, "The only transfer coding here is chunked.")
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes > MOST_BODY_BYTES:
            self._stop(400, "The body is too large.")
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_request = False
        self._request_is_whole()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        # `cycle` of the base class is the newest request; with pipelining another one is being served.
        self._serving = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.pipeline:
            # Read on only when everything that came is answered, or the queue would grow without end.
            self.flow.pause_reading()
        elif self._refusal is not None and self._idle and not self.transport.is_closing():
            self._leave()

    # Refusals.

    def _stop(self, status: int, sentence: str) -> None:
        self._refusal = (status, "bad_parameter", sentence)
        raise _NotServed

    def _refuse(self, status: int, code: str, sentence: str) -> None:
        """Answer what was being read with this error, after which the connection closes."""
        self._refusal = (status, code, sentence)
        self._request_is_whole()
        serving = self._serving
        if serving is not None and not self._idle:
            if serving is not self.cycle or not serving.more_body:
                self._refuse_rest()
                return
            if serving.response_started:
                self.transport.abort()
                return
            # What is refused is the body of this very request: its handler sees the client leave.
            serving.disconnected = True
            serving.message_event.set()
        body = encode({"error": sentence, "code": code})
        self.transport.write(
            b"".join(
                (
                    STATUS_LINE[status],
                    *(b"%s: %s\r\n" % header for header in GUARDS),
                    b"x-request-id: %s\r\n" % token_hex(8).encode(),
                    b"allow: GET\r\n" if status == 405 else b"",
                    b"content-type: %s\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % (JSON, len(body)),
                    body,
                )
            )
        )
        self._leave()

    def _refuse_rest(self) -> None:
        """Serve what came whole before, and nothing after it."""
        self._refusal = self._refusal or (400, "bad_parameter", "")
        self._request_is_whole()
        if self.pipeline and self.cycle.more_body:
            self.pipeline.popleft()
        if self._idle:
            self._leave()

    @property
    def _idle(self) -> bool:
        """Whether nothing is being answered."""
        return self._serving is None or self._serving.response_complete

    def _leave(self) -> None:
        """Say that nothing more comes, and give the client a moment to take it.

        Closing with bytes unread would reset the connection, and the last answer might be lost on its way.
        """
        self._unset_keepalive_if_required()
        self.transport.write_eof()
        self._reading_until = self.loop.call_later(LINGER_S, self._too_slow)

    # Deadlines.

    def _await_request(self) -> None:
        self._reading_until = self.loop.call_later(REQUEST_WITHIN_S, self._too_slow)

    def _request_is_whole(self) -> None:
        if self._reading_until is not None:
            self._reading_until.cancel()
            self._reading_until = None

    def _too_slow(self) -> None:
        self._reading_until = None
        serving = self._serving
        if self._refusal is None and serving is not None and not self._idle and not serving.more_body:
            # The beginning of a further request waits behind the answer to this one.
            self._await_request()
        elif not self.transport.is_closing():
            self.transport.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._writing_until is None:
            self._writing_until = self.loop.call_later(READ_WITHIN_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._writing_until is not None:
            self._writing_until.cancel()
            self._writing_until = None


def protocol_class() -> type[asyncio.Protocol]:
    """The class for uvicorn's configuration."""
    found: Any = Protocol
    return found  # type: ignore[no-any-return]
