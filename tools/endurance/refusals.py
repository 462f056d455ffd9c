"""How long it takes to say no: every line of a corpus of abuse, one after another, each in a question of its own."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from urllib.parse import quote

from endurance.abuse import ABUSE
from endurance.ground import PLENTY, Scale
from measure.fakes import Fakes
from measure.glass import served
from measure.rows import Row, percentile

_ROUNDS = 5
_MOST_MS = 50.0


async def refusals(fakes: Fakes, folder: Path, _scale: Scale) -> list[Row]:
    paths = _paths()
    began_s = time.monotonic()
    config = fakes.config(folder, further={"resolver": {"servers": ["127.0.0.1:9"], "timeout_s": 0.2}})
    answers: Counter[str] = Counter()
    taken_ms: list[float] = []
    async with served(config, (PLENTY,)) as glass, glass.connect() as web:
        for _ in range(_ROUNDS):
            for path in paths:
                asked_s = time.perf_counter()
                answer = await web.get(path)
                took_ms = (time.perf_counter() - asked_s) * 1000
                code = "" if answer.status == 200 else str(json.loads(answer.body or b"{}").get("code"))
                answers[f"{answer.status} {code}"] += 1
                if code not in ("resolver_failed", "name_not_found"):  # those wait for a name server
                    taken_ms.append(took_ms)
                if answer.headers.get("connection") == "close":
                    raise RuntimeError(f"the server closed the connection after {path[:60]!r}")
    reached = len(fakes.commands(began_s))
    return [
        Row(
            f"a refusal: {len(paths)} lines of abuse as target, router or connection, {_ROUNDS} times, "
            "but for those that wait for a name server",
            f"≤ {_MOST_MS:.0f} ms each, none reaches a router",
            f"p50 {percentile(taken_ms, 50):.2f} ms, p99 {percentile(taken_ms, 99):.2f} ms, max {max(taken_ms):.1f} ms; "
            f"{reached} commands; {', '.join(f'{n} × {name}' for name, n in answers.most_common())}",
            max(taken_ms) <= _MOST_MS and not reached,
        )
    ]


def _paths() -> list[str]:
    """One question for each value, percent-encoded in the place of a good one."""
    good = {"target": "8.8.8.8", "router": "r0", "connection": "1"}
    return [
        "/api/v1/ping?"
        + "&".join(
            f"{name}={quote(value if name == bad else usual, safe='', errors='surrogatepass')}"
            for name, usual in good.items()
        )
        for bad, values in ABUSE.items()
        for value in values
    ]
