"""What a result amounts to, in words that are true."""

from __future__ import annotations

import json
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from doubles.glass import router, transit
from netpulse.inventory import Connection
from netpulse.queries import aspath
from netpulse.render.as_text import answer_text
from netpulse.web.pages.places import Places
from netpulse.web.pages.progress import Progress
from netpulse.web.pages.question import Question
from netpulse.web.pages.verdict import is_told, notices, sentence
from netpulse.web.pages.way_out import way_out
from netpulse.words import words_for

WORDS = words_for("en")
LAN = Connection(
    id=3,
    name="DE-CIX",
    type="IX",
    source_ipv4=ip_address("192.0.2.130"),
    lan_ipv4=ip_network("192.0.2.128/26"),
)
HIDDEN = Connection(id=5, name="Secret", type="PEER", neighbors=(ip_address("192.0.2.201"),))
OWN = Connection(id=0, name="Router's own choice", type=None)
EXCHANGE = Connection(id=4, name="AMS-IX", type="IX", source_ipv4=ip_address("203.0.113.193"))
CORE = router("core1", (transit(1, "203.0.113.1"), transit(2, "198.51.100.1"), LAN, EXCHANGE, HIDDEN, OWN))
PLACES = Places({"core1": CORE}, {("core1", c.id): c for c in CORE.connections if c is not HIDDEN})
NOTHING: dict[str, Any] = {
    "sent": 5,
    "received": 0,
    "loss_pct": 100.0,
    "rtt_min_ms": None,
    "rtt_avg_ms": None,
    "rtt_max_ms": None,
    "rtt_stddev_ms": None,
    "echoes": [],
}


def stored(kind: str, data: dict[str, Any], connection: int | None = 1, everywhere: bool = False) -> Progress:
    question = Question(kind, ("core1",), everywhere, connection, "8.8.8.8")
    return Progress.stored("0" * 32, question, {"target": "8.8.8.8", "router": "Router core1", **data})


def said(progress: Progress) -> list[str]:
    return [f"{notice.strong} {notice.text}".strip() for notice in notices(WORDS, progress, PLACES)]


def out(progress: Progress, tag: str = "en") -> str:
    return "".join(text for text, _ in way_out(words_for(tag), progress, PLACES))


def egress(verdict: str, mode: str = "source", expected: int | None = 2) -> dict[str, Any]:
    return {"mode": mode, "expected_connection": expected, "verdict": verdict, "note": "The note of the server."}


def hop(number: int, address: str | None = None) -> dict[str, Any]:
    return {"hop": number, "probes": [{"address": address}] * 3}


def route(prefix: str, *path: int, best: bool = False) -> dict[str, Any]:
    return {
        "prefix": prefix,
        "origin_asn": path[-1],
        "as_path": list(path),
        "as_path_text": " ".join(map(str, path)),
        "best": best,
    }


def test_a_source_in_an_exchange_lan_explains_the_silence() -> None:
    data = {"result": NOTHING, "source_ip": "192.0.2.130"}
    assert said(stored("ping", data, 3)) == [
        "The source is in the LAN of DE-CIX. Nobody beyond the LAN can answer it, so only members of the exchange can be "
        "reached from it."
    ]
    assert said(stored("ping", {**data, "source_ip": "203.0.113.1"}, 3))[0].startswith("No answer at all.")


def test_a_trace_from_an_exchange_lan_explains_the_silence_too() -> None:
    silent = {"hops": [hop(n) for n in range(1, 5)], "reached": False, "stopped": "silent_tail"}
    found = said(stored("traceroute", {"result": silent, "source_ip": "192.0.2.130"}, 3))
    assert [text.split(".")[0] for text in found] == ["4 silent hops in a row", "The source is in the LAN of DE-CIX"]


@pytest.mark.parametrize("printed", ["ping: sendto: No route to host", "ping: connect: Network is unreachable"])
def test_a_router_without_a_way_out_says_nothing_about_the_target(printed: str) -> None:
    data = {"result": NOTHING, "output": "PING 8.8.8.8 (8.8.8.8): 56 data bytes\n" + f"{printed}\n" * 5}
    none = "Nothing could be sent. The router has no way out to this target from this source."
    assert said(stored("ping", data)) == [none]
    assert said(stored("ping", data, 4)) == [
        none + " AMS-IX is an exchange: it leads only to its members and the networks behind them."
    ]
    assert sentence(WORDS, stored("ping", data)) == none.split(".")[0]
    assert out(stored("ping", {**data, "egress": egress("enforced", "policy")})) == ""
    some = {**data, "output": f"{printed}\n" * 4}
    assert said(stored("ping", some))[0].startswith("No answer at all.")  # the other packets left
    trace = {"hops": [hop(n) for n in range(1, 5)], "reached": False, "stopped": "silent_tail"}
    assert said(stored("traceroute", {"result": trace, "output": f"traceroute: {printed[6:]}\n"})) == [none]
    far = {"hops": [hop(1, "192.0.2.9"), hop(2)], "reached": False, "stopped": None}
    assert said(stored("traceroute", {"result": far, "output": printed})) == []


