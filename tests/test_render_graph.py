"""The AS-path graph: equal networks are one node, prepends a mark, and the same input always gives the same picture."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment, PackageLoader, StrictUndefined

from netpulse.render import labels
from netpulse.render.drawing import Drawing, Node
from netpulse.render.graph import Graph, Path, graph_of
from netpulse.render.labels import fitted, granted, least_px, shared, text_px
from netpulse.render.layout import arrange, spread
from netpulse.words import words_for


def path(
    number: int, router: str, *asns: str, best: bool = False, kind: str | None = "TRANSIT", name: str = ""
) -> Path:
    steps: list[tuple[str, int]] = []
    for asn in asns:
        if steps and steps[-1][0] == asn:
            steps[-1] = (asn, steps[-1][1] + 1)
        else:
            steps.append((asn, 1))
    return Path(number, router, kind, tuple(steps), best, name or None)


SAMPLE = [
    path(0, "core1", "174", "15169", best=True),
    path(1, "core1", "3356", "15169"),
    path(2, "core1", "15169", kind="IX"),
    path(3, "core2", "2914", "3333", "3333", "3333", "15169", best=True),
    path(4, "frr1", "1299", "174", "15169", best=True),
]

FIVE_ROUTERS = [
    path(0, "a", "64505", "64511", best=True, kind="IX"),
    path(1, "a", "64499", "64505", "64511"),
    path(2, "a", "64501", "64502", "64511"),
    path(3, "b", "64503", "64511", "64511", "64511", best=True, kind="IX"),
    path(4, "b", "64502", "64511"),
    path(5, "b", "64499", "64505", "64511"),
    path(6, "c", "64503", "64511", "64511", "64511", best=True, kind="IX"),
    path(7, "c", "64504", "64502", "64511"),
    path(8, "c", "64501", "64502", "64511"),
    path(9, "d", "64506", "64502", "64511", best=True),
    path(10, "d", "64504", "64502", "64511"),
    path(11, "e", "64507", "64502", "64511", best=True),
    path(12, "e", "64508", "64496", kind="IX"),
]
"""Thirteen paths of five routers over eleven networks: sixteen nodes."""


def named(drawing: Drawing) -> dict[str, Node]:
    return {node.text: node for node in drawing.nodes}


def ends(d: str) -> tuple[tuple[float, float], tuple[float, float]]:
    points = [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", d)]
    return points[0], points[-1]


class Markup(HTMLParser):
    """The elements of a picture with the names of their attributes, and all text in it."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.said: list[str] = []
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def shown(graph: Graph, names: Mapping[str, str], language: str = "en") -> Markup:
    templates = Environment(
        loader=PackageLoader("netpulse", "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    template = templates.get_template("parts/graph.html")
    return Markup(template.render(t=words_for(language).t, graph=graph, node_names=names))


def overlapping(drawing: Drawing) -> list[tuple[str, str]]:
    """The nodes that lie on each other; a tenth of a px is rounding."""
    boxes = [
        (node.text, node.x, node.y, node.x + node.width - 0.1, node.y + node.height - 0.1) for node in drawing.nodes
    ]
    return [
        (text, other)
        for index, (text, x, y, right, low) in enumerate(boxes)
        for other, a, b, c, d in boxes[index + 1 :]
        if x < c and a < right and y < d and b < low
    ]


def test_equal_networks_are_one_node_and_each_knows_its_paths() -> None:
    graph = graph_of(SAMPLE)
    assert sorted(node.text for node in graph.nodes) == sorted(
        ["core1", "core2", "frr1", "174", "3356", "2914", "3333", "1299", "15169"]
    )
    origin = named(graph.drawings[0])["15169"]
    assert (origin.role, origin.paths) == ("or", [0, 1, 2, 3, 4])


def test_prepends_are_a_mark_on_the_way_into_the_network() -> None:
    graph = graph_of(SAMPLE)
    assert graph.prepended
    assert [edge.times for edge in graph.drawings[0].edges if edge.times] == ["3"]
    assert not graph_of(SAMPLE[:2]).prepended


def test_paths_that_share_a_way_and_prepend_differently_show_the_span() -> None:
    graph = graph_of([path(0, "a", "1", "2"), path(1, "b", "1", "2", "2", "2")])
    assert [edge.times for edge in graph.drawings[0].edges if edge.times] == ["1–3"]


@settings(max_examples=20, deadline=None)
@given(st.permutations(FIVE_ROUTERS))
def test_the_order_in_which_paths_come_moves_nothing(shuffled: list[Path]) -> None:
    assert graph_of(shuffled) == graph_of(FIVE_ROUTERS)


@settings(max_examples=20, deadline=None)
@given(st.permutations(FIVE_ROUTERS))
def test_other_numbers_in_the_table_move_nothing(shuffled: list[Path]) -> None:
    renumbered = [replace(each, number=number) for number, each in enumerate(shuffled)]
    for drawing, same in zip(graph_of(renumbered).drawings, graph_of(FIVE_ROUTERS).drawings, strict=True):
        assert [(n.text, n.x, n.y) for n in drawing.nodes] == [(n.text, n.x, n.y) for n in same.nodes]
        assert [edge.d for edge in drawing.edges] == [edge.d for edge in same.edges]
        assert [(tag.title, tag.x, tag.y) for tag in drawing.tags] == [(tag.title, tag.x, tag.y) for tag in same.tags]


@pytest.mark.parametrize("which", [0, 1, 2])
def test_nodes_lie_inside_and_never_on_each_other(which: int) -> None:
    drawing = graph_of(FIVE_ROUTERS).drawings[which]
    assert all(
        node.x >= 0 and node.y >= 0 and node.x + node.width <= drawing.width and node.y + node.height <= drawing.height
        for node in drawing.nodes
    )
    assert not overlapping(drawing)


def test_a_network_lies_right_of_every_network_before_it() -> None:
    x = {text: node.x for text, node in named(graph_of(SAMPLE).drawings[0]).items()}
    assert x["core1"] == x["core2"] == x["frr1"]
    assert x["core1"] < x["1299"] < x["174"] < x["15169"]
    assert x["core2"] < x["2914"] < x["3333"] < x["15169"]
    assert x["3356"] < x["15169"]


def test_few_lines_cross() -> None:
    graph = graph_of(FIVE_ROUTERS)
    assert len(graph.nodes) == 16
    assert graph.crossings <= 5
    assert graph_of(SAMPLE).crossings == 0


def test_every_way_begins_and_ends_at_a_place_of_its_own_on_its_nodes() -> None:
    drawing = graph_of(FIVE_ROUTERS).drawings[0]
    points = [ends(edge.d) for edge in drawing.edges]
    assert len({begin for begin, _ in points}) == len({end for _, end in points}) == len(points)
    rights = {(node.x + node.width, node.y, node.y + node.height) for node in drawing.nodes}
    for (x, y), _ in points:
        assert any(abs(x - right) < 0.2 and top <= y <= low for right, top, low in rights)


def test_a_narrow_screen_gets_a_drawing_that_fits_it() -> None:
    wide, middle, narrow = graph_of(FIVE_ROUTERS).drawings
    assert (wide.name, middle.name, narrow.name) == ("wide", "middle", "narrow")
    assert wide.width <= 1128
    assert middle.width <= 700
    assert narrow.width <= 348
    long = graph_of([path(0, "a", *map(str, range(1, 9)), best=True), path(1, "b", "1", "9", "8")])
    assert long.drawings[2].down
    assert long.drawings[2].width <= 348


NAMES = {
    "core1": "DC1 - Primary",
    "core2": "DC2 - Secondary",
    "frr1": "DC3 - Edge",
    "174": "Cogent Communications",
    "1299": "Arelion",
    "2914": "NTT Global IP Network",
    "3356": "Lumen (Level 3)",
    "3333": "RIPE NCC",
    "15169": "Google",
}


def test_nodes_are_as_wide_as_their_names_need() -> None:
    wide, middle, narrow = graph_of(SAMPLE, NAMES).drawings
    assert wide.cut == middle.cut == 0
    assert named(wide)["174"].lines == ("Cogent Communications",)
    assert named(wide)["core2"].lines == ("DC2 - Secondary",)
    assert all(node.label for node in narrow.nodes)
    assert (wide.width <= 1128, middle.width <= 700, narrow.width <= 348) == (True, True, True)
    few = graph_of([path(0, "core1", "174", "15169", best=True), path(1, "core1", "3356", "64666")], NAMES).drawings[2]
    assert (few.down, few.cut) == (False, 0)
    assert named(few)["174"].lines in (("Cogent Communications",), ("Cogent", "Communications"))


def test_a_name_takes_two_lines_before_it_is_cut_and_its_node_grows() -> None:
    names = {"174": "A network with a name of many words", "15169": "Donaudampfschifffahrtsgesellschaftskapitaen"}
    paths = [path(0, "core1", "174", "64500", "64501", "15169", best=True)]
    middle = graph_of(paths, names).drawings[1]
    assert len(named(middle)["174"].lines) == 2
    assert named(middle)["174"].height > named(middle)["64500"].height
    assert [line[-1] for line in named(middle)["15169"].lines] == ["…"]
    assert middle.cut >= 1
    assert not overlapping(middle)


def test_a_long_name_of_a_router_is_cut_at_the_end_of_its_node() -> None:
    for drawing in graph_of([path(0, "edge-router-of-the-northern-exchange", "174", "15169", best=True)]).drawings:
        (router,) = (node for node in drawing.nodes if node.role == "rt")
        assert router.label.startswith("edge-router")
        assert router.label.endswith("…") or len(router.label) == 36


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.floats(20, 200))
def test_what_is_written_has_room_and_is_cut_only_where_it_has_none(name: str, room: float) -> None:
    whole, lines = " ".join(name.split()), fitted(name, 11, room)
    assert len(lines) <= 2
    assert all(text_px(line, 11) <= room or len(line) <= 2 for line in lines)
    if room >= least_px(name, 11, 2):
        assert " ".join(lines) == whole


def test_room_is_shared_so_that_small_wishes_come_true_first() -> None:
    assert shared([10, 10, 10], [40, 15, 10], 50) == [25, 15, 10]
    assert shared([10, 10], [20, 20], 15) == [10, 10]
    assert granted([10, 10, 10], [40, 15, 10], 50) == [10, 15, 10]


def test_how_a_path_was_learned_stands_at_its_router_one_tag_for_each_connection() -> None:
    graph = graph_of(
        [
            path(0, "a", "1", "2", best=True, kind="IX", name="DE-CIX"),
            path(1, "a", "1", "2", kind="TRANSIT", name="One Transit"),
            path(2, "a", "3", "2", kind=None),
        ]
    )
    wide, middle, narrow = graph.drawings
    assert [(tag.text, tag.title, tag.solid, tag.paths) for tag in wide.tags] == [
        ("TRANSIT", "TRANSIT One Transit", False, [1]),
        ("IX", "IX DE-CIX", True, [0]),
    ]
    assert [tag.text for tag in middle.tags] == [tag.text for tag in narrow.tags] == ["TR", "IX"]
    router = named(wide)["a"]
    assert all(router.x + router.width < tag.x for tag in wide.tags)


def test_a_second_origin_is_told_and_marked() -> None:
    graph = graph_of([*SAMPLE, path(5, "bird1", "6461", "64666", best=True)])
    assert graph.second_origin
    assert [node.text for node in graph.nodes if node.doubted] == ["64666"]
    assert [edge.paths for edge in graph.drawings[0].edges if edge.doubted] == [[5], [5]]
    assert not graph_of(SAMPLE).second_origin


def test_the_origin_that_the_roa_allows_is_never_the_second_one() -> None:
    wrong = [path(number, f"r{number}", "174", "64666", best=True) for number in range(3)]
    right = Path(3, "r3", None, (("174", 1), ("15169", 1)), False, valid=True)
    assert [node.text for node in graph_of([*wrong, right]).nodes if node.doubted] == ["64666"]


def test_a_set_or_a_confederation_segment_is_one_node_that_says_so() -> None:
    graph = graph_of([path(0, "a", "(65001 65002)", "[65003 65004]", "1103", "{1124 1133}", best=True)])
    assert [node.kind for node in graph.nodes] == ["router", "confed", "confed_set", "as", "set"]
    assert not graph.second_origin
    assert not graph_of([path(0, "a", "1", "{2 3}", best=True), path(1, "b", "1", "2")]).second_origin


def test_paths_that_close_a_circle_still_make_a_picture() -> None:
    graph = graph_of([path(0, "a", "1", "2", "3", best=True), path(1, "b", "3", "2", "1", "1")])
    assert len(graph.nodes) == 5
    x = {text: node.x for text, node in named(graph.drawings[0]).items()}
    assert x["1"] < x["2"] < x["3"]
    mark = next(edge.mark for edge in graph.drawings[0].edges if edge.times)
    assert mark[0] < x["2"]  # beside the network that is prepended, though this way leads back


def test_with_very_many_networks_only_best_paths_are_drawn_and_the_rest_is_counted() -> None:
    many = [path(n, f"r{n % 20}", str(100 + n), str(200 + n % 7), "15169", best=n % 4 == 0) for n in range(80)]
    graph = graph_of(many)
    assert graph.left_out == 60
    assert {number for node in graph.nodes for number in node.paths} == set(range(0, 80, 4))
    assert [path.number for path in graph.paths] == list(range(0, 80, 4))


def test_what_no_screen_holds_is_left_to_the_table() -> None:
    graph = graph_of([path(0, "a", *map(str, range(1, 400)), best=True)])
    assert (graph.drawings, graph.nodes, graph.left_out) == ([], [], 1)


def test_a_route_without_a_path_is_no_picture() -> None:
    graph = graph_of([path(0, "core1")])
    assert (graph.nodes, graph.left_out) == ([], 0)


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</title></svg><style>", "'{{ 7 * 7 }}&lt;"]
)
def test_whatever_a_network_a_router_or_a_connection_is_called_is_only_text(name: str) -> None:
    def picture(called: str) -> Markup:
        names = {"174": called, "15169": called, called: called}
        graph = graph_of([path(0, called, "174", "15169", best=True, kind="IX", name=called)], names)
        return shown(graph, names)

    hostile = picture(name)
    assert set(hostile.elements) == set(picture("harmless").elements)  # more lines at most
    assert any(name in text for text in hostile.said)


