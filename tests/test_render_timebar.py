"""Where the time goes: every hop adds what it takes longer than all before it, under its network's colour."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpulse.records import ms_text
from netpulse.render.timebar import time_bar


def hop(
    number: int, *times_ms: float | None, asn: int | None = None, ix: str | None = None, **more: Any
) -> dict[str, Any]:
    probes = [
        {
            "address": None if ms is None else more.get("address", f"192.0.2.{number}"),
            "name": None,
            "rtt_ms": ms,
            "note": "timeout" if ms is None else more.get("note"),
        }
        for ms in times_ms
    ]
    name = None if asn is None else f"Network {asn}"
    return {"hop": number, "probes": probes, "asn": asn, "as_name": name, "ix": ix, "mpls": more.get("mpls", [])}


WAY = [
    hop(1, 0.7, 0.6, 0.8, ix="DE-CIX"),
    hop(2, 1.1, 9.8, 1.0, asn=64501),
    hop(3, 12.3, 12.2, 12.4, asn=64501),
    hop(4, None, None, None),
    hop(5, 11.9, 11.8, 12.0, address="10.64.3.9"),
    hop(6, 80.0, 79.9, None, asn=64502, mpls=["Label=299776 CoS=0 TTL=1 S=1", "odd"], note="!X"),
]


def test_what_all_hops_add_is_the_longest_time_and_faster_answers_add_nothing() -> None:
    bar = time_bar(WAY)
    assert [line.added_ms for line in bar.lines] == [
        0.7,
        pytest.approx(0.4),
        pytest.approx(11.2),
        None,
        0.0,
        pytest.approx(67.65),
    ]
    assert bar.total_ms == pytest.approx(79.95)
    assert sum(segment.part for segment in bar.segments) == pytest.approx(1)
    assert [segment.hop for segment in bar.segments] == [1, 2, 3, 6]


def test_an_exchange_has_its_own_colour_and_networks_theirs_in_their_order() -> None:
    looks = [(line.network.kind, line.network.text, line.network.colour) for line in time_bar(WAY).lines]
    assert looks == [
        ("ix", "DE-CIX", "c1"),
        ("as", "AS64501", "c0"),
        ("as", "AS64501", "c0"),
        ("silent", "", "cx"),
        ("private", "", "cx"),
        ("as", "AS64502", "c2"),
    ]


def test_sixteen_networks_never_share_colour_and_pattern() -> None:
    bar = time_bar([hop(n, float(n), asn=64500 + n) for n in range(1, 17)])
    looks = [(share.network.colour, share.network.pattern) for share in bar.shares]
    assert len(set(looks)) == 16
    assert all(one[0] != other[0] and one[1] != other[1] for one, other in pairwise(looks))


def test_the_shares_of_networks_add_up() -> None:
    shares = time_bar(WAY).shares
    assert [(share.network.text, round(share.added_ms, 2)) for share in shares] == [
        ("DE-CIX", 0.7),
        ("AS64501", 11.6),
        ("", 0.0),
        ("AS64502", 67.65),
    ]


def test_a_line_has_every_probe_its_losses_its_labels_and_what_the_router_remarked() -> None:
    last = time_bar(WAY).lines[-1]
    assert (last.lost, last.sent, last.times_ms) == (1, 3, (80.0, 79.9, None))
    assert (last.mpls, last.notes, last.jump) == (("299776", "odd"), ("!X",), True)
    silent = time_bar(WAY).lines[3]
    assert (silent.hosts, silent.lost, silent.median_ms, silent.ticks) == ((), 3, None, ())


def test_ticks_lie_on_a_scale_that_ends_at_a_round_time() -> None:
    bar = time_bar(WAY)
    assert bar.scale_ms == 100
    assert bar.lines[-1].ticks == (0.8, 0.799)


def test_several_routers_that_answer_for_one_hop_are_all_named_once() -> None:
    both = hop(1, 1.0, 2.0, 3.0)
    both["probes"][1]["address"] = "192.0.2.99"
    assert [host.address for host in time_bar([both]).lines[0].hosts] == ["192.0.2.1", "192.0.2.99"]


@pytest.mark.parametrize("hops", [[], [hop(1, None, None, None)], [hop(1, 0.0)]])
def test_without_any_time_there_is_no_bar(hops: list[dict[str, Any]]) -> None:
    bar = time_bar(hops)
    assert (bar.segments, bar.total_ms, len(bar.lines)) == ((), 0.0, len(hops))


@given(st.lists(st.lists(st.one_of(st.none(), st.floats(0, 1e5)), max_size=3), max_size=30))
def test_whatever_the_times_are_nothing_leaves_the_bar_and_labels_keep_apart(times: list[list[float | None]]) -> None:
    bar = time_bar([hop(n, *probes, asn=64500 + n % 3) for n, probes in enumerate(times, 1)])
    assert all(segment.start >= 0 and segment.start + segment.part <= 1 + 1e-9 for segment in bar.segments)
    assert all(0 <= tick <= 1 for line in bar.lines for tick in line.ticks)
    for rooms, width_px in ((("narrow",), 290), (("narrow", "middle"), 610), (("narrow", "middle", "wide"), 870)):
        places = []
        for segment in bar.segments:
            if segment.label in rooms:
                part = 6 * len(f"hop {segment.hop} +{ms_text(segment.added_ms)}") / width_px
                begin = segment.start + segment.part - part if segment.to_end else segment.start
                places.append((begin, begin + part))
        assert all(begin >= 0 and end <= 1 + 1e-9 for begin, end in places)
        assert all(end < begin for (_, end), (begin, _) in pairwise(sorted(places)))


def test_the_longest_segment_is_labelled_first_and_more_room_only_adds_labels() -> None:
    bar = time_bar(WAY)
    assert {segment.hop: segment.label for segment in bar.segments} == {1: None, 2: None, 3: "middle", 6: "narrow"}


def test_a_long_segment_at_the_end_has_its_label_end_with_it() -> None:
    bar = time_bar([hop(1, 80.0), hop(2, 100.0)])
    assert [(segment.label, segment.to_end) for segment in bar.segments] == [("narrow", False), ("narrow", True)]


def test_the_silent_hops_at_the_end_are_one_line_and_those_on_the_way_are_their_own() -> None:
    way = [hop(1, 1.0), hop(2, None), hop(3, None), hop(4, 2.0), *(hop(number, None, None) for number in range(5, 16))]
    lines = time_bar(way).lines
    assert [(line.hop, line.until) for line in lines] == [(1, 1), (2, 2), (3, 3), (4, 4), (5, 15)]
    assert (lines[-1].lost, lines[-1].sent, lines[-1].hosts, lines[-1].times_ms) == (22, 22, (), ())
    assert [(line.hop, line.until) for line in time_bar(way[:5]).lines][-1] == (5, 5)
    assert [(line.hop, line.until) for line in time_bar(way[4:]).lines] == [(5, 15)]


def test_a_line_more_is_no_line_less() -> None:
    way = [hop(1, 1.0), *(hop(number, None) for number in range(2, 8)), hop(8, 3.0), hop(9, None)]
    counts = [len(time_bar(way[:length]).lines) for length in range(len(way) + 1)]
    assert counts == sorted(counts)
