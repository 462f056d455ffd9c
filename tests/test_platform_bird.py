"""BIRD: which question is asked, whose choice is best, and when an absent route is an answer."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from netpulse.cells import SourceDown, Unread
from netpulse.inventory import RouteTable
from netpulse.platforms import bird
from netpulse.platforms.reading import seconds_since
from netpulse.queries.aspath import AsPathResult
from netpulse.query import Ask

CAPTURES = Path(__file__).parent / "captures" / "bird" / "aspath"
NO_ROUTE = AsPathResult(prefix=None, covering=None, routes=())
CORE1 = RouteTable(table="core1_v4")
NOW = "Current server time is 2026-11-24 08:00:29.319"


def ask(target: str = "8.8.8.8", table: RouteTable = CORE1, own: bool = False) -> Ask:
    value = ip_network(target) if "/" in target else ip_address(target)
    return Ask(target=value, family=4 if value.version == 4 else 6, table=table, own_routes=own)


def session(
    name: str, *, state: str = "Established", channel: str = "UP", since: str = "07:00:00.000", updates: int = 10
) -> list[str]:
    return [
        f"{name}  BGP        ---        up     {since}  {state}",
        f"  BGP state:          {state}",
        "    Neighbor address: 10.0.0.2",
        "  Channel ipv4",
        f"    State:          {channel}",
        "    Table:          core1_v4",
        f"      Import updates:             {updates}          0          0          0         10",
    ]


def close(question: Ask, *replies: list[str]) -> AsPathResult:
    """The result when the daemon gives these replies, the first to the question, the others to what follows it."""
    reader = bird.AsPathReader(question)
    for line in replies[0]:
        reader.feed(line)
    for reply in replies[1:]:
        assert reader.follow_up() is not None
        for line in reply:
            reader.feed(line)
    assert reader.follow_up() is None
    return reader.close("end")


def test_a_table_a_protocol_or_the_main_table_is_asked() -> None:
    assert bird.aspath_command(ask()) == "show route for 8.8.8.8 table core1_v4 all"
    assert (
        bird.aspath_command(ask("8.8.8.0/24", RouteTable(protocol="c1"))) == "show route for 8.8.8.0/24 protocol c1 all"
    )
    assert bird.aspath_command(ask("2001:db8::1", RouteTable(), own=True)) == "show route for 2001:db8::1 all"


def test_no_route_is_an_answer_while_an_old_session_stands() -> None:
    assert close(ask(), ["8001 Network not found"], [NOW], session("core1_all")) == NO_ROUTE


def test_a_silent_reply_is_no_route_either() -> None:
    assert close(ask(), [], [NOW], session("core1_all")) == NO_ROUTE


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["device1    Device     ---        up     08:00:22.126"],
        session("core1_all", state="Active", channel="DOWN"),
        session("core1_all", channel="DOWN"),
        session("core1_best"),
    ],
)
def test_no_route_is_none_while_its_session_is_missing_or_down(lines: list[str]) -> None:
    table = RouteTable(table="other_v4") if lines == session("core1_best") else RouteTable(table="core1_v4")
    with pytest.raises(SourceDown):
        close(ask(table=table), ["8001 Network not found"], [NOW], lines)


def test_a_young_session_is_asked_twice_and_must_stand_still() -> None:
    young = session("core1_all", since="08:00:20.000")
    moved = session("core1_all", since="08:00:20.000", updates=11)
    assert close(ask(), ["8001 Network not found"], [NOW], young, young) == NO_ROUTE
    with pytest.raises(SourceDown, match="first load"):
        close(ask(), ["8001 Network not found"], [NOW], young, moved)


def test_a_session_up_for_less_than_a_second_is_still_loading() -> None:
    newborn = session("core1_all", since="08:00:29.000")
    with pytest.raises(SourceDown, match="first load"):
        close(ask(), ["8001 Network not found"], [NOW], newborn, newborn)


def test_a_session_of_unknown_age_is_asked_twice() -> None:
    unknown = session("core1_all", since="long-ago")
    assert close(ask(), ["8001 Network not found"], [NOW], unknown, unknown) == NO_ROUTE


def test_the_choice_session_may_be_down_while_the_one_with_all_routes_stands() -> None:
    table = RouteTable(table="core1_v4", best_protocol="core1_best")
    both = [*session("core1_best", state="Active", channel="DOWN"), *session("core1_all")]
    assert close(ask(table=table), ["8001 Network not found"], [NOW], both) == NO_ROUTE


def test_a_refused_question_makes_the_next_source_be_asked() -> None:
    with pytest.raises(SourceDown, match="9001"):
        close(ask(), ["9001 syntax error, unexpected CF_SYM_UNDEFINED, expecting CF_SYM_KNOWN or ALL"])


def test_words_that_are_no_routes_are_unread() -> None:
    with pytest.raises(Unread):
        close(ask(), ["Hello"])


def captured(name: str) -> list[str]:
    return (CAPTURES / f"{name}.out").read_text().splitlines()


def test_without_a_choice_in_the_table_the_collectors_own_decision_is_said_to_be_its_own() -> None:
    lines = captured("router-choice-from-a-plain-session")
    result = close(ask(), lines, [NOW])
    assert [(route.best, route.best_by) for route in result.routes] == [(True, "collector")] + [
        (False, "collector")
    ] * 2


def test_a_choice_with_no_equal_route_stands_for_itself() -> None:
    lines = [line.replace("[core1_all", "[other_all") for line in captured("router-choice-from-a-plain-session")]
    changed = [*lines[:5], "\tBGP.next_hop: 10.0.0.77", *lines[6:]]
    result = close(ask(table=RouteTable(table="core1_v4", best_protocol="core1_best")), changed, [NOW])
    assert [route.best for route in result.routes] == [True, False, False]
    assert result.routes[0].next_hop == "10.0.0.77"


def test_a_wrapped_list_of_communities_is_one_list() -> None:
    lines = [
        "192.0.2.0/24         unicast [up 2016-03-12 from 10.0.0.1] * (100) [AS174i]",
        "\tvia 10.0.0.1 on eth0",
        "\tbgp_path: 174",
        "\tbgp_community: (0,5464) (0,8339)",
        "\t\t(65101,11077)",
        "\tbgp_next_hop: 10.0.0.1 fe80::1",
    ]
    route = close(ask("192.0.2.1", own=True), lines, [NOW]).routes[0]
    assert [one.value for one in route.communities] == ["0:5464", "0:8339", "65101:11077"]
    assert (route.next_hop, route.learned_from.asn) == ("10.0.0.1", 174)


@pytest.mark.parametrize(
    ("since", "age_s"),
    [
        ("08:00:00.000", 29),
        ("09:00:29", 23 * 3600),
        ("2026-11-24", 8 * 3600 + 29),
        ("2026-11-22 08:00:29.319", 2 * 86400),
        ("2026-11-25", 0),
        ("25:00:00", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_ages_come_from_the_daemons_own_clock(since: str, age_s: int | None) -> None:
    assert seconds_since(since, "2026-11-24 08:00:29.319") == age_s
