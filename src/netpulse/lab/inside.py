"""The first process of the lab's own namespaces: builds the Internet, starts its daemons, does what the host asks.

`python -m netpulse.lab.inside JSON` under `unshare`. It is process 1 of its PID namespace, so when it ends, for
whatever reason, the kernel ends everything else in there. It ends when the host's end of the control socket closes.

Requests are JSON lines with `id` and `do`; each is answered by one JSON line with the same id. Descriptors come with the
line that needs them (SCM_RIGHTS).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from netpulse.lab import binaries, daemons, namespaces, relay, wiring
from netpulse.lab import topology as net
from netpulse.lab.shapes import Stage

Json = dict[str, Any]


class Inside:
    """What runs in the lab. `folder` is short and shared with the host: control sockets and logs live there."""

    def __init__(self, control: socket.socket, folder: Path) -> None:
        self._control = control
        self._folder = folder
        self._sending = Lock()
        self._descriptors: deque[int] = deque()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._environment = self._with_plain_names(binaries.environment_for())
        self._actions: dict[str, Callable[[Json], Json]] = {
            "rest": self._rest,
            "shell": self._shell,
            "exec": self._exec,
            "packets": self._packets,
            "link": self._link,
            "alive": self._alive,
        }

    def build(self) -> None:
        """Namespaces, cables, addresses; then the daemons of the first stage."""
        ip = self._program("ip")
        _private_mounts()
        names = wiring.namespaces()
        namespaces.Batch(ip, [f"netns add {name}" for name in names]).finish()
        for name in names:
            with namespaces.entered(name):
                namespaces.set_kernel(wiring.SETTINGS)
        namespaces.Batch(ip, wiring.cables()).finish()
        for batch in [namespaces.Batch(ip, wiring.inside(name), name) for name in names]:
            batch.finish()
        for node, interface in wiring.relayed_ends():
            with namespaces.entered(node):
                relay.trust_no_offload(interface)
        self._start_stage(1)

    def serve(self) -> None:
        """Answer the host until it closes its end."""
        waiting = b""
        while True:
            data, descriptors, _, _ = socket.recv_fds(self._control, 65536, 8)
            self._descriptors.extend(descriptors)
            if not data:
                return
            *lines, waiting = (waiting + data).split(b"\n")
            for line in lines:
                request = json.loads(line)
                request["fds"] = [self._descriptors.popleft() for _ in range(request.get("fds", 0))]
                Thread(target=self._answer, args=(request,), daemon=True).start()

    def tell(self, message: Json) -> None:
        """Send one line to the host."""
        with self._sending:
            self._control.sendall(json.dumps(message).encode() + b"\n")

    def _answer(self, request: Json) -> None:
        reply: Json
        try:
            reply = self._actions[request["do"]](request)
        except (OSError, RuntimeError, LookupError, subprocess.SubprocessError) as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        finally:
            for descriptor in request["fds"]:
                os.close(descriptor)
        self.tell({"id": request["id"], **reply})

    def _with_plain_names(self, environment: dict[str, str]) -> dict[str, str]:
        """PATH begins with a folder in which each program bears the name that a user types."""
        plain = self._folder / "bin"
        plain.mkdir()
        for name in ("ping", "traceroute", "vtysh"):
            if path := binaries.find(name):
                (plain / name).symlink_to(path)
        return {**environment, "PATH": f"{plain}{os.pathsep}{environment['PATH']}"}

    def _program(self, name: str) -> str:
        path = binaries.find(name)
        if path is None:
            raise RuntimeError(f"{name} is not installed")
        return str(path)

    def _start(self, name: str, namespace: str, argv: list[str], keep: tuple[int, ...] = ()) -> None:
        with (self._folder / f"{name}.out").open("wb") as output, namespaces.entered(namespace):
            self._running[name] = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment,
                pass_fds=keep,
            )

    def _start_stage(self, stage: Stage) -> None:
        for program in daemons.of_stage(stage, self._folder, binaries.find):
            if program.after:
                _wait_for(program.after)
            self._start(program.name, program.namespace, list(program.argv))

    def _rest(self, _: Json) -> Json:
        self._start_stage(2)
        return {}

    def _shell(self, request: Json) -> Json:
        (listener,) = request["fds"]
        spec = {**request["spec"], "listen_fd": listener, "path": self._environment["PATH"]}
        if "LD_LIBRARY_PATH" in self._environment:
            spec["env"] = {**spec.get("env", {}), "LD_LIBRARY_PATH": self._environment["LD_LIBRARY_PATH"]}
        file = self._folder / f"{spec['name']}.json"
        file.write_text(json.dumps(spec))
        os.set_inheritable(listener, True)
        argv = [sys.executable, "-m", "netpulse.lab.router_shell", str(file)]
        self._start(f"{spec['name']}-shell", spec["name"], argv, (listener,))
        return {}

    def _exec(self, request: Json) -> Json:
        with namespaces.entered(request["node"]):
            process = subprocess.Popen(
                request["argv"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                text=True, env=self._environment,
            )  # fmt: skip
        try:
            output, errors = process.communicate(timeout=request["limit_s"])
        finally:
            process.kill()
            process.wait()
        return {"status": process.returncode, "output": output, "errors": errors}

    def _packets(self, request: Json) -> Json:
        return {"sent": namespaces.transmitted(request["node"], request["interface"])}

    def _link(self, request: Json) -> Json:
        state = "up" if request["up"] else "down"
        line = f"link set dev {request['interface']} {state}"
        namespaces.Batch(self._program("ip"), [line], request["node"]).finish()
        return {}

    def _alive(self, _: Json) -> Json:
        return {"ended": {name: code for name, p in self._running.items() if (code := p.poll()) is not None}}


def _wait_for(file: Path, limit_s: float = 10.0) -> None:
    deadline_s = time.monotonic() + limit_s
    while not file.exists():
        if time.monotonic() > deadline_s:
            raise RuntimeError(f"{file} did not appear in {limit_s:.0f} s")
        time.sleep(0.01)


def _private_mounts() -> None:
    """Give the lab its own /run, FRR folder and list of groups; nobody outside sees any of them."""
    mount = binaries.find("mount")
    if mount is None:
        raise RuntimeError("mount is not installed")
    places = ["/run"] + (["/etc/frr"] if Path("/etc/frr").is_dir() else [])
    for place in places:
        subprocess.run([str(mount), "-t", "tmpfs", "netpulse-lab", place], check=True, capture_output=True)
    daemons.FRR_FOLDER.mkdir(parents=True)
    # FRR insists on a group frrvty and on being in it; the only group that this user namespace knows is root's.
    groups = Path("/etc/group").read_text().splitlines(keepends=True)
    ours = Path("/run/group")
    ours.write_text("".join(line for line in groups if not line.startswith("frr")) + "frrvty:x:0:root\n")
    subprocess.run([str(mount), "--bind", str(ours), "/etc/group"], check=True, capture_output=True)
    if not Path("/etc/pam.d/frr").exists() and Path("/etc/pam.d").is_dir():
        # An FRR that is only unpacked: without its PAM file vtysh would ask for a password.
        pam = Path("/run/pam.d")
        pam.mkdir()
        (pam / "frr").write_text("auth sufficient pam_permit.so\naccount sufficient pam_permit.so\n")
        subprocess.run([str(mount), "--bind", str(pam), "/etc/pam.d"], check=True, capture_output=True)
    vtysh = Path("/etc/frr/vtysh.conf")
    if vtysh.parent.is_dir():
        vtysh.write_text("no service integrated-vtysh-config\n")


def _outlive_orphans() -> None:
    """Leave process 1 behind to reap whoever loses its parent; the caller goes on as its child.

    Process 1 ends with the caller, and with process 1 the kernel ends everything in the lab.
    """
    child = os.fork()
    if child == 0:
        return
    while True:
        ended, status = os.wait()
        if ended == child:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def main(argument: str) -> None:
    """argument: JSON with control, udp and tcp (descriptors) and folder (path)."""
    spec = json.loads(argument)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _outlive_orphans()
    control = socket.socket(fileno=spec["control"])
    inside = Inside(control, Path(spec["folder"]))
    try:
        inside.build()
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        inside.tell({"id": 0, "error": str(error), "detail": traceback.format_exc()})
        return
    try:
        _serve(inside, spec)
    finally:
        # The host may have been killed, and then nobody else tidies up.
        shutil.rmtree(spec["folder"], ignore_errors=True)


def _serve(inside: Inside, spec: Json) -> None:
    inside.tell({"id": 0})
    from netpulse.lab import names  # after the daemons: dnspython takes a while to load and nobody asks yet

    udp, tcp = socket.socket(fileno=spec["udp"]), socket.socket(fileno=spec["tcp"])
    names.serve(udp, tcp, net.names())
    inside.serve()


if __name__ == "__main__":
    main(sys.argv[1])
