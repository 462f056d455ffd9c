"""The least a login needs: the shapes of a platform's commands, and a shell script that lets only those through.

Shapes come out of the cells' own command builders, asked with marker addresses, so the two cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from itertools import product

from netpulse.cells import AccountFor, Matrix, QueryType
from netpulse.inventory import Connection, RouteTable
from netpulse.query import Ask, Parameter
from netpulse.values import Family

MARKS = ("IPV4", "IPV6", "PREFIX4", "PREFIX6", "NUMBER")
"""What stands in a shape where a command has an address, a prefix, or a number that the caller chose."""

_NUMBER = 987654321
_WORDS = {
    "192.0.2.253": "IPV4",
    "192.0.2.254": "IPV4",
    "192.0.2.252": "IPV4",
    "192.0.2.128/25": "PREFIX4",
    "2001:db8::fd": "IPV6",
    "2001:db8::fe": "IPV6",
    "2001:db8::fc": "IPV6",
    "2001:db8:ff::/48": "PREFIX6",
    str(_NUMBER): "NUMBER",
}
_TARGETS: dict[Family, tuple[IPv4Address | IPv6Address, IPv4Network | IPv6Network]] = {
    4: (IPv4Address("192.0.2.253"), IPv4Network("192.0.2.128/25")),
    6: (IPv6Address("2001:db8::fd"), IPv6Network("2001:db8:ff::/48")),
}
_SOURCES: dict[Family, IPv4Address | IPv6Address] = {4: IPv4Address("192.0.2.254"), 6: IPv6Address("2001:db8::fe")}
_NEXT_HOPS: dict[Family, IPv4Address | IPv6Address] = {4: IPv4Address("192.0.2.252"), 6: IPv6Address("2001:db8::fc")}

_ADDRESS4 = "[0-9]{1,3}([.][0-9]{1,3}){3}"
_ADDRESS6 = "[0-9a-f]{0,4}:[0-9a-f:]{1,36}"
_PATTERNS = {
    "IPV4": _ADDRESS4,
    "IPV6": _ADDRESS6,
    "PREFIX4": f"{_ADDRESS4}/[0-9]{{1,2}}",
    "PREFIX6": f"{_ADDRESS6}/[0-9]{{1,3}}",
    "NUMBER": "[0-9]{1,9}",
}


def shapes_of(
    matrix: Matrix,
    platform: str,
    connections: Sequence[Connection] = (),
    tables: Sequence[RouteTable] = (RouteTable(),),
) -> tuple[str, ...]:
    """Every form of command that the cells of this platform send, the marks of `MARKS` where values stand.

    With and without a source, for each routing instance and with a next hop where a connection has one, for each of these
    tables, and for every choice that a query offers. What readers ask in addition has one of these forms too.
    """
    found = [
        _shape(cell.command(ask))
        for (name, query), cell in matrix.cells.items()
        if name == platform
        for ask in _asks(matrix.queries[query], connections, tables)
    ]
    neighbors = matrix.platforms[platform].neighbors
    if neighbors is not None:
        found.append(neighbors.command(Ask(target=None, family=4, own_routes=True)))
    return tuple(dict.fromkeys(found))


def _asks(kind: QueryType, connections: Sequence[Connection], tables: Sequence[RouteTable]) -> Iterator[Ask]:
    takes = {each for parameter in kind.parameters for each in parameter.targets}
    instances = dict.fromkeys([None, *(c.routing_instance for c in connections if c.routing_instance)])
    ways: list[tuple[str | None, bool]] = [(instance, False) for instance in instances] if kind.sourced else [(None, False)]
    if kind.sourced and any(c.egress == "next_hop" for c in connections):
        ways.append((None, True))
    for family, (address, prefix) in _TARGETS.items():
        targets: list[IPv4Address | IPv6Address | IPv4Network | IPv6Network | None] = []
        if takes & {"address", "host"}:
            targets.append(address)
        if "prefix" in takes:
            targets.append(prefix)
        sources = (_SOURCES[family], None) if kind.sourced else (None,)
        for target, source, (instance, hop), table, options in product(
            targets or [None], sources, ways, tables if kind.about_routes else (RouteTable(),), [*_options(kind.parameters)]
        ):
            yield Ask(
                target=target,
                family=family,
                source=source,
                routing_instance=instance,
                next_hop=_NEXT_HOPS[family] if hop else None,
                table=table,
                own_routes=True,
                options=options,
            )


def _options(parameters: Iterable[Parameter]) -> Iterator[Mapping[str, str | int | bool | None]]:
    """Every combination of what a caller may choose; a number stands for all numbers."""
    chosen: dict[str, tuple[str | int | bool | None, ...]] = {}
    for parameter in parameters:
        if parameter.kind == "choice":
            chosen[parameter.name] = tuple(dict.fromkeys((parameter.default, *parameter.choices)))
        elif parameter.kind == "flag":
            chosen[parameter.name] = (False, True)
        elif parameter.kind == "number":
            chosen[parameter.name] = (_NUMBER,)
    for values in product(*chosen.values()):
        yield dict(zip(chosen, values, strict=True))


def _shape(command: str) -> str:
    return " ".join(_WORDS.get(word, word) for word in command.split())


def pattern_of(shape: str) -> str:
    """A POSIX extended regular expression that a whole command of this shape matches, and no other."""
    return "^" + " ".join(_PATTERNS.get(word, word.replace(".", "[.]")) for word in shape.split()) + "$"


_SCRIPT = """\
#!/bin/sh
# The only commands that the looking glass may run here. sshd starts this script instead of what the client asks for,
# and hands that over as text; it is compared word by word, and never evaluated.
set -f -u
LC_ALL=C
PATH=${PATH:-/usr/bin:/bin}:/usr/sbin:/sbin
export LC_ALL PATH
asked=${SSH_ORIGINAL_COMMAND-}

