"""One kept SSH connection per device, one exec channel per command. The only door to asyncssh.

Host keys are pinned; there is no agent, no user configuration, no PTY, no forwarding but the one BIRD socket. A channel
is given no input but its end, which stops a command. Facts that shaped it: closing an exec channel does not end a silent
command on OpenSSH (no PTY: no SIGHUP), a signal is not always obeyed: `ended` returns only when the device says so.

A kept connection may be dead without knowing it. The channel is opened before the command is sent: until it is confirmed
nothing of the command has left, and one new connection is tried in silence. After that it is never sent again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from typing import Any

import asyncssh

from netpulse.errors import Busy, Fault, NetPulseError
from netpulse.inventory import Ssh
from netpulse.transports.addresses import addresses_of
from netpulse.transports.bird_socket import Connect, Reading, Writing
from netpulse.transports.seam import EXEC

logging.getLogger("asyncssh").setLevel(logging.WARNING)

_KEEPALIVE_S = 15
_WINDOW = 256 * 1024  # bytes of a command kept for its reader, and as many more on their way to us
_STOP_PATIENCE_S = 1.0
_STATUS_AFTER_END_S = 1.0
_FULL_AGAIN_S = 5
_NOT_VERIFIED = "The router's identity could not be verified, so nothing was sent."
_CONFIRM_S = 3.0
"""How long a kept connection may take to confirm a channel before a new connection is tried instead."""
_LAST_COMMANDS_S = 60.0
"""No command of ours runs longer, so what runs on a connection that is replaced may end."""
_OLDEST_S = 12 * 3600.0 - _LAST_COMMANDS_S


class _Channel(asyncssh.SSHClientSession[bytes]):
    """Collects what one command prints, standard output and error in the order they came."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.over = False  # nothing more will come
        self.said_end = False  # the device told how its command ended
        self.over_by_itself = False  # the device ended it before any close of ours
        self.closed_by_us = False
        self.lost: Exception | None = None
        self.paused = False
        self.confirmed = False  # from now on the command may have been sent
        self.unwanted = False  # whoever wanted it has left before it was confirmed
        self._news = asyncio.Event()
        self.closed = asyncio.Event()
        self._channel: Any = None

    def connection_made(self, chan: Any) -> None:
        if self.unwanted:
            chan.close()
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "confirmed too late: the command is not sent")
        self.confirmed = True
        self._channel = chan

    def data_received(self, data: bytes, datatype: int | None) -> None:
        self.data += data
        if len(self.data) > _WINDOW and not self.paused:
            self.paused = True
            self._channel.pause_reading()
        self._news.set()

    def eof_received(self) -> bool:
        self.over_by_itself = True
        self._end()
        return True  # the exit status may follow; the device closes

    def exit_status_received(self, status: int) -> None:
        self.said_end = True

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:
        self.said_end = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = exc
        # A device closes a channel once its command is over; of a connection that broke nothing is known.
        self.over_by_itself = self.over_by_itself or (exc is None and not self.closed_by_us)
        self._end()
        self.closed.set()

    def _end(self) -> None:
        self.over = True
        self._news.set()

    async def take(self) -> bytes:
        while not self.data and not self.over:
            self._news.clear()
            await self._news.wait()
        if not self.data and not self.closed.is_set():
            # The end of the output came; its exit status and the close follow, or this device sends none.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STATUS_AFTER_END_S):
                    await self.closed.wait()
        taken = bytes(self.data)
        self.data.clear()
        if self.paused:
            self.paused = False
            self._channel.resume_reading()
        return taken


