"""The least a login needs: the shapes of a platform's commands, and a shell script that lets only those through.

Shapes come out of the command builders themselves, asked with marker addresses, so the two cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from netpulse.query import Ask
from netpulse.values import Family

_MARKS = {
    "192.0.2.253": "IPV4",
    "192.0.2.254": "IPV4",
    "192.0.2.128/25": "PREFIX4",
    "192.0.2.128": "IPV4",
    "2001:db8::fd": "IPV6",
    "2001:db8::fe": "IPV6",
    "2001:db8:ff::/48": "PREFIX6",
    "2001:db8:ff::": "IPV6",
}
_TARGETS: dict[Family, tuple[IPv4Address | IPv6Address, IPv4Network | IPv6Network]] = {
    4: (IPv4Address("192.0.2.253"), IPv4Network("192.0.2.128/25")),
    6: (IPv6Address("2001:db8::fd"), IPv6Network("2001:db8:ff::/48")),
}
_SOURCES: dict[Family, IPv4Address | IPv6Address] = {4: IPv4Address("192.0.2.254"), 6: IPv6Address("2001:db8::fe")}


def probe_shapes(command: Callable[[Ask], str], instances: Iterable[str | None] = (None,)) -> tuple[str, ...]:
    """What this builder can send, with IPV4 and IPV6 where addresses stand: with and without a source."""
    asks = [
        Ask(target=_TARGETS[family][0], family=family, source=source, routing_instance=instance)
        for family in _TARGETS
        for instance in instances
        for source in (_SOURCES[family], None)
    ]
    return tuple(dict.fromkeys(_shape(command(ask)) for ask in asks))


def route_shapes(command: Callable[[Ask], str]) -> tuple[str, ...]:
    """What this builder can send: PREFIX4 and PREFIX6 stand for prefixes."""
    asks = [Ask(target=target, family=family) for family, targets in _TARGETS.items() for target in targets]
    return tuple(dict.fromkeys(_shape(command(ask)) for ask in asks))


def _shape(command: str) -> str:
    return " ".join(_MARKS.get(word, word) for word in command.split())


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

# shape PATTERN WORD...: whether the words are the pattern's, with an address wherever it names one.
shape() {
    pattern=$1
    shift
    for expected in $pattern; do
        [ $# -gt 0 ] || return 1
        case $expected in
            IPV4) case $1 in '' | *[!0-9.]*) return 1 ;; esac ;;
            IPV6) case $1 in *[!0-9a-f:]*) return 1 ;; *:*) ;; *) return 1 ;; esac ;;
            PREFIX4) case $1 in *[!0-9./]* | */*/*) return 1 ;; [0-9]*/[0-9]*) ;; *) return 1 ;; esac ;;
            PREFIX6) case $1 in *[!0-9a-f:/]* | */*/*) return 1 ;; *:*/[0-9]*) ;; *) return 1 ;; esac ;;
            *) [ "$1" = "$expected" ] || return 1 ;;
        esac
        shift
    done
    [ $# -eq 0 ]
}

case $asked in '' | *[!A-Za-z0-9\\ .:/-]*) refuse ;; esac
[ ${#asked} -le 300 ] || refuse
# shellcheck disable=SC2086  # split into words on purpose; set -f keeps patterns from becoming file names
set -- $asked
"""


def wrapper(programs: Sequence[str], vtysh: Sequence[str] = ()) -> str:
    """A shell script that runs the commands of these shapes and refuses all others.

    `programs` are run as they are, `vtysh` shapes are handed to vtysh as one command.
    """
    lines = [f'shape \'{shape}\' "$@" && exec "$@"' for shape in programs]
    lines += [f'shape \'{shape}\' "$@" && exec vtysh -c "$*"' for shape in vtysh]
    return _SCRIPT + "\n".join(lines) + "\nrefuse\n"


def key_line(script: str, public_key: str, from_address: str | None) -> str:
    """One line of `authorized_keys` that pins a key to this script and, if given, to the place it comes from."""
    place = f'from="{from_address}",' if from_address else ""
    return f'{place}restrict,command="{script}" {public_key}'
