"""The AS-path graph: equal networks are one node, prepends a mark, and the same input always gives the same picture."""

from __future__ import annotations

from netpulse.render.graph import NODE_HEIGHT, WIDTH, Path, graph_of


def path(number: int, router: str, *asns: str, best: bool = False, kind: str = "TRANSIT") -> Path:
    steps: list[tuple[str, int]] = []
    for asn in asns:
        if steps and steps[-1][0] == asn:
            steps[-1] = (asn, steps[-1][1] + 1)
        else:
            steps.append((asn, 1))
    return Path(number, router, kind, tuple(steps), best)


SAMPLE = [
    path(0, "core1", "174", "15169", best=True),
    path(1, "core1", "3356", "15169"),
    path(2, "core1", "15169", kind="IX"),
    path(3, "core2", "2914", "3333", "3333", "3333", "15169", best=True),
    path(4, "frr1", "1299", "174", "15169", best=True),
]


def test_equal_networks_are_one_node_and_each_knows_its_paths() -> None:
    graph = graph_of(SAMPLE)
    assert sorted(node.text for node in graph.nodes) == sorted(
        ["core1", "core2", "frr1", "174", "3356", "2914", "3333", "1299", "15169"]
    )
    origin = next(node for node in graph.nodes if node.text == "15169")
    assert (origin.role, origin.paths) == ("or", [0, 1, 2, 3, 4])


def test_prepends_are_a_mark_on_the_way_into_the_network() -> None:
    assert [edge.times for edge in graph_of(SAMPLE).edges if edge.times > 1] == [3]


def test_the_same_paths_always_give_the_same_picture() -> None:
    assert graph_of(SAMPLE) == graph_of(list(SAMPLE))


def test_nodes_lie_inside_and_never_on_each_other() -> None:
    graph = graph_of(SAMPLE)
    boxes = [(node.x, node.y) for node in graph.nodes]
    assert all(0 <= x < WIDTH and y >= 0 and y + NODE_HEIGHT <= graph.height for x, y in boxes)
    for index, (x, y) in enumerate(boxes):
        assert all(x != other_x or abs(y - other_y) >= NODE_HEIGHT for other_x, other_y in boxes[index + 1 :])


def test_a_network_lies_right_of_every_network_before_it() -> None:
    x = {node.text: node.x for node in graph_of(SAMPLE).nodes}
    assert x["core1"] < x["1299"] < x["174"] < x["15169"]
    assert x["core2"] < x["2914"] < x["3333"] < x["15169"]
    assert x["3356"] < x["15169"]


def test_few_lines_cross() -> None:
    assert graph_of(SAMPLE).crossings <= 2


def test_a_second_origin_is_told_and_marked() -> None:
    graph = graph_of([*SAMPLE, path(5, "bird1", "6461", "64666", best=True)])
    assert graph.second_origin
    assert [node.text for node in graph.nodes if node.doubted] == ["64666"]
    assert not graph_of(SAMPLE).second_origin


def test_paths_that_close_a_circle_still_make_a_picture() -> None:
    graph = graph_of([path(0, "a", "1", "2", "3"), path(1, "b", "3", "2", "1")])
    assert len(graph.nodes) == 5


def test_with_very_many_networks_only_best_paths_are_drawn_and_the_rest_is_counted() -> None:
    many = [path(n, f"r{n % 20}", str(100 + n), str(200 + n % 7), "15169", best=n % 4 == 0) for n in range(80)]
    graph = graph_of(many)
    assert graph.left_out == 60
    assert {number for node in graph.nodes for number in node.paths} == set(range(0, 80, 4))


def test_a_route_without_a_path_is_no_picture() -> None:
    assert graph_of([path(0, "core1")]).nodes == []
