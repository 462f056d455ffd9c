"""A small machine for one process: a disk that fills up, and memory that the kernel counts.

Both are made by the kernel itself, in namespaces and groups of the test's own; where it refuses, a test is skipped by name.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

DISK = "disk"
_ON_A_DISK = f'mount -t tmpfs -o size="$1"k none {DISK} && cp test.db {DISK}/ && shift && exec "$@"'


def on_a_small_disk(kib: int) -> list[str]:
    """The words that start a command with a tmpfs of this size at `disk`, seen by it alone, with a copy of `test.db` there."""
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare here")
    alone = ["unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*alone, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False).returncode:
        pytest.skip("the kernel refuses a mount of our own")
    return [*alone, "sh", "-c", _ON_A_DISK, "sh", str(kib)]


def fill(disk: Path) -> Path:
    """A file that takes all the room that is left."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(512)):
                pass
        except OSError as why:
            if why.errno != errno.ENOSPC:
                raise
    return filler


@dataclass(frozen=True)
class MemoryGroup:
    """A memory group of the kernel, version 1 or 2."""

    folder: Path
    modern: bool

    def limit(self, size: int) -> None:
        (self.folder / ("memory.max" if self.modern else "memory.limit_in_bytes")).write_text(str(size))

    @property
    def inside(self) -> list[str]:
        """The words that start a command in this group."""
        return ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(self.folder / "cgroup.procs")]

    @property
    def peak(self) -> int:
        """The most bytes that its processes had at once."""
        return int((self.folder / ("memory.peak" if self.modern else "memory.max_usage_in_bytes")).read_text())

    @property
    def kills(self) -> int:
        """How many of its processes were killed because there was not enough."""
        told = (self.folder / ("memory.events" if self.modern else "memory.oom_control")).read_text()
        return int(dict(line.split() for line in told.splitlines())["oom_kill"])


@contextmanager
def memory_group(name: str) -> Iterator[MemoryGroup]:
    """An empty group below our own; its processes must be gone at the end."""
    parent, modern = _parent()
    folder = parent / f"netpulse-{name}-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError as why:
        pytest.skip(f"the kernel gives us no memory group: {why.strerror}")
    try:
        group = MemoryGroup(folder, modern)
        if not (folder / ("memory.max" if modern else "memory.limit_in_bytes")).exists():
            pytest.skip("the kernel counts no memory in groups below ours")
        yield group
    finally:
        folder.rmdir()


def _parent() -> tuple[Path, bool]:
    """Where our own group is, and whether that is version 2."""
    groups = dict(line.split(":", 2)[1:] for line in Path("/proc/self/cgroup").read_text().splitlines())
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, options, *_ = line.split()
        if kind == "cgroup" and "memory" in options.split(",") and "memory" in groups:
            return Path(place + groups["memory"]), False
    return Path("/sys/fs/cgroup" + groups.get("", "/")), True