refuse() {
    echo 'Not an allowed command.' >&2
    exit 126
}

ipv4() { case $1 in *[!0-9.]* | *..* | *.*.*.*.*) return 1 ;; [0-9]*.[0-9]*.[0-9]*.[0-9]*) ;; *) return 1 ;; esac; }
ipv6() { case $1 in *[!0-9a-f:]*) return 1 ;; *:*) ;; *) return 1 ;; esac; }
length() { case $1 in [0-9] | [0-9][0-9] | [0-9][0-9][0-9]) ;; *) return 1 ;; esac; }

# shape PATTERN WORD...: whether the words are the pattern's, with an address wherever it names one.
shape() {
    pattern=$1
    shift
    for expected in $pattern; do
        [ $# -gt 0 ] || return 1
        case $expected in
            IPV4) ipv4 "$1" || return 1 ;;
            IPV6) ipv6 "$1" || return 1 ;;
            PREFIX4) length "${1#*/}" && ipv4 "${1%%/*}" || return 1 ;;
            PREFIX6) length "${1#*/}" && ipv6 "${1%%/*}" || return 1 ;;
            NUMBER) case $1 in '' | *[!0-9]*) return 1 ;; esac ;;
            *) [ "$1" = "$expected" ] || return 1 ;;
        esac
        shift
    done
    [ $# -eq 0 ]
}

# run PROGRAM ARGUMENT...: until it ends, or standard input does. Whoever asked can stop it in no other way: sshd passes
# no signal on to this script, and a program that prints nothing does not notice that its channel was closed. So a
# client must leave standard input open: `ssh -n` stops the program at once.
run() {
    exec 3<&0
    "$@" </dev/null 3<&- &
    child=$!
    { while read -r line; do :; done; kill -9 "$child"; } <&3 >/dev/null 2>&1 3<&- &
    watcher=$!
    wait "$child"
    status=$?
    kill -9 "$watcher" 2>/dev/null
    exit "$status"
}

case $asked in '' | *[!A-Za-z0-9\\ .:/-]*) refuse ;; esac
[ ${#asked} -le 300 ] || refuse
# shellcheck disable=SC2086  # split into words on purpose; set -f keeps patterns from becoming file names
set -- $asked
"""


def wrapper(shapes: Sequence[str]) -> str:
    """A shell script that runs the commands of these shapes and refuses all others.

    `show …` is handed to vtysh as one command, everything else is a program with its arguments.
    """
    lines = [
        f'shape \'{shape}\' "$@" && run ' + ('vtysh -c "$*"' if shape.startswith("show ") else '"$@"') for shape in shapes
    ]
    return _SCRIPT + "\n".join(lines) + "\nrefuse\n"


def key_line(options: str, public_key: str, from_address: str | None) -> str:
    """One line of `authorized_keys`: these options and, if given, the only place that the key may be used from."""
    place = f'from="{from_address}",' if from_address else ""
    return f"{place}{options} {public_key}"


def place_comment(account: AccountFor) -> str:
    """What the generated text says about where the login may come from."""
    if account.from_address:
        return f"# The key works from {account.from_address} alone, the address of the looking glass.\n"
    return "# The key works from everywhere: make this text again with --from and the address of the looking glass.\n"
