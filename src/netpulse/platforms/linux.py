"""A Linux router, or this host: iputils ping and the Linux traceroute. Captures from iputils 20221126, traceroute 2.1.2.

Never mtr: with a source address it ignores policy routing for IPv4 and would show another connection's path.
"""

from __future__ import annotations

from netpulse.cells import AccountFor, Cell, Platform
from netpulse.platforms.echoes import PingReader
from netpulse.platforms.hops import TracerouteReader
from netpulse.platforms.logins import key_line, probe_shapes
from netpulse.platforms.logins import wrapper as script_of
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

PROGRAM_SHAPES = (*probe_shapes(ping_command), *probe_shapes(traceroute_command))
SCRIPT = "/usr/local/lib/netpulse/allowed"


def wrapper() -> str:
    """The script that an SSH login is forced into: it runs this platform's commands and nothing else."""
    return script_of(PROGRAM_SHAPES)


def account_text(account: AccountFor, script: str, groups: str = "") -> str:
    """How to make the login: the script, the user, the key; each step as root on the router."""
    return (
        f"# {account.name}: a login that can run the looking glass's commands and nothing else. As root on the router:\n"
        f"mkdir -p {SCRIPT.rpartition('/')[0]}\n"
        f"cat > {SCRIPT} <<'END'\n{script}END\n"
        f"chmod 755 {SCRIPT}\n"
        f"useradd --create-home --shell /bin/sh{groups} {account.user}\n"
        f"install -d -m 755 /etc/ssh/authorized_keys.d\n"
        f"cat > /etc/ssh/authorized_keys.d/{account.user} <<'END'\n"
        f"{key_line(SCRIPT, account.public_key, account.from_address)}\nEND\n"
        f"cat > /etc/ssh/sshd_config.d/{account.user}.conf <<'END'\n"
        f"Match User {account.user}\n"
        f"    AuthorizedKeysFile /etc/ssh/authorized_keys.d/{account.user}\n"
        f"    AuthenticationMethods publickey\n"
        f"    ForceCommand {SCRIPT}\n"
        f"    PermitTTY no\n"
        f"    DisableForwarding yes\n"
        f"END\n"
        f"sshd -t && systemctl reload ssh\n"
    )


def account(account: AccountFor) -> str:
    return account_text(account, wrapper())


REFUSALS = (
    r"\A(?:ping: |ping6: )?bind: Cannot assign requested address\Z",
    r"\Aping6?: invalid (?:source address|option|argument)\b.{0,200}\Z",
    r"\Aping6?: (?:unknown iface|socket): .{0,200}\Z",
    r"\A.{0,100}: (?:command )?not found\Z",
    r"\ANot an allowed command\.\Z",
)

PLATFORM = Platform(
    name="linux",
    title="Linux",
    cells={"ping": PING, "traceroute": TRACEROUTE},
    refusals=REFUSALS,
    account=account,
)
