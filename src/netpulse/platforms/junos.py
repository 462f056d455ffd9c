"""Junos, over its SSH exec channel. The commands are what a least-privilege login class allows, and nothing wider.

There is no Junos device in the tests: captures are of the lab's routers, whose command line prints real measurements in
Junos's form, and the forms of public device output are tried as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

from netpulse.cells import AccountFor, Cell, Platform, Trial, Unread
from netpulse.events import Ending
from netpulse.platforms.echoes import PingReader
from netpulse.platforms.hops import TracerouteReader
from netpulse.platforms.junos_routes import Draft, begin, destination
from netpulse.platforms.logins import pattern_of, place_comment
from netpulse.platforms.paths import answer, asked_prefix
from netpulse.platforms.reading import literal
from netpulse.queries.aspath import AsPathResult
from netpulse.queries.ping import COUNT
from netpulse.queries.traceroute import MOST_HOPS
from netpulse.query import Ask
from netpulse.records import Neighbor, Neighbors, Record, Route

TRACE_WAIT_S = 2
"""Junos refuses 1 for IPv6."""

FIRST_SEQ = 0
"""Its ping is BSD's, which counts from 0."""


def _host_and_source(ask: Ask) -> str:
    family = "inet6 " if ask.family == 6 else ""
    source = "" if ask.source is None else f" source {ask.source}"
    return f"{family}{ask.target}{source}"


def _instance(ask: Ask) -> str:
    return "" if ask.routing_instance is None else f" routing-instance {ask.routing_instance}"


def ping_command(ask: Ask) -> str:
    return f"ping {_host_and_source(ask)} count {COUNT}{_instance(ask)}"


def traceroute_command(ask: Ask) -> str:
    """Names and AS numbers come from our own tables, so the router looks up neither."""
    return f"traceroute {_host_and_source(ask)} no-resolve wait {TRACE_WAIT_S} ttl {MOST_HOPS}{_instance(ask)}"


def _table(ask: Ask) -> str:
    return ask.table.table or ("inet.0" if ask.family == 4 else "inet6.0")


def aspath_command(ask: Ask) -> str:
    """The longest match of an address, or a prefix alone: without `exact` Junos adds all that lies inside it."""
    _, exact = asked_prefix(ask)
    return f"show route {ask.target}{' exact' if exact else ''} table {_table(ask)} detail"


class AsPathReader:
    """Routes of one `show route … detail`; Junos prints nothing at all where there is none.

    Where an exact prefix is absent, the longest match of its first address tells what covers it.
    """

    def __init__(self, ask: Ask) -> None:
        self.enough = False
        self.complete = False
        self._ask = ask
        self._asked, self._exact = asked_prefix(ask)
        self._by: Literal["router", "collector"] = "router" if ask.own_routes or not ask.table.table else "collector"
        self._prefix: str | None = None
        self._drafts: list[Draft] = []
        self._given = 0
        self._other_lines = 0
        self._asked_again = False

    def feed(self, line: str) -> Iterable[Record]:
        place = destination(line)
        if place is not None:
            self._prefix = place
            return self._give(len(self._drafts))
        draft = None if self._prefix is None else begin(line, self._prefix)
        text = line.strip()
        if draft is not None:
            self._drafts.append(draft)
            return self._give(len(self._drafts) - 1)
        if self._drafts:
            self._drafts[-1].add(text)
            if text.startswith("Router ID:"):  # the last line of a BGP route
                return self._give(len(self._drafts))
        elif text and self._prefix is None and " destinations, " not in text and not _is_prompt(text):
            self._other_lines += 1
        return ()

    def _give(self, until: int) -> Iterable[Record]:
        ready = [] if self._asked_again else self._drafts[self._given : until]
        self._given = max(self._given, until)
        return [draft.route(self._by) for draft in ready]

    def follow_up(self) -> str | None:
        if not self._exact or self._asked_again or self._drafts or self._other_lines:
            return None
        self._asked_again = True
        return f"show route {self._asked.network_address} table {_table(self._ask)} detail"

    def close(self, ending: Ending) -> AsPathResult:
        if not self._drafts and ending != "end":
            raise Unread("The command was cut short before it said whether there is a route.")
        if not self._drafts and self._other_lines and not self._asked_again:
            raise Unread("There is no route in what the device printed, nor the silence that means there is none.")
        routes: list[Route] = [draft.route(self._by) for draft in self._drafts]
        return answer(self._asked, self._exact, routes)


def _is_prompt(text: str) -> bool:
    """`{master}` and `{backup:0}` stand before lines of a router with two routing engines."""
    return text.startswith("{") and text.endswith("}")


