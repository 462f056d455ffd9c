"""Which programs run in which namespace, with which arguments. Pure, apart from writing their configuration files."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from netpulse.lab import bird_conf, frr_conf, wiring
from netpulse.lab import topology as net
from netpulse.lab.shapes import Node, Stage

FRR_FOLDER = Path("/run/frr")
AGGREGATE, AGGREGATED = "130.89.0.0/16", (1124, 1133)


@dataclass(frozen=True)
class Program:
    """One daemon: its name in logs, the namespace it lives in, its argument list, the socket it must find."""

    name: str
    namespace: str
    argv: tuple[str, ...]
    after: Path | None = None


def of_stage(stage: Stage, folder: Path, find: Callable[[str], Path | None]) -> list[Program]:
    """The daemons of a stage in the order in which to start them; their configuration is written to `folder`.

    A program that is not installed is left out: `Lab.refusal` has said so, or the lab does without it (FRR).
    """
    programs: list[Program] = []
    for node in net.nodes_in(stage):
        if node.daemon == "bird" and (bird := find("bird")):
            programs.append(_bird(node, folder, bird))
        elif node.daemon == "speaker":
            programs.append(_speaker(node))
        elif node.daemon == "frr":
            programs.extend(_frr(node, folder, find))
    if stage == 1:
        programs.append(_relay())
    return programs


def _bird(node: Node, folder: Path, bird: Path) -> Program:
    config = folder / f"{node.name}.conf"
    config.write_text(bird_conf.render(node, folder / f"{node.name}.log"))
    argv = (str(bird), "-f", "-c", str(config), "-s", str(folder / f"{node.name}.ctl"))
    return Program(node.name, node.name, argv)


def _frr(node: Node, folder: Path, find: Callable[[str], Path | None]) -> list[Program]:
    zebra, bgpd = find("zebra"), find("bgpd")
    if zebra is None or bgpd is None:
        return []
    programs = []
    for name, path, text in (
        ("zebra", zebra, frr_conf.render_zebra(node)),
        ("bgpd", bgpd, frr_conf.render_bgpd(node)),
    ):
        config = folder / f"{node.name}-{name}.conf"
        config.write_text(text)
        # Neither daemon may become the user frr, whom this user namespace does not know.
        argv = (
            *(str(path), "-u", "root", "-g", "root", "-f", str(config)),
            *("-A", "127.0.0.1", "-P", "0", "-i", str(FRR_FOLDER / f"{name}.pid")),
        )
        # A bgpd that finds no zebra opens its sessions without knowing its interfaces, and then drops every IPv6
        # route, since their next hops are link-local.
        after = FRR_FOLDER / "zserv.api" if name == "bgpd" else None
        programs.append(Program(f"{node.name}-{name}", node.name, argv, after))
    return programs


def _speaker(node: Node) -> Program:
    sessions = []
    for link in net.links_of(node.name):
        ends = net.ends_of(link)
        sessions.append((str(ends.right_ipv4.ip), str(ends.left_ipv4.ip)))
    spec = {
        "asn": node.asn,
        "router_id": node.router_id,
        "prefix": AGGREGATE,
        "members": AGGREGATED,
        "sessions": sessions,
    }
    return Program(node.name, node.name, (sys.executable, "-m", "netpulse.lab.speaker", json.dumps(spec)))


def _relay() -> Program:
    wires = []
    for link in net.LINKS:
        if link.relayed:
            near, far = wiring.relay_ports(link)
            wires.append({"near": near, "far": far, "delay_ms": link.delay_ms, "lose_every": link.lose_every})
    return Program("relay", wiring.RELAY, (sys.executable, "-m", "netpulse.lab.relay", json.dumps(wires)))
