"""Makes this folder ready: `.venv` from the lock, and the programs of the lab. Needs git, make and python3 only.

    python3 tools/setup.py          what a user needs (.venv/bin/netpulse)
    python3 tools/setup.py --dev    that, and the linters and test tools

Says nothing and takes no time when there is nothing to do. Exit 1 with one sentence if it cannot be done.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import pwd
import re
import shutil
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - run by whatever python3 there is
    sys.exit(f"netpulse: Python 3.11 or newer is needed, {platform.python_version()} is here; name one: make PYTHON=…")

import lab_packages
import package_index
from progress import SetupFault, run, say

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
CACHE = ROOT / ".cache"
LOG = CACHE / "setup.log"
STAMP = VENV / "netpulse-setup.json"
UV_VERSION = "0.13.9"
UV_OLDEST = (0, 8)
UV_WHEELS = {
    "x86_64": (
        f"uv-{UV_VERSION}-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19",
    ),
    "aarch64": (
        f"uv-{UV_VERSION}-py3-none-manylinux_2_28_aarch64.whl",
        "ecb6028d79dc96fbeafffe5c8af62a7099487ebc05a701e76714eebcffd06375",
    ),
}
OTHERS_CACHES = (".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis")


def main(arguments: list[str]) -> int:
    """0 when everything is ready; what the lab must do without is said in one line."""
    dev = "--dev" in arguments
    try:
        ready = _is_ready(dev)
        lab_ready = not lab_packages.missing(CACHE / "lab-root")
        if dev or not ready or not lab_ready:
            _check_writable(dev=dev, strict=dev or not ready)
        extra: list[str] = []
        if not ready and not _has_certificates():
            extra.append("ca-certificates")
        if dev and os.geteuid() == 0 and shutil.which("chromium") is None:
            extra.append("chromium")  # for the tests in a browser; too large to unpack for a user of its own
        if dev and not any(os.access(place / "nginx", os.X_OK) for place in lab_packages.folders(CACHE / "lab-root")):
            extra.append("nginx")  # the shipped file for it is tried in front of a glass
        if os.access(ROOT, os.W_OK):
            CACHE.mkdir(exist_ok=True)
            absent = lab_packages.provide(CACHE, extra)
        else:
            absent = lab_packages.missing(CACHE / "lab-root")
        if absent:
            say(f"not to be had here: {', '.join(absent)}; the tests that need this are skipped by name")
        if not ready:
            _sync(dev)
    except SetupFault as fault:
        print(f"netpulse: {fault}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("netpulse: interrupted; run it again to go on.", file=sys.stderr)
        return 130
    return 0


def _wanted() -> str:
    """Changes when the installed environment must: with the lock, the declaration, the interpreter or the place."""
    digest = hashlib.sha256()
    for name in ("uv.lock", "pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    digest.update(f"{sys.version_info[:3]} {ROOT}".encode())
    return digest.hexdigest()


def _stamp() -> dict[str, object]:
    try:
        found: dict[str, object] = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return found


def _is_ready(dev: bool) -> bool:
    stamp = _stamp()
    return (
        stamp.get("digest") == _wanted()
        and (stamp.get("dev") is True or not dev)
        and os.access(VENV / "bin" / "python", os.X_OK)
    )


def _check_writable(*, dev: bool, strict: bool) -> None:
    """Refuses early, naming whose folder it is: half an installation helps nobody."""
    if not strict:
        return
    places = [ROOT, VENV, CACHE, *((ROOT / name for name in OTHERS_CACHES) if dev else ())]
    for place in places:
        if place.exists() and not os.access(place, os.W_OK):
            who = pwd.getpwuid(os.geteuid()).pw_name if _known(os.geteuid()) else f"user {os.geteuid()}"
            raise SetupFault(
                f"{place} belongs to {_owner(place)} and {who} cannot write there; "
                "work in a clone of your own, or as that user."
            )


def _known(uid: int) -> bool:
    return any(entry.pw_uid == uid for entry in pwd.getpwall())


def _owner(place: Path) -> str:
    uid = place.stat().st_uid
    return pwd.getpwuid(uid).pw_name if _known(uid) else f"user {uid}"


def _index() -> package_index.Index:
    return package_index.configured(os.environ, Path.home())


def _has_certificates() -> bool:
    named = _index().certificates
    return (named or package_index.SYSTEM_CERTIFICATES).exists()


def _sync(dev: bool) -> None:
    index = _index()
    if index.certificates is None and not package_index.SYSTEM_CERTIFICATES.exists():
        bundle = lab_packages.certificates(CACHE / "lab-root", CACHE / "ca-certificates.crt")
        index = package_index.Index(index.url, bundle, index.proxy)
    uv = _uv(index)
    env = _uv_environment(index)
    if _stamp().get("root", str(ROOT)) != str(ROOT):
        shutil.rmtree(VENV)  # an environment holds absolute paths: moved, it is of no use
    say("installing Python packages as locked in uv.lock" + (", with the test tools" if dev else ""))
    if index.is_pypi:
        groups = [] if dev else ["--no-dev", "--inexact"]
        run([uv, "sync", "--frozen", "--python", sys.executable, *groups], log=LOG, env=env, cwd=ROOT)
    else:
        _sync_from_mirror(uv, dev, env)
    STAMP.write_text(json.dumps({"digest": _wanted(), "dev": dev or _stamp().get("dev") is True, "root": str(ROOT)}))
    say(f"ready: {(VENV / 'bin' / 'netpulse').relative_to(ROOT)}")


def _sync_from_mirror(uv: str, dev: bool, env: dict[str, str]) -> None:
    """The same versions with the same digests from a mirror: the lock names PyPI's own addresses, so it is exported."""
    listed = CACHE / "requirements.txt"
    groups = [] if dev else ["--no-dev"]
    run(
        [uv, "export", "--frozen", "--no-emit-project", "--quiet", *groups, "--output-file", str(listed)],
        log=LOG, env=env, cwd=ROOT,
    )  # fmt: skip
    if not (VENV / "bin" / "python").exists():
        run([uv, "venv", "--python", sys.executable, str(VENV)], log=LOG, env=env, cwd=ROOT)
    into = ["--python", str(VENV / "bin" / "python")]
    run([uv, "pip", "install", *into, "--require-hashes", "-r", str(listed)], log=LOG, env=env, cwd=ROOT)
    run([uv, "pip", "install", *into, "--no-deps", "--editable", str(ROOT)], log=LOG, env=env, cwd=ROOT)


