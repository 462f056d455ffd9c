"""Time grows with the input and no faster. Only `tools/fuzz.py` runs this: what is timed is no part of `make test`."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from netpulse.inventory import RouteTable
from netpulse.screen import Screen
from netpulse.values import TargetKind, parse_target
from netpulse.web.clients import client_of
from properties.test_readers_hold import CELLS, HEADS, HOSTILE_TAILS, ask_about, outcome_of, read

MOST_GROWTH = 3.0
FLOOR_S = 0.002
"""Less than this is noise, whatever its proportions."""
KINDS: frozenset[TargetKind] = frozenset({"address", "prefix", "host"})


def seconds(work: Callable[[], object]) -> float:
    """The shortest of several runs."""
    took: list[float] = []
    for _ in range(5):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return min(took)


def assert_grows_no_faster(work: Callable[[int], object], n: int) -> None:
    """Tried again before it counts: the machine may have been busy with something else."""
    for _ in range(4):
        once, twice = seconds(lambda: work(n)), seconds(lambda: work(2 * n))
        if twice <= max(MOST_GROWTH * once, FLOOR_S):
            return
    pytest.fail(f"{n}: {once:.4f} s, {2 * n}: {twice:.4f} s")


@pytest.mark.parametrize("place", CELLS, ids="-".join)
def test_readers(place: tuple[str, str]) -> None:
    ask = ask_about("8.8.8.8", RouteTable(), True)
    for head in [[], *HEADS[place]]:
        for tail in sorted({*HOSTILE_TAILS, *head[:: max(1, len(head) // 6)]}):
            assert_grows_no_faster(lambda n, head=head, tail=tail: read(place, ask, [*head, *([tail] * n)], []), 500)  # type: ignore[misc]


@pytest.mark.parametrize(
    "piece", [b"x", b"\n", b"\r", b"\x1b[", b"\x1b]", b"\x9b", "\u202e".encode(), b"\xff", b"ab\r\n"]
)
def test_screen(piece: bytes) -> None:
    def work(n: int) -> None:
        screen = Screen(1 << 22, 1 << 22)
        screen.feed(piece * n)
        screen.close()

    assert_grows_no_faster(work, 32_000)


@pytest.mark.parametrize("piece", ["1", "a.", "-", "a-", ":", "0:", "8.8.8.8", "/", "xn--"])
def test_targets(piece: str) -> None:
    assert_grows_no_faster(lambda n: outcome_of(lambda: parse_target((piece * n)[:260], KINDS)), 64)


@pytest.mark.parametrize("entry", [b"1.2.3.4", b"x", b"", b"::1", b"a" * 100])
def test_forwarded_addresses(entry: bytes) -> None:
    from ipaddress import ip_network

    trusted = (ip_network("0.0.0.0/0"), ip_network("::/0"))
    assert_grows_no_faster(lambda n: client_of(("1.2.3.4", 1), [b",".join([entry] * n)], trusted), 2000)
