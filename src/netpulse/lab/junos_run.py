"""Runs one Junos command of a lab router: real ping and traceroute in the router's namespace, its own BIRD's routes."""

from __future__ import annotations

import asyncio
import codecs
import errno
import os
import re
import shutil
import signal
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from netpulse.lab.children import Child
from netpulse.lab.junos_bgp import print_summary, read_peers
from netpulse.lab.junos_cli import IPAddress, Ping, Refusal, ShowBgpSummary, ShowRoute, ShowVersion, Traceroute, parse
from netpulse.lab.junos_print import PingPrinter, TracePrinter, sent_data_bytes
from netpulse.lab.junos_routes import BirdUnwilling, ask_bird, print_table, read_entries, read_session
from netpulse.lab.router_spec import RouterSpec

Say = Callable[[bool, str], Awaitable[None]]

FAST_INTERVAL_S = 0.01
FAST_PING_WAIT_S = 0.3
FAST_TRACE_WAIT_S = 0.15
RAPID_INTERVAL_S = 0.01
UDP_PORT = 33434
VERSION = "Hostname: {name}\nModel: mx304\nJunos: 23.2R1\nJUNOS OS Kernel 64-bit  [lab]\n"


class JunosRun:
    """One command line being answered. ``say`` takes (is it standard error, the text) and may wait."""

    def __init__(self, spec: RouterSpec, say: Say) -> None:
        self._spec = spec
        self._say = say
        self._child: Child | None = None

    async def run(self, line: str) -> int:
        """Answers ``line`` to its end and gives the exit status. Cancelling it kills whatever runs."""
        if self._spec.allow is not None and not re.search(self._spec.allow, line, re.IGNORECASE):
            await self._say(False, f"\nerror: permission denied: {line.partition(' ')[0]}\n")
            return 1
        command = parse(line)
        match command:
            case Refusal():
                await self._say(command.stream == "stderr", command.text + "\n")
                return 1
            case ShowVersion():
                await self._say(False, VERSION.format(name=self._spec.name))
                return 0
            case ShowRoute():
                return await self._show_route(command)
            case ShowBgpSummary():
                return await self._show_bgp_summary()
            case _:
                return await self._probe(command)

    def interrupt(self) -> bool:
        """^C: the running program sums up and ends. False if there is none to tell."""
        if self._child is None:
            return False
        self._child.send(signal.SIGINT)
        return True

    async def _probe(self, command: Ping | Traceroute) -> int:
        mark = None
        program = "ping" if isinstance(command, Ping) else "traceroute"
        try:
            if command.instance is not None:
                instance = self._spec.instances.get(command.instance)
                if instance is None:
                    await self._say(True, f"{program}: routing instance {command.instance} not found\n")
                    return 1
                mark = instance.get("mark")
                command = _inside(command, instance)
            source = source_for(command.target, command.source, mark)
        except NotOurs:
            name = program + ("6" if command.target.version == 6 else "")
            await self._say(True, f"{name}: bind: Can't assign requested address\n")
            return 1
        if isinstance(command, Ping):
            return await self._ping(command, source, mark)
        return await self._traceroute(command, source, mark)

    async def _ping(self, ping: Ping, source: IPAddress | None, mark: int | None) -> int:
        printer = PingPrinter(ping, source or ping.source)
        interval_s = FAST_INTERVAL_S if self._spec.fast else RAPID_INTERVAL_S if ping.rapid else ping.interval_s
        wait_s = FAST_PING_WAIT_S if self._spec.fast else ping.wait_s
        count = 5 if ping.rapid and ping.count is None else ping.count
        await self._say(False, printer.header())
        if source is None:
            return await self._ping_nowhere(printer, count, interval_s, wait_s)
        argv = [self._program("ping"), f"-{ping.target.version}", "-n", "-i", str(interval_s), "-W", str(wait_s),
                "-s", str(sent_data_bytes(ping))]
        argv += ["-c", str(count)] if count is not None else []
        argv += ["-t", str(ping.ttl)] if ping.ttl is not None else []
        argv += ["-M", "do"] if ping.do_not_fragment else []
        argv += ["-m", str(mark)] if mark is not None else []
        argv += ["-I", str(ping.source)] if ping.source is not None else []
        answered = False

        async def on_line(is_error: bool, line: str) -> None:
            nonlocal answered
            if is_error:
                await self._say(True, f"{line}\n")
                return
            answered = answered or "bytes from" in line
            out, err = printer.feed(line)
            await self._tell(out, err)

        await self._relay_lines([*argv, str(ping.target)], on_line)
        return 0 if answered else 2

    async def _ping_nowhere(self, printer: PingPrinter, count: int | None, interval_s: float, wait_s: float) -> int:
        sent = 0
        while count is None or sent < count:
            if sent:
                await asyncio.sleep(interval_s)
            await self._tell(*printer.cannot_send())
            sent += 1
        await asyncio.sleep(wait_s)
        await self._say(False, printer.summary(sent, 0))
        return 2

    async def _traceroute(self, trace: Traceroute, source: IPAddress | None, mark: int | None) -> int:
        printer = TracePrinter(trace, source)
        wait_s = FAST_TRACE_WAIT_S if self._spec.fast else trace.wait_s
        await self._say(False, printer.header())
        if source is None:
            for hop in range(1, trace.ttl + 1):
                for probe in range(TracePrinter.PROBES):
                    await self._tell(*printer.cannot_send(hop, probe))
                    await asyncio.sleep(wait_s)
            return 0
        # The two zeros keep the full wait for every probe: otherwise Linux waits less where a neighbour answered.
        argv = [self._program("traceroute"), f"-{trace.target.version}", "-n", "-N", "1", "-q", str(TracePrinter.PROBES),
                "-w", f"{wait_s},0,0", "-m", str(trace.ttl)]
        argv += [f"--fwmark={mark}"] if mark is not None else []
        argv += ["-s", str(trace.source)] if trace.source is not None else []
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode

        async def on_piece(is_error: bool, piece: bytes) -> None:
            if is_error:
                if said := piece.decode("utf-8", "replace").strip():
                    await self._say(True, f"traceroute: {said}\n")
            elif text := printer.feed(decode(piece)):
                await self._say(False, text)

        packet_bytes = 52 if trace.target.version == 4 else 60
        self._child = await Child.start([*argv, str(trace.target), str(packet_bytes)], self._spec.environment)
        status = await self._child.relay(on_piece)
        await self._tell(printer.close(), "")
        return 0 if status == 0 else 1

    async def _relay_lines(self, argv: list[str], on_line: Callable[[bool, str], Awaitable[None]]) -> int:
        unended = {False: b"", True: b""}

        async def on_piece(is_error: bool, piece: bytes) -> None:
            *lines, unended[is_error] = (unended[is_error] + piece).split(b"\n")
            for line in lines:
                await on_line(is_error, line.decode("utf-8", "replace"))

        self._child = await Child.start(argv, self._spec.environment)
        return await self._child.relay(on_piece)

    async def _show_route(self, command: ShowRoute) -> int:
        table = self._table(command)
        if table is None:
            await self._say(False, f"\nerror: table {command.table} not found\n")
            return 1
        if not isinstance(command.target, IPv4Address | IPv6Address):
            reach = f"show route {command.target}" if command.exact else f"show route in {command.target}"
        elif command.exact:
            reach = f"show route {command.target}/{command.target.max_prefixlen}"
        else:
            reach = f"show route for {command.target}"
        assert self._spec.bird_socket is not None  # noqa: S101
        try:
            entries = read_entries(await ask_bird(self._spec.bird_socket, f"{reach} table {table} all"))
            counted = await ask_bird(self._spec.bird_socket, f"show route count table {table}")
            sessions = {
                name: read_session(await ask_bird(self._spec.bird_socket, f"show protocols all {name}"))
                for name in sorted({entry.protocol for entry in entries})
            }
        except BirdUnwilling as said:
            await self._say(False, f"\nerror: {said}\n")
            return 1
        except (OSError, TimeoutError):
            await self._say(False, "error: the routing subsystem is not running\n")
            return 1
        # BIRD shows local time, so local time is what ages are reckoned from.
        await self._say(False, print_table(command.table, " ".join(counted), entries, sessions, datetime.now()))
        return 0

    async def _show_bgp_summary(self) -> int:
        try:
            lines = await ask_bird(self._spec.bird_socket or "", "show protocols all")
        except (BirdUnwilling, OSError, TimeoutError):
            await self._say(False, "error: the routing subsystem is not running\n")
            return 1
        await self._say(False, print_summary(read_peers(lines), datetime.now()))
        return 0

    def _table(self, command: ShowRoute) -> str | None:
        if self._spec.bird_socket is None:
            return None
        instance, _, family = command.table.rpartition("inet")
        version = {".0": "v4", "6.0": "v6"}.get(family)
        if version is None or version != f"v{command.target.version}":
            return None
        if not instance:
            return self._spec.tables.get(version)
        tables: dict[str, str] = self._spec.instances.get(instance.removesuffix("."), {}).get("tables", {})
        return tables.get(version)

    def _program(self, name: str) -> str:
        found = shutil.which(name, path=self._spec.path)
        if found is None:
            raise FileNotFoundError(f"{name} is not in {self._spec.path}; install it or correct the path")
        return found

    async def _tell(self, out: str, err: str) -> None:
        if err:
            await self._say(True, err)
        if out:
            await self._say(False, out)