class _Running:
    def __init__(self, channel: Any, session: _Channel) -> None:
        self._channel = channel
        self._session = session
        self._stopping: asyncio.Task[None] | None = None

    async def read(self) -> bytes:
        return await self._session.take()

    @property
    def ended_well(self) -> bool:
        return self._session.said_end and self._session.lost is None

    def stop(self) -> None:
        if self._stopping is None and not self._session.closed.is_set():
            with contextlib.suppress(OSError, asyncssh.Error):
                self._channel.send_signal("INT")  # now: of a thousand stopped together the last would wait for its turn
                self._channel.write_eof()  # our forced command, to which sshd passes no signal on, heeds it
            self._stopping = asyncio.create_task(self._stop())

    async def _stop(self) -> None:
        """After the signal a router that obeys it tells us the end; then the close."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_PATIENCE_S):
                while await self._session.take():
                    pass
        self._session.closed_by_us = True
        self._channel.close()
        await self._session.closed.wait()  # what the device says between our close and its own counts

    async def ended(self) -> None:
        if self._stopping is not None:
            await asyncio.shield(self._stopping)  # whoever waits may lose patience; the stop goes on
        if not (self._session.said_end or self._session.over_by_itself):
            await asyncio.get_running_loop().create_future()  # only the device knows when


class SshTransport:
    """Commands to one device over a kept connection, made when the first command needs it."""

    def __init__(self, reach: Ssh, *, login_s: float) -> None:
        self._reach = reach
        self._login_s = login_s
        self._connection: asyncssh.SSHClientConnection | None = None
        self._replaced: dict[asyncssh.SSHClientConnection, asyncio.TimerHandle] = {}
        self._connecting: asyncio.Task[asyncssh.SSHClientConnection] | None = None
        self._aging: asyncio.TimerHandle | None = None
        self._last_addresses: list[str] = []

    async def start(self, command: str) -> _Running:
        line = EXEC.check(command)
        kept = self._kept
        if kept is not None:
            running = await self._exec(kept, line, min(_CONFIRM_S, self._login_s))
            if running is not None:
                return running
            self._replace(kept)
        fresh = await self._connected()
        running = await self._exec(fresh, line, self._login_s)
        if running is None:
            self._replace(fresh)
            raise _not_opened(TimeoutError() if not fresh.is_closed() else asyncssh.ConnectionLost("before the channel"))
        return running

    async def _exec(self, connection: asyncssh.SSHClientConnection, line: str, confirm_s: float) -> _Running | None:
        """A channel with the command on it, None if none was confirmed: then nothing of the command was sent.

        Who leaves meanwhile leaves no channel behind.
        """
        session = _Channel()
        opening = asyncio.ensure_future(connection.create_session(lambda: session, line, encoding=None, window=_WINDOW))
        try:
            try:
                async with asyncio.timeout(confirm_s):
                    channel, _ = await asyncio.shield(opening)
            except TimeoutError:
                if not session.confirmed:
                    raise
                async with asyncio.timeout(self._login_s):
                    channel, _ = await asyncio.shield(opening)
        except BaseException as error:
            session.unwanted = True
            opening.add_done_callback(_close_if_opened)
            if not isinstance(error, asyncssh.Error | OSError):
                raise
            if not session.confirmed and (isinstance(error, TimeoutError) or connection.is_closed()):
                return None
            raise _not_opened(error if not connection.is_closed() else asyncssh.ConnectionLost(str(error))) from error
        return _Running(channel, session)

    async def unix_socket(self, path: str) -> tuple[Reading, Writing]:
        """A Unix socket on the device's host, through the kept connection. Raises OSError when it cannot be opened."""
        kept = self._kept
        if kept is not None:
            try:
                async with asyncio.timeout(_CONFIRM_S):
                    return await self._forward(kept, path)
            except OSError as error:  # nothing was sent through it
                if not isinstance(error, TimeoutError) and not kept.is_closed():
                    raise
                self._replace(kept)
        return await self._forward(await self._connected(), path)

    async def _forward(self, connection: asyncssh.SSHClientConnection, path: str) -> tuple[Reading, Writing]:
        opening = asyncio.ensure_future(connection.open_unix_connection(path, encoding=None))
        try:
            reader, writer = await asyncio.shield(opening)
        except asyncssh.Error as error:
            raise OSError(_words(error)) from error
        except BaseException:
            opening.add_done_callback(_close_if_opened)
            raise
        return _Forwarded(reader), writer

    @property
    def _kept(self) -> asyncssh.SSHClientConnection | None:
        return None if self._connection is None or self._connection.is_closed() else self._connection

    async def _connected(self) -> asyncssh.SSHClientConnection:
        """The kept connection, or the one new attempt that everybody waits for."""
        if (kept := self._kept) is not None:
            return kept
        if self._connecting is None or self._connecting.done():
            self._connecting = asyncio.create_task(self._connect())
            self._connecting.add_done_callback(_mark_retrieved)
        return await asyncio.shield(self._connecting)

    async def _connect(self) -> asyncssh.SSHClientConnection:
        try:
            async with asyncio.timeout(self._login_s):
                made = await self._login()
        except TimeoutError as error:
            raise Fault("router_timeout", "The router did not answer in time.", detail="connect or login") from error
        self._connection = made
        if self._aging is not None:
            self._aging.cancel()
        self._aging = asyncio.get_running_loop().call_later(_OLDEST_S, self._replace, made)
        return made

    async def _login(self) -> asyncssh.SSHClientConnection:
        """Logged in at the first address of the device that takes a connection."""
        self._last_addresses = await addresses_of(self._reach, self._last_addresses)
        *others, last = self._last_addresses
        for host in others:
            try:
                return await _login(self._reach, host, self._login_s)
            except Fault as fault:
                if fault.code != "router_unreachable":
                    raise
        return await _login(self._reach, last, self._login_s)

    def _replace(self, connection: asyncssh.SSHClientConnection) -> None:
        """New commands go to a new connection; what still runs on this one may end."""
        if self._connection is connection:
            self._connection = None
        if connection.is_closed() or connection in self._replaced:
            return

        def end() -> None:
            del self._replaced[connection]
            connection.abort()

        self._replaced[connection] = asyncio.get_running_loop().call_later(_LAST_COMMANDS_S, end)

    async def close(self) -> None:
        if self._connecting is not None and not self._connecting.done():
            self._connecting.cancel()
            with contextlib.suppress(asyncio.CancelledError, Fault):
                await self._connecting
        open_ones = [*self._replaced, *([self._connection] if self._connection is not None else [])]
        for timer in (*self._replaced.values(), *([self._aging] if self._aging is not None else [])):
            timer.cancel()
        self._replaced.clear()
        self._connection = None
        for connection in open_ones:
            connection.abort()
            await connection.wait_closed()