@pytest.mark.parametrize("language", ["en", "de"])
def test_who_cannot_see_the_picture_reads_every_path(language: str) -> None:
    picture = shown(graph_of(SAMPLE), {"174": "Cogent", "core1": "Amsterdam"}, language)
    text = " ".join("".join(picture.said).split())
    assert [tag for tag, _ in picture.elements].count("li") == len(SAMPLE)
    assert "core2" in text
    assert "TRANSIT: AS2914 › AS3333 ×3 › AS15169" in text
    assert {"title", "desc", "summary"} <= {tag for tag, _ in picture.elements}
    assert not any("style" in attributes for _, attributes in picture.elements)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.lists(st.integers(1, 9), min_size=1, max_size=6), st.booleans()),
        min_size=1,
        max_size=12,
    ),
    st.lists(st.text("abc MW-", max_size=40), min_size=10, max_size=10),
)
def test_whatever_the_paths_are_layers_lead_on_and_nothing_overlaps(
    rows: list[tuple[int, list[int], bool]], called: list[str]
) -> None:
    paths = [path(n, f"r{r}", *map(str, hops), best=best) for n, (r, hops, best) in enumerate(rows)]
    for drawing in graph_of(paths, {str(number): name for number, name in enumerate(called)}).drawings:
        for start, end in (ends(edge.d) for edge in drawing.edges):
            assert (start[1] < end[1]) if drawing.down else (start[0] < end[0])
        assert not overlapping(drawing)


