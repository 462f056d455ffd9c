"""The proxies' files as they are shipped, run for real in front of a glass: streams flow, addresses and errors pass through.

Only names, ports and certificates are put into them. A proxy that is not here is skipped by name.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path

import httpx2
import pytest

from doubles.glass import SETTINGS, TRACE, Glass, answers, looking_glass, parsed_events
from doubles.scripted import Hold, Say, Script, Scripted
from measure.nginx import certificate, free_ports, nginx_command
from netpulse.lab.binaries import find

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
BEHIND = replace(SETTINGS, trusted_proxies=(ip_network("127.0.0.0/8"), ip_network("::1/128")))
TRACEROUTE = "/api/v1/traceroute?target=8.8.8.8&router=core1&connection=1"


@dataclass(frozen=True)
class Front:
    """A proxy that runs: where it answers, and a client that trusts its certificate."""

    url: str
    plain_url: str
    client: httpx2.AsyncClient
    glass: Glass
    device: Scripted


def caddy_command(folder: Path, program: Path, upstream: int, plain: int, tls: int) -> list[str]:
    text = (DEPLOY / "caddy" / "Caddyfile").read_text()
    pem, private = certificate(folder)
    for old, new in (
        ("\nlg.example.com {\n", f"\nhttps://localhost:{tls} {{\n\tbind 127.0.0.1\n\ttls {pem} {private}\n"),
        ("127.0.0.1:8080", f"127.0.0.1:{upstream}"),
        ("\n{\n", f"\n{{\n\tadmin off\n\tauto_https disable_redirects\n\thttp_port {plain}\n\thttps_port {tls}\n"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    (folder / "Caddyfile").write_text(text)
    return [str(program), "start", "--config", str(folder / "Caddyfile"), "--pidfile", str(folder / "pid")]


COMMANDS: dict[str, Callable[[Path, Path, int, int, int], list[str]]] = {"nginx": nginx_command, "caddy": caddy_command}


def traced(command: str) -> Script:
    """A traceroute prints its first lines and then waits for the test."""
    if not command.startswith("traceroute"):
        return answers(command)
    first, rest = TRACE[: TRACE.index(" 2 ")], TRACE[TRACE.index(" 2 ") :]
    return [Say(first), Hold(), Say(rest)]


@asynccontextmanager
async def front(name: str, folder: Path) -> AsyncIterator[Front]:
    """The proxy of this name in front of a glass; it is gone at the end."""
    program = find(name)
    if program is None:
        pytest.skip(f"there is no {name} here")
    device = Scripted(traced)
    async with looking_glass(folder, {"router:core1": device}, BEHIND) as glass:
        plain, tls = free_ports(2)
        places = dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(folder))
        with (folder / "proxy.log").open("wb") as log:
            starting = await asyncio.create_subprocess_exec(
                *COMMANDS[name](folder, program, glass.port, plain, tls),
                env={"PATH": os.environ["PATH"], **places}, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
            assert await starting.wait() == 0, (folder / "proxy.log").read_text()
        try:
            context = ssl.create_default_context(cafile=folder / "cert.pem")
            async with httpx2.AsyncClient(verify=context, timeout=20, trust_env=False) as client:
                yield Front(f"https://localhost:{tls}", f"http://localhost:{plain}", client, glass, device)
        finally:
            os.kill(int((folder / "pid").read_text()), signal.SIGTERM)


PROXIES = pytest.mark.parametrize("name", sorted(COMMANDS))


@PROXIES
async def test_an_event_arrives_while_the_command_still_runs(tmp_path: Path, name: str) -> None:
    async with front(name, tmp_path) as proxy:
        headers = proxy.glass.headers(Accept="text/event-stream")
        async with proxy.client.stream("GET", proxy.url + TRACEROUTE, headers=headers) as answer:
            assert answer.status_code == 200
            events = parsed_events(answer.aiter_lines())
            early = [(await anext(events)).name for _ in range(2)]
            assert early == ["started", "output"], "the device has not been told to go on: nothing is held back"
            proxy.device.go()
            rest = [event.name async for event in events]
        assert rest[-1] == "finished"


@PROXIES
async def test_the_clients_address_is_the_one_that_the_proxy_saw(tmp_path: Path, name: str) -> None:
    async with front(name, tmp_path) as proxy:
        key = await proxy.glass.new_key(networks=(ip_network("127.0.0.1/32"),))
        for forged in ({}, {"X-Forwarded-For": "192.0.2.7"}):
            headers = {**proxy.glass.headers(key), **forged}
            answer = await proxy.client.get(proxy.url + "/api/v1/limits", headers=headers)
            assert answer.status_code == 200, "the address that a client claims would be refused"
        elsewhere = await proxy.glass.new_key(networks=(ip_network("192.0.2.7/32"),))
        headers = {**proxy.glass.headers(elsewhere), "X-Forwarded-For": "192.0.2.7"}
        assert (await proxy.client.get(proxy.url + "/api/v1/limits", headers=headers)).status_code == 401


@PROXIES
async def test_errors_and_their_headers_pass_through(tmp_path: Path, name: str) -> None:
    async with front(name, tmp_path) as proxy:
        unknown = await proxy.client.get(proxy.url + "/api/v1/routers", headers={"Authorization": "Bearer np_x"})
        assert (unknown.status_code, unknown.json()["code"]) == (401, "unauthorized")
        assert unknown.headers["www-authenticate"].startswith("Bearer")
        assert unknown.headers["strict-transport-security"] == "max-age=31536000"
        assert unknown.headers["x-request-id"]
        once = await proxy.glass.new_key(per_minute=1)
        codes = [await proxy.client.get(proxy.url + "/api/v1/routers", headers=proxy.glass.headers(once)) for _ in range(2)]
        assert [answer.status_code for answer in codes] == [200, 429]
        assert int(codes[1].headers["retry-after"]) >= 1
        refused = proxy.url + "/api/v1/ping?target=10.0.0.1&router=core1&connection=1"
        bad = await proxy.client.get(refused, headers=proxy.glass.headers())
        assert (bad.status_code, bad.json()["code"]) == (400, "target_refused")
        assert (await proxy.client.get(proxy.url + "/nothing")).status_code == 404


@PROXIES
async def test_requests_that_are_too_large_are_refused_as_documented(tmp_path: Path, name: str) -> None:
    async with front(name, tmp_path) as proxy:
        long_url = await proxy.client.get(f"{proxy.url}/api/v1/routers?x={'y' * 9000}")
        assert long_url.status_code == 414
        large = await proxy.client.get(proxy.url + "/api/v1/routers", headers={"X-Large": "y" * 40_000})
        assert large.status_code == 431


async def test_nginx_sends_a_visitor_without_tls_to_the_same_page_with_it(tmp_path: Path) -> None:
    async with front("nginx", tmp_path) as proxy:
        answer = await proxy.client.get(proxy.plain_url + "/network?x=1", headers={"Host": "localhost"})
        assert (answer.status_code, answer.headers["location"]) == (308, "https://localhost/network?x=1")


def test_no_proxy_holds_back_or_repeats_a_question() -> None:
    nginx = (DEPLOY / "nginx" / "netpulse.conf").read_text()
    for name in ("proxy_buffering", "gzip", "proxy_next_upstream", "proxy_intercept_errors"):
        assert f" {name} off;" in nginx
    # Whoever takes nothing, or asks nothing more, is gone within half a minute.
    assert "    send_timeout 20s;\n" in nginx
    assert "    keepalive_timeout 15s;\n" in nginx
    assert int(re.findall(r"proxy_read_timeout (\d+)s;", nginx)[0]) > 55
    caddy = (DEPLOY / "caddy" / "Caddyfile").read_text()
    assert "flush_interval -1" in caddy
    assert not re.search(r"^\s*encode", caddy, re.MULTILINE)