def test_silence_beyond_an_exchange_may_be_that_of_a_carrier_that_drops_foreign_sources() -> None:
    may = "a carrier farther on may drop packets whose source address it did not hear of"
    assert may in said(stored("ping", {"result": NOTHING, "egress": egress("enforced", "policy")}, 4))[0]
    assert may not in said(stored("ping", {"result": NOTHING, "egress": egress("unknown")}, 4))[0]
    assert may not in said(stored("ping", {"result": NOTHING, "egress": egress("enforced", "policy")}, 1))[0]


def test_a_way_out_that_differs_is_named_and_may_explain_the_silence() -> None:
    trace = {"hops": [], "reached": True, "stopped": None}
    found = said(stored("traceroute", {"result": trace, "egress": egress("differs")}))
    assert found == [
        "Leaves via Transit 2, answers come back via Transit 1. You chose Transit 1 as source; the best path of core1 to "
        "this target is another one."
    ]
    lost = said(stored("ping", {"result": NOTHING, "egress": egress("differs")}))
    assert any("Transit 2 may drop packets whose source address belongs to another network" in text for text in lost)


@pytest.mark.parametrize(
    ("first", "whose"), [("192.0.2.131", "DE-CIX"), ("192.0.2.201", "another connection"), (None, "another connection")]
)
def test_a_steered_source_that_left_elsewhere_is_told_by_the_first_hop(first: str | None, whose: str) -> None:
    trace = {"hops": [hop(1, first)], "reached": True, "stopped": None}
    data = {"result": trace, "egress": egress("differs", "policy", None)}
    assert said(stored("traceroute", data)) == [
        "These packets did not leave via Transit 1. By the configuration they should; the first hop of this trace is that of "
        f"{whose}."
    ]
    assert out(stored("traceroute", data)) == (
        "Leaves via DE-CIX, not Transit 1" if whose == "DE-CIX" else "Does not leave via Transit 1"
    )


@pytest.mark.parametrize("verdict", ["same", "enforced", "unknown"])
def test_a_way_out_that_is_as_chosen_or_unknown_is_not_worth_a_notice(verdict: str) -> None:
    data = {"result": {"hops": [], "reached": True, "stopped": None}, "egress": egress(verdict)}
    assert said(stored("traceroute", data)) == []


@pytest.mark.parametrize(
    ("connection", "egress", "first", "told"),
    [
        (1, egress("enforced", "policy"), None, "Leaves via Transit 1, steered there by the operator"),
        (1, egress("enforced", "routing_instance"), None, "Leaves via Transit 1, by its routing instance"),
        (1, egress("enforced", "next_hop"), None, "Leaves via Transit 1, by its next hop"),
        (3, egress("enforced", "policy"), "192.0.2.131", "Leaves via DE-CIX, seen at the first hop"),
        (1, egress("same", expected=1), None, "Leaves via Transit 1, the router's best path"),
        (3, egress("same", expected=1), "192.0.2.131", "Leaves via DE-CIX, seen at the first hop"),
        (0, egress("same", expected=2), None, "Leaves via Transit 2, the router's best path"),
        (0, egress("same", expected=None), "192.0.2.201", "Way out: the router's choice"),
        (1, egress("unknown", expected=None), None, "Way out not known"),
        (1, egress("differs", expected=2), None, "Leaves via Transit 2, not Transit 1"),
        (1, egress("differs", expected=2), "192.0.2.131", "Leaves via DE-CIX, not Transit 1"),
        (1, egress("differs", expected=1), "192.0.2.201", "Does not leave via Transit 1"),
        (1, egress("differs", expected=77), None, "Does not leave via Transit 1"),
    ],
)
def test_every_verdict_on_the_way_out_is_told_beside_the_source(
    connection: int, egress: dict[str, Any], first: str | None, told: str
) -> None:
    hops = [hop(1, first), hop(2, "8.8.8.8")]
    data = {"result": {"hops": hops, "reached": True, "stopped": None}, "egress": egress}
    progress = stored("traceroute", data, connection)
    assert out(progress) == told
    german = out(progress, "de")
    assert german.startswith("Hinweg")
    assert "note" not in german