@settings(max_examples=30, deadline=None)
@given(st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda link: link[0] != link[1])))
def test_heights_keep_the_order_and_the_gap_of_every_layer(links: set[tuple[int, int]]) -> None:
    arranged = arrange(10, sorted(links), 1000)
    assert arranged is not None
    sizes = [30.0] * 10 + [10.0] * sum(len(chain) - 2 for chain in arranged.chains)
    middle = spread(arranged, sizes, 8)
    assert sorted(vertex for layer in arranged.layers for vertex in layer) == list(range(len(sizes)))
    for layer in arranged.layers:
        for upper, lower in pairwise(layer):
            assert middle[lower] - middle[upper] >= (sizes[upper] + sizes[lower]) / 2 + 8 - 1e-6


def test_ways_without_number_are_not_drawn() -> None:
    asns = [str(64512 + place) for place in range(75)]
    paths = [path(n, "core1", *asns[n % 70 : n % 70 + 2], asns[-1 - n // 70], best=True) for n in range(700)]
    paths.append(path(700, "core1", *asns, best=True))
    graph = graph_of(paths)
    assert not graph.drawings
    assert graph.left_out == 701


def test_a_set_of_hundreds_is_cut_before_it_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []

    def em(letter: str) -> float:
        measured.append(letter)
        return 0.6

    monkeypatch.setattr(labels, "_em", em)
    labels._ems.cache_clear()
    sets = ["{" + " ".join(str(4200000000 + 1000 * n + k) for k in range(255)) + "}" for n in range(5)]
    assert graph_of([path(n, "core1", "174", each, best=True) for n, each in enumerate(sets)]).drawings
    labels._ems.cache_clear()
    assert len(measured) < 50_000
