"""Where the vertices of a layered graph lie: layers, order within them, and heights. Pure, deterministic, knows no drawing.

After Sugiyama: ways that close a circle are turned round (depth-first search), layers are longest distances, a long way
passes a bend in every layer between its ends, barycentre sweeps with swaps of neighbours order each layer, and heights are
least squares that keep the order and exact gaps (pool adjacent violators).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

_MOST_SWEEPS = 24
_PATIENCE = 3
_SWAPS_PER_SWEEP = 3
_FITS = 12
_STRAIGHT = 4.0
"""How much more a bend is drawn to the next bend than a vertex to its neighbour."""

Link = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Vertices by layer in their order; numbers from `count` on are bends. Each link's chain goes from the lower layer up.

    `turned` are the links whose chain therefore begins at their end. `crossings` counts pairs of crossing lines.
    """

    count: int
    layers: tuple[tuple[int, ...], ...]
    chains: tuple[tuple[int, ...], ...]
    turned: frozenset[int]
    crossings: int


def arrange(count: int, links: Sequence[Link], most_steps: int) -> Arrangement | None:
    """The arrangement of vertices 0 to `count` - 1 under these links, with as few crossings as the sweeps find.

    None where the links, each cut by the layers that it passes, have more than `most_steps` pieces: so many cost too much.
    Several links between the same two vertices are allowed, a link from a vertex to itself is not. Vertices that nothing
    leads to are in the first layer, those that lead nowhere in the last. Earlier links are turned round last.
    """
    turned = _circles(count, links)
    forward = [(end, start) if index in turned else (start, end) for index, (start, end) in enumerate(links)]
    layer_of = _layers(count, links, forward)
    if sum(layer_of[end] - layer_of[start] for start, end in forward) > most_steps:
        return None
    layers: list[list[int]] = [[] for _ in range(max(layer_of, default=0) + 1)]
    for vertex, at in enumerate(layer_of):
        layers[at].append(vertex)
    chains: list[tuple[int, ...]] = []
    bends = count
    for start, end in forward:
        between = range(bends, bends + layer_of[end] - layer_of[start] - 1)
        for at, bend in enumerate(between, layer_of[start] + 1):
            layers[at].append(bend)
        bends += len(between)
        chains.append((start, *between, end))
    before, after = _neighbours(bends, chains)
    order, crossings = _ordered(layers, before, after)
    return Arrangement(count, tuple(map(tuple, order)), tuple(chains), frozenset(turned), crossings)


def _circles(count: int, links: Sequence[Link]) -> set[int]:
    """The links that lead back to a vertex on the way of the search that found them."""
    out: list[list[int]] = [[] for _ in range(count)]
    reached = [False] * count
    for index, (start, end) in enumerate(links):
        out[start].append(index)
        reached[end] = True
    back: set[int] = set()
    state = [0] * count
    for root in sorted(range(count), key=lambda vertex: reached[vertex]):
        if state[root]:
            continue
        state[root] = 1
        stack = [(root, iter(out[root]))]
        while stack:
            vertex, rest = stack[-1]
            for index in rest:
                end = links[index][1]
                if state[end] == 1:
                    back.add(index)
                elif state[end] == 0:
                    state[end] = 1
                    stack.append((end, iter(out[end])))
                    break
            else:
                state[vertex] = 2
                stack.pop()
    return back


def _layers(count: int, links: Sequence[Link], forward: Sequence[Link]) -> list[int]:
    after: list[list[int]] = [[] for _ in range(count)]
    waits = [0] * count
    for start, end in forward:
        after[start].append(end)
        waits[end] += 1
    layer_of = [0] * count
    ready = [vertex for vertex in range(count) if not waits[vertex]]
    for vertex in ready:
        for end in after[vertex]:
            layer_of[end] = max(layer_of[end], layer_of[vertex] + 1)
            waits[end] -= 1
            if not waits[end]:
                ready.append(end)
    last = max(layer_of, default=0)
    leads = {start for start, _ in links}
    return [last if at and vertex not in leads and not after[vertex] else at for vertex, at in enumerate(layer_of)]


def _neighbours(count: int, chains: Sequence[Sequence[int]]) -> tuple[list[list[int]], list[list[int]]]:
    before: list[list[int]] = [[] for _ in range(count)]
    after: list[list[int]] = [[] for _ in range(count)]
    for chain in chains:
        for start, end in pairwise(chain):
            after[start].append(end)
            before[end].append(start)
    return before, after


