"""The host's end of the control socket: requests in, replies out, from any thread."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from itertools import count
from threading import Lock, Thread
from typing import Any

Json = dict[str, Any]


class LabError(Exception):
    """The lab could not be built, or could not do what was asked. The text is one sentence for whoever started it."""


class Channel:
    """One line per request and reply, matched by id. Reply 0 tells that the lab is built."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._sending = Lock()
        self._ids = count(1)
        self._waiting: dict[int, Future[Json]] = {0: Future()}
        self._closed = False
        self._reader = Thread(target=self._read, name="lab-channel", daemon=True)
        self._reader.start()

    def built(self, timeout_s: float) -> None:
        """Return once the namespaces stand and the first daemons run. LabError if they cannot."""
        self._result(0, timeout_s, "the lab was not built")

    def ask(self, do: str, *, sockets: Sequence[socket.socket] = (), timeout_s: float = 30.0, **given: Any) -> Json:
        """The reply to one request. LabError with the lab's own words if it failed or took too long."""
        with self._sending:
            number = next(self._ids)
            self._waiting[number] = Future()
            if self._closed:
                raise LabError("The lab has ended; start it again.")
            line = json.dumps({"id": number, "do": do, "fds": len(sockets), **given}).encode() + b"\n"
            try:
                if sockets:
                    socket.send_fds(self._sock, [line], [sock.fileno() for sock in sockets])
                else:
                    self._sock.sendall(line)
            except OSError as error:
                raise LabError(f"The lab has ended ({error}); start it again.") from error
        return self._result(number, timeout_s, f"the lab could not do {do!r}")

    def close(self) -> None:
        """Close the socket; with it the lab ends."""
        # The other end may have gone first, which is what closing is for.
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._reader.join(timeout=5)
        self._sock.close()

    def _result(self, number: int, timeout_s: float, what: str) -> Json:
        try:
            reply = self._waiting[number].result(timeout_s)
        except TimeoutError as error:
            raise LabError(f"In {timeout_s:.0f} s {what}; look into its logs.") from error
        finally:
            self._waiting.pop(number, None)
        if "error" in reply:
            raise LabError(f"In the lab, {what}: {reply['error']}")
        return reply

    def _read(self) -> None:
        waiting = b""
        while True:
            try:
                data = self._sock.recv(65536)
            except OSError:
                data = b""
            if not data:
                break
            *lines, waiting = (waiting + data).split(b"\n")
            for line in lines:
                reply = json.loads(line)
                future = self._waiting.get(reply["id"])
                if future:
                    future.set_result(reply)
        with self._sending:
            self._closed = True
            for future in self._waiting.values():
                if not future.done():
                    future.set_result({"error": "it ended"})
