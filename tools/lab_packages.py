"""The programs that the lab runs: from the system, from apt, or unpacked into a folder of ours.

Root installs Debian's packages and no service is started or enabled by it. Anybody else gets the same packages
downloaded (apt checks their signatures) and unpacked under `.cache/lab-root`; only what the system lacks is fetched.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
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
SERVICES = {"bird2": "bird.service", "frr": "frr.service", "nginx": "nginx.service"}
POLICY = Path("/usr/sbin/policy-rc.d")
TRY_AGAIN_AFTER_S = 3600.0


def folders(lab_root: Path | None) -> list[Path]:
    """Where a program may lie: PATH, the administrator's folders, FRR's own, then the same under `lab_root`."""
    own = ["usr/sbin", "usr/bin", "usr/lib/frr", "sbin", "bin"]
    path = [Path(place) for place in os.environ.get("PATH", "").split(os.pathsep) if place]
    return [*path, *(Path("/", place) for place in own), *(lab_root / place for place in own if lab_root)]


def missing(lab_root: Path | None) -> list[str]:
    """The packages of which a program is nowhere to be found, by name; without `lab_root`, on the system alone."""
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
    lab_root, memory = cache / "lab-root", cache / "lab-missing.json"
    extra = list(extra)
    wanted = [*missing(lab_root), *extra]
    if not wanted:
        memory.unlink(missing_ok=True)
        return []
    if not set(wanted) <= set(_remembered(memory)):
        _get(extra, cache)
        wanted = [*missing(lab_root), *extra]
        memory.write_text(json.dumps({"at_s": time.time(), "packages": wanted}))
    return [package for package in wanted if package not in extra]


def _remembered(memory: Path) -> list[str]:
    try:
        found = json.loads(memory.read_text())
    except (OSError, ValueError):
        return []
    fresh = 0 <= time.time() - found["at_s"] < TRY_AGAIN_AFTER_S
    return list(found["packages"]) if fresh else []


def _get(extra: list[str], cache: Path) -> None:
    """Whatever can be had is there afterwards; why the rest cannot is said, since the caller goes on without it."""
    log = cache / "setup.log"
    if shutil.which("apt-get") is None:
        say("this system has no apt-get: install BIRD 2, FRR, ping, traceroute and iproute2 by its own means")
        return
    wanted = [*missing(None), *extra]
    if os.geteuid() == 0:
        say(f"installing {', '.join(wanted)} with apt (no service is started)")
        try:
            _install(wanted, log)
        except SetupFault as fault:
            say(str(fault))
        else:
            return
        wanted = [*missing(None), *extra]
    say(f"unpacking {', '.join(wanted)} into .cache/lab-root, for this folder only")
    try:
        _unpack(wanted, cache, log)
    except SetupFault as fault:
        say(str(fault))


def _get_all(packages: list[str], get: Callable[[list[str]], None], renew_lists: Callable[[], None]) -> None:
    """`get` for all; if it fails, with fresh lists; if it still does, one by one, so that one missing costs only itself.

    Fresh images have no package lists, and old lists name files that are gone from the archive.
    """
    try:
        get(packages)
    except SetupFault:
        renew_lists()
    else:
        return
    try:
        get(packages)
    except SetupFault:
        faults = [fault for package in packages if (fault := _fault_of(get, package))]
        if faults:
            raise faults[0] from None


def _fault_of(get: Callable[[list[str]], None], package: str) -> SetupFault | None:
    try:
        get([package])
    except SetupFault as fault:
        return fault
    return None


def _install(packages: list[str], log: Path) -> None:
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}

    def install(some: list[str]) -> None:
        run(["apt-get", "install", "-y", "-q", "--no-install-recommends", *some], log=log, env=env)

    def renew_lists() -> None:
        run(["apt-get", "update", "-q"], log=log, env=env)

    with _services_held():
        _get_all(packages, install, renew_lists)
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


def _unpack(packages: list[str], cache: Path, log: Path) -> None:
    """Downloads these packages and the dependencies that the system lacks, and unpacks them; no root needed."""
    apt, lists, archives, fresh = (cache / name for name in ("apt", "apt/lists", "apt/archives", "lab-root.new"))
    (archives / "partial").mkdir(parents=True, exist_ok=True)
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    options = ["-q", "-o", "Debug::NoLocking=1", "-o", f"Dir::Cache={apt}", "-o", f"Dir::Cache::archives={archives}/"]
    env = {**os.environ, "LC_ALL": "C"}

    def download(some: list[str]) -> None:
        run(["apt-get", *options, "install", "-y", "--download-only", "--no-install-recommends", *some], log=log, env=env)

    def renew_lists() -> None:
        options.extend(["-o", f"Dir::State::Lists={lists}"])  # only root may renew the system's, so these are our own
        run(["apt-get", *options, "update"], log=log, env=env)

    try:
        _get_all(packages, download, renew_lists)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        for archive in sorted(archives.glob("*.deb")):
            run(["dpkg-deb", "-x", str(archive), str(fresh)], log=log, env=env)
        _merge_usr(fresh)
        _name_traceroute(fresh / "usr/bin")
        shutil.rmtree(cache / "lab-root", ignore_errors=True)
        fresh.rename(cache / "lab-root")
        shutil.rmtree(apt, ignore_errors=True)


def _merge_usr(lab_root: Path) -> None:
    """Moves the folder's /bin, /sbin and /lib into its /usr and leaves links, as on the system the packages are made for."""
    for name in ("bin", "sbin", "lib", "lib64"):
        outside, inside = lab_root / name, lab_root / "usr" / name
        if outside.is_dir() and not outside.is_symlink():
            shutil.copytree(outside, inside, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(outside)
            outside.symlink_to(Path("usr", name))


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