def _ordered(
    layers: list[list[int]], before: Sequence[Sequence[int]], after: Sequence[Sequence[int]]
) -> tuple[list[list[int]], int]:
    place = [0] * len(before)

    def note(layer: Sequence[int]) -> None:
        for at, vertex in enumerate(layer):
            place[vertex] = at

    for layer in layers:
        note(layer)
    best, fewest = [list(layer) for layer in layers], _crossings(layers, after, place)
    since = 0
    for sweep in range(_MOST_SWEEPS):
        if not fewest or since >= _PATIENCE:
            break
        near = after if sweep % 2 else before
        for layer in reversed(layers[:-1]) if sweep % 2 else layers[1:]:
            weight = {v: sum(place[n] for n in near[v]) / len(near[v]) if near[v] else place[v] for v in layer}
            layer.sort(key=lambda vertex: (weight[vertex], place[vertex]))
            note(layer)
        for _ in range(_SWAPS_PER_SWEEP):
            if not sum(_swapped(layer, before, after, place) for layer in layers):
                break
        count = _crossings(layers, after, place)
        since += 1
        if count < fewest:
            best, fewest, since = [list(layer) for layer in layers], count, 0
    return best, fewest


def _swapped(
    layer: list[int], before: Sequence[Sequence[int]], after: Sequence[Sequence[int]], place: list[int]
) -> bool:
    """Whether any two neighbours cross less the other way round; they now stand so."""
    better = False
    for at in range(len(layer) - 1):
        upper, lower = layer[at], layer[at + 1]
        gain = 0
        for side in (before, after):
            far = [place[n] for n in side[lower]]
            for mine in [place[n] for n in side[upper]]:
                for other in far:
                    gain += (mine > other) - (mine < other)
        if gain > 0:
            layer[at], layer[at + 1] = lower, upper
            place[upper], place[lower] = at + 1, at
            better = True
    return better


def _crossings(layers: Sequence[Sequence[int]], after: Sequence[Sequence[int]], place: Sequence[int]) -> int:
    """How many pairs of lines cross: the inversions of the far ends, taken in the order of the near ones."""
    total = 0
    for layer, beyond in pairwise(layers):
        ends = [place[end] for vertex in layer for end in sorted(after[vertex], key=place.__getitem__)]
        counts = [0] * (len(beyond) + 1)
        for seen, end in enumerate(ends):
            total += seen
            at = end + 1
            while at:
                total -= counts[at]
                at &= at - 1
            at = end + 1
            while at <= len(beyond):
                counts[at] += 1
                at += at & -at
    return total


def spread(arranged: Arrangement, sizes: Sequence[float], gap: float) -> list[float]:
    """The middle of every vertex and bend across the layers; the outermost edge is 0, neighbours keep `gap`.

    `sizes` has the extent of each vertex, then of each bend.
    """
    before, after = _neighbours(len(sizes), arranged.chains)
    middle = [0.0] * len(sizes)
    offsets: list[list[float]] = []
    for layer in arranged.layers:
        at, offset = 0.0, [0.0]
        for upper, lower in pairwise(layer):
            at += (sizes[upper] + sizes[lower]) / 2 + gap
            offset.append(at)
        offsets.append(offset)
        for vertex, distance in zip(layer, offset, strict=True):
            middle[vertex] = distance - at / 2
    pulls = [
        [
            [
                (n, _STRAIGHT if v >= arranged.count <= n else 2.0 if side is first else 1.0)
                for side in sides
                for n in side[v]
            ]
            for v in range(len(sizes))
        ]
        for first, sides in ((before, (before, after)), (after, (after, before)))
    ]
    for turn in range(_FITS):
        pull = pulls[turn % 2]
        pairs = list(zip(arranged.layers, offsets, strict=True))
        for layer, offset in reversed(pairs) if turn % 2 else pairs:
            wanted = [
                sum(middle[n] * w for n, w in pull[v]) / sum(w for _, w in pull[v]) if pull[v] else middle[v]
                for v in layer
            ]
            for vertex, at in zip(layer, _in_order(wanted, offset), strict=True):
                middle[vertex] = at
    edge = min((middle[v] - sizes[v] / 2 for v in range(len(sizes))), default=0.0)
    return [at - edge for at in middle]


def _in_order(wanted: Sequence[float], offset: Sequence[float]) -> list[float]:
    """The places nearest to the wanted ones, in least squares, that lie at least as far apart as the offsets."""
    blocks: list[tuple[float, int]] = []
    for want, distance in zip(wanted, offset, strict=True):
        total, count = want - distance, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / count:
            total, count = total + blocks[-1][0], count + blocks[-1][1]
            blocks.pop()
        blocks.append((total, count))
    shifts = [total / count for total, count in blocks for _ in range(count)]
    return [shift + distance for shift, distance in zip(shifts, offset, strict=True)]
