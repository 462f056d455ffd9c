"""Every promise of SECURITY.md names a test that exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROWS = re.findall(r"^\| [^|]+ \| `(tests/[\w/]+\.py)::(\w+)` \|$", (ROOT / "SECURITY.md").read_text(), re.MULTILINE)


def test_every_promise_is_held_by_a_test_that_exists() -> None:
    assert len(ROWS) >= 20
    missing = [
        f"{file}::{name}"
        for file, name in ROWS
        if not (ROOT / file).exists() or not re.search(rf"^(?:async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE)
    ]
    assert missing == []


def test_every_row_of_the_promises_was_read() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    section = text[text.index("## Promises") : text.index("## What is not promised")]
    assert len(re.findall(r"^\| ", section, re.MULTILINE)) == len(ROWS) + 1  # and the heading
