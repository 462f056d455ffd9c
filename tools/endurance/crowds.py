"""L3 to L6: five hundred before one router of three sessions, without and with patience; one target through many routers."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from endurance.ground import PLENTY, Scale, accounted, client, most_at_once, ping_of
from endurance.probe import probing
from measure.fakes import Command, Fakes
from measure.glass import Glass, served
from measure.rows import Row, percentile

_CROWD = 500
_SESSIONS = 3
_REFUSED_WITHIN_S = 5.5
_QUIET_S = 6.0
_SLOW, _SHORT = 50, 2
"""Tenths of a second that the router takes."""

_KEY_LIMIT = 60
_TARGET_LIMIT = 10
_PATIENCE_S = 150.0


class _Answer(NamedTuple):
    status: int
    code: str
    took_s: float
    retry_after: int


async def unannounced(fakes: Fakes, folder: Path, _scale: Scale) -> list[Row]:
    """L3: five hundred different clients at once, each with a target of its own, and somebody who asks another router."""
    began_s = time.monotonic()
    config = fakes.config(folder, routers=2, sessions=_SESSIONS)
    async with served(config, (PLENTY,) + (_KEY_LIMIT,) * _CROWD) as glass:
        other = ping_of(1, "45.0.0.9")
        await _one(glass, 0, ping_of(0, "45.0.0.1"))
        async with probing(glass, other) as quiet:
            await asyncio.sleep(_QUIET_S)
        async with probing(glass, other) as busy:
            answers = await asyncio.gather(
                *(_one(glass, n, ping_of(0, _target(_SLOW, n))) for n in range(1, _CROWD + 1))
            )
    commands = fakes.commands(began_s)
    refused = [answer for answer in answers if answer.status == 429]
    slowest_s = max((answer.took_s for answer in refused), default=0.0)
    hints = [answer.retry_after for answer in refused]
    ratio = busy.p(99) / quiet.p(99)
    return [
        _never_more("L3", f"{_CROWD} pings of 5 s at once from as many clients", commands),
        Row(
            "L3: who is not served hears it in time",
            f"200, or 429 with Retry-After ≥ 1 within {_REFUSED_WITHIN_S} s; nothing else",
            f"{_outcomes(answers)}; the slowest 429 after {slowest_s:.2f} s, "
            f"Retry-After {min(hints, default=0)} to {max(hints, default=0)} s",
            {answer.status for answer in answers} <= {200, 429}
            and slowest_s <= _REFUSED_WITHIN_S
            and min(hints, default=1) >= 1,
        ),
        Row(
            "L3: pings to another router meanwhile",
            "p99 unchanged (± 20 %), none failed",
            f"{ratio:.2f}× ({quiet}; meanwhile {busy})",
            ratio <= 1.2 and not busy.failed,
        ),
        accounted("L3", config, commands),
    ]


async def one_client(fakes: Fakes, folder: Path, _scale: Scale) -> list[Row]:
    """L4: the same five hundred from one key with the standard limit."""
    began_s = time.monotonic()
    config = fakes.config(folder, sessions=_SESSIONS)
    async with served(config, (_KEY_LIMIT,)) as glass:
        answers = await asyncio.gather(*(_one(glass, n, ping_of(0, _target(_SLOW, n))) for n in range(_CROWD)))
    commands = fakes.commands(began_s)
    limited = sum(answer.code == "rate_limited" for answer in answers)
    return [
        Row(
            f"L4: {_CROWD} at once from one key of {_KEY_LIMIT} a minute",
            f"{_CROWD - _KEY_LIMIT} `rate_limited`, the router sees at most {_KEY_LIMIT}",
            f"{_outcomes(answers)}; the router saw {len(commands)}",
            limited == _CROWD - _KEY_LIMIT and len(commands) <= _KEY_LIMIT,
        ),
        _never_more("L4", "meanwhile", commands),
        accounted("L4", config, commands),
    ]


async def patient(fakes: Fakes, folder: Path, _scale: Scale) -> list[Row]:
    """L5: five hundred clients who come back exactly when they are told to."""
    began_s = time.monotonic()
    config = fakes.config(folder, sessions=_SESSIONS)
    waited: list[tuple[float, int]] = []
    tries: list[int] = []

    async def patience(n: int) -> None:
        came_s, first = time.monotonic(), 0
        for attempt in range(1, 50):
            answer = await _one(glass, n, ping_of(0, _target(_SHORT, n)))
            if answer.status != 429:
                if answer.status == 200:
                    waited.append((time.monotonic() - came_s, first))
                    tries.append(attempt)
                return
            first = first or answer.retry_after
            await asyncio.sleep(answer.retry_after)

    async with served(config, (PLENTY,) * 2) as glass:
        for n in range(20):  # the service learns how long this router's commands take
            await _one(glass, 0, ping_of(0, _target(_SHORT, n)))
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await asyncio.gather(*(patience(n) for n in range(_CROWD)))
        except TimeoutError:
            pass  # the rows say how many were not served
    commands = fakes.commands(began_s)
    over = [waited_s / first for waited_s, first in waited if first and waited_s > 2 * first]
    fair_s = _CROWD * _SHORT / 10 / _SESSIONS
    return [
        Row(
            f"L5: {_CROWD} clients who honour Retry-After, commands of {_SHORT / 10} s "
            "(scaled: with 5 s it would take 14 minutes)",
            "all served in the end",
            f"{len(waited)} served, the last after {max((s for s, _ in waited), default=0):.0f} s "
            f"({fair_s:.0f} s is the least possible), tries p50 {percentile(tries or [0], 50):.0f}, most {max(tries, default=0)}",
            len(waited) == _CROWD,
        ),
        Row(
            "L5: nobody waits more than twice what the first hint said",
            "0 of them",
            f"{len(over)} waited longer" + (f", at most {max(over):.1f} × the hint" if over else ""),
            not over and len(waited) == _CROWD,
        ),
        _never_more("L5", "meanwhile", commands),
        accounted("L5", config, commands),
    ]


async def one_target(fakes: Fakes, folder: Path, _scale: Scale) -> list[Row]:
    """L6: two hundred clients, twenty routers, one target."""
    began_s = time.monotonic()
    config = fakes.config(folder, routers=20, target_per_minute=_TARGET_LIMIT)
    async with served(config, (_KEY_LIMIT,) * 200) as glass:
        answers = await asyncio.gather(*(_one(glass, n, ping_of(n % 20, "45.0.2.1")) for n in range(200)))
    commands = fakes.commands(began_s)
    limited = sum(answer.code == "target_limited" for answer in answers)
    return [
        Row(
            "L6: 200 clients, 20 routers, one target",
            f"at most {_TARGET_LIMIT} commands in all, the others `target_limited`",
            f"{_outcomes(answers)}; the routers saw {len(commands)}",
            len(commands) <= _TARGET_LIMIT and limited == 200 - _TARGET_LIMIT,
        ),
        accounted("L6", config, commands),
    ]


async def _one(glass: Glass, n: int, path: str) -> _Answer:
    began_s = time.perf_counter()
    async with client(glass, n) as web:
        answer = await web.get(path)
    took_s = time.perf_counter() - began_s
    code = "" if answer.status == 200 else str(json.loads(answer.body)["code"])
    return _Answer(answer.status, code, took_s, int(answer.headers.get("retry-after", "0")))


def _never_more(name: str, what: str, commands: list[Command]) -> Row:
    most = most_at_once([command for command in commands if command.router == "r0"])
    bar = f"never more than {_SESSIONS} commands in the router"
    return Row(f"{name}: {what}", bar, f"at most {most}, by the router's own log", most <= _SESSIONS)


def _outcomes(answers: Iterable[_Answer]) -> str:
    counted = Counter(f"{answer.status} {answer.code}".strip() for answer in answers)
    return ", ".join(f"{count} × {name}" for name, count in counted.most_common())


def _target(tenths: int, n: int) -> str:
    return f"45.{1 + n // 250}.{tenths}.{n % 250 + 1}"
