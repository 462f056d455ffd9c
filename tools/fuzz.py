"""The properties of `tests/properties` for as long as one likes: what `make test` tries a little, tried with other examples.

    python3 tools/fuzz.py                       every lane, 100,000 examples of each property, 1,000,000 requests
    python3 tools/fuzz.py --minutes 20          no longer than that
    python3 tools/fuzz.py readers http          these lanes

Runs in rounds, each with a seed of its own, one lane after the other, and says what each round found. The first failure
ends its lane: its report and its examples are kept in `.fuzz`, and what replays them is printed. Exit 1 if there is one.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / ".fuzz"
PYTEST = ROOT / ".venv" / "bin" / "pytest"


@dataclass
class Lane:
    """Tests that are tried together; `times` is how many times the examples of `make test` are tried in a round."""

    name: str
    path: str
    times: float
    rounds: int
    done: int = 0
    spent_s: float = 0.0
    failed: str | None = None


def lanes() -> list[Lane]:
    """2,000 examples in `make test` are 100,000 in 50 rounds; short rounds, so that a short time ends some of them."""
    folder = "tests/properties"
    return [
        Lane("targets", f"{folder}/test_targets_hold.py", 1, 50),
        Lane("readers", f"{folder}/test_readers_hold.py", 1, 50),
        Lane("readers-made", "tests/test_readers_properties.py", 1, 50),
        Lane("screen", f"{folder}/test_screen_holds.py", 1, 50),
        Lane("parsers", f"{folder}/test_parsers_hold.py", 1, 50),
        Lane("limits", f"{folder}/test_windows_hold.py", 1, 50),
        Lane("sessions", f"{folder}/test_sessions_hold.py", 1, 50),
        Lane("http", f"{folder}/test_http_bytes.py", 8, 50),
        Lane("api", "tests/test_schemathesis.py", 2, 20),
        Lane("growth", f"{folder}/timed_work.py", 1, 3),
    ]


def environment(lane: Lane, seed: int) -> dict[str, str]:
    return {
        "NETPULSE_FUZZ": str(lane.times),
        "NETPULSE_FUZZ_SEED": str(seed),
        "NETPULSE_FUZZ_FOLDER": str(KEPT / "examples"),
    }


def command(lane: Lane, seed: int) -> list[str]:
    return [str(PYTEST), "-q", "-x", "-p", "no:cacheprovider", f"--hypothesis-seed={seed}", lane.path]


def run(lane: Lane, seed: int, until: float | None) -> None:
    """One round; one that would go on beyond `until` is ended and counts for nothing."""
    began = time.monotonic()
    running = subprocess.Popen(
        command(lane, seed),
        cwd=ROOT,
        env={**os.environ, **environment(lane, seed)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = running.communicate(timeout=None if until is None else max(0.0, until - began))
    except (subprocess.TimeoutExpired, KeyboardInterrupt) as why:
        os.killpg(running.pid, signal.SIGKILL)  # pytest and the servers it started
        running.communicate()
        if isinstance(why, KeyboardInterrupt):
            raise
        return
    lane.spent_s += time.monotonic() - began
    if running.returncode == 0:
        lane.done += 1
        return
    report = KEPT / f"{lane.name}-{seed}.txt"
    report.write_text(said)
    told = " ".join(f"{name}={value}" for name, value in environment(lane, seed).items())
    replay = " ".join(
        str(Path(word).relative_to(ROOT)) if word.startswith(str(ROOT)) else word for word in command(lane, seed)
    )
    lane.failed = f"{report.relative_to(ROOT)}\n    replay: {told} {replay}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzz the properties of this program.")
    parser.add_argument("--minutes", type=float, default=None, help="end after this time")
    parser.add_argument("--seed", type=int, default=None, help="of the first round (default: the time)")
    parser.add_argument("lanes", nargs="*", help="names of lanes (default: all)")
    asked = parser.parse_args()
    known = lanes()
    chosen = [lane for lane in known if not asked.lanes or lane.name in asked.lanes]
    if unknown := set(asked.lanes) - {lane.name for lane in known}:
        parser.error(f"no such lane: {', '.join(sorted(unknown))}; there are {', '.join(lane.name for lane in known)}")
    (KEPT / "examples").mkdir(parents=True, exist_ok=True)
    first = int(time.time()) if asked.seed is None else asked.seed
    until = None if asked.minutes is None else time.monotonic() + 60 * asked.minutes
    try:
        for number in range(max(lane.rounds for lane in chosen)):
            for lane in chosen:
                if lane.failed or number >= lane.rounds or (until is not None and time.monotonic() >= until):
                    continue
                run(lane, first + number, until)
                words = "FAILED" if lane.failed else "ok" if lane.done > number else "not ended in time"
                print(f"fuzz: round {number + 1} of {lane.rounds}, {lane.name}: {words}", flush=True)
    except KeyboardInterrupt:
        print("fuzz: interrupted", file=sys.stderr)
    for lane in chosen:
        tried = f"{lane.done} of {lane.rounds} rounds, each {lane.times:g} times the examples of `make test`"
        outcome = "FAILED" if lane.failed else "nothing found" if lane.done else "NOT TRIED, no round ended in time"
        print(f"{lane.name:13} {tried}, {lane.spent_s:.0f} s: {outcome}")
        if lane.failed:
            print(f"    {lane.failed}")
    return 1 if any(lane.failed for lane in chosen) else 0


if __name__ == "__main__":
    sys.exit(main())