class NeighborsReader:
    """The peers of one `show bgp summary`.

    A peer's line is its address, its AS number, four counters, how long it has been so (one word or two), and either a state
    or the counts of its routes; releases since 14 write `Establ` and put the counts below.
    """

    enough = complete = False

    def __init__(self) -> None:
        self._neighbors: list[Neighbor] = []
        self._heading = False

    def feed(self, line: str) -> Iterable[Record]:
        words = line.split()
        self._heading = self._heading or words[:2] == ["Peer", "AS"]
        if self._heading and len(words) >= 8 and not line[0].isspace() and (address := literal(words[0])):
            for word in words[6:]:
                if word == "Establ" or _COUNTS.match(word):
                    self._neighbors.append(Neighbor(address=address, established=True))
                    break
                if word in _NOT_ESTABLISHED:
                    self._neighbors.append(Neighbor(address=address, established=False))
                    break
        return ()

    def follow_up(self) -> str | None:
        return None

    def close(self, ending: Ending) -> Neighbors:
        if not self._heading:
            raise Unread("There is no list of peers in what the device printed.")
        return Neighbors(neighbors=tuple(self._neighbors))


_COUNTS = re.compile(r"\A\d+/\d+/\d+(?:/\d+)?\Z", re.ASCII)
_NOT_ESTABLISHED = frozenset({"Idle", "Connect", "Active", "OpenSent", "OpenConfirm"})

NEIGHBORS = Cell(
    command=lambda ask: "show bgp summary", reader=lambda ask: NeighborsReader(), worst_case_s=lambda ask: 15.0
)

# Closing the channel ends a command; where it does not, ping sends its five packets and waits 10 s for the last reply,
# and traceroute waits for three probes of every hop.
CELLS = {
    "ping": Cell(
        command=ping_command,
        reader=lambda ask: PingReader(COUNT, FIRST_SEQ),
        worst_case_s=lambda ask: COUNT - 1 + 10.0 + 1.0,
        ends_after_s=lambda ask: COUNT - 1 + 2.0,
        first_seq=FIRST_SEQ,
    ),
    "traceroute": Cell(
        command=traceroute_command,
        reader=lambda ask: TracerouteReader(str(ask.target)),
        worst_case_s=lambda ask: 3.0 * TRACE_WAIT_S * MOST_HOPS,
    ),
    "aspath": Cell(command=aspath_command, reader=AsPathReader, worst_case_s=lambda ask: 15.0),
}



def allowed(shapes: Sequence[str]) -> str:
    """`allow-commands` for commands of these shapes and the two ways to leave: POSIX extended, each one anchored."""
    return "|".join(f"({pattern_of(shape)})" for shape in (*shapes, "quit", "exit"))


_NO_COMMANDS = (
    "start ssh telnet file request clear set monitor test op mtrace help configure edit restart scp save load run"
)
_NO_ROUTE_WORDS = "extensive terse all instance logical-system forwarding-table receive-protocol advertising-protocol"
_NO_PROBE_WORDS = (
    "rapid size interval logical-system tenant bypass-routing strict strict-source loose-source record-route mac-address "
    "interface pattern detail verbose as-number-lookup clns mpls ethernet overlay vpls monitor gateway tos propagate-ttl next-hop"
)

# No question mark in it: at a terminal that key asks for help, wherever it is pressed.
DENIED = "|".join(
    f"({pattern})"
    for pattern in (
        # A pipe can write files and send them elsewhere.
        "[|]",
        f"^({'|'.join(_NO_COMMANDS.split())})( .*){{0,1}}$",
        # Whatever is shown, but routes and the summary of BGP: complements of words, since these expressions cannot say "not".
        "^show ([^rb]|r[^o]|ro[^u]|rou[^t]|rout[^e]|b[^g]|bg[^p]|bgp[^ ]).*$",
        "^show bgp( ([^s]|s[^u]|su[^m]).*){0,1}$",
        "^show bgp summary .*$",
        "^show route( [a-z-]+)*$",
        "^show route [a-z-]+ .*$",
        f"^show route .* ({'|'.join(_NO_ROUTE_WORDS.split())})( .*){{0,1}}$",
        f"^(ping|traceroute)( .*){{0,1}} ({'|'.join(_NO_PROBE_WORDS.split())})( .*){{0,1}}$",
    )
)
"""`deny-commands`. No command that `allowed` lets through matches it, so which of the two wins is never the question."""