def _mark_retrieved(task: asyncio.Task[asyncssh.SSHClientConnection]) -> None:
    if not task.cancelled():
        task.exception()


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


async def _login(reach: Ssh, host: str, login_s: float) -> asyncssh.SSHClientConnection:
    # asyncssh looks up who the local user is, for nothing; without a file to spare that fails like a refused login.
    os.environ.setdefault("LOGNAME", "netpulse")
    try:
        pinned = [asyncssh.import_public_key(line) for line in reach.host_keys]
        return await asyncssh.connect(
            host,
            reach.port,
            username=reach.user,
            known_hosts=(pinned, [], []),
            client_keys=[str(reach.key_file)],
            server_host_key_algs=[name.decode() for key in pinned for name in key.sig_algorithms] or "default",
            preferred_auth="publickey",
            config=None,
            agent_path=None,
            agent_forwarding=False,
            x509_trusted_certs=None,
            connect_timeout=login_s,
            login_timeout=login_s,
            keepalive_interval=_KEEPALIVE_S,
            keepalive_count_max=2,
            client_version="NetPulse",
        )
    except asyncssh.HostKeyNotVerifiable as error:
        raise Fault("router_identity", _NOT_VERIFIED, detail=_words(error)) from error
    except asyncssh.KeyExchangeFailed as error:
        # The server offers no host key of a pinned type: it is not the router that was pinned.
        code = "router_identity" if "host key" in str(error) else "router_garbled"
        raise Fault(code, _NOT_VERIFIED, detail=_words(error)) from error
    except asyncssh.PermissionDenied as error:
        raise Fault("router_login", "The router refused the login.", detail=_words(error)) from error
    except (asyncssh.ConnectionLost, asyncssh.ProtocolNotSupported, asyncssh.ProtocolError, asyncssh.MACError) as error:
        raise Fault("router_garbled", "The router did not speak SSH as it should.", detail=_words(error)) from error
    except asyncssh.Error as error:
        raise Fault("router_unreachable", "The router closed the connection.", detail=_words(error)) from error
    except TimeoutError as error:
        raise Fault("router_timeout", "The router did not answer in time.", detail=_words(error)) from error
    except OSError as error:
        raise Fault("router_unreachable", "The router does not accept a connection.", detail=_words(error)) from error
    except (asyncssh.KeyImportError, ValueError) as error:
        raise Fault("router_login", "The router could not be logged in to.", detail=_words(error)) from error


def _not_opened(error: Exception) -> NetPulseError:
    """Why no channel could be had on a connection that stands."""
    if isinstance(error, asyncssh.ChannelOpenError):
        if error.code == asyncssh.OPEN_REQUEST_SESSION_FAILED:
            return Fault("router_refused", "The router refused the command.", detail=_words(error))
        return Busy(
            "router_busy",
            "The router has no free session now; try again after the time given.",
            retry_after_s=_FULL_AGAIN_S,
            detail=_words(error),
        )
    if isinstance(error, TimeoutError):
        return Fault("router_timeout", "The router did not answer in time.", detail="a channel was not opened in time")
    return Fault("router_closed", "The router closed the session before the command began.", detail=_words(error))


def _close_if_opened(opening: asyncio.Future[Any]) -> None:
    """The end of a channel that opened after its caller had left."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result()[-1 if hasattr(opening.result()[-1], "close") else 0].close()


class _Forwarded:
    """The reading end of a forwarded socket, whose faults are those of any socket."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    async def read(self, n: int) -> bytes:
        try:
            return bytes(await self._reader.read(n))
        except asyncssh.Error as error:
            raise OSError(_words(error)) from error


def forwarded_socket(transport: SshTransport, path: str) -> Connect:
    """Connects to a Unix socket on another host, through its SSH connection."""

    async def connect() -> tuple[Reading, Writing]:
        return await transport.unix_socket(path)

    return connect


async def offered_host_key(host: str, port: int, timeout_s: float) -> str | None:
    """The public host key that a server presents, one OpenSSH line, without logging in; None if it presents none."""
    try:
        async with asyncio.timeout(timeout_s):
            key = await asyncssh.get_server_host_key(host, port, config=None)
    except (TimeoutError, OSError, asyncssh.Error):
        return None
    return key.export_public_key().decode("ascii").strip() if key else None


def new_key(comment: str) -> tuple[bytes, str]:
    """A fresh Ed25519 key pair: the private key file's content in OpenSSH form, and the public key as one line."""
    key = asyncssh.generate_private_key("ssh-ed25519", comment=comment)
    return key.export_private_key("openssh"), key.export_public_key("openssh").decode("ascii").strip()
