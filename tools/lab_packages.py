"""The programs that the lab runs: from the system, from apt, or unpacked into a folder of ours.

Root installs Debian's packages and no service is started or enabled by it. Anybody else gets the same packages
downloaded (apt checks their signatures) and unpacked under `.cache/lab-root`; only what the system lacks is fetched.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from progress import SetupFault, run, say

PROGRAMS = {
    "bird2": ("bird", "birdc"),
    "frr": ("zebra", "bgpd", "vtysh"),
    "iputils-ping": ("ping",),
    "traceroute": ("traceroute",),
    "iproute2": ("ip",),
}
SERVICES = {"bird2": "bird.service", "frr": "frr.service"}
POLICY = Path("/usr/sbin/policy-rc.d")
TRY_AGAIN_AFTER_S = 3600.0


def folders(lab_root: Path) -> list[Path]:
    """Where a program may lie: PATH, the administrator's folders, FRR's own, then the same under `lab_root`."""
    own = ["usr/sbin", "usr/bin", "usr/lib/frr", "sbin", "bin"]
    path = [Path(place) for place in os.environ.get("PATH", "").split(os.pathsep) if place]
    return [*path, *(Path("/", place) for place in own), *(lab_root / place for place in own)]


def missing(lab_root: Path) -> list[str]:
    """The packages of which a program is nowhere to be found, by name."""
    places = folders(lab_root)
    return [
        package
        for package, programs in PROGRAMS.items()
        if not all(any(os.access(place / program, os.X_OK) for place in places) for program in programs)
    ]


def provide(cache: Path, extra: Iterable[str] = ()) -> list[str]:
    """Gets what is missing, and the packages of `extra` too; returns the packages that cannot be had here.

    A failure is remembered for an hour, so that a machine without network is not asked again at each run.
    """
    lab_root, log, memory = cache / "lab-root", cache / "setup.log", cache / "lab-missing.json"
    extra = list(extra)
    wanted = [*missing(lab_root), *extra]
    if not wanted:
        memory.unlink(missing_ok=True)
        return []
    remembered = _remembered(memory)
    if remembered is None or not set(wanted) <= set(remembered):
        reason = _get(wanted, lab_root, log, cache)
        wanted = missing(lab_root)
        if wanted:
            memory.write_text(json.dumps({"at_s": time.time(), "packages": [*wanted, *extra], "reason": reason}))
    return [package for package in wanted if package not in extra]


def _remembered(memory: Path) -> list[str] | None:
    try:
        found = json.loads(memory.read_text())
    except (OSError, ValueError):
        return None
    fresh = 0 <= time.time() - found["at_s"] < TRY_AGAIN_AFTER_S
    return list(found["packages"]) if fresh else None


def _get(wanted: list[str], lab_root: Path, log: Path, cache: Path) -> str:
    """Empty if all went well, else why not; whatever could be had is there either way."""
    if shutil.which("apt-get") is None:
        return "this system has no apt-get"
    reason = ""
    if os.geteuid() == 0:
        say(f"installing {', '.join(wanted)} with apt (no service is started)")
        try:
            _install(wanted, log)
        except SetupFault as fault:
            reason = str(fault)
        else:
            return ""
    say(f"unpacking {', '.join(wanted)} into {lab_root.relative_to(cache.parent)}, for this folder only")
    try:
        _unpack(wanted, lab_root, log, cache)
    except SetupFault as fault:
        reason = reason or str(fault)
        say(str(fault))
        return reason
    return ""


def _install(packages: list[str], log: Path) -> None:
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    with _services_held():
        try:
            run(install, log=log, env=env)
        except SetupFault:
            # Fresh images have no package lists, and old lists name files that are gone: fetch them, ask once more.
            run(["apt-get", "update", "-q"], log=log, env=env)
            run(install, log=log, env=env)
    if shutil.which("systemctl"):
        for unit in (SERVICES[package] for package in packages if package in SERVICES):
            run(["systemctl", "disable", "--no-reload", unit], log=log, env=env)


@contextmanager
def _services_held() -> Iterator[None]:
    """While this lasts no package may start a service; a policy that the administrator has set stays as it is."""
    if POLICY.exists() or POLICY.is_symlink():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)


def _unpack(packages: list[str], lab_root: Path, log: Path, cache: Path) -> None:
    """Downloads these packages and the dependencies that the system lacks, and unpacks them; no root needed."""
    apt = cache / "apt"
    archives = apt / "archives"
    (archives / "partial").mkdir(parents=True, exist_ok=True)
    (apt / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    private = ["-o", "Debug::NoLocking=1", "-o", f"Dir::Cache={apt}", "-o", f"Dir::Cache::archives={archives}/"]
    own_lists = [*private, "-o", f"Dir::State::Lists={apt}/lists"]
    env = {**os.environ, "LC_ALL": "C"}
    download = ["install", "-y", "-q", "--download-only", "--no-install-recommends", *packages]
    try:
        run(["apt-get", *private, *download], log=log, env=env)
    except SetupFault:
        # The system's package lists are absent or old and only root may renew them, so keep lists of our own.
        run(["apt-get", *own_lists, "update", "-q"], log=log, env=env)
        run(["apt-get", *own_lists, *download], log=log, env=env)
    _merge_usr(lab_root)
    for archive in sorted(archives.glob("*.deb")):
        run(["dpkg-deb", "-x", str(archive), str(lab_root)], log=log, env=env)
    _name_traceroute(lab_root / "usr/bin")
    shutil.rmtree(apt, ignore_errors=True)


def _merge_usr(lab_root: Path) -> None:
    """Makes /bin, /sbin and /lib of the folder lead into its /usr, as on the system the packages are made for."""
    for name in ("bin", "sbin", "lib", "lib64"):
        (lab_root / "usr" / name).mkdir(parents=True, exist_ok=True)
        if not (lab_root / name).is_symlink():
            (lab_root / name).symlink_to(Path("usr", name))


def _name_traceroute(binaries: Path) -> None:
    """Debian's traceroute is called traceroute.db in its package; the usual name is made while it is installed."""
    name = binaries / "traceroute"
    if (binaries / "traceroute.db").exists() and not name.exists():
        name.symlink_to("traceroute.db")


def certificates(lab_root: Path, bundle: Path) -> Path | None:
    """A bundle made of the unpacked certificates of Debian's ca-certificates, or None if they are not there."""
    found = sorted((lab_root / "usr/share/ca-certificates/mozilla").glob("*.crt"))
    if not found:
        return None
    bundle.write_text("".join(part.read_text() for part in found))
    return bundle
