"""FRR: its JSON in the forms that our captures do not show."""

from __future__ import annotations

import json
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from netpulse.cells import Unread
from netpulse.platforms import frr
from netpulse.queries.aspath import AsPathResult
from netpulse.query import Ask
from netpulse.records import AsConfedSet, AsSet, Route


def ask(target: str) -> Ask:
    value = ip_network(target) if "/" in target else ip_address(target)
    return Ask(target=value, family=4 if value.version == 4 else 6, own_routes=True)


def close(question: Ask, *replies: str) -> AsPathResult:
    reader = frr.AsPathReader(question)
    for line in replies[0].splitlines():
        reader.feed(line)
    for reply in replies[1:]:
        assert reader.follow_up() is not None
        for line in reply.splitlines():
            reader.feed(line)
    return reader.close("end")


def route(**path: Any) -> Route:
    reply = json.dumps({"prefix": "192.0.2.0/24", "paths": [path]}, indent=2)
    return close(ask("192.0.2.1"), reply).routes[0]


def test_the_question_names_the_family() -> None:
    assert frr.aspath_command(ask("8.8.8.0/24")) == "show bgp ipv4 unicast 8.8.8.0/24 json"
    assert frr.aspath_command(ask("2001:db8::1")) == "show bgp ipv6 unicast 2001:db8::1 json"


@pytest.mark.parametrize("reply", ["{}", "{\n}", "% Network not in table", "% Cannot open a file.\n{\n}\n"])
def test_absence_is_an_answer_in_all_its_forms(reply: str) -> None:
    assert close(ask("192.0.2.1"), reply) == AsPathResult(prefix=None, covering=None, routes=())


@pytest.mark.parametrize("reply", ["", "{", '{"prefix": "192.0.2.0/24"', "}", '{"prefix": 5}', "[1]", "Hello"])
def test_a_reply_that_is_no_whole_document_is_unread(reply: str) -> None:
    with pytest.raises(Unread):
        close(ask("192.0.2.1"), reply)


def test_a_document_nested_beyond_reason_is_unread() -> None:
    with pytest.raises(Unread):
        close(ask("192.0.2.1"), '{"a":' + "[" * 100_000)


def test_brackets_inside_of_strings_do_not_count() -> None:
    reply = json.dumps(
        {"prefix": "192.0.2.0/24", "note": '}]"{[\\', "paths": [{"aspath": {"string": "174"}}]}, indent=1
    )
    assert close(ask("192.0.2.1"), reply).routes[0].as_path == (174,)


def test_what_follows_the_document_is_passed_over() -> None:
    assert close(ask("192.0.2.1"), '{\n}\n{"prefix": "192.0.2.0/24"}').routes == ()


def test_segments_keep_their_kinds() -> None:
    segments = [
        {"type": "as-confed-set", "list": [65161, 65162]},
        {"type": "as-sequence", "list": [174]},
        {"type": "as-set", "list": [1, 2]},
    ]
    found = route(aspath={"string": "[65161,65162] 174 {1,2}", "segments": segments})
    assert found.as_path == (AsConfedSet(confed_set=(65161, 65162)), 174, AsSet(set=(1, 2)))
    assert (found.origin_asn, found.as_path_text) == (None, "[65161,65162] 174 {1,2}")


def test_a_segment_of_an_unknown_kind_leaves_the_path_null_and_the_text() -> None:
    found = route(aspath={"string": "174", "segments": [{"type": "as-news", "list": [174]}]})
    assert (found.as_path, found.as_path_text) == (None, "174")


def test_the_global_next_hop_counts_before_the_link_local_one() -> None:
    hops = [{"ip": "fe80::1", "scope": "link-local"}, {"ip": "2001:db8::1", "scope": "global"}]
    assert route(nexthops=hops).next_hop == "2001:db8::1"


def test_an_unnumbered_neighbour_is_its_interface() -> None:
    found = route(
        aspath={"string": "64500"}, peer={"peerId": "swp51", "type": "external"}, nexthops=[{"ip": "fe80::1"}]
    )
    assert (found.learned_from.address, found.learned_from.asn) == ("swp51", 64500)


def test_behind_a_route_server_the_neighbours_as_is_not_guessed() -> None:
    found = route(
        aspath={"string": "64501"}, peer={"peerId": "192.0.2.250", "type": "external"}, nexthops=[{"ip": "192.0.2.7"}]
    )
    assert (found.learned_from.address, found.learned_from.asn, found.next_hop) == ("192.0.2.250", None, "192.0.2.7")


def test_communities_are_numbers_whatever_they_are_called() -> None:
    found = route(community={"string": "64500:1 noExport"}, extendedCommunity={"string": "RT:1:1 SoO:2:2"})
    assert [(one.value, one.name) for one in found.communities] == [("64500:1", None), ("65535:65281", "no-export")]
    assert [one.value for one in found.ext_communities] == ["rt:1:1", "ro:2:2"]


def test_values_of_the_wrong_kind_are_null() -> None:
    found = route(aspath=3, origin=[], metric="7", locPrf=True, nexthops={}, peer=[], community=1, bestpath="yes")
    assert (found.as_path, found.origin, found.med, found.local_pref, found.next_hop) == (None, None, None, None, None)
    assert (found.communities, found.best) == ((), False)


def paths(reason: str, *lost: dict[str, Any]) -> list[str | None]:
    best = {"aspath": {"string": "174 15169"}, "origin": "IGP", "bestpath": {"overall": True, "selectionReason": reason}}
    others = [{"aspath": {"string": "3356 15169"}, "origin": "IGP", **each} for each in lost]
    reply = json.dumps({"prefix": "192.0.2.0/24", "paths": [best, *others]}, indent=2)
    return [each.why_not_best for each in close(ask("192.0.2.1"), reply).routes if not each.best]


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("Local Pref", "lower local pref"),
        ("Router ID", "higher router ID"),
        ("A new one", "another path won by: A new one"),
        ("Nothing left to compare", None),
    ],
)
def test_of_two_paths_the_reason_is_that_of_the_other_one(reason: str, said: str | None) -> None:
    assert paths(reason, {}) == [said]


def test_of_more_paths_the_reason_is_only_that_of_those_that_it_fits() -> None:
    longer = {"aspath": {"string": "3356 3257 15169"}}
    assert paths("AS Path", longer, {"locPrf": 90}) == ["longer AS path", None]
    assert paths("Local Pref", longer, {"locPrf": 90}) == [None, "lower local pref"]
    assert paths("Router ID", longer, {}) == [None, None]