def test_while_no_verdict_is_known_there_is_none() -> None:
    assert out(stored("ping", {"result": NOTHING, "egress": None})) == ""
    assert out(stored("ping", {"result": NOTHING, "egress": egress("unknown")}, 88)) == ""


def test_a_connection_that_does_not_exist_for_the_reader_is_not_named() -> None:
    data = {"result": {**NOTHING, "received": 5}, "egress": egress("differs", expected=77)}
    assert said(stored("ping", data)) == [
        "These packets did not leave via Transit 1. The source address chooses only the way back; the way out was by another "
        "connection."
    ]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"sent": 0}, "Nothing could be sent. The router has no way out to this target from this source."),
        (
            {"received": 4},
            "1 of 5 answers is missing. Lost on the way out or on the way back; a ping cannot tell which.",
        ),
    ],
)
def test_a_ping_says_what_is_missing(change: dict[str, int], text: str) -> None:
    assert said(stored("ping", {"result": {**NOTHING, **change}})) == [text]


def test_a_trace_says_where_it_fell_silent() -> None:
    second = hop(2, "192.0.2.9")
    tail = stored("traceroute", {"result": {"hops": [second], "reached": False, "stopped": "silent_tail"}})
    assert said(tail)[0].startswith("4 silent hops in a row. Nothing beyond hop 2 answers.")
    many = {"hops": [hop(1, "192.0.2.9"), *(hop(n) for n in range(2, 14))], "reached": False, "stopped": "silent_tail"}
    assert said(stored("traceroute", {"result": many}))[0].startswith("12 silent hops in a row. Nothing beyond hop 1")
    assert sentence(WORDS, stored("traceroute", {"result": many})) == (
        "13 hops, the last 12 silent: target not reached"
    )
    never = stored("traceroute", {"result": {"hops": [], "reached": False, "stopped": "silent_tail"}})
    assert "Not even the first hop answers." in said(never)[0]
    late = stored("traceroute", {"result": {"hops": [second], "reached": False, "stopped": "deadline"}})
    assert said(late)[0].startswith("Ended at the time limit.")
    assert sentence(WORDS, late) == "1 hop, target not reached"


def test_a_second_origin_is_one_of_the_same_prefix() -> None:
    both = stored(
        "aspath", {"result": {"routes": [route("9.9.9.0/24", 174, 19281), route("9.9.9.0/24", 3356, 64666)]}}, None
    )
    assert "AS19281 and AS64666 each say that 9.9.9.0/24 is theirs." in said(both)[0]
    assert sentence(WORDS, both) == "2 routes, announced by AS19281 and AS64666"
    other = stored(
        "aspath", {"result": {"routes": [route("9.9.9.0/24", 174, 1, best=True), route("9.0.0.0/8", 174, 2)]}}, None
    )
    assert said(other) == []
    assert sentence(WORDS, other) == "2 routes, best 174 1"


def test_no_route_names_what_covers_it() -> None:
    none = stored("aspath", {"covering": None, "result": {"routes": []}}, None)
    assert said(none) == ["No route to 8.8.8.8 on core1. The table has no match, not even a default route."]
    covered = stored("aspath", {"covering": "8.0.0.0/9", "result": {"routes": []}}, None)
    assert said(covered) == ["No route to 8.8.8.8 on core1. There is none for exactly this prefix; 8.0.0.0/9 covers it."]


def test_what_was_cut_or_not_read_is_said() -> None:
    read = {**NOTHING, "received": 5}
    assert said(stored("ping", {"result": read, "truncated": True})) == [
        "The output was cut. The router printed more than is kept."
    ]
    assert said(stored("ping", {"result": None, "unread": "an inner reason"})) == [
        "Shown as the router printed it. The output could not be read into values; nothing of it is left out."
    ]


@pytest.mark.parametrize("result", [None, {"prefix": None, "covering": None, "routes": []}])
def test_no_route_is_never_said_of_what_was_cut(result: dict[str, Any] | None) -> None:
    """What is left out may have had some. One notice then, and it does not say that nothing is left out."""
    cut = {"result": result, "truncated": True, "unread": "an inner reason"}
    told = "The output was cut. The router printed more than is kept, so it could not be read into values."
    assert said(stored("aspath", cut, None)) == [told]


