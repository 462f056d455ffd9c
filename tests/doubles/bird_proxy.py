"""A BIRD that does what the test says, and a recorder in front of a real one. Both on Unix sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from doubles.steps import Close, Hang, Reset, Say, Step, WaitFor

GREETING = "0001 BIRD 2.0.12 ready.\n"
RESTRICTED = "0016 Access restricted\n"
SYNTAX_ERROR = "9001 syntax error, unexpected CF_SYM_UNDEFINED\n"
LINE_LIMIT_BYTES = 1000

Reply = str | Sequence[Step]
Script = Mapping[str, Reply] | Callable[[str], Reply]


@dataclass(slots=True)
class Conversation:
    """One connection: the lines that were asked, every byte that was answered, and whether it is over."""

    asked: list[bytes] = field(default_factory=list)
    answered: bytearray = field(default_factory=bytearray)
    over: bool = False


class _OnSocket:
    """What both have: a Unix socket at ``path``, its conversations, and a way to wait for them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.conversations: list[Conversation] = []
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._door: socket.socket | None = None

    async def __aenter__(self) -> Self:
        self._door = socket.socket(socket.AF_UNIX)
        self._door.setblocking(False)
        self._door.bind(str(self.path))
        self._door.listen(64)
        self._start(self._accept(self._door))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert self._door is not None
        self._door.close()
        self.path.unlink(missing_ok=True)

    @property
    def asked(self) -> list[str]:
        """Every line of every connection, connection by connection."""
        return [line.decode("utf-8", "replace") for one in self.conversations for line in one.asked]

    @property
    def open(self) -> int:
        """Connections that are not over."""
        return sum(not one.over for one in self.conversations)

    async def until(self, true: Callable[[Self], bool], timeout_s: float = 10.0) -> None:
        """Returns once ``true(self)``; looked at whenever something was said. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while not true(self):
                self._changed.clear()
                await self._changed.wait()

    async def converse(self, visitor: socket.socket, conversation: Conversation) -> None:
        raise NotImplementedError

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, door: socket.socket) -> None:
        while True:
            visitor, _ = await asyncio.get_running_loop().sock_accept(door)
            conversation = Conversation()
            self.conversations.append(conversation)
            self._start(self._serve(visitor, conversation))
            self._changed.set()

    async def _serve(self, visitor: socket.socket, conversation: Conversation) -> None:
        try:
            with visitor, contextlib.suppress(ConnectionError):
                await self.converse(visitor, conversation)
        finally:
            conversation.over = True
            self._changed.set()

    async def _say(self, visitor: socket.socket, conversation: Conversation, data: bytes) -> None:
        conversation.answered += data
        await asyncio.get_running_loop().sock_sendall(visitor, data)


class FakeBird(_OnSocket):
    """``async with FakeBird(path, {"show status": "1000-BIRD 2.0.12\\n0013 Daemon is up\\n"}) as bird:``

    A reply is the whole text, codes included, or a list of steps: `Say`, `WaitFor` an event (delay), `Close` after half
    a reply (truncate), `Reset`, `Hang` (never end). ``restrict`` is answered as BIRD does, unless the script has it or
    ``swallow_restrict`` is set: then it is read and nothing is said. ``greeting`` may be empty.
    """

    def __init__(self, path: Path, script: Script | None = None, *, greeting: str = GREETING) -> None:
        super().__init__(path)
        self.script: Script = script if script is not None else {}
        self.greeting = greeting
        self.swallow_restrict = False

    async def converse(self, visitor: socket.socket, conversation: Conversation) -> None:
        await self._say(visitor, conversation, self.greeting.encode())
        while (line := await _next_line(visitor)) is not None:
            conversation.asked.append(line)
            self._changed.set()
            if len(line) >= LINE_LIMIT_BYTES:
                # As the real one: more than its buffer at once breaks the connection.
                return
            if not await self._reply(visitor, conversation, self._script_for(line.decode("utf-8", "replace"))):
                return
            # The end of the line stays unread while it is answered, so that closing then is a reset for the peer.
            await asyncio.get_running_loop().sock_recv(visitor, 1)

    def _script_for(self, command: str) -> Reply:
        found = self.script(command) if callable(self.script) else self.script.get(command)
        if found is not None:
            return found
        if command == "restrict":
            return "" if self.swallow_restrict else RESTRICTED
        return SYNTAX_ERROR

    async def _reply(self, visitor: socket.socket, conversation: Conversation, reply: Reply) -> bool:
        """False if the connection is to end."""
        for step in [Say(reply)] if isinstance(reply, str) else reply:
            match step:
                case Say():
                    await self._say(visitor, conversation, step.raw)
                case WaitFor(event=event):
                    await event.wait()
                case Hang():
                    await asyncio.Event().wait()
                case Close():
                    await asyncio.get_running_loop().sock_recv(visitor, 1)
                    return False
                case Reset():
                    return False
                case _:
                    raise ValueError(f"{step} means nothing to a BIRD")
        return True


class BirdProxy(_OnSocket):
    """Passes everything between its socket and the real BIRD's at ``bird_path``, and writes it down."""

    def __init__(self, path: Path, bird_path: Path) -> None:
        super().__init__(path)
        self._bird_path = bird_path

    async def converse(self, visitor: socket.socket, conversation: Conversation) -> None:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_UNIX) as bird:
            bird.setblocking(False)
            await loop.sock_connect(bird, str(self._bird_path))
            asking = asyncio.create_task(self._pass_questions(visitor, bird, conversation))
            answering = asyncio.create_task(self._pass_answers(bird, visitor, conversation))
            try:
                await asyncio.wait({asking, answering}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                asking.cancel()
                answering.cancel()
                await asyncio.gather(asking, answering, return_exceptions=True)

    async def _pass_questions(self, visitor: socket.socket, bird: socket.socket, conversation: Conversation) -> None:
        loop = asyncio.get_running_loop()
        unended = b""
        while data := await loop.sock_recv(visitor, 65536):
            *lines, unended = (unended + data).split(b"\n")
            conversation.asked.extend(lines)
            self._changed.set()
            await loop.sock_sendall(bird, data)

    async def _pass_answers(self, bird: socket.socket, visitor: socket.socket, conversation: Conversation) -> None:
        while data := await asyncio.get_running_loop().sock_recv(bird, 65536):
            await self._say(visitor, conversation, data)
            self._changed.set()


async def _next_line(visitor: socket.socket) -> bytes | None:
    """The next line without its end, which is left unread; None at the end of the connection."""
    loop = asyncio.get_running_loop()
    line = b""
    while True:
        ready = asyncio.Event()
        loop.add_reader(visitor, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(visitor)
        seen = visitor.recv(65536, socket.MSG_PEEK)
        if not seen:
            return None
        head, newline, _ = seen.partition(b"\n")
        if head:
            line += visitor.recv(len(head))
        if newline:
            return line
