"""BIRD, over its control socket. Captures from BIRD 2.0.12; the attribute names of BIRD 3 are read too.

The transport takes the reply codes away; an error line keeps its four digits, as in `8001 Network not found`.
Further commands follow a question: `show status` for the daemon's clock, and where no route was found
`show protocols all`, because an empty table means nothing while its session is down or still loading.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from netpulse.cells import AccountFor, Cell, Platform, SourceDown, Trial, Unread
from netpulse.events import Ending
from netpulse.platforms.bird_routes import Draft, begin
from netpulse.platforms.bird_sessions import YOUNG_S, Session, read_sessions
from netpulse.platforms.logins import key_line, place_comment
from netpulse.platforms.paths import answer, asked_prefix
from netpulse.platforms.reading import covers, network
from netpulse.queries.aspath import AsPathResult
from netpulse.query import Ask
from netpulse.records import Neighbor, Neighbors, Record, Route


def aspath_command(ask: Ask) -> str:
    """The longest match with all its routes. Without a table BIRD looks into its main table of the family."""
    if ask.table.table is not None:
        where = f" table {ask.table.table}"
    elif ask.table.protocol is not None:
        where = f" protocol {ask.table.protocol}"
    else:
        where = ""
    return f"show route for {ask.target}{where} all"


class AsPathReader:
    """Routes of one `show route … all`, then the clock and, where there is no route, the sessions behind the table."""

    def __init__(self, ask: Ask) -> None:
        self.enough = False
        self.complete = False
        self._ask = ask
        self._asked, self._exact = asked_prefix(ask)
        self._drafts: list[Draft] = []
        self._given = 0
        self._missing = False
        self._fault: str | None = None
        self._other_lines = 0
        self._command: Literal["route", "status", "sessions", "sessions again"] = "route"
        self._now: str | None = None
        self._session_lines: dict[str, list[str]] = {"sessions": [], "sessions again": []}

    def feed(self, line: str) -> Iterable[Record]:
        if self._command == "route":
            return self._feed_route(line)
        if self._command == "status":
            _, said, time = line.partition("Current server time is ")
            self._now = time.strip() if said else self._now
            return self._give(len(self._drafts))
        self._session_lines[self._command].append(line)
        return ()

    def _feed_route(self, line: str) -> Iterable[Record]:
        draft = begin(line, self._drafts[-1].prefix if self._drafts else None)
        if draft is not None:
            self._drafts.append(draft)
            return self._give(len(self._drafts) - 1)
        text = line.strip()
        if text.endswith(("Network not found", "Network not in table")):
            self._missing = True
        elif line[:1] in ("8", "9") and line[1:4].isdigit() and line[4:5] == " ":
            self._fault = text
        elif self._drafts and line[:1].isspace():
            self._drafts[-1].add(line)
        elif text and not (text.startswith("Table ") and text.endswith(":")) and not text.startswith("BIRD "):
            self._other_lines += 1
        return ()

    def _give(self, until: int) -> Iterable[Record]:
        """The routes whose lines are all there and that were not given yet; their choice is made when all are known."""
        ready = self._drafts[self._given : until]
        self._given = max(self._given, until)
        return [draft.route(now=None, collector=not self._ask.own_routes) for draft in ready]

    def _found(self) -> bool:
        """Whether there is an answer that needs no proof of the session."""
        places = [network(draft.prefix) for draft in self._drafts]
        around = [place.prefixlen for place in places if place is not None and covers(place, self._asked)]
        return bool(around) and (not self._exact or max(around) == self._asked.prefixlen)

    def follow_up(self) -> str | None:
        if self._fault is not None or (self._other_lines and not self._drafts):
            return None
        if self._command == "route":
            self._command = "status"
            return "show status"
        if self._command == "status" and not self._found():
            self._command = "sessions"
            return self._sessions_command()
        if self._command == "sessions" and self._young():
            self._command = "sessions again"
            return self._sessions_command()
        return None

    def _sessions_command(self) -> str:
        table = self._ask.table
        name = "" if self._ask.own_routes or table.table is not None or table.protocol is None else f" {table.protocol}"
        return f"show protocols all{name}"

    def close(self, ending: Ending) -> AsPathResult:
        if self._fault is not None:
            raise SourceDown(f"The route source refuses the question: {self._fault}")
        if not self._drafts and not self._missing and self._other_lines:
            raise Unread("There is no route and no word of its absence in what the route source printed.")
        if not self._found():
            self._prove_absence()
        return answer(self._asked, self._exact, self._chosen())

    def _relevant(self, lines: list[str]) -> list[Session]:
        """The sessions whose health decides: those that bring all routes, else those with the router's choice."""
        family, table = self._ask.family, self._ask.table
        sessions = read_sessions(lines)
        if self._ask.own_routes:
            return [session for session in sessions if session.carries(family)]
        if table.table is not None:
            feeding = [s for s in sessions if (channel := s.channel(family)) and channel.table == table.table]
        else:
            feeding = [session for session in sessions if session.name == table.protocol]
        return [session for session in feeding if session.name != table.best_protocol] or feeding

    def _young(self) -> list[Session]:
        """Sessions that may still be in their first load."""
        if self._ask.own_routes:
            return []
        sessions = self._relevant(self._session_lines["sessions"])
        if not all(session.carries(self._ask.family) for session in sessions):
            return []
        ages_s = [(session, session.up_s(self._now or "")) for session in sessions]
        return [session for session, up_s in ages_s if up_s is None or up_s < YOUNG_S]

    def _prove_absence(self) -> None:
        """Return if the absence of a route is an answer; raise SourceDown otherwise."""
        family = self._ask.family
        sessions = self._relevant(self._session_lines["sessions"])
        if not sessions:
            raise SourceDown("No BGP session fills the table that was asked.")
        down = [session.name for session in sessions if not session.carries(family)]
        if down:
            raise SourceDown(f"The BGP session {down[0]} is not established with its channel up.")
        later = {session.name: session for session in read_sessions(self._session_lines["sessions again"])}
        for session in self._young():
            up_s = session.up_s(self._now or "")
            again = later.get(session.name)
            moved = again is None or again.received(family) != session.received(family)
            if moved or (up_s is not None and up_s < 1):
                raise SourceDown(f"The BGP session {session.name} is still in its first load.")

    def _chosen(self) -> list[Route]:
        """All routes with the router's own choice marked where it is known, else the collector's."""
        routes = [(draft, draft.route(now=self._now, collector=not self._ask.own_routes)) for draft in self._drafts]
        best_protocol = self._ask.table.best_protocol
        choice = [route for draft, route in routes if draft.protocol == best_protocol]
        if best_protocol is None or not choice:
            by: Literal["router", "collector"] = "router" if self._ask.own_routes else "collector"
            known = any(draft.starred for draft, _ in routes)
            return [_marked(route, draft.starred if known else None, by) for draft, route in routes]
        others = [route for draft, route in routes if draft.protocol != best_protocol]
        wanted = {_likeness(route) for route in choice}
        twin = next((route for route in others if _likeness(route) in wanted), None)
        marked = [_marked(route, route is twin, "router") for route in others]
        return marked if twin is not None else [_marked(choice[0], True, "router"), *marked]


