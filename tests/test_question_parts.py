"""Name-value pairs become one question in typed values, or the first fault in a fixed order, said in its own words."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from netpulse.errors import Refused
from netpulse.limits import Windows
from netpulse.query import Parameter, Query, chosen, parse
from netpulse.special_purpose import inside, why_special
from netpulse.values import HostName, TargetKind, address, host_name, parse_target, prefix

TARGET = Parameter("target", "target", "what", example="8.8.8.8", required=True, targets=frozenset({"address"}))
ROUTER = Parameter("router", "router", "which", required=True)
CONNECTION = Parameter("connection", "connection", "which")
FLAG = Parameter("names", "flag", "whether", default=False)
CHOICE = Parameter("family", "choice", "which", choices=("4", "6"))
NUMBER = Parameter("count", "number", "how many", default=5, least=1, most=10)
ALL = (TARGET, ROUTER, CONNECTION, FLAG, CHOICE, NUMBER)
GOOD = [("target", "8.8.8.8"), ("router", "core1")]


def refusal(pairs: list[tuple[str, str]], parameters: tuple[Parameter, ...] = ALL) -> tuple[str, str]:
    with pytest.raises(Refused) as caught:
        parse("toy", parameters, pairs)
    return caught.value.code, caught.value.sentence


def test_the_options_that_were_chosen_are_those_that_are_not_as_by_themselves() -> None:
    options = [("names", "true"), ("family", "6"), ("count", "3")]
    assert chosen(parse("toy", ALL, [*GOOD, *options]), ALL) == dict(options)
    assert chosen(parse("toy", ALL, [*GOOD, ("names", "false"), ("count", "5")]), ALL) == {}
    assert chosen(parse("toy", ALL, GOOD), ALL) == {}


def test_what_is_left_out_has_its_default() -> None:
    assert parse("toy", ALL, GOOD) == Query(
        "toy", ip_address("8.8.8.8"), "core1", None, {"names": False, "family": None, "count": 5}
    )
    assert parse("toy", (), []) == Query("toy", None)
    assert parse("toy", (CONNECTION, replace(TARGET, required=False)), []) == Query("toy", None)


def test_what_is_given_becomes_values() -> None:
    given = [*GOOD, ("connection", "12"), ("names", "true"), ("family", "6"), ("count", "10")]
    assert parse("toy", ALL, given) == Query(
        "toy", ip_address("8.8.8.8"), "core1", 12, {"names": True, "family": "6", "count": 10}
    )
    assert parse("toy", ALL, [*GOOD, ("names", "false"), ("count", "1")]).options == {
        "names": False,
        "family": None,
        "count": 1,
    }


@pytest.mark.parametrize(
    ("pairs", "code", "words"),
    [
        (
            [("targer", "x")],
            "unknown_parameter",
            "takes only the parameters target, router, connection, names, family, count",
        ),
        ([*GOOD, ("router", "core2")], "repeated_parameter", "parameter router once"),
        (
            [("router", "a"), ("router", "a"), ("count", "1"), ("count", "1")],
            "repeated_parameter",
            "parameter count once",
        ),
        (
            [("router", "a"), ("target", "")],
            "missing_parameter",
            "parameter target needs a value, for example 8.8.8.8.",
        ),
        ([("router", "a")], "missing_parameter", "parameter target needs a value, for example 8.8.8.8."),
        ([("target", "8.8.8.8")], "missing_parameter", "parameter router needs a value."),
        ([*GOOD, ("names", "")], "missing_parameter", "parameter names needs a value."),
        (
            [("target", "x x"), ("router", "a")],
            "bad_target",
            "must be an IP address like 198.41.0.4 or 2001:503:ba3e::2:30.",
        ),
        ([*GOOD, ("names", "yes")], "bad_parameter", "The value of names must be true or false."),
        ([*GOOD, ("names", "True")], "bad_parameter", "The value of names must be true or false."),
        ([*GOOD, ("family", "5")], "bad_parameter", "The value of family must be 4 or 6."),
        ([*GOOD, ("count", "0")], "bad_parameter", "must be a whole number from 1 to 10."),
        ([*GOOD, ("count", "11")], "bad_parameter", "must be a whole number from 1 to 10."),
        ([*GOOD, ("count", "٣")], "bad_parameter", "must be a whole number from 1 to 10."),
        ([*GOOD, ("count", "-1")], "bad_parameter", "must be a whole number from 1 to 10."),
        ([*GOOD, ("count", "0000000005")], "bad_parameter", "must be a whole number from 1 to 10."),
    ],
)
def test_the_first_fault_is_told_in_its_own_words(pairs: list[tuple[str, str]], code: str, words: str) -> None:
    found, sentence = refusal(pairs)
    assert found == code
    assert words in sentence
    assert sentence[0].isupper()
    assert sentence.endswith(".")


def test_a_number_may_be_written_with_nine_digits() -> None:
    assert parse("toy", (NUMBER,), [("count", "000000005")]).options == {"count": 5}


def test_faults_are_told_in_a_fixed_order_whatever_the_order_of_the_parameters() -> None:
    assert refusal([("names", "x"), ("target", "8.8.8.8"), ("target", "8.8.8.8"), ("x", "")])[0] == "unknown_parameter"
    assert refusal([("names", "x"), ("target", ""), ("target", "")])[0] == "repeated_parameter"
    assert refusal([("names", "x"), ("target", "")])[0] == "missing_parameter"
    assert refusal([("names", "x"), ("router", "a"), ("target", "x x")])[0] == "bad_target"


def test_a_query_without_parameters_says_so() -> None:
    assert "This path takes no parameters; remove what follows the question mark." in refusal([("a", "b")], ())[1]


@pytest.mark.parametrize("text", ["-1", "01", "1.0", "1e3", "٣", "²", "1234567890", " 1", "0x1", "+1", "00"])
def test_what_is_no_id_is_no_connection(text: str) -> None:
    code, sentence = refusal([*GOOD, ("connection", text)])
    assert code == "unknown_connection"
    assert sentence == "The value of connection must be one of the ids that /connections lists."


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("7", 7), ("10", 10), ("123456789", 123456789)])
def test_an_id_is_a_plain_number(text: str, number: int) -> None:
    assert parse("toy", (CONNECTION,), [("connection", text)]).connection == number


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        ({"address"}, "must be an IP address like 198.41.0.4 or 2001:503:ba3e::2:30."),
        ({"address", "prefix"}, "2001:503:ba3e::2:30 or a prefix like 198.41.0.0/24."),
        ({"address", "host"}, "2001:503:ba3e::2:30 or a host name like a.root-servers.net."),
        ({"prefix"}, "must be a prefix like 198.41.0.0/24."),
    ],
)
def test_a_bad_target_is_told_what_to_write_instead(kinds: frozenset[TargetKind], words: str) -> None:
    for text in ("x x", "8.8.8.8/33", "1.2.3.4.5", "x" * 261):
        with pytest.raises(Refused) as caught:
            parse_target(text, frozenset(kinds))
        assert caught.value.code == "bad_target"
        assert words in caught.value.sentence
        assert caught.value.sentence.startswith("The value of target ")


def test_a_prefix_is_told_from_one_with_host_bits_and_from_one_too_short() -> None:
    prefixes: frozenset[TargetKind] = frozenset({"prefix"})
    for text, words in (
        ("8.8.8.1/24", "has bits set beyond its length; write its first address, like 8.8.8.0/24."),
        ("8.0.0.0/7", "is too short; use /8 to /32 for IPv4, /16 to /128 for IPv6, or a default route."),
    ):
        with pytest.raises(Refused) as caught:
            parse_target(text, prefixes)
        assert caught.value.code == "bad_target"
        assert caught.value.sentence.startswith("The prefix in target ")
        assert words in caught.value.sentence
    with pytest.raises(Refused):
        parse_target("2000::/15", prefixes)
    for text in ("8.0.0.0/8", "8.8.8.8/32", "2001::/16", "2606::1/128", "0.0.0.0/0", "::/0"):
        assert parse_target(text, prefixes) == ip_network(text)


def test_kinds_that_are_not_asked_for_are_not_taken() -> None:
    for text, kind in (("8.8.8.8", "address"), ("8.8.8.0/24", "prefix"), ("dns.google", "host")):
        others: frozenset[TargetKind] = frozenset({"address", "prefix", "host"} - {kind})  # type: ignore[arg-type]
        with pytest.raises(Refused):
            parse_target(text, others)


LABEL = "a" * 63
LONGEST = f"{LABEL}.{LABEL}.{LABEL}.{'a' * 57}.com"


def test_a_host_name_has_at_most_253_characters_and_each_label_63() -> None:
    assert len(LONGEST) == 253
    assert host_name(LONGEST) == HostName(LONGEST)
    assert host_name(LONGEST + ".") == HostName(LONGEST)
    assert parse_target(LONGEST + ".", frozenset({"host"})) == HostName(LONGEST)
    assert host_name("a" + LONGEST[: 57 - 3] + LONGEST) is None
    assert host_name(LONGEST.replace("com", "comm")) is None
    assert host_name(f"{LABEL}a.com") is None
    assert host_name("dns.google..") is None
    assert host_name("\u212aube.example.net") is None  # a Kelvin sign, which is k in small letters


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        *(("xn--a.com", True), ("ab--c.com", False), ("a--b.com", True)),
        *(("abc--d.com", True), ("x.xn--p1ai", True), ("x.ab--c", False)),
    ],
)
def test_two_hyphens_in_the_third_place_are_for_encoded_names(text: str, fits: bool) -> None:
    assert (host_name(text) is not None) is fits


def test_addresses_and_prefixes_are_written_in_one_way() -> None:
    assert address("8.8.8.8") == ip_address("8.8.8.8")
    assert address("::1") == ip_address("::1")
    assert [address(text) for text in ("", "8", "8.8.8.8.", "::ffff:8.8.8.8", "1" * 46, ":" * 3, "x")] == [None] * 7
    assert prefix("8.8.8.0/24") == ip_network("8.8.8.0/24")
    assert prefix("2606::/32") == ip_network("2606::/32")
    assert [prefix(text) for text in ("8.8.8.8", "8.8.8.8/33", "2606::/129", "x/8", "8.8.8.8/08", "8.8.8.8/")] == [
        None
    ] * 6
    for text in ("8.8.8.1/24", "2606::1/32"):
        with pytest.raises(ValueError):
            prefix(text)


def test_what_special_space_is_for_is_told() -> None:
    assert why_special(ip_address("10.0.0.1")) == "private use"
    assert why_special(ip_network("127.0.0.0/9")) == "loopback"
    assert why_special(ip_address("2001:db8::1")) == "documentation"
    assert why_special(ip_address("fe80::1")) == "outside global unicast"
    assert why_special(ip_network("2000::/2", strict=False)) is None
    assert why_special(ip_network("::/0")) is None
    assert why_special(ip_address("8.8.8.8")) is None


def test_a_place_is_inside_a_network_of_its_own_family_that_holds_all_of_it() -> None:
    networks = (ip_network("2606::/32"), ip_network("45.0.0.0/24"), ip_network("46.0.0.0/24"))
    for text, found in (
        *(("45.0.0.1", True), ("46.0.0.0/25", True), ("45.0.0.0/23", False), ("44.0.0.1", False)),
        *(("2606::1", True), ("2606::/33", True), ("2606::/31", False), ("2607::1", False)),
    ):
        assert inside(ip_network(text), networks) is found, text
    assert not inside(ip_address("45.0.0.1"), ())


def test_refusals_are_counted_by_what_was_limited() -> None:
    windows = Windows(lambda: 0.0)
    for bucket in ("target:2001:db8::1", "target:8.8.8.8", "key:1"):
        windows.refuse(bucket)
    assert dict(windows.refused) == {"target": 2, "key": 1}