def _uv_environment(index: package_index.Index) -> dict[str, str]:
    """The caller's environment, less what would lead uv to another project, with the index and trust of this machine."""
    astray = ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "UV_PROJECT", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME")
    env = {name: value for name, value in os.environ.items() if name not in astray}
    # Compiled once here; a server that has to compile what it imports starts in 5 s instead of 1.
    env.update(
        UV_PYTHON_DOWNLOADS="never",
        UV_COMPILE_BYTECODE="1",
        UV_NO_PROGRESS="1",
        UV_LINK_MODE=env.get("UV_LINK_MODE", "copy"),
    )
    if not index.is_pypi:
        env["UV_DEFAULT_INDEX"] = index.url
    trusted = index.certificates or package_index.SYSTEM_CERTIFICATES
    if trusted.exists():
        env["SSL_CERT_FILE"] = str(trusted)
    if index.proxy:
        env.setdefault("ALL_PROXY", index.proxy)
    if "UV_CACHE_DIR" not in env and not _can_be_made(Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "uv"):
        env["UV_CACHE_DIR"] = str(CACHE / "uv-packages")
    return env


def _can_be_made(folder: Path) -> bool:
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    return nearest.is_dir() and os.access(nearest, os.W_OK)


def _uv(index: package_index.Index) -> str:
    """A uv new enough for the lock: the one on PATH, else one of a known version and digest, kept in `.cache`."""
    on_path = shutil.which("uv")
    if on_path and _version_of(on_path) >= UV_OLDEST:
        return on_path
    own = CACHE / f"uv-{UV_VERSION}" / "uv"
    if own.exists() and _version_of(str(own)) >= UV_OLDEST:
        return str(own)
    say(f"fetching uv {UV_VERSION}, which installs the rest (18 MB)")
    files = {file.name: file for file in package_index.files_of(index, "uv")}
    name, known_sha256 = UV_WHEELS.get(platform.machine(), (_wheel_for_this_machine(list(files)), None))
    if name not in files:
        raise SetupFault(f"{index.url} does not offer {name}; install uv by hand (any version from 0.8) and try again.")
    wheel = package_index.download(index, files[name], sha256=known_sha256)
    with zipfile.ZipFile(BytesIO(wheel)) as archive:
        program = archive.read(f"uv-{UV_VERSION}.data/scripts/uv")
    own.parent.mkdir(parents=True, exist_ok=True)
    fresh = own.with_suffix(".new")
    fresh.write_bytes(program)
    fresh.chmod(0o755)
    fresh.replace(own)
    return str(own)


def _wheel_for_this_machine(names: list[str]) -> str:
    pattern = re.compile(rf"uv-{re.escape(UV_VERSION)}-py3-none-manylinux.*_{re.escape(platform.machine())}\.whl")
    return next(
        (name for name in sorted(names) if pattern.fullmatch(name)), f"uv {UV_VERSION} for {platform.machine()}"
    )


def _version_of(program: str) -> tuple[int, ...]:
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return (0,)
    found = re.search(r"(\d+)\.(\d+)", answer.stdout)
    return (int(found[1]), int(found[2])) if found else (0,)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
