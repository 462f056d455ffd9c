"""The AS-path graph: what of the paths is one node, and which ways lead between. Pure and deterministic; `drawing` places it.

Our routers, the networks that paths go through, the origins, in layers. Equal networks of all paths are one node, a set or
a confederation segment is one too; prepends are a mark on the way into a network.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from netpulse.render.drawing import Drawing, Node, Way, drawings_of
from netpulse.render.layout import arrange

MOST_NODES = 25
"""With more than this only best paths are drawn."""

MOST_DRAWN = 80
"""With more than this nothing is drawn: no screen shows it, and the table has it all."""

MOST_STEPS = 1500
"""With more pieces of ways than this, from layer to layer, the drawing would take seconds."""

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


def graph_of(
    paths: Sequence[Path],
    names: Mapping[str, str] | None = None,
    most_nodes: int = MOST_NODES,
    most_drawn: int = MOST_DRAWN,
) -> Graph:
    """The graph of these paths; without any network in them, or with too many of them, there is none to draw (no nodes).

    `names` are those of routers and networks, which the nodes show as far as there is room.
    With more than `most_nodes` networks, or where that costs too much, only best paths are drawn, if the routers told which
    those are. The order in which paths come and the numbers they have, which are those of the routers' answers, move
    nothing in the picture.
    """
    known = sorted((path for path in paths if path.steps), key=lambda path: path.number)
    best = [path for path in known if path.best]
    for drawn, most in ((known, most_nodes if best else most_drawn), (best, most_drawn)):
        if drawn and _networks(drawn) <= most and (graph := _drawn(drawn, names or {})):
            graph.left_out = len(known) - len(drawn)
            return graph
    return Graph(left_out=len(known))


def _drawn(paths: list[Path], names: Mapping[str, str]) -> Graph | None:
    """The graph of exactly these paths; None if it costs too much."""
    usual = _usual_origin(paths)
    keys, nodes, ways = _merged(paths, usual, names)
    arranged = arrange(len(keys), [(way.start, way.end) for way in ways], MOST_STEPS)
    if arranged is None:
        return None
    return Graph(
        paths,
        drawings_of(arranged, nodes, ways),
        crossings=arranged.crossings,
        networks=_networks(paths),
        second_origin=any(_is_second(path, usual) for path in paths),
        prepended=any(max(way.times) > 1 for way in ways),
    )


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


def _merged(
    paths: Sequence[Path], usual: str | None, names: Mapping[str, str]
) -> tuple[list[Key], list[Node], list[Way]]:
    numbers: dict[Key, int] = {}
    nodes: list[Node] = []
    ways: dict[tuple[int, int, str, str], Way] = {}
    for path in sorted(paths, key=_rank):
        doubted = _is_second(path, usual)
        keys: list[Key] = [("rt", path.router), *(("as", text) for text, _ in path.steps)]
        for place, key in enumerate(keys):
            if key not in numbers:
                numbers[key] = len(nodes)
                nodes.append(Node(key[1], key[0] if key[0] == "rt" else "", [], names.get(key[1], "")))
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
            way = ways.setdefault(at, Way(at[0], at[1], learned, [], set()))
            if path.number not in way.paths:
                way.paths.append(path.number)
            way.times.add(path.steps[place][1])
            way.best = way.best or path.best
            way.doubted = way.doubted and doubted
    for numbered in (*(node.paths for node in nodes), *(way.paths for way in ways.values())):
        numbered.sort()
    return list(numbers), nodes, list(ways.values())
