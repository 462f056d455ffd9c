"""A Linux router, or this host: iputils ping and the Linux traceroute. Captures from iputils 20221126, traceroute 2.1.2.

Never mtr: with a source address it ignores policy routing for IPv4 and would show another connection's path.
"""

from __future__ import annotations

from netpulse.cells import AccountFor, Cell, Platform, Trial
from netpulse.platforms.echoes import PingReader
from netpulse.platforms.hops import TracerouteReader
from netpulse.platforms.logins import key_line, place_comment, wrapper
from netpulse.queries.ping import COUNT
from netpulse.queries.traceroute import MOST_HOPS
from netpulse.query import Ask


def ping_command(ask: Ask) -> str:
    """Five probes a second apart; with no reply at all it waits one second more, else two round trips."""
    source = "" if ask.source is None else f" -I {ask.source}"
    return f"ping -{ask.family} -n -c {COUNT} -W 1{source} {ask.target}"


def traceroute_command(ask: Ask) -> str:
    """Three probes a hop, 32 at a time.

    `-w 2/3/10` waits 2 s at most, but only 3 round trips of the same hop or 10 of a farther one where those answered.
    With `-w 2` alone those two are off: a silent hop in the middle then cost 2.0 s instead of 0.01 s.
    """
    source = "" if ask.source is None else f" -s {ask.source}"
    return f"traceroute -{ask.family} -n{source} -N 32 -q 3 -w 2/3/10 -m {MOST_HOPS} {ask.target}"


PING = Cell(
    command=ping_command,
    reader=lambda ask: PingReader(COUNT, first_seq=1),
    worst_case_s=lambda ask: COUNT - 1 + 10.0,
    ends_after_s=lambda ask: COUNT - 1 + 2.0,
)

# 90 probes, 32 at a time, 2 s each: the longest run seen was 6 s.
TRACEROUTE = Cell(
    command=traceroute_command,
    reader=lambda ask: TracerouteReader(str(ask.target)),
    worst_case_s=lambda ask: 12.0,
)

SCRIPT = "/usr/local/lib/netpulse/allowed"


def account_text(account: AccountFor, *, groups: str = "", why_groups: str = "") -> str:
    """How to make the login: the script, the user, the key; each step as root on the router."""
    name = account.user
    key = key_line(
        f'restrict,{"port-forwarding," if account.socket else ""}command="{SCRIPT}"', account.public_key, account.from_address
    )
    forwarding = "DisableForwarding yes"
    if account.socket:
        # DisableForwarding outranks the options that permit one kind, so the others are named.
        forwarding = """\
AllowStreamLocalForwarding local
    AllowTcpForwarding no
    AllowAgentForwarding no
    X11Forwarding no
    PermitTunnel no"""
    return f"""\
# {account.name}: a login that can run the looking glass's commands and nothing else. As root on the router:

# The commands, {len(account.shapes)} forms of them. sshd runs this script whatever the client asks for.
install -d -m 755 {SCRIPT.rpartition("/")[0]}
cat > {SCRIPT} <<'END'
{wrapper(account.shapes)}END
chmod 755 {SCRIPT}

# The login: no password fits, and it owns no file, so it can leave nothing behind. sshd needs a shell to run the script.
{why_groups}useradd --system --user-group --no-create-home --home-dir / --shell /bin/sh --password '*'{groups} {name}

{_socket_text(account)}# Its key, in a file of root's. restrict: no terminal, forwarding, agent, rc file.
{place_comment(account)}install -d -m 755 /etc/ssh/authorized_keys.d
cat > /etc/ssh/authorized_keys.d/{name} <<'END'
{key}
END

# The same once more for the login as a whole: a second key that somebody adds is as confined as the first.
cat > /etc/ssh/sshd_config.d/{name}.conf <<'END'
Match User {name}
    AuthorizedKeysFile /etc/ssh/authorized_keys.d/{name}
    AuthenticationMethods publickey
    ForceCommand {SCRIPT}
    PermitTTY no
    PermitUserRC no
    {forwarding}
END
# The service is called sshd where it is not Debian's.
sshd -t && systemctl reload ssh

# ping without privileges needs this once: sysctl net.ipv4.ping_group_range="0 2147483647" (or ping with its capability).
# Prove it from the looking glass: netpulse account SLUG --verify
"""


def _socket_text(account: AccountFor) -> str:
    if account.socket is None:
        return ""
    return f"""\
# The routes of this host come from its BIRD, by the same login: it may open sockets of this host that its group may.
chgrp {account.user} {account.socket} && chmod 660 {account.socket}

"""


def account(account: AccountFor) -> str:
    return account_text(account)


TRIALS = (
    Trial("id", "prints the login's own number"),
    Trial("cat /etc/hostname", "reads a name that every user may read"),
    Trial("sh -c id", "prints the login's own number"),
    Trial("ping -4 -n -c 1 -f 127.0.0.1", "the option for floods, with one packet and to itself"),
    Trial("ping -4 -n -c 1 -W 1 127.0.0.1", "one packet to itself; five is the only count that is allowed"),
    Trial("traceroute -4 -n -m 1 127.0.0.1", "three packets to itself, without the options that bound it"),
)

REFUSALS = (
    r"\A(?:ping: |ping6: )?bind: Cannot assign requested address\Z",
    r"\Aping6?: invalid (?:source address|option|argument)\b.{0,200}\Z",
    r"\Aping6?: (?:unknown iface|socket|socktype|setuid|cap_[a-z_]{1,30}): .{0,200}\Z",
    r"\A.{0,100}: (?:command )?not found\Z",
    r"\ANot an allowed command\.\Z",
)

PLATFORM = Platform(
    name="linux",
    title="Linux",
    cells={"ping": PING, "traceroute": TRACEROUTE},
    refusals=REFUSALS,
    account=account,
    trials=TRIALS,
)
