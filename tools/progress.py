"""What the person at the terminal sees while the set-up works: one line a step, a sign of life, one sentence on failure."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

SIGN_OF_LIFE_S = 5.0


class SetupFault(Exception):
    """The set-up cannot go on; the text is one sentence that says what to do."""


def say(text: str) -> None:
    """One line of progress, visible at once."""
    print(f"netpulse: {text}", flush=True)


def run(argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
    """The command's combined output, also appended to `log`; a line every few seconds while it works.

    Raises SetupFault with the last words of the command if it fails or does not exist.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        start = sink.tell()
        sink.write(f"$ {' '.join(argv)}\n".encode())
        sink.flush()
        try:
            child = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT, env=env, cwd=cwd
            )
        except OSError as refusal:
            raise SetupFault(f"{argv[0]} cannot be started ({refusal.strerror}); install it and try again.") from None
        _wait(child)
    with log.open("rb") as source:
        source.seek(start)
        output = source.read().decode("utf-8", "replace")
    if child.returncode:
        raise SetupFault(f"{Path(argv[0]).name} failed: {_last_words(output)} (all of it is in {log}).")
    return output


def _wait(child: subprocess.Popen[bytes]) -> None:
    began_s = time.monotonic()
    while True:
        try:
            child.wait(timeout=SIGN_OF_LIFE_S)
        except subprocess.TimeoutExpired:
            say(f"  still working, {time.monotonic() - began_s:.0f} s")
        except BaseException:
            child.terminate()
            child.wait()
            raise
        else:
            return


def _last_words(output: str) -> str:
    """The lines that name an error, else the last one; the command line itself is no answer."""
    lines = [line.strip() for line in output.splitlines()[1:] if line.strip()]
    telling = [line for line in lines if line.lower().startswith(("e:", "error", "caused by", "×", "╰─▶"))]
    return "; ".join((telling or lines[-1:] or ["it said nothing"])[:3])
