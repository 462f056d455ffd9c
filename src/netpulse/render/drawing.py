"""The AS-path graph as a picture: where each node, way, tag and mark lies. Pure and deterministic; a template draws it.

The same arrangement is drawn three times: from left to right on a wide and a middle screen, and on a narrow one in whichever
direction shows more. Nodes are as wide as their names need, as far as there is room; then a name takes two lines, and only
then is it cut.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import ceil, floor
from typing import Literal, NamedTuple

from netpulse.render.labels import fitted, granted, least_px, shared
from netpulse.render.layout import Arrangement, spread

NodeKind = Literal["router", "as", "set", "confed", "confed_set"]
_BRACKETS: dict[str, NodeKind] = {"{": "set", "(": "confed", "[": "confed_set"}
_TAG_PX = 5.4
"""Advance of the monospaced type that tags are set in."""

_LONGEST_LABEL = 12
"""So many letters of what a node is called have room in every drawing; also the longest word for the kind of a set."""

_MARK_AND_TAG_PX = (84, 48)
"""The gap in which a mark and a tag on the same way stand clear of each other, with long and with short tags."""


@dataclass(slots=True)
class Node:
    """A router or a network, at its upper left corner. `role` is `rt`, `or` (an origin) or empty.

    `label` and `lines` are what there is room for: of what it is called (empty for a set, whose kind the template says), and
    of its name, or of what is in the set.
    """

    text: str
    role: str
    paths: list[int]
    name: str = ""
    best: bool = False
    doubted: bool = False
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0
    height: float = 0.0
    label: str = ""
    lines: tuple[str, ...] = ()

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
    `cut` is how many nodes have no room for all of their name.
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
    cut: int = 0


class _Size(NamedTuple):
    """Measures of a drawing in px; `along` and `across` the layers, from which width and height follow.

    The gap between layers is at least the first of `gap_along`; nodes do not grow where it would be less than the second.
    `type_px` are the advance of a label's letter, the size of the names and the height of their lines.
    """

    name: str
    down: bool
    router: tuple[float, float]
    network: tuple[float, float]
    widest: float
    inset: float
    type_px: tuple[float, float, float]
    gap_along: tuple[float, float, float]
    gap_across: float
    port: float
    short_tags: bool
    target: float


_TYPE, _SMALL_TYPE = (7.3, 11.0, 13.0), (6.35, 9.5, 11.0)
WIDE = _Size("wide", False, (104, 40), (142, 40), 220, 9, _TYPE, (64, 84, 190), 16, 14, False, 1128)
MIDDLE = _Size("middle", False, (84, 40), (84, 40), 190, 9, _TYPE, (40, 46, 130), 14, 13, True, 700)
NARROW = _Size("narrow", False, (48, 34), (58, 34), 150, 5, _SMALL_TYPE, (36, 36, 70), 10, 12, True, 348)
NARROW_DOWN = _Size("narrow", True, (34, 60), (34, 66), 66, 5, _SMALL_TYPE, (46, 46, 46), 8, 20, True, 348)
_WIDER_PX = (130.0, 96.0)
"""How wide nodes of layers below each other may be; the first that the screen has room for."""

_PAD, _CAPTION, _BEND = 6.0, 22.0, 10.0


@dataclass(slots=True)
class Way:
    """Paths between two nodes; from a router, of one connection only."""

    start: int
    end: int
    learned: tuple[str, str]
    paths: list[int]
    times: set[int]
    best: bool = False
    doubted: bool = True


def drawings_of(arranged: Arrangement, nodes: Sequence[Node], ways: Sequence[Way]) -> list[Drawing]:
    """For wide, middle and narrow screens."""
    return [*(_drawn(size, arranged, nodes, ways) for size in (WIDE, MIDDLE)), _narrow(arranged, nodes, ways)]


def _narrow(arranged: Arrangement, nodes: Sequence[Node], ways: Sequence[Way]) -> Drawing:
    """From left to right or from top to bottom: what fits, then what cuts fewer names."""
    across = _drawn(NARROW, arranged, nodes, ways)
    if across.width <= NARROW.target and not across.cut:
        return across
    sizes = [*(NARROW_DOWN._replace(widest=width) for width in _WIDER_PX), NARROW_DOWN]
    for size in sizes:
        down = _drawn(size, arranged, nodes, ways)
        if down.width <= NARROW.target:
            break
    return min(across, down, key=lambda drawing: (max(drawing.width, NARROW.target), drawing.cut))


def _drawn(size: _Size, arranged: Arrangement, nodes: Sequence[Node], ways: Sequence[Way]) -> Drawing:
    drawing = Drawing(size.name, size.down)
    widths, gap = _widths(size, arranged, nodes)
    named = [_named(size, node, width) for node, width in zip(nodes, widths, strict=True)]
    drawing.cut = sum(" ".join(node.lines) != " ".join(_name(node).split()) for node in named)
    ends = Counter(end for chain in arranged.chains for end in (chain[0], chain[-1]))
    room = [_ports(node, size) * ends[at] + 8 for at, node in enumerate(nodes)]
    extents = [_turned(size, node.width, node.height) for node in named]
    across = [max(extent[1], room[at]) for at, extent in enumerate(extents)]
    deep = [max((extents[v][0] for v in layer if v < len(nodes)), default=0.0) for layer in arranged.layers]
    bends = sum(len(chain) - 2 for chain in arranged.chains)
    middle = spread(arranged, [*across, *[_BEND] * bends], size.gap_across)
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
    for vertex, node in enumerate(named):
        node.x, node.y = _turned(size, begin[layer_of[vertex]], round(middle[vertex] - across[vertex] / 2, 1))
        node.width, node.height = _turned(size, deep[layer_of[vertex]], across[vertex])
        drawing.nodes.append(node)
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


def _name(node: Node) -> str:
    return node.name if node.kind in ("as", "router") else node.text


def _ports(node: Node, size: _Size) -> float:
    """The room that each way needs at the edge of this node."""
    return size.port if node.role == "rt" else 4.0


def _named(size: _Size, node: Node, width: float) -> Node:
    """This node, so wide, with as much of its name as has room there, and as high as that is."""
    letter, type_px, line_px = size.type_px
    inside = width - 2 * size.inset
    label, most = _label(node), int(inside / letter)
    if len(label) > most:
        label = label[: most - 1] + "…"
    lines = fitted(_name(node), type_px, inside)
    height = (size.router if node.role == "rt" else size.network)[0 if size.down else 1]
    return replace(node, label=label, lines=lines, width=width, height=height + max(0, len(lines) - 1) * line_px)


def _widths(size: _Size, arranged: Arrangement, nodes: Sequence[Node]) -> tuple[list[float], float]:
    """The width of each node, and the gap between two layers; nodes of one layer share a width unless they lie side by side."""
    letter, type_px, _ = size.type_px
    wants: list[tuple[float, float, float]] = []
    for node in nodes:
        base = (size.router if node.role == "rt" else size.network)[1 if size.down else 0]
        letters = len(_label(node)) or _LONGEST_LABEL
        short = max(base, round(min(letters, _LONGEST_LABEL) * letter + 2 * size.inset, 1))
        needs = (max(letters * letter, least_px(_name(node), type_px, lines)) + 2 * size.inset for lines in (2, 1))
        halved, whole = (max(short, min(size.widest, ceil(need))) for need in needs)
        wants.append((short, halved, whole))
    low, enough, high = size.gap_along
    if size.down:
        return [halved for _, halved, _ in wants], low
    real = [[vertex for vertex in layer if vertex < len(nodes)] for layer in arranged.layers]
    between = len(real) - 1
    room = size.target - 2 * _PAD - between * enough
    least, two_lines, one_line = (
        [max((wants[v][place] for v in layer), default=0.0) for layer in real] for place in range(3)
    )
    deep = [floor(width * 10) / 10 for width in granted(shared(least, two_lines, room), one_line, room)]
    widths = [0.0] * len(nodes)
    for layer, width in zip(real, deep, strict=True):
        for vertex in layer:
            widths[vertex] = width
    left = size.target - 2 * _PAD - sum(deep)
    return widths, max(low, min(high, left / between)) if between else 0.0


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


def _tag(size: _Size, way: Way, point: tuple[float, float]) -> Tag:
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
