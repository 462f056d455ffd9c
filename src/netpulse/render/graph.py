"""The AS-path graph: where each router, network and way between them lies. Pure and deterministic; a template draws it.

Our routers, the networks that paths go through, the origins, in layers. Equal networks of all paths are one node, a set or
a confederation segment is one too; prepends are a mark on the way into a network. The same arrangement is drawn twice: from
left to right on a wide screen, and on a narrow one in whichever direction fits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, NamedTuple

from netpulse.render.layout import Arrangement, arrange, spread

MOST_NODES = 25
"""With more than this only best paths are drawn."""

MOST_DRAWN = 80
"""With more than this nothing is drawn: no screen shows it, and the table has it all."""

NodeKind = Literal["router", "as", "set", "confed", "confed_set"]
_BRACKETS: dict[str, NodeKind] = {"{": "set", "(": "confed", "[": "confed_set"}
_TAG_PX, _LETTER_PX = 5.4, 6.3
"""Advance of the monospaced type that tags and the names of narrow nodes are set in."""

_LONGEST_LABEL = 12
_MARK_AND_TAG_PX = (84, 48)
"""The gap in which a mark and a tag on the same way stand clear of each other, with long and with short tags."""

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Path:
    """One route: its number in the table, the router, networks with repeats, and the connection that it was learned on.

    A network is its number as text; a set or a confederation segment stands in the brackets that routers print. `kind` is
    the type of the connection, `learned` its name. `valid` is true where the ROA allows the origin.
    """

    number: int
    router: str
    kind: str | None
    steps: tuple[tuple[str, int], ...]
    best: bool
    learned: str | None = None
    valid: bool | None = None


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
    width: float = 0.0
    height: float = 0.0

    @property
    def kind(self) -> NodeKind:
        return "router" if self.role == "rt" else _BRACKETS.get(self.text[:1], "as")


@dataclass(slots=True)
class Edge:
    """A way between two nodes. `times` has how often the network at its end stands in the paths, as text, if ever twice."""

    d: str
    paths: list[int]
    best: bool
    doubted: bool
    times: str
    mark: tuple[float, float]


@dataclass(slots=True)
class Tag:
    """How a path was learned, where it leaves its router. `solid` for an exchange, dashed for everything else."""

    text: str
    title: str
    solid: bool
    paths: list[int]
    x: float
    y: float
    width: float


@dataclass(slots=True)
class Drawing:
    """One way to draw it, in px. `down` if the layers lie below each other.

    `first` and `second` are where those layers begin, `last` is where the last one ends; `second` is None if it is the last.
    """

    name: str
    down: bool
    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    tags: list[Tag] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0
    first: float = 0.0
    second: float | None = None
    last: float = 0.0


@dataclass(slots=True)
class Graph:
    """Everything to draw. `left_out` is how many paths are not, because they are not the best or no picture holds them.

    `paths` are those that are drawn, in the order of the table.
    """

    paths: list[Path] = field(default_factory=list)
    drawings: list[Drawing] = field(default_factory=list)
    crossings: int = 0
    left_out: int = 0
    networks: int = 0
    second_origin: bool = False
    prepended: bool = False

    @property
    def nodes(self) -> list[Node]:
        """The nodes of the wide drawing; empty if there is nothing to draw."""
        return self.drawings[0].nodes if self.drawings else []


class _Size(NamedTuple):
    """Measures of a drawing in px; `along` and `across` the layers, from which width and height follow."""

    name: str
    down: bool
    router: tuple[float, float]
    network: tuple[float, float]
    gap_along: tuple[float, float]
    gap_across: float
    port: float
    short_tags: bool
    target: float


WIDE = _Size("wide", False, (104, 40), (142, 40), (64, 190), 16, 14, False, 1128)
NARROW = _Size("narrow", False, (48, 34), (58, 34), (38, 70), 10, 12, True, 348)
NARROW_DOWN = _Size("narrow", True, (34, 60), (34, 66), (46, 46), 8, 20, True, 348)
_PAD, _CAPTION, _BEND = 6.0, 22.0, 10.0


@dataclass(slots=True)
class _Way:
    """Paths between two nodes; from a router, of one connection only."""

    start: int
    end: int
    learned: tuple[str, str]
    paths: list[int]
    times: set[int]
    best: bool = False
    doubted: bool = True


def graph_of(paths: Sequence[Path], most_nodes: int = MOST_NODES, most_drawn: int = MOST_DRAWN) -> Graph:
    """The graph of these paths; without any network in them, or with too many of them, there is none to draw (no nodes).

    With more than `most_nodes` networks only best paths are drawn, if the routers told which those are. The order in which
    paths come and the numbers they have, which are those of the routers' answers, move nothing in the picture.
    """
    known = sorted((path for path in paths if path.steps), key=lambda path: path.number)
    drawn = known
    if _networks(known) > most_nodes and any(path.best for path in known):
        drawn = [path for path in known if path.best]
    if _networks(drawn) > most_drawn:
        drawn = []
    graph = Graph(drawn, left_out=len(known) - len(drawn), networks=_networks(drawn))
    if not drawn:
        return graph
    usual = _usual_origin(drawn)
    graph.second_origin = any(_is_second(path, usual) for path in drawn)
    keys, nodes, ways = _merged(drawn, usual)
    graph.prepended = any(max(way.times) > 1 for way in ways)
    arranged = arrange(len(keys), [(way.start, way.end) for way in ways])
    graph.crossings = arranged.crossings
    graph.drawings = [_drawn(WIDE, arranged, nodes, ways), _narrow(arranged, nodes, ways)]
    return graph


def _networks(paths: Sequence[Path]) -> int:
    return len({text for path in paths for text, _ in path.steps})


def _usual_origin(paths: Sequence[Path]) -> str | None:
    """The origin that the ROA allows, else that of most best paths; sets are none."""
    numbers = [path for path in paths if path.steps[-1][0].isdecimal()]
    trusted = [path for path in numbers if path.valid] or [path for path in numbers if path.best] or numbers
    counts = Counter(path.steps[-1][0] for path in trusted)
    return max(sorted(counts, key=int), key=counts.__getitem__, default=None)


def _is_second(path: Path, usual: str | None) -> bool:
    origin = path.steps[-1][0]
    return usual is not None and origin.isdecimal() and origin != usual


def _rank(path: Path) -> tuple[bool, str, str, str, tuple[tuple[str, int], ...], int]:
    """Best paths first, then by what is in them; the number in the table depends on which router answered first."""
    return not path.best, path.router, path.kind or "", path.learned or "", path.steps, path.number


def _merged(paths: Sequence[Path], usual: str | None) -> tuple[list[Key], list[Node], list[_Way]]:
    numbers: dict[Key, int] = {}
    nodes: list[Node] = []
    ways: dict[tuple[int, int, str, str], _Way] = {}
    for path in sorted(paths, key=_rank):
        doubted = _is_second(path, usual)
        keys: list[Key] = [("rt", path.router), *(("as", text) for text, _ in path.steps)]
        for place, key in enumerate(keys):
            if key not in numbers:
                numbers[key] = len(nodes)
                nodes.append(Node(key[1], key[0] if key[0] == "rt" else "", []))
            node = nodes[numbers[key]]
            if place == len(keys) - 1:
                node.role = "or"
                node.doubted = node.doubted or doubted
            if path.number not in node.paths:
                node.paths.append(path.number)
            node.best = node.best or path.best
        for place, (start, end) in enumerate(pairwise(keys)):
            learned = (path.kind or "", path.learned or "") if place == 0 else ("", "")
            at = (numbers[start], numbers[end], *learned)
            way = ways.setdefault(at, _Way(at[0], at[1], learned, [], set()))
            if path.number not in way.paths:
                way.paths.append(path.number)
            way.times.add(path.steps[place][1])
            way.best = way.best or path.best
            way.doubted = way.doubted and doubted
    for numbered in (*(node.paths for node in nodes), *(way.paths for way in ways.values())):
        numbered.sort()
    return list(numbers), nodes, list(ways.values())


def _narrow(arranged: Arrangement, nodes: Sequence[Node], ways: Sequence[_Way]) -> Drawing:
    """From left to right where that fits, else from top to bottom, whichever is less too wide."""
    across = _drawn(NARROW, arranged, nodes, ways)
    if across.width <= NARROW.target:
        return across
    return min(across, _drawn(NARROW_DOWN, arranged, nodes, ways), key=lambda drawing: drawing.width)


def _drawn(size: _Size, arranged: Arrangement, nodes: Sequence[Node], ways: Sequence[_Way]) -> Drawing:
    drawing = Drawing(size.name, size.down)
    ends = Counter(end for chain in arranged.chains for end in (chain[0], chain[-1]))
    across = [
        max((size.router if node.role == "rt" else size.network)[1], _ports(node, size) * ends[at] + 8)
        for at, node in enumerate(nodes)
    ]
    bends = sum(len(chain) - 2 for chain in arranged.chains)
    middle = spread(arranged, [*across, *[_BEND] * bends], size.gap_across)
    deep, gap = _depths(size, arranged, nodes)
    begin, at = [], _PAD
    for layer_depth in deep:
        begin.append(at)
        at += layer_depth + gap
    side = _PAD if size.down else _CAPTION
    middle = [m + side for m in middle]
    layer_of = {vertex: number for number, layer in enumerate(arranged.layers) for vertex in layer}
    far = max(m + (across[v] if v < len(across) else _BEND) / 2 for v, m in enumerate(middle)) + _PAD
    drawing.width, drawing.height = _turned(size, round(at - gap + _PAD, 1), round(far, 1))
    drawing.first, drawing.last = begin[0], round(begin[-1] + deep[-1], 1)
    drawing.second = round(begin[1], 1) if len(begin) > 2 else None
    for vertex, node in enumerate(nodes):
        x, y = _turned(size, begin[layer_of[vertex]], round(middle[vertex] - across[vertex] / 2, 1))
        width, height = _turned(size, deep[layer_of[vertex]], across[vertex])
        drawing.nodes.append(Node(node.text, node.role, node.paths, node.best, node.doubted, x, y, width, height))
    ports = _port_heights(size, arranged, middle, across)
    for index in sorted(range(len(ways)), key=lambda index: (ways[index].best, index)):
        way, chain = ways[index], arranged.chains[index]
        points = [(begin[layer_of[chain[0]]] + deep[layer_of[chain[0]]], ports[index][0])]
        for vertex in chain[1:-1]:
            start = begin[layer_of[vertex]]
            points += [(start, middle[vertex]), (start + deep[layer_of[vertex]], middle[vertex])]
        points.append((begin[layer_of[chain[-1]]], ports[index][1]))
        least, most = min(way.times), max(way.times)
        times = "" if most == 1 else str(most) if least == most else f"{least}–{most}"
        (near, height), step = (points[0], 16) if index in arranged.turned else (points[-1], -16)
        beside = 9 if gap < _MARK_AND_TAG_PX[size.short_tags] and way.learned[0] else 0
        mark = _turned(size, round(near + step, 1), round(height + beside, 1))
        drawing.edges.append(Edge(_curve(size, points), way.paths, way.best, way.doubted, times, mark))
        if nodes[way.start].role == "rt" and way.learned[0]:
            drawing.tags.append(_tag(size, way, points[0]))
    return drawing


def _label(node: Node) -> str:
    return f"AS{node.text}" if node.kind == "as" else node.text if node.kind == "router" else ""


def _ports(node: Node, size: _Size) -> float:
    """The room that each way needs at the edge of this node."""
    return size.port if node.role == "rt" else 4.0


def _depths(size: _Size, arranged: Arrangement, nodes: Sequence[Node]) -> tuple[list[float], float]:
    """The extent of each layer along the way, and the gap between two."""
    deep: list[float] = []
    for layer in arranged.layers:
        routers = all(vertex < len(nodes) and nodes[vertex].role == "rt" for vertex in layer)
        labels = [_label(nodes[v]) for v in layer if v < len(nodes)]
        least = (size.router if routers else size.network)[0]
        longest = min(max(map(len, labels), default=0), _LONGEST_LABEL)
        deep.append(least if size.down else max(least, round(longest * _LETTER_PX + 12, 1)))
    between = len(deep) - 1
    low, high = size.gap_along
    return deep, max(low, min(high, (size.target - 2 * _PAD - sum(deep)) / between)) if between else 0.0


def _port_heights(
    size: _Size, arranged: Arrangement, middle: Sequence[float], across: Sequence[float]
) -> list[tuple[float, float]]:
    """Where each way leaves its first and enters its last vertex: side by side, in the order of where they come from."""
    leaves: dict[int, list[int]] = {}
    enters: dict[int, list[int]] = {}
    for index, chain in enumerate(arranged.chains):
        leaves.setdefault(chain[0], []).append(index)
        enters.setdefault(chain[-1], []).append(index)
    heights = [(0.0, 0.0)] * len(arranged.chains)
    for at_end, ends in ((False, leaves), (True, enters)):
        for vertex, indices in ends.items():
            indices.sort(key=lambda index: (middle[arranged.chains[index][-2 if at_end else 1]], index))
            routers = vertex in leaves and not at_end and across[vertex] >= size.port * len(indices)
            step = min(size.port if routers else 8.0, (across[vertex] - 12) / max(1, len(indices) - 1))
            for place, index in enumerate(indices):
                height = middle[vertex] + (place - (len(indices) - 1) / 2) * step
                heights[index] = (heights[index][0], height) if at_end else (height, heights[index][1])
    return heights


def _tag(size: _Size, way: _Way, point: tuple[float, float]) -> Tag:
    kind, name = way.learned
    text = kind[:2] if size.short_tags and kind != "TRANSIT" else "TR" if size.short_tags else kind
    width = round(len(text) * _TAG_PX + 8, 1)
    x, y = _turned(size, point[0] + 3, point[1])
    x, y = (x - width / 2, y) if size.down else (x, y - 6)
    return Tag(text, f"{kind} {name}".strip(), kind == "IX", way.paths, round(x, 1), round(y, 1), width)


def _turned(size: _Size, along: float, across: float) -> tuple[float, float]:
    return (across, along) if size.down else (along, across)


def _curve(size: _Size, points: Sequence[tuple[float, float]]) -> str:
    """A line through these points that is level at each of them."""

    def written(along: float, across: float) -> str:
        x, y = _turned(size, along, across)
        return f"{x:.1f},{y:.1f}"

    d = ["M", written(*points[0])]
    for (start, height), (end, other) in pairwise(points):
        if abs(height - other) < 0.6:
            d += ["L", written(end, other)]
        else:
            bend = (start + end) / 2
            d += ["C", written(bend, height), " ", written(bend, other), " ", written(end, other)]
    return "".join(d)