def _likeness(route: Route) -> tuple[object, ...]:
    """What two copies of one route have in common when they came by two sessions."""
    values = sorted(one.value for one in (*route.communities, *route.large_communities, *route.ext_communities))
    return (route.prefix, route.next_hop, route.as_path_text, tuple(values))


def _marked(route: Route, best: bool | None, by: Literal["router", "collector"]) -> Route:
    return msgspec.structs.replace(route, best=best, best_by=None if best is None else by)


def account(account: AccountFor) -> str:
    """A control socket of its own and, if BIRD runs elsewhere, a login that can open nothing else."""
    name = account.user
    socket = account.socket or f"/run/bird/{name}.ctl"
    text = f"""\
# {account.name}: a control socket for the looking glass alone. As root where BIRD runs:

# BIRD 2.16 and later, in bird.conf: a socket on which only questions are understood.
#   cli "{socket}" {{ restrict; }};
# Older releases have one socket; the looking glass sends `restrict` first and goes on only after BIRD agreed.
# A restricted session can still run `eval`, `dump` and filters of its own, so nobody else belongs in this group.
# BIRD makes its sockets again at each start, for its own group; let its unit do this too (ExecStartPost=+/bin/chgrp …).
groupadd --system --force {name}
chgrp {name} {socket} && chmod 660 {socket}

# All that is ever written to it, besides `restrict`, `show status` and `show protocols all`:
"""
    text += "".join(f"#   {shape}\n" for shape in account.shapes)
    if not account.login:
        return f"""{text}
# The service is in that group if it runs as {name}, as with deploy/systemd; else SupplementaryGroups={name} in its unit. Without
# any of this SupplementaryGroups=bird does, BIRD's own group (20-bird.conf): it opens every socket of BIRD's.
"""
    key = key_line("restrict,port-forwarding", account.public_key, account.from_address)
    return f"""{text}
# The login: it runs nothing, no password fits, and it owns no file. It can open the socket because of its group.
useradd --system --no-create-home --home-dir / --shell /usr/sbin/nologin --password '*' --gid {name} {name}

# Its key, in a file of root's. port-forwarding is what sshd asks for to open a socket; TCP is refused below.
{place_comment(account)}install -d -m 755 /etc/ssh/authorized_keys.d
cat > /etc/ssh/authorized_keys.d/{name} <<'END'
{key}
END

# Sockets of this host alone, no TCP in either direction, no terminal, no command.
cat > /etc/ssh/sshd_config.d/{name}.conf <<'END'
Match User {name}
    AuthorizedKeysFile /etc/ssh/authorized_keys.d/{name}
    AuthenticationMethods publickey
    AllowStreamLocalForwarding local
    AllowTcpForwarding no
    PermitTTY no
    PermitUserRC no
    ForceCommand /usr/sbin/nologin
END
# The service is called sshd where it is not Debian's.
sshd -t && systemctl reload ssh
# Prove it from the looking glass: netpulse account NAME --verify
"""