def _inside(command: Ping | Traceroute, instance: Mapping[str, Any]) -> Ping | Traceroute:
    """The command with the address of this instance, which is what leads its packets. Raises `NotOurs` for another."""
    address = instance.get(f"ipv{command.target.version}")
    if address is None:
        return command
    if command.source not in (None, ip_address(address)):
        raise NotOurs
    return replace(command, source=ip_address(address))


class NotOurs(Exception):
    """The router does not own this address."""


def source_for(target: IPAddress, source: IPAddress | None, mark: int | None) -> IPAddress | None:
    """The address packets to ``target`` would carry; None if there is no route. Raises `NotOurs`.

    Asked of the kernel by connecting a datagram socket, which sends nothing. It has to be asked: iputils ping prints
    nothing at all when it cannot send, where Junos says so for every packet.
    """
    family = socket.AF_INET if target.version == 4 else socket.AF_INET6
    if source is not None and source.version != target.version:
        raise NotOurs
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        if mark is not None:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
        try:
            if source is not None:
                probe.bind((str(source), 0))
        except OSError as fault:
            if fault.errno in (errno.EADDRNOTAVAIL, errno.EINVAL):
                raise NotOurs from fault
            raise
        try:
            probe.connect((str(target), UDP_PORT))
        except OSError as fault:
            if fault.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EACCES, errno.EINVAL):
                return None
            raise OSError(fault.errno, os.strerror(fault.errno or 0), str(target)) from fault
        return ip_address(probe.getsockname()[0])
