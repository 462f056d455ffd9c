"""Whatever is typed as a target: it becomes a value or a refusal, and only the value's own text ever leaves."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netpulse.cells import discover
from netpulse.errors import Refused
from netpulse.query import Ask
from netpulse.special_purpose import why_special
from netpulse.transports.seam import EXEC, LONGEST_COMMAND
from netpulse.values import HostName, Target, TargetKind, canonical, family_of, host_name, parse_target

MATRIX = discover()
EVERY_KIND: frozenset[TargetKind] = frozenset({"address", "prefix", "host"})
PIECES = [
    *"8.8.8.8 2001:4860::8888 dns.google /24 ; | & $(id) ` % %0a .. - -f source count 100000 rapid { } < > ' \" \\".split(),
    *"٨.٨.٨.٨ 8。8。8。8 ::ffff:10.0.0.1 64:ff9b:: fe80::1%eth0 localhost 0x7f.1 010.0.0.1 １.1.1.1 xn--".split(),
    *(" ", "\n", "\r", "\t", "\x00", "\u202e", "\u200b"),
]

hostile = st.one_of(st.text(max_size=300), st.lists(st.sampled_from(PIECES), max_size=6).map("".join))
addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))


def parsed(text: str) -> tuple[Target | None, Refused | None]:
    try:
        return parse_target(text, EVERY_KIND), None
    except Refused as refusal:
        return None, refusal


@given(hostile)
@example("2606:4700::1%\nshow configuration")
@example("8.8.8.8\n")
@example("1" * 300)
def test_a_target_is_a_value_or_a_refusal_and_only_canonical_text_leaves(text: str) -> None:
    target, refusal = parsed(text)
    if target is None:
        assert refusal is not None
        assert refusal.code == "bad_target"
        assert len(text) < 6 or text not in refusal.sentence
        return
    written = canonical(target)
    assert written.isascii()
    assert set(written) <= set("0123456789abcdefghijklmnopqrstuvwxyz.:/-")
    assert canonical(parse_target(written, EVERY_KIND)) == written


@given(addresses, st.sampled_from(sorted(MATRIX.cells)), st.booleans())
def test_every_command_of_every_cell_is_in_the_closed_alphabet_and_holds_its_target_once(
    address: IPv4Address | IPv6Address, place: tuple[str, str], sourced: bool
) -> None:
    source = ip_address("192.0.2.99" if address.version == 4 else "2001:db8::99")
    ask = Ask(target=address, family=family_of(address), source=source if sourced else None)
    command = MATRIX.cells[place].command(ask)
    assert EXEC.check(command) == command
    assert len(command) <= LONGEST_COMMAND
    assert command.split().count(canonical(address)) == (
        1 if address != source else command.split().count(str(address))
    )


@given(addresses)
def test_two_spellings_of_one_address_are_one_value(address: IPv4Address | IPv6Address) -> None:
    if address.version == 6 and address.ipv4_mapped is None:
        assert parse_target(address.exploded.upper(), EVERY_KIND) == address


@given(st.text(max_size=80))
def test_a_host_name_is_plain_or_none(text: str) -> None:
    name = host_name(text)
    assert name is None or (name.name == name.name.lower() and "." in name.name and not name.name.endswith("."))


@pytest.mark.parametrize(
    ("text", "special"),
    [
        ("10.1.2.3", True), ("100.64.0.1", True), ("127.0.0.1", True), ("169.254.169.254", True), ("192.168.1.1", True),
        ("224.0.0.1", True), ("255.255.255.255", True), ("0.0.0.0", True), ("192.88.99.1", True), ("198.18.0.1", True),
        ("::1", True), ("::", True), ("fe80::1", True), ("fc00::1", True), ("ff02::1", True), ("fec0::1", True),
        ("64:ff9b::808:808", True), ("2002:808:808::1", True), ("2001:0:1::1", True), ("2001:db8::1", True),
        ("3fff::1", True), ("::10.0.0.1", True), ("100::1", True), ("5f00::1", True),
        ("8.8.8.8", False), ("1.1.1.1", False), ("2001:4860:4860::8888", False), ("2606:4700::1", False),
        ("172.15.255.255", False), ("172.32.0.0", False), ("100.128.0.1", False),
        ("0.0.0.0/0", False), ("::/0", False), ("192.0.0.0/8", False), ("10.0.0.0/8", True), ("10.2.0.0/16", True),
    ],
)  # fmt: skip
def test_special_purpose_space_is_known_whatever_this_python_thinks_of_it(text: str, special: bool) -> None:
    assert (why_special(ip_network(text)) is not None) is special


@given(st.ip_addresses(v=6))
def test_only_global_unicast_is_ordinary_in_ipv6(address: IPv6Address) -> None:
    if address not in IPv6Network("2000::/3"):
        assert why_special(address) is not None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("8.8.8.0/24", IPv4Network("8.8.8.0/24")),
        ("0.0.0.0/0", IPv4Network("0.0.0.0/0")),
        ("::/0", IPv6Network("::/0")),
        ("2001:4860::/32", IPv6Network("2001:4860::/32")),
        ("DNS.Google", HostName("dns.google")),
        ("dns.google.", HostName("dns.google")),
    ],
)
def test_good_targets_are_taken(text: str, value: object) -> None:
    assert parse_target(text, EVERY_KIND) == value


@pytest.mark.parametrize(
    "text",
    [
        "", " 8.8.8.8", "8.8.8.8 ", "8.8.8.8\n", "8.8.8", "08.8.8.8", "8.8.8.8/33", "8.8.8.8/08", "8.8.8.8/+8", "8.8.8.1/24",
        "8.0.0.0/7", "2000::/15", "10.0.0.0/0", "localhost", "router", "a..b", "-a.example.com", "a_b.com", "1.2.3.4.5",
        "256.1.1.1", "0x08080808", "134744072", "::ffff:8.8.8.8", "fe80::1%eth0", "[::1]", "8.8.8.8:53", "http://dns.google",
        "dns.google/24", "x.local", "x.internal", "a" * 64 + ".com", "ab--cd.com", "münchen.de", "８.8.8.8",
    ],
)  # fmt: skip
def test_bad_targets_are_refused(text: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_target(text, EVERY_KIND)
    assert caught.value.code == "bad_target"


@pytest.mark.parametrize("text", ["printer.local", "nope.invalid", "LOCALHOST", "x.internal."])
def test_a_private_host_name_is_told_that_it_is_one(text: str) -> None:
    with pytest.raises(Refused, match="private or reserved domain"):
        parse_target(text, EVERY_KIND)