TRIALS = (
    Trial("id", "prints the login's own number"),
    Trial("cat /etc/hostname", "reads a name that every user may read"),
    Trial("birdc --version", "prints the release; it stands for a birdc that takes every command"),
)

# A question to BIRD is answered at once or queued behind its own work; closing the socket ends it.
ASPATH = Cell(command=aspath_command, reader=AsPathReader, worst_case_s=lambda ask: 0.0)

def _attribute(name: str) -> tuple[str, ...]:
    """One attribute as BIRD 2 (`BGP.med`) and BIRD 3 (`bgp_med`) print it."""
    return (rf"(?i)\bbgp[._]{name}:\s*(.*\S)",)


_MORE_COMMUNITIES = r"^\s+(\([^()]*,[^()]*\).*)$"  # a long list goes on in the next line

_NEXT_HOP = (*_attribute("next_hop"), r"\bvia (\S+)")

SHOWS = {
    "local_pref": _attribute("local_pref"),
    "med": _attribute("med"),
    "learned_from.address": (r"\bfrom ([0-9A-Fa-f.:]+)", *_NEXT_HOP),
    "next_hop": _NEXT_HOP,
    "origin": _attribute("origin"),
    "communities": (*_attribute("community"), _MORE_COMMUNITIES),
    "large_communities": (*_attribute("large_community"), _MORE_COMMUNITIES),
    "ext_communities": (*_attribute("ext_community"), _MORE_COMMUNITIES),
    "age_s": (r"\[\S+ (\d[\d:. -]*\d)",),
    "why_not_best": (),
}

class NeighborsReader:
    """All BGP sessions of one `show protocols all`."""

    enough = complete = False

    def __init__(self) -> None:
        self._lines: list[str] = []

    def feed(self, line: str) -> Iterable[Record]:
        self._lines.append(line)
        return ()

    def follow_up(self) -> str | None:
        return None

    def close(self, ending: Ending) -> Neighbors:
        sessions = read_sessions(self._lines)
        return Neighbors(
            neighbors=tuple(
                Neighbor(address=s.neighbor, established=s.established) for s in sessions if s.neighbor is not None
            )
        )


NEIGHBORS = Cell(
    command=lambda ask: "show protocols all", reader=lambda ask: NeighborsReader(), worst_case_s=lambda ask: 0.0
)

PLATFORM = Platform(
    name="bird",
    title="BIRD",
    cells={"aspath": ASPATH},
    refusals=(r"\A8007 .{0,200}\Z", r"\AThis account is currently not available\.\Z"),
    account=account,
    trials=TRIALS,
    shows=SHOWS,
    neighbors=NEIGHBORS,
)
