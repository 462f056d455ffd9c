"""The AS-path graph: where each router, network and way between them lies. Pure and deterministic; a template draws it.

Layered, from left to right: our routers, the networks that paths go through, the origins. Equal networks of all paths are
one node; prepends are a mark on the way into it. Layers are longest distances, with ways that would close a circle left
out of account; within a layer the order is improved by barycentre sweeps, and the one with the fewest crossings is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

WIDTH, NODE_WIDTH, NODE_HEIGHT, GAP = 1128, 142, 44, 12
_SWEEPS = 12
MOST_NODES = 25
"""With more than this only best paths are drawn."""

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Path:
    """One route: its number in the table, the router, the kind of connection it was learned by, networks with repeats."""

    number: int
    router: str
    kind: str | None
    steps: tuple[tuple[str, int], ...]
    best: bool


@dataclass(slots=True)
class Node:
    """A router or a network, at its upper left corner. `role` is `rt`, `or` (an origin) or empty."""

    text: str
    role: str
    paths: list[int]
    best: bool = False
    doubted: bool = False
    x: float = 0.0
    y: float = 0.0


@dataclass(slots=True)
class Edge:
    """A way between two nodes. `times` above 1 says that the network at its end stands that often in the path."""

    d: str
    paths: list[int]
    best: bool
    doubted: bool
    times: int
    mark: tuple[float, float]


@dataclass(slots=True)
class Tag:
    """How a path was learned, where it leaves its router."""

    text: str
    paths: list[int]
    x: float
    y: float


@dataclass(slots=True)
class Graph:
    """Everything to draw. `left_out` is how many paths are not, because they are not the best."""

    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    tags: list[Tag] = field(default_factory=list)
    height: float = 0.0
    crossings: int = 0
    left_out: int = 0
    second_origin: bool = False


@dataclass(slots=True)
class _Way:
    paths: list[int]
    best: bool
    doubted: bool
    times: int


def graph_of(paths: Sequence[Path], most_nodes: int = MOST_NODES) -> Graph:
    """The graph of these paths; without any network in them there is none to draw (no nodes)."""
    paths = [path for path in paths if path.steps]
    drawn = list(paths)
    if len({("as", text) for path in paths for text, _ in path.steps}) > most_nodes and any(p.best for p in paths):
        drawn = [path for path in paths if path.best]
    graph = Graph(left_out=len(paths) - len(drawn))
    if not drawn:
        return graph
    nodes, ways, graph.second_origin = _merged(drawn)
    layer = _layers(nodes, ways)
    columns, chains = _columns(layer, ways)
    columns, graph.crossings = _ordered(columns, chains)
    place, graph.height = _placed(columns, nodes)
    for key, node in nodes.items():
        node.x, middle = place[key]
        node.y = round(middle - NODE_HEIGHT / 2, 1)
    graph.nodes = list(nodes.values())
    for (start, end), way in sorted(ways.items(), key=lambda item: (item[1].best, item[1].paths)):
        d, mark = _curve(chains[start, end], place)
        graph.edges.append(Edge(d, way.paths, way.best, way.doubted, way.times, mark))
        if start[0] == "rt":
            kinds = {path.kind for path in drawn if path.number in way.paths and path.kind}
            for kind in sorted(kinds):
                x, y = place[start]
                graph.tags.append(Tag("IX" if kind == "IX" else "TR", way.paths, x + NODE_WIDTH + 3, round(y - 5.5, 1)))
    return graph


def _merged(paths: Sequence[Path]) -> tuple[dict[Key, Node], dict[tuple[Key, Key], _Way], bool]:
    origins = Counter(path.steps[-1][0] for path in paths if path.best) or Counter(p.steps[-1][0] for p in paths)
    usual = max(sorted(origins), key=lambda origin: origins[origin])
    nodes: dict[Key, Node] = {}
    ways: dict[tuple[Key, Key], _Way] = {}
    for path in paths:
        doubted = path.steps[-1][0] != usual
        keys: list[Key] = [("rt", path.router), *(("as", text) for text, _ in path.steps)]
        for place, key in enumerate(keys):
            role = "rt" if place == 0 else "or" if place == len(keys) - 1 else ""
            node = nodes.setdefault(key, Node(key[1], role, []))
            node.role = role or node.role
            node.paths.append(path.number)
            node.best = node.best or path.best
            node.doubted = node.doubted or (doubted and role == "or")
        for place, (start, end) in enumerate(pairwise(keys)):
            way = ways.setdefault((start, end), _Way([], False, True, 1))
            way.paths.append(path.number)
            way.best = way.best or path.best
            way.doubted = way.doubted and doubted
            way.times = max(way.times, path.steps[place][1])
    return nodes, ways, len({path.steps[-1][0] for path in paths}) > 1


def _layers(nodes: Iterable[Key], ways: Iterable[tuple[Key, Key]]) -> dict[Key, int]:
    """The longest distance of each node from a router; ways back into the path being walked do not count."""
    after: dict[Key, list[Key]] = {}
    for start, end in ways:
        after.setdefault(start, []).append(end)
    layer = dict.fromkeys(nodes, 0)

    def walk(key: Key, seen: frozenset[Key], budget: list[int]) -> None:
        for end in sorted(after.get(key, ())):
            if end in seen or budget[0] <= 0:
                continue
            if layer[end] < layer[key] + 1:
                budget[0] -= 1
                layer[end] = layer[key] + 1
                walk(end, seen | {end}, budget)

    for key in sorted(layer):
        if key[0] == "rt":
            walk(key, frozenset({key}), [5000])
    last = max(layer.values())
    return {key: last if key not in after and key[0] != "rt" else at for key, at in layer.items()}


def _columns(
    layer: dict[Key, int], ways: Iterable[tuple[Key, Key]]
) -> tuple[list[list[Key]], dict[tuple[Key, Key], list[Key]]]:
    """The nodes of each layer, and each way as the chain of places it passes, one to a layer."""
    columns: list[list[Key]] = [[] for _ in range(max(layer.values()) + 1)]
    for key, at in layer.items():
        columns[at].append(key)
    chains: dict[tuple[Key, Key], list[Key]] = {}
    for start, end in ways:
        low, high = layer[start], layer[end]
        between: list[Key] = [("way", f"{start[1]} {end[1]} {at}") for at in range(low + 1, high)]
        for at, key in enumerate(between, low + 1):
            columns[at].append(key)
        chains[start, end] = [start, *between, end]
    return columns, chains


def _ordered(columns: list[list[Key]], chains: dict[tuple[Key, Key], list[Key]]) -> tuple[list[list[Key]], int]:
    links = [pair for chain in chains.values() for pair in pairwise(chain)]
    best, fewest = [list(column) for column in columns], _crossings(columns, links)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        order = range(1, len(columns)) if forward else range(len(columns) - 2, -1, -1)
        for at in order:
            beside = {key: place for place, key in enumerate(columns[at - 1 if forward else at + 1])}
            weight: dict[Key, float] = {}
            for place, key in enumerate(columns[at]):
                near = [beside[a] for a, b in links if b == key and a in beside]
                near += [beside[b] for a, b in links if a == key and b in beside]
                weight[key] = sum(near) / len(near) if near else float(place)
            columns[at] = sorted(columns[at], key=lambda key: (weight[key], key))
        count = _crossings(columns, links)
        if count < fewest:
            best, fewest = [list(column) for column in columns], count
    return best, fewest


def _crossings(columns: Sequence[Sequence[Key]], links: Sequence[tuple[Key, Key]]) -> int:
    place = {key: (at, row) for at, column in enumerate(columns) for row, key in enumerate(column)}
    between: dict[int, list[tuple[int, int]]] = {}
    for start, end in links:
        (at, row), (beyond, other) = place[start], place[end]
        if beyond == at + 1:
            between.setdefault(at, []).append((row, other))
    return sum(
        (a - c) * (b - d) < 0
        for pairs in between.values()
        for index, (a, b) in enumerate(pairs)
        for c, d in pairs[index + 1 :]
    )


def _placed(columns: Sequence[Sequence[Key]], nodes: dict[Key, Node]) -> tuple[dict[Key, tuple[float, float]], float]:
    """The left edge and the middle height of every node and of every place that a way passes."""

    def needs(key: Key) -> float:
        return (NODE_HEIGHT if key in nodes else 12) + GAP

    tallest = max(sum(map(needs, column)) for column in columns)
    step = (WIDTH - NODE_WIDTH) / max(1, len(columns) - 1)
    place: dict[Key, tuple[float, float]] = {}
    for at, column in enumerate(columns):
        spare = (tallest - sum(map(needs, column))) / (len(column) + 1)
        y = 20.0
        for key in column:
            y += spare
            place[key] = round(at * step, 1), round(y + needs(key) / 2, 1)
            y += needs(key)
    return place, round(tallest + 28, 1)


def _curve(chain: Sequence[Key], place: dict[Key, tuple[float, float]]) -> tuple[str, tuple[float, float]]:
    """The path of a way from node to node, and where a mark on its end belongs."""
    x, y = place[chain[0]]
    x += NODE_WIDTH
    d = [f"M{x:.1f},{y:.1f}"]
    for key in chain[1:]:
        to_x, to_y = place[key]
        bend = (x + to_x) / 2
        d.append(f"C{bend:.1f},{y:.1f} {bend:.1f},{to_y:.1f} {to_x:.1f},{to_y:.1f}")
        x, y = to_x, to_y
        if key != chain[-1]:
            x += NODE_WIDTH
            d.append(f"L{x:.1f},{y:.1f}")
    return "".join(d), (round(x - 20, 1), y)