def account(account: AccountFor) -> str:
    """A login class of the exact commands; what it does not name is denied by permission or by `DENIED`."""
    name = account.user
    place = f" from {account.from_address}" if account.from_address else ""
    kind = account.public_key.split()[0] if account.public_key.split() else "ssh-ed25519"
    return f"""\
# {account.name}: a login class that allows the looking glass's commands, {len(account.shapes)} forms of them, and no other.
# It is the second line of defence: the first is the program's own check of every byte it sends. How allow and deny rank, and
# whether a pipe is seen at all, differs between releases. Enter it with `load set terminal`, then prove it on your release
# from the looking glass: netpulse account SLUG --verify; and by hand, since the looking glass cannot send a pipe:
# ssh {name}@ROUTER 'show route 192.0.2.1 table inet.0 detail | count' must be refused.

# A session that does nothing is closed after two minutes.
set system login class {name} idle-timeout 2
# view is what `show route` needs; ping and traceroute come from the pattern, for the permission `network` would bring ssh too.
set system login class {name} permissions view
# Whole commands only: each alternative is anchored, addresses are the only thing that may differ.
set system login class {name} allow-commands "{allowed(account.shapes)}"
# What `view` would still show, and every word that makes a command dangerous.
set system login class {name} deny-commands "{DENIED}"
# The login, by key alone.
set system login user {name} class {name}
{place_comment(account)}set system login user {name} authentication {kind} "{account.public_key}"{place}

# For the whole router, so agree with its owner first: sessions at once, attempts a minute, no tunnels through the router.
set system services ssh connection-limit 10
set system services ssh rate-limit 60
set system services ssh no-tcp-forwarding
# And admit TCP port 22 from the looking glass alone in the filter that protects the routing engine (input filter of lo0).
"""


TRIALS = (
    Trial("start shell", "a shell without terminal and input that ends when the session is closed, a moment later"),
    Trial("show configuration version", "prints the release in one line; it stands for the whole configuration"),
    Trial("show system uptime", "prints a time; it stands for all that the permission `view` would show"),
    Trial("show route summary", "prints numbers of routes; it stands for lists of them, with a pipe or without"),
    Trial("ssh 127.0.0.1", "a connection of the router to itself that is given no password and closed"),
    Trial("file list", "names the files in the login's own home"),
    Trial("request system storage cleanup dry-run", "names what could be deleted and deletes nothing; it stands for `request`"),
    Trial("configure", "opens the configuration, changes nothing, commits nothing, and is closed"),
    Trial("ping 127.0.0.1 count 1 rapid", "one packet to itself; it stands for floods"),
    Trial("ping 127.0.0.1 count 1 size 64", "one packet to itself; it stands for large ones"),
)

REFUSALS = (
    r"\A(?:error: )?(?:syntax error|unknown command|permission denied|missing command)\b.{0,300}\Z",
    r"\Aerror: .{0,300}\Z",
    r"\A(?:ping6?: |traceroute6?: )?bind: Can't assign requested address\Z",
    r"\A(?:ping6?|traceroute6?): (?:wait must be|cannot resolve|invalid|bad|unknown|UDP connect|socket:).{0,200}\Z",
    r"\A.{0,80}(?:routing.instance|instance) .{0,80}(?:not found|does not exist).{0,40}\Z",
)

_NEXT_HOP = (r"\b[Nn]ext hop:\s*([0-9A-Fa-f.:]+)", r"\bvia (\S+?)(?:,|$)")
_COMMUNITIES = (r"\bCommunities:\s*(.*\S)",)
SHOWS = {
    # The second number of Preference is the local preference, less one and negative.
    "local_pref": (r"\bLocalpref:\s*(\d+)", r"\bPreference:\s*\d+/(-?\d+)"),
    "med": (r"\bMetric:\s*(\d+)",),
    "learned_from.address": (r"\bSource:\s*(\S+)", r"\bTask:\s*BGP_\d+\.(\S+)", *_NEXT_HOP),
    "learned_from.asn": (r"\bPeer AS:\s*(\d+)", r"\bTask:\s*BGP_(\d+)\."),
    "next_hop": _NEXT_HOP,
    "origin": (r"\bAS path:.*\s([IE?])(?=\s|$)",),
    "communities": _COMMUNITIES,
    "large_communities": _COMMUNITIES,
    "ext_communities": _COMMUNITIES,
    "age_s": (r"\bAge:\s*(\S+(?: \d+:\d+:\d+)?)",),
    "why_not_best": (r"\bInactive reason:\s*(.*\S)",),
    "rpki.state": (r"\bValidation State:\s*(\S+)",),
}

PLATFORM = Platform(
    name="junos",
    title="Junos",
    cells=CELLS,
    refusals=REFUSALS,
    account=account,
    trials=TRIALS,
    shows=SHOWS,
    neighbors=NEIGHBORS,
)
