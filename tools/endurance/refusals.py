"""How long it takes to say no: every line of a corpus of abuse, one after another, each in a question of its own."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from urllib.parse import quote

from endurance.ground import PLENTY, Scale
from measure.fakes import Fakes
from measure.glass import served
from measure.rows import Row, percentile

_ROUNDS = 5
_MOST_MS = 50.0
_OWN = [
    "8.8.8.8;id", "8.8.8.8|no-more", "$(id)", "8.8.8.8\n", "8.8.8.8\x00", "127.0.0.1", "10.0.0.1", "::1", "fe80::1",
    "8.8.8.8/24", "08.8.8.8", "0x08080808", "134744072", "8.8.8", "-c5", "a" * 5000, "8.8.8.8%0aid", "٨.٨.٨.٨", "224.0.0.1",
    "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "{0.__class__}", "../../etc/passwd", "8.8.8.8 count 100000", "", " ",
    "1.1.1.1,8.8.8.8", "2001:4860::1%eth0",
]  # fmt: skip
"""What is asked where the tests' corpus is not at hand."""


async def refusals(fakes: Fakes, folder: Path, _scale: Scale) -> list[Row]:
    targets = _corpus()
    began_s = time.monotonic()
    config = fakes.config(folder, further={"resolver": {"servers": ["127.0.0.1:9"], "timeout_s": 0.2}})
    answers: Counter[str] = Counter()
    taken_ms: list[float] = []
    async with served(config, (PLENTY,)) as glass, glass.connect() as web:
        for _ in range(_ROUNDS):
            for target in targets:
                asked_s = time.perf_counter()
                answer = await web.get(f"/api/v1/ping?target={target}&router=r0&connection=1")
                took_ms = (time.perf_counter() - asked_s) * 1000
                code = "" if answer.status == 200 else str(json.loads(answer.body or b"{}").get("code"))
                answers[f"{answer.status} {code}"] += 1
                if code not in ("resolver_failed", "name_not_found"):  # those wait for a name server
                    taken_ms.append(took_ms)
                if answer.headers.get("connection") == "close":
                    raise RuntimeError(f"the server closed the connection after {target[:60]!r}")
    reached = len(fakes.commands(began_s))
    return [
        Row(
            f"a refusal: {len(targets)} lines of abuse as targets, {_ROUNDS} times, those without a name server's part",
            f"≤ {_MOST_MS:.0f} ms each, none reaches a router",
            f"p50 {percentile(taken_ms, 50):.2f} ms, p99 {percentile(taken_ms, 99):.2f} ms, max {max(taken_ms):.1f} ms; "
            f"{reached} commands; {', '.join(f'{n} × {name}' for name, n in answers.most_common())}",
            max(taken_ms) <= _MOST_MS and not reached,
        )
    ]


def _corpus() -> list[str]:
    """Percent-encoded targets: the tests' corpus of abuse, or a few of our own."""
    try:
        from abuse.corpus import refused_targets  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        found = _OWN
    else:
        found = list(refused_targets())
    return [quote(target.encode("utf-8", "surrogatepass"), safe="") for target in found]
