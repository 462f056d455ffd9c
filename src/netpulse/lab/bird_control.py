"""Plain, blocking talk with a BIRD's control socket, for the lab's own housekeeping and its tests."""

from __future__ import annotations

import re
import socket
from pathlib import Path

_END = re.compile(rb"^(0\d{3}|8\d{3}|9\d{3}) .*\n", re.MULTILINE)


def ask(path: Path, command: str, timeout_s: float = 5.0) -> str:
    """BIRD's reply to one command, without its greeting. OSError if BIRD is not there or does not finish."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout_s)
        sock.connect(str(path))
        _read(sock)
        sock.sendall(command.encode() + b"\n")
        return _read(sock).decode()


def nudge(path: Path) -> None:
    """Wake a BIRD that sleeps although it has something to send.

    BIRD 2.0.12 looks for new work before it runs its timers, so what a timer scheduled (a session that opened at once, as
    on a veth it does) may wait for the next packet or for the end of its 3 s poll. Seen in one start of four.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(1)
        try:
            sock.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return  # it has not opened its socket yet, so it is not asleep either


def _read(sock: socket.socket) -> bytes:
    got = b""
    while not (got.endswith(b"\n") and _END.search(got)):
        piece = sock.recv(65536)
        if not piece:
            raise ConnectionError("BIRD closed its control socket in the middle of a reply")
        got += piece
    return got


def as_paths(path: Path, prefix: str, where: str = "") -> set[str]:
    """The AS paths of every route to exactly this prefix. `where` continues the command, as in `table core1_v4`."""
    reply = ask(path, f"show route {prefix} {where} all")
    return {match.strip() for match in re.findall(r"BGP\.as_path:(.*)", reply)}
