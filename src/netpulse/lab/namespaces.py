"""Entering network namespaces from a thread, and filling them: `ip` batches and kernel settings.

Python 3.11 has no `os.setns`, so libc's is called. The kernel keeps a network namespace per thread: a process started
inside `entered` lives there, while every other thread stays where it was.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

NETNS_FOLDER = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _enter(descriptor: int, what: str) -> None:
    if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"cannot enter the network namespace {what}: {os.strerror(number)}")


@contextmanager
def entered(namespace: str) -> Iterator[None]:
    """The calling thread is in `namespace` until the block ends."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        wanted = os.open(NETNS_FOLDER / namespace, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(wanted, namespace)
        finally:
            os.close(wanted)
        try:
            yield
        finally:
            _enter(before, "it came from")
    finally:
        os.close(before)


def set_kernel(settings: Mapping[str, str]) -> None:
    """Write settings (paths under /proc/sys) for the calling thread's namespace. Absent ones are passed over."""
    for path, value in settings.items():
        file = Path("/proc/sys", path)
        if file.exists():
            file.write_text(value)


class Batch:
    """`ip -batch` for one namespace, started at once and waited for later, so that many run side by side."""

    def __init__(self, ip: str, lines: Sequence[str], namespace: str | None = None) -> None:
        self.namespace = namespace
        self.lines = lines
        # Inside a batch no line can say -6, so those lines are a second batch.
        four = [line for line in lines if not line.startswith("-6 ")]
        six = [line.removeprefix("-6 ") for line in lines if line.startswith("-6 ")]
        self._running = [self._start([ip, "-batch", "-"], four)]
        if six:
            self._running.append(self._start([ip, "-6", "-batch", "-"], six))

    def _start(self, argv: list[str], lines: list[str]) -> subprocess.Popen[str]:
        def begin() -> subprocess.Popen[str]:
            return subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

        if self.namespace:
            with entered(self.namespace):
                process = begin()
        else:
            process = begin()
        if process.stdin is None:
            raise RuntimeError("a pipe was asked for and is missing")
        process.stdin.write("\n".join(lines) + "\n")
        process.stdin.close()
        process.stdin = None
        return process

    def finish(self) -> None:
        """Wait for the end; RuntimeError with ip's own words if any line was refused."""
        for process in self._running:
            _, errors = process.communicate()
            if process.returncode:
                raise RuntimeError(f"ip refused a command in {self.namespace or 'the lab'}: {errors.strip()}")


def transmitted(namespace: str, interface: str) -> int:
    """How many packets this interface has sent since it exists."""
    with entered(namespace):
        text = Path("/proc/thread-self/net/dev").read_text()
    for line in text.splitlines():
        name, _, numbers = line.partition(":")
        if name.strip() == interface:
            return int(numbers.split()[9])
    raise LookupError(f"{namespace} has no interface {interface}")
