"""The lab as a program or a test holds it: start, wait, break, mend, stop.

    with Lab(folder) as lab:
        lab.start()
        serve(lab.config_file)

Everything in here is synchronous and may be called from any thread.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from netpulse.cells import discover
from netpulse.lab import bird_control, config_file, host_sockets, keys, readiness
from netpulse.lab import topology as net
from netpulse.lab.binaries import environment_for, find, has_frr
from netpulse.lab.channel import Channel, LabError
from netpulse.platforms import junos, logins

__all__ = ["Lab", "LabError", "refusal"]

Part = Literal["core", "all"]
_UNSHARE = ("--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
_NEEDED = {
    "unshare": "util-linux", "mount": "mount", "ip": "iproute2", "bird": "bird2",
    "ping": "iputils-ping", "traceroute": "traceroute",
}  # fmt: skip
_WAIT_S = 40.0
_POLL_S = 0.02
_NUDGE_S = 0.1


def refusal() -> str | None:
    """Why this machine cannot run the lab, in one sentence; None if it can."""
    if not sys.platform.startswith("linux"):
        return "The lab needs Linux network namespaces; this system is not Linux."
    for program, package in _NEEDED.items():
        if find(program) is None:
            return f"The lab needs the program {program!r}, which is not installed: install the package {package}."
    tried = subprocess.run(
        [str(find("unshare")), *_UNSHARE, str(find("ip")), "link", "show", "dev", "lo"],
        capture_output=True, text=True, check=False, timeout=20, env=environment_for(),
    )  # fmt: skip
    if tried.returncode == 0:
        return None
    said = (tried.stderr.strip().splitlines() or ["no reason was given"])[-1]
    return f"This kernel or container does not let an ordinary process make network namespaces ({said})."


class Lab:
    """One small Internet. `folder` gets netpulse.yaml and the client key; it may be long and may stay afterwards.

    fast: the routers' command lines answer without Junos's waits.
    """

    def __init__(self, folder: Path, *, fast: bool = False) -> None:
        self.folder = folder
        self.config_file = folder / "netpulse.yaml"
        self.key_file = folder / "keys" / "lab"
        self.bird_sockets: dict[str, Path] = {}
        self.dns: tuple[str, int] = (host_sockets.LOOPBACK, 0)
        self.ssh: dict[str, tuple[str, int]] = {}
        self.host_keys: dict[str, str] = {}
        self.with_frr = has_frr()
        self.routers = [slug for slug, r in net.ROUTERS.items() if r.platform != "frr" or self.with_frr]
        self._fast = fast
        self._run: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._listeners: dict[str, socket.socket] = {}
        self._rest_started = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # --- life -----------------------------------------------------------------------------------------------

    def start(self, until: Part = "all", report: Callable[[str], None] | None = None) -> None:
        """Build everything and return once `until` has converged. LabError says what did not.

        With `core` the rest is started too, and comes up by itself; `wait("all")` waits for it.
        """
        tell = report or (lambda _: None)
        if self._process is not None:
            raise LabError("This lab is already running; make another one.")
        try:
            self._launch()
            self._write_files()
            if self._channel is None:
                raise LabError("The lab's control socket is missing; start it again.")
            self._channel.built(_WAIT_S)
            tell("The namespaces stand and the first routers have started.")
            for slug in net.MONITORED:
                self._start_shell(slug)
            self.wait("core")
            tell("core1, core2, rs1 and rs2 have converged.")
            self._start_rest()
            if until == "all":
                self.wait("all")
                tell("The edge routers have converged.")
        except BaseException:
            self.stop()
            raise

    def wait(self, what: Part) -> None:
        """Return once `what` has converged. LabError names what is still missing after 40 s."""
        conditions = list(readiness.core(self.bird_sockets))
        shells = list(net.MONITORED)
        if what == "all":
            conditions += readiness.rest(self.bird_sockets, with_frr=self.with_frr)
            shells = self.routers
            if self.with_frr:
                conditions += [
                    readiness.Condition(f"frr1's kernel routes {prefix}", partial(self._routed, "frr1", prefix))
                    for prefix in ("8.8.8.0/24", "2001:4860::/32")
                ]
        conditions += [
            readiness.Condition(f"the command line of {slug} answers", partial(self._shell_answers, slug))
            for slug in shells
        ]
        deadline_s = time.monotonic() + _WAIT_S
        for condition in conditions:
            self._until(condition, deadline_s)

    def until(self, what: str, holds: Callable[[], bool], limit_s: float = 20.0) -> None:
        """Return once `holds()` is true; it may raise OSError for "not yet". LabError names `what` after limit_s."""
        self._until(readiness.Condition(what, holds), time.monotonic() + limit_s)

    def _until(self, condition: readiness.Condition, deadline_s: float) -> None:
        nudge_s = time.monotonic() + _NUDGE_S
        while not condition.is_met():
            if self._process is None or self._process.poll() is not None:
                raise LabError("The lab has ended; start it again.")
            if time.monotonic() > deadline_s:
                raise LabError(f"In the time given this did not come true in the lab: {condition.what}.")
            if time.monotonic() > nudge_s:
                for path in self.bird_sockets.values():
                    bird_control.nudge(path)
                nudge_s = time.monotonic() + _NUDGE_S
            time.sleep(_POLL_S)

    @property
    def pid(self) -> int | None:
        """The process whose end is the end of the lab; None if it is not running."""
        return self._process.pid if self._process else None

    def stop(self) -> None:
        """End everything. Safe to call twice."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._process is not None:
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        for listener in self._listeners.values():
            listener.close()
        self._listeners.clear()
        if self._run is not None:
            shutil.rmtree(self._run, ignore_errors=True)
            self._run = None

    # --- looking --------------------------------------------------------------------------------------------

    def packets(self, router: str, connection_id: int) -> int:
        """How many packets the router has sent out of this connection's link, BGP's own included."""
        interface = self._connection(router, connection_id).interface
        return int(self._ask("packets", node=router, interface=interface)["sent"])

    def exec(self, node: str, argv: Sequence[str], timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run a program inside a node's namespace."""
        reply = self._ask("exec", node=node, argv=list(argv), limit_s=timeout_s, reply_s=timeout_s + 5)
        return subprocess.CompletedProcess(list(argv), reply["status"], reply["output"], reply["errors"])

    def bird(self, node: str, command: str) -> str:
        """What the BIRD of a node replies to one command."""
        return bird_control.ask(self._socket_of(node), command)

    def commands(self, router: str) -> list[str]:
        """The exec strings that the router's command line was given, in order."""
        return [str(entry["exec"]) for entry in self._to_shell(router, {"do": "commands"})["commands"]]

    def statuses(self, router: str) -> list[tuple[str, int | None]]:
        """The same with the exit status of each; None if it runs, or was closed without."""
        return [(str(entry["exec"]), entry["status"]) for entry in self._to_shell(router, {"do": "commands"})["commands"]]

    def sessions(self, router: str) -> dict[str, Any]:
        """Commands running `now`, the most at once (`peak`), `connections` and `logins` of the router's command line."""
        return dict(self._to_shell(router, {"do": "sessions"}))

    def ended(self) -> dict[str, int]:
        """Daemons that are no longer running, with their exit status. Empty in a healthy lab."""
        return dict(self._ask("alive")["ended"])

    # --- breaking and mending -------------------------------------------------------------------------------

    def cut(self, router: str, connection_id: int) -> None:
        """Pull the connection's cable at its far end: both sides see the link go down."""
        self._set_link(router, connection_id, up=False)

    def mend(self, router: str, connection_id: int) -> None:
        """Plug the cable in again. BGP comes back by itself within a few seconds."""
        self._set_link(router, connection_id, up=True)

    def stop_bgp(self, server: str, protocol: str) -> None:
        """Shut a BGP session of `server` (any node with a BIRD). `protocol` may be a pattern: `core1_*`."""
        self._session(server, "disable", protocol)

    def start_bgp(self, server: str, protocol: str) -> None:
        """Open the session again."""
        self._session(server, "enable", protocol)

    def stop_router(self, router: str) -> None:
        """Close the router's SSH: connections to its port are refused and the open ones end."""
        self._to_shell(router, {"do": "unlisten"})
        self.drop(router)

    def start_router(self, router: str) -> None:
        """Open the router's SSH again, on the same port."""
        with host_sockets.listener(self.ssh[router][1]) as listener:
            self._to_shell(router, {"do": "listen"}, listener)

    def shell(self, router: str, **faults: Any) -> dict[str, Any]:
        """Set faults of the router's command line; without any, heal it. Gives the command line's reply."""
        return self._to_shell(router, {"do": "faults", **faults} if faults else {"do": "heal"})

    def heal(self, router: str) -> None:
        """Take every fault off the router's command line, and end what outlived its channel."""
        self._to_shell(router, {"do": "heal"})
        self.drop(router)

    def drop(self, router: str) -> None:
        """End the router's open SSH connections."""
        self._to_shell(router, {"do": "drop"})

    # --- how ------------------------------------------------------------------------------------------------

    def _launch(self) -> None:
        # Unix socket paths end at 107 bytes, and the lab hides the host's /run, so neither `folder` nor that will do.
        self._run = Path(tempfile.mkdtemp(prefix="np-", dir="/tmp"))
        self.bird_sockets = {
            node.name: self._run / f"{node.name}.ctl" for node in net.NODES.values() if node.daemon == "bird"
        }
        for slug in self.routers:
            self._listeners[slug] = host_sockets.listener()
            self.ssh[slug] = (host_sockets.LOOPBACK, self._listeners[slug].getsockname()[1])
        udp, tcp = host_sockets.datagram_and_stream()
        self.dns = (host_sockets.LOOPBACK, tcp.getsockname()[1])
        mine, theirs = socket.socketpair()
        given = {"control": theirs.fileno(), "udp": udp.fileno(), "tcp": tcp.fileno(), "folder": str(self._run)}
        unshare = find("unshare")
        if unshare is None:
            raise LabError(
                "The lab needs the program 'unshare', which is not installed: install the package util-linux."
            )
        with udp, tcp, theirs:
            # A session of its own: Ctrl-C reaches the host only, which then ends the lab in order.
            self._process = subprocess.Popen(
                [str(unshare), *_UNSHARE, sys.executable, "-m", "netpulse.lab.inside", json.dumps(given)],
                stdin=subprocess.DEVNULL, env=environment_for(), start_new_session=True,
                pass_fds=[theirs.fileno(), udp.fileno(), tcp.fileno()],
            )  # fmt: skip
        self._channel = Channel(mine)

    def _write_files(self) -> None:
        run = self._running_folder()
        public = keys.create(self.key_file) + "\n"
        (run / "authorized_keys").write_text(public)
        self.key_file.with_suffix(".pub").write_text(public)
        for slug in self.routers:
            self.host_keys[slug] = keys.create(run / f"{slug}.key")
            keys.create(run / f"{slug}.other.key")
        access = config_file.Access(
            self.ssh, self.host_keys, str(self.key_file.relative_to(self.folder)), self.bird_sockets, self.dns
        )
        self.config_file.write_text(config_file.render(access, self.routers))

    def _start_shell(self, slug: str) -> None:
        run = self._running_folder()
        router = net.ROUTERS[slug]
        bird = str(self.bird_sockets[slug]) if slug in self.bird_sockets else None
        spec: dict[str, Any] = {
            "name": slug,
            "platform": "junos" if router.platform == "junos" else "linux",
            "control": str(run / f"{slug}.shell"),
            "bird_socket": bird,
            "host_keys": [str(run / f"{slug}.key"), str(run / f"{slug}.other.key")],
            "authorized_keys": str(run / "authorized_keys"),
            "user": config_file.USER,
            "fast": self._fast,
            "tables": {"v4": "master4", "v6": "master6"},
            "instances": {c.key: {"ipv4": c.source_ipv4, "ipv6": c.source_ipv6} for c in net.connections_of(slug)},
            "forward_unix": [bird] if bird and router.platform == "linux" else [],
            **self._login(slug),
            "env": {},
        }
        with self._listeners.pop(slug) as listener:
            self._ask("shell", spec=spec, sockets=[listener])

    def _login(self, slug: str) -> dict[str, str]:
        """What confines the login to the commands of the cells: what `netpulse account` prints, used for real."""
        platform = net.ROUTERS[slug].platform
        shapes = logins.shapes_of(discover(), platform)
        if platform == "junos":
            return {"allow": junos.allowed(shapes)}
        path = self._running_folder() / f"{slug}.wrapper"
        path.write_text(logins.wrapper(shapes))
        path.chmod(0o755)
        return {"wrapper": str(path)}

    def _start_rest(self) -> None:
        self._ask("rest")
        for slug in self.routers:
            if slug not in net.MONITORED:
                self._start_shell(slug)

    def _ask(self, do: str, *, reply_s: float = 30.0, sockets: Sequence[socket.socket] = (), **given: Any) -> Any:
        if self._channel is None:
            raise LabError("The lab is not running; start it first.")
        return self._channel.ask(do, sockets=sockets, timeout_s=reply_s, **given)

    def _running_folder(self) -> Path:
        if self._run is None:
            raise LabError("The lab is not running; start it first.")
        return self._run

    def _socket_of(self, node: str) -> Path:
        if node not in self.bird_sockets:
            raise LabError(f"The lab has no BIRD called {node!r}; it has {', '.join(sorted(self.bird_sockets))}.")
        return self.bird_sockets[node]

    def _connection(self, router: str, connection_id: int) -> Any:
        connection = net.CONNECTIONS.get(connection_id)
        if connection is None or connection.router != router:
            raise LabError(f"The lab's {router} has no connection {connection_id}.")
        return connection

    def _set_link(self, router: str, connection_id: int, *, up: bool) -> None:
        # At the far end, so that the router keeps its addresses and its static routes.
        far = self._connection(router, connection_id).interface
        self._ask("link", node=far, interface=router, up=up)

    def _session(self, server: str, verb: str, protocol: str) -> None:
        reply = bird_control.ask(self._socket_of(server), f'{verb} "{protocol}"')
        if reply.startswith(("8", "9")):
            raise LabError(f"BIRD on {server} would not {verb} {protocol}: {reply.strip()}")

    def _routed(self, node: str, prefix: str) -> bool:
        family = "-6" if ":" in prefix else "-4"
        return bool(self.exec(node, ["ip", family, "route", "show", prefix]).stdout)

    def _shell_answers(self, slug: str) -> bool:
        return "error" not in self._to_shell(slug, {"do": "sessions"})

    def _to_shell(self, router: str, request: dict[str, Any], sent: socket.socket | None = None) -> dict[str, Any]:
        path = self._running_folder() / f"{router}.shell"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(10)
            sock.connect(str(path))
            line = json.dumps(request).encode() + b"\n"
            if sent is None:
                sock.sendall(line)
            else:
                socket.send_fds(sock, [line], [sent.fileno()])
            with sock.makefile("rb") as replies:
                reply: dict[str, Any] = json.loads(replies.readline() or b"{}")
        return reply
