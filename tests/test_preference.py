"""Why a route lost: only what the two routes themselves show, in the order in which routers compare."""

from __future__ import annotations

from typing import Any

import pytest

from netpulse.platforms import frr
from netpulse.preference import Merits, lost_by
from netpulse.web.pages.why import _STEPS, Why, rpki_reason, why_not
from netpulse.words import WRITTEN, words_for

BEST = Merits(local_pref=100, length=3, origin="IGP", neighbor=174, med=10)


@pytest.mark.parametrize(
    ("change", "step"),
    [
        ({"local_pref": 90, "length": 1}, "local_pref"),
        ({"local_pref": 110}, None),
        ({"local_pref": None}, None),
        ({"length": 4, "origin": "EGP"}, "as_path"),
        ({"length": 2}, None),
        ({"length": None}, None),
        ({"origin": "EGP", "med": 20}, "origin"),
        ({"origin": "incomplete"}, "origin"),
        ({"origin": None}, None),
        ({"med": 11}, "med"),
        ({"med": 9}, None),
        ({"med": None}, None),
        ({"med": 11, "neighbor": 3356}, "later"),
        ({}, "later"),
    ],
)
def test_the_first_difference_decides_and_what_is_not_known_is_not_told(change: dict[str, Any], step: str | None) -> None:
    assert lost_by(BEST._replace(**change), BEST) == step


def test_a_missing_med_is_nought() -> None:
    assert lost_by(BEST, BEST._replace(med=None)) == "med"
    assert lost_by(BEST._replace(med=None), BEST._replace(med=0)) == "later"


def route(**change: Any) -> dict[str, Any]:
    return {
        "prefix": "8.8.8.0/24",
        "as_path": [174, 15169],
        "local_pref": 100,
        "med": None,
        "origin": "IGP",
        "best": False,
        "why_not_best": None,
    } | change


def test_a_source_that_is_silent_is_compared_and_one_that_speaks_is_heard() -> None:
    best = route(best=True)
    longer = route(as_path=[3356, {"set": [1, 2]}, 15169])
    inside = route(as_path=[{"confed": [64512, 64513]}, 3356, 15169])
    assert why_not(longer, [longer, best]) == Why("as_path", ours=True)
    assert why_not(inside, [best, inside]) == Why("later", ours=True)
    assert why_not(route(why_not_best="Local Preference"), [best]) == Why("local_pref")
    assert why_not(route(why_not_best="Not Best in its group - Router ID"), [best]) == Why("router_id")
    assert why_not(route(why_not_best="hidden: Damped"), [best]) == Why(words="hidden: Damped")


def test_nothing_is_said_of_the_best_route_nor_without_one_of_the_same_prefix() -> None:
    best = route(best=True)
    assert why_not(best, [best]) == Why()
    assert why_not(route(best=None), [best]) == Why()
    assert why_not(route(local_pref=1), [route(best=True, prefix="8.0.0.0/9")]) == Why()


def test_nothing_is_said_of_a_med_that_the_reader_is_not_shown() -> None:
    best, other = route(best=True), route()
    assert why_not(other, [best]) == Why("later", ours=True)
    assert why_not(other, [best], med_hidden=True) == Why()
    assert why_not(route(local_pref=1), [best], med_hidden=True) == Why("local_pref", ours=True)


@pytest.mark.parametrize("tag", WRITTEN)
def test_every_step_has_its_words_in_every_language(tag: str) -> None:
    assert {text.lower() for text in frr._LOST_BY.values()} <= set(_STEPS)
    for step in {*_STEPS.values(), "later"}:
        assert words_for(tag).has(f"result.why.{step}")


def test_why_an_origin_is_not_valid_is_told_in_the_reader_s_language() -> None:
    german, english = words_for("de"), words_for("en")
    reason = "the ROA for 8.8.8.0/24 allows AS15169 and AS64496 only"
    assert rpki_reason(german, reason) == "das ROA für 8.8.8.0/24 erlaubt nur AS15169, AS64496"
    assert rpki_reason(english, "the router's own validation") == "as the router itself validated"
    assert rpki_reason(german, "words of a plugin") == "words of a plugin"
    assert rpki_reason(german, None) == ""
