"""What systemd is told of this process, by the datagrams of sd_notify(3): ready, reloading, stopping, alive.

Without `NOTIFY_SOCKET` in the environment nobody listens and nothing is sent. A message that cannot be delivered is logged
once and never harms the service: systemd ends a unit of `Type=notify` that does not speak.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import Iterator, Mapping

_LONGEST_STATUS = 200
_log = logging.getLogger(__name__)


class ServiceManager:
    """The one listener at a notification socket; None as `address` is nobody.

    `watchdog_s` is how long systemd waits for a sign of life before it takes the process for dead, None if it does not.
    """

    def __init__(self, address: str | None = None, watchdog_s: float | None = None) -> None:
        # An address that begins with @ is of the abstract name space, written with a zero byte.
        self._address = "\0" + address[1:] if address and address.startswith("@") else address
        self.watchdog_s = watchdog_s if address else None
        self._complained = False

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> ServiceManager:
        """The service manager that started this process, as the environment names it."""
        address = environment.get("NOTIFY_SOCKET")
        meant = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        microseconds = environment.get("WATCHDOG_USEC", "")
        watched = meant and microseconds.isascii() and microseconds.isdigit() and int(microseconds) > 0
        return cls(address or None, int(microseconds) / 1e6 if watched else None)

    def ready(self, status: str) -> None:
        """It serves; `status` is what `systemctl status` shows."""
        self._send("READY=1", f"STATUS={_one_line(status)}")

    def says(self, status: str) -> None:
        """Another line for `systemctl status`."""
        self._send(f"STATUS={_one_line(status)}")

    def stopping(self) -> None:
        """No further questions are taken; what is open goes out."""
        self._send("STOPPING=1", "STATUS=stopping: open answers go out")

    @contextlib.contextmanager
    def reloading(self) -> Iterator[None]:
        """The configuration is read again inside this scope, whatever comes of it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            yield
        finally:
            self._send("READY=1")

    async def keep_alive(self) -> None:
        """Tells that the event loop turns, twice as often as systemd asks for; ends at once if it does not ask."""
        while self.watchdog_s is not None:
            self._send("WATCHDOG=1")
            await asyncio.sleep(self.watchdog_s / 2)

    def _send(self, *lines: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.setblocking(False)
                sock.sendto("\n".join(lines).encode(), self._address)
        except OSError as problem:
            if not self._complained:
                _log.warning("the service manager cannot be told %s: %s", lines[0], problem)
            self._complained = True


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST_STATUS]
