"""The lab routers' Junos command line: one exec string in, what to run or the refusal out. Pure.

Keywords may be shortened as far as they stay unique, options come in any order, each at most once. What the real
command line would refuse is refused here in its form for non-interactive sessions: an empty line, then
``error: ...`` on standard output, exit status 1. Only the commands a looking glass can need exist.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Literal

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network
Stream = Literal["stdout", "stderr"]


@dataclass(frozen=True, slots=True)
class Ping:
    """``ping``: ``count`` None pings until it is ended; ``wait_s`` is the time after the last packet."""

    target: IPAddress
    source: IPAddress | None = None
    count: int | None = None
    wait_s: int = 10
    ttl: int | None = None
    size: int | None = None
    interval_s: int = 1
    rapid: bool = False
    no_resolve: bool = False
    do_not_fragment: bool = False
    instance: str | None = None


@dataclass(frozen=True, slots=True)
class Traceroute:
    """``traceroute``: three probes a hop, one at a time, each given ``wait_s``."""

    target: IPAddress
    source: IPAddress | None = None
    wait_s: int = 5
    ttl: int = 30
    no_resolve: bool = False
    instance: str | None = None


@dataclass(frozen=True, slots=True)
class ShowRoute:
    """``show route``: of an address the longest match, of a prefix it and what lies inside it, or with ``exact`` it alone."""

    target: IPAddress | IPNetwork
    table: str
    exact: bool = False


@dataclass(frozen=True, slots=True)
class ShowBgpSummary:
    """``show bgp summary``."""


@dataclass(frozen=True, slots=True)
class ShowVersion:
    """``show version``."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the router prints instead of running anything; the exit status is 1."""

    text: str
    stream: Stream = "stdout"


Command = Ping | Traceroute | ShowRoute | ShowBgpSummary | ShowVersion


class _Refused(Exception):
    def __init__(self, text: str, stream: Stream = "stdout") -> None:
        super().__init__(text)
        self.refusal = Refusal(text if stream == "stderr" else f"\n{text}", stream)


def parse(line: str) -> Command | Refusal:
    """What this command line means to the router. Never raises."""
    words = line.split()
    if words[-2:] == ["|", "no-more"]:
        words = words[:-2]
    try:
        return _command(words)
    except _Refused as refused:
        return refused.refusal


def _command(words: list[str]) -> Command:
    if not words:
        raise _Refused("error: missing command")
    rest = iter(words[1:])
    match _keyword(words[0], ("ping", "traceroute", "show"), "error: unknown command: {}"):
        case "ping":
            return _ping(rest)
        case "traceroute":
            return _traceroute(rest)
        case _:
            return _show(rest)


def _show(rest: Iterator[str]) -> Command:
    word = next(rest, None)
    if word is None:
        raise _Refused("error: syntax error, expecting <command>")
    match _keyword(word, ("bgp", "route", "version")):
        case "version":
            return _alone(rest, ShowVersion())
        case "bgp":
            _keyword(next(rest, ""), ("summary",))
            return _alone(rest, ShowBgpSummary())
    target: IPAddress | IPNetwork | None = None
    table, exact, detail = None, False, False
    for word in rest:
        if target is None and re.match(r"[0-9a-fA-F:]+[.:/]", word):
            target = _destination(word)
            continue
        match _keyword(word, ("table", "detail", "exact")):
            case "table":
                table = _argument(rest, "table")
            case "detail":
                detail = True
            case _:
                exact = True
    if target is None or not detail:
        # Every route of every table, or the terse list: this router answers only for one destination, in detail.
        raise _Refused("error: command is not valid on the mx304")
    return ShowRoute(target, table or ("inet.0" if target.version == 4 else "inet6.0"), exact)


def _alone(rest: Iterator[str], command: Command) -> Command:
    for surplus in rest:
        raise _Refused(f"error: syntax error, expecting <command>: {surplus}")
    return command


def _ping(rest: Iterator[str]) -> Ping:
    target, options = _probe(rest, {
        "count": _number(1, 2_000_000_000), "wait": _number(1, 86_400), "ttl": _number(1, 255),
        "size": _number(0, 65_468), "interval": _number(1, 86_400), "source": _source,
        "routing-instance": _name, "rapid": None, "no-resolve": None, "do-not-fragment": None,
    })
    return Ping(target, **options)


def _traceroute(rest: Iterator[str]) -> Traceroute:
    target, options = _probe(rest, {
        "wait": _number(1, 86_399), "ttl": _number(1, 255), "source": _source,
        "routing-instance": _name, "no-resolve": None,
    })
    if target.version == 6 and options.get("wait_s", 5) <= 1:
        raise _Refused("traceroute6: wait must be >1 sec.", "stderr")
    return Traceroute(target, **options)


_FIELDS = {
    "wait": "wait_s", "interval": "interval_s", "routing-instance": "instance", "no-resolve": "no_resolve",
    "do-not-fragment": "do_not_fragment",
}
_Reader = Callable[[str], object]


def _probe(rest: Iterator[str], options: Mapping[str, _Reader | None]) -> tuple[IPAddress, dict[str, Any]]:
    """The target and the options by field name; ``None`` instead of a reader is an option without an argument."""
    target: str | None = None
    family: int | None = None
    read: dict[str, Any] = {}
    for word in rest:
        keyword = None
        if word in ("inet", "inet6") and family is None:
            family = 4 if word == "inet" else 6
            continue
        matches = [name for name in options if name == word] or [n for n in options if n.startswith(word)]
        if len(matches) == 1:
            keyword = matches[0]
        elif target is None and re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z.:%_-]*", word):
            target = word
            continue
        else:
            keyword = _keyword(word, tuple(options))
        field = _FIELDS.get(keyword, keyword)
        if field in read:
            raise _Refused(f"error: syntax error, expecting <command>: {word}")
        reader = options[keyword]
        read[field] = True if reader is None else reader(_argument(rest, keyword))
    if target is None:
        raise _Refused("error: missing mandatory argument: host")
    address = _address(target)
    if address is None or (family is not None and address.version != family):
        program = "ping" if "count" in options else "traceroute"
        raise _Refused(f"{program}: cannot resolve {target}: Host name lookup failure", "stderr")
    return address, read


def _keyword(word: str, known: tuple[str, ...], unknown: str = "error: syntax error, expecting <command>: {}") -> str:
    matches = [name for name in known if name == word] or [name for name in known if name.startswith(word)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise _Refused(f"error: '{word}' is ambiguous.")
    raise _Refused(unknown.format(word))


def _argument(rest: Iterator[str], keyword: str) -> str:
    word = next(rest, None)
    if word is None:
        raise _Refused(f"error: missing argument for '{keyword}'")
    return word


def _number(low: int, high: int) -> _Reader:
    def read(word: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", word):
            raise _Refused(f"error: Invalid numeric value: '{word}'")
        if not low <= int(word) <= high:
            raise _Refused(f"error: Value {word} is not within range ({low}..{high})")
        return int(word)

    return read


def _source(word: str) -> IPAddress:
    address = _address(word)
    if address is None:
        raise _Refused(f"error: invalid value '{word}' in ip address: '{word}'")
    return address


def _name(word: str) -> str:
    return word


def _address(word: str) -> IPAddress | None:
    try:
        return ip_address(word)
    except ValueError:
        return None


def _destination(word: str) -> IPAddress | IPNetwork:
    try:
        return ip_network(word, strict=False) if "/" in word else ip_address(word)
    except ValueError:
        raise _Refused(f"error: invalid value '{word}' in ip prefix: '{word}'") from None
