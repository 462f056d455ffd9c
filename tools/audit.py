"""Known weaknesses in what is locked: `python tools/audit.py`. Needs the network, and uv on PATH or in `.cache`.

Python packages are compared with PyPI's advisories by pip-audit, exactly as `uv.lock` names them, the build tools of
`frontend/` with npm's. Exit 0: none is known; 1: some are; 2: it could not be found out, which is never taken for none.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NONE, SOME, UNKNOWN = 0, 1, 2
_LONGEST_S = 300


@dataclass(frozen=True)
class Outcome:
    """What was found out about one lock, in one line."""

    status: int
    line: str


def python_outcome(report: str, complaint: str) -> Outcome:
    """What pip-audit's JSON says; `complaint` is why there is none."""
    try:
        packages: list[dict[str, Any]] = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return Outcome(UNKNOWN, f"python: not audited ({_last_line(complaint)})")
    skipped = [each["name"] for each in packages if "skip_reason" in each]
    weak = [f"{each['name']} {each['version']} ({_ids(each)})" for each in packages if each.get("vulns")]
    if weak:
        return Outcome(SOME, f"python: {len(weak)} of {len(packages)} packages have known weaknesses: {', '.join(weak)}")
    if skipped or not packages:
        return Outcome(UNKNOWN, f"python: {len(skipped)} of {len(packages)} packages are unknown to the registry, not audited")
    return Outcome(NONE, f"python: {len(packages)} packages, no known weakness")


def _ids(package: dict[str, Any]) -> str:
    return " ".join(str(found["id"]) for found in package["vulns"])


def npm_outcome(report: str, complaint: str) -> Outcome:
    """What `npm audit --json` says."""
    try:
        counted: dict[str, int] = json.loads(report)["metadata"]["vulnerabilities"]
        packages = json.loads(report)["metadata"]["dependencies"]["total"]
    except (ValueError, KeyError, TypeError):
        return Outcome(UNKNOWN, f"frontend: not audited ({_last_line(complaint)})")
    if counted["total"]:
        kinds = ", ".join(f"{number} {kind}" for kind, number in counted.items() if number and kind != "total")
        return Outcome(SOME, f"frontend: known weaknesses: {kinds}")
    return Outcome(NONE, f"frontend: {packages} packages, no known weakness")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip() and "complete log" not in line]
    return lines[-1][:160] if lines else "it said nothing"


def _run(argv: list[str], folder: Path) -> tuple[str, str]:
    if shutil.which(argv[0]) is None:
        return "", f"there is no {Path(argv[0]).name} here"
    try:
        done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False, timeout=_LONGEST_S)
    except subprocess.TimeoutExpired:
        return "", f"no answer in {_LONGEST_S} s"
    return done.stdout, done.stderr


def _uv() -> str:
    own = sorted((ROOT / ".cache").glob("uv-*/uv"))
    return shutil.which("uv") or (str(own[-1]) if own else "uv")


def audit() -> list[Outcome]:
    uv = _uv()
    with tempfile.TemporaryDirectory() as folder:
        locked = Path(folder) / "requirements.txt"
        exported = [uv, "export", "--frozen", "--no-emit-project", "--quiet", "--output-file", str(locked)]
        _, complaint = _run(exported, ROOT)
        report = ""
        if locked.exists():
            checked = ["tool", "run", "--quiet", "pip-audit", "--require-hashes", "--disable-pip", "--progress-spinner=off"]
            report, complaint = _run([uv, *checked, "--format=json", "--requirement", str(locked)], ROOT)
    return [python_outcome(report, complaint), npm_outcome(*_run(["npm", "audit", "--json"], ROOT / "frontend"))]


def main() -> int:
    outcomes = audit()
    for outcome in outcomes:
        print(outcome.line)
    statuses = {outcome.status for outcome in outcomes}
    worst = SOME if SOME in statuses else max(statuses)
    print({NONE: "audit: no known weakness", SOME: "audit: known weaknesses", UNKNOWN: "audit: not complete"}[worst])
    return worst


if __name__ == "__main__":
    sys.exit(main())
