"""What must be true before the lab is said to be up: every route that a visitor will look for, and the way back.

Paths are compared, not only sessions: a provider that has a peer's route and not yet its customer's is not converged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from netpulse.lab import bird_control
from netpulse.lab import topology as net

_SET = "{1124 1133}"
PATHS: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {
    ("core1", "v4"): {
        "8.8.8.0/24": ("174 15169", "3356 15169", "15169"),
        "1.1.1.0/24": ("174 13335", "3356 13335", "13335"),
        "23.0.0.0/24": ("20940",),
        "9.9.9.0/24": ("174 19281", "3356 64666"),
        "193.0.6.0/24": ("174 2914 3333 3333 3333 3333", "3356 2914 3333 3333 3333 3333"),
        "130.89.0.0/16": (f"174 1103 {_SET}", f"3356 174 1103 {_SET}"),
        "66.66.66.0/24": ("174 64499", "3356 174 64499"),
        "80.80.80.0/24": ("174 64498", "3356 64498"),
        "81.81.81.0/24": ("174 64498", "3356 64498"),
    },
    ("core1", "v6"): {
        "2001:4860::/32": ("174 15169", "3356 15169", "15169"),
        "2606:4700::/32": ("174 13335", "3356 13335", "13335"),
        "2600:1400::/24": ("20940",),
    },
    ("core2", "v4"): {
        "8.8.8.0/24": ("2914 15169", "15169"),
        "1.1.1.0/24": ("2914 13335", "13335"),
        "9.9.9.0/24": ("2914 19281",),
        "193.0.6.0/24": ("2914 3333 3333 3333 3333", "3333"),
        "130.89.0.0/16": (f"2914 1103 {_SET}",),
        "66.66.66.0/24": ("2914 64499",),
        "80.80.80.0/24": ("2914 64498",),
        "81.81.81.0/24": ("2914 64498",),
    },
    ("core2", "v6"): {
        "2001:4860::/32": ("2914 15169", "15169"),
        "2606:4700::/32": ("2914 13335", "13335"),
    },
}
# Who must know the way back to which connection's block.
RETURNS: dict[str, tuple[int, ...]] = {
    "google1": (1, 2, 3, 4, 5),
    "cloudflare1": (1, 2, 3, 4, 5),
    "akamai1": (3,),
    "quad9": (1, 4),
    "notquad9": (2,),
    "ripe1": (1, 2, 4, 5),
    "far1": (1, 2, 4),
}
REST_RETURNS: dict[str, tuple[int, ...]] = {"google1": (8,), "cloudflare1": (8,), "far1": (8,)}
FRR_RETURNS: dict[str, tuple[int, ...]] = {"google1": (6, 7), "cloudflare1": (6, 7), "far1": (6, 7)}


@dataclass(frozen=True)
class Condition:
    """One thing to wait for."""

    what: str
    holds: Callable[[], bool]

    def is_met(self) -> bool:
        """True once it holds. A daemon that cannot be asked yet is a no."""
        try:
            return self.holds()
        except OSError:
            return False


def core(sockets: dict[str, Path]) -> Iterator[Condition]:
    """core1, core2, rs1 and rs2 know what they should, and the targets know the way back."""
    for (router, family), wanted in PATHS.items():
        for server in net.ROUTE_SERVERS:
            yield from _collected(sockets[server], server, router, family, wanted)
    yield from _returns(sockets, RETURNS)


def rest(sockets: dict[str, Path], *, with_frr: bool) -> Iterator[Condition]:
    """The edge routers and the networks that only they use."""
    yield _routes("bird1", sockets["bird1"], "8.8.8.0/24", ("6461 3356 15169",))
    yield _routes("bird1", sockets["bird1"], "2001:4860::/32", ("6461 3356 15169",))
    yield _routes("core1", sockets["core1"], "66.66.66.0/24", ("6939 64499",))
    yield from _returns(sockets, REST_RETURNS)
    if with_frr:
        yield from _returns(sockets, FRR_RETURNS)


def _collected(
    socket: Path, server: str, router: str, family: str, wanted: dict[str, tuple[str, ...]]
) -> Iterator[Condition]:
    _, everything, best = net.collector_names(server, router, family)
    for prefix, paths in wanted.items():
        yield _routes(server, socket, prefix, paths, f"protocol {everything}")
        yield Condition(
            f"{server} hears from {best} which path to {prefix} was chosen",
            partial(_is_known, socket, prefix, f"protocol {best}"),
        )


def _routes(name: str, socket: Path, prefix: str, paths: tuple[str, ...], where: str = "") -> Condition:
    return Condition(
        f"{name} {where} knows {prefix} by {', '.join(paths)}",
        lambda: set(paths) <= bird_control.as_paths(socket, prefix, where),
    )


def _returns(sockets: dict[str, Path], wanted: dict[str, tuple[int, ...]]) -> Iterator[Condition]:
    for node, ids in wanted.items():
        for number in ids:
            connection = net.CONNECTIONS[number]
            yield _known(node, sockets[node], connection.block_ipv4)
            # notquad9 and far1 have no IPv6 target, but their providers speak it all the same.
            yield _known(node, sockets[node], connection.block_ipv6)


def _known(node: str, socket: Path, prefix: str) -> Condition:
    return Condition(f"{node} knows the way back to {prefix}", partial(_is_known, socket, prefix))


def _is_known(socket: Path, prefix: str, where: str = "") -> bool:
    return bool(bird_control.as_paths(socket, prefix, where))
