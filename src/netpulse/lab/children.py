"""Programs that a lab router runs for a visitor: output as it comes, and an end that is certain."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence

OnPiece = Callable[[bool, bytes], Awaitable[None]]


class Child(asyncio.SubprocessProtocol):
    """One running program in a process group of its own, its output queued piece by piece as it was written."""

    def __init__(self) -> None:
        self._pieces: asyncio.Queue[tuple[bool, bytes] | None] = asyncio.Queue()
        self._transport: asyncio.SubprocessTransport | None = None

    @classmethod
    async def start(cls, argv: Sequence[str], env: Mapping[str, str], *, with_input: bool = False) -> Child:
        """The program, started. Raises OSError if it cannot be. Its input is empty, or open until ``end_input``."""
        loop = asyncio.get_running_loop()
        given = asyncio.subprocess.PIPE if with_input else asyncio.subprocess.DEVNULL
        _, child = await loop.subprocess_exec(cls, *argv, env=dict(env), stdin=given, start_new_session=True)
        return child

    async def relay(self, on_piece: OnPiece) -> int:
        """Hands every piece to ``on_piece`` (is it standard error, the bytes) until the end; gives the exit status.

        A program ended by a signal has status 128 and the signal's number. If this is cancelled, or ``on_piece``
        raises, the program and its children are killed.
        """
        try:
            while (piece := await self._pieces.get()) is not None:
                await on_piece(*piece)
        finally:
            self.send(signal.SIGKILL)
            self._running.close()
        status = self._running.get_returncode() or 0
        return status if status >= 0 else 128 - status

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to the program and its children, if it still runs."""
        if self._running.get_returncode() is None:
            try:
                os.killpg(self._running.get_pid(), number)
            except ProcessLookupError:
                return

    def end_input(self) -> None:
        """The program reads the end of its input."""
        if (pipe := self._running.get_pipe_transport(0)) is not None:
            pipe.close()

    def hang_up(self) -> None:
        """Stops listening, as a closed channel does: the program learns of it by its input, or when it next writes."""
        for fd in (0, 1, 2):
            if (pipe := self._running.get_pipe_transport(fd)) is not None:
                pipe.close()

    @property
    def _running(self) -> asyncio.SubprocessTransport:
        assert self._transport is not None, "asyncio hands over the transport before it hands over the protocol"  # noqa: S101
        return self._transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)  # noqa: S101
        self._transport = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._pieces.put_nowait((fd == 2, data))

    def connection_lost(self, exc: Exception | None) -> None:
        self._pieces.put_nowait(None)