@pytest.mark.parametrize("result", [None, {"prefix": None, "covering": None, "routes": []}])
@pytest.mark.parametrize("code", ["stopped", "router_timeout"])
def test_no_route_is_never_said_of_what_came_to_no_end(code: str, result: dict[str, Any] | None) -> None:
    progress = stored("aspath", {"code": code, "error": "", "unread": "an inner reason", "result": result}, None)
    assert "route" not in sentence(WORDS, progress)
    assert not [text for text in said(progress) if "route" in text.replace("router", "")]


def test_text_says_nothing_of_what_came_to_no_end() -> None:
    result: dict[str, Any] = {"prefix": None, "covering": None, "routes": []}
    none = {"router": "Edge", "command": "show", "url": "/r/0", "result": result}
    assert "No route" in answer_text(aspath.QUERY, json.dumps(none).encode())
    stopped_one = {**none, "error": "The run was stopped before its end.", "code": "stopped"}
    assert "No route" not in answer_text(aspath.QUERY, json.dumps(stopped_one).encode())


def test_of_all_routers_each_says_what_was_cut_or_not_read() -> None:
    rows = [
        {"slug": "core1", "ok": True, "result": None, "unread": "an inner reason", "truncated": True},
        {"slug": "core2", "ok": True, "result": None, "unread": "an inner reason", "truncated": False},
        {"slug": "frr1", "ok": True, "result": {"routes": []}, "unread": None, "truncated": False},
    ]
    assert said(stored("aspath", {"routers": rows}, None, everywhere=True)) == [
        "core1 The output was cut. The router printed more than is kept, so it could not be read into values.",
        "core2 Shown as the router printed it. The output could not be read into values; nothing of it is left out.",
        "frr1 The table has no match, not even a default route.",
    ]


@pytest.mark.parametrize("kind", ["ping", "traceroute", "aspath"])
def test_what_was_not_read_is_no_verdict(kind: str) -> None:
    progress = stored(kind, {"result": None, "unread": "an inner reason"})
    assert sentence(WORDS, progress) == "shown as the router printed it"
    assert not is_told(progress)


def test_a_sentence_is_told_where_nothing_beside_it_says_the_same() -> None:
    assert is_told(stored("ping", {"result": NOTHING}))
    two = [route("9.9.9.0/24", 174, 1, best=True), route("9.9.9.0/24", 174, 2)]
    assert not is_told(stored("aspath", {"result": {"routes": two}}, None))
    assert is_told(stored("aspath", {"result": {"routes": two[:1]}}, None))
    assert not is_told(stored("neighbours", {"result": {}}))


def test_german_says_the_same() -> None:
    found = notices(words_for("de"), stored("ping", {"result": NOTHING, "egress": egress("differs")}), PLACES)
    assert [notice.strong for notice in found] == [
        "Gar keine Antwort.",
        "Geht hinaus über Transit 2, Antworten kommen zurück über Transit 1.",
    ]


@pytest.mark.parametrize(
    ("kind", "result", "told"),
    [
        ("ping", {"echoes": [{"seq": 1}, {"seq": 4}]}, "Stopped after 4 of 5 probes"),
        ("ping", {"echoes": []}, "Stopped before the first answer"),
        ("traceroute", {"hops": [hop(1, "192.0.2.9")], "reached": False, "stopped": "caller"}, "Stopped after 1 hop"),
        ("traceroute", {"hops": [], "reached": False, "stopped": "caller"}, "Stopped before the first answer"),
        ("aspath", {"routes": []}, "Stopped before the end"),
    ],
)
def test_what_was_stopped_says_so_and_nothing_of_what_might_have_come(
    kind: str, result: dict[str, Any], told: str
) -> None:
    progress = stored(kind, {"code": "stopped", "error": "It was stopped.", "output": "a line\n", "result": result})
    assert sentence(WORDS, progress) == told
    assert said(progress)[0] == f"{told}. What had come until then is shown."


def test_of_all_routers_those_that_had_answered_are_counted() -> None:
    rows = [{"slug": "core1", "ok": True, "result": {"routes": []}}, {"slug": "core2", "ok": False, "code": "stopped"}]
    progress = stored("aspath", {"code": "stopped", "error": "", "routers": rows}, None, everywhere=True)
    assert sentence(WORDS, progress) == "Stopped when 1 of 2 routers had answered"
