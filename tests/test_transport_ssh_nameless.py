"""A user that is only a number, as in a container, logs in like any other."""

from __future__ import annotations

import pwd
from pathlib import Path

import pytest

from doubles.fake_router import FakeRouter
from doubles.steps import Exit, Say
from netpulse.cli.check_router import unknown_key
from netpulse.inventory import Device, Inventory
from netpulse.pool import make_transport
from netpulse.settings import Settings
from netpulse.transports.probe import ask
from test_transport_ssh import reach


def nameless(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on this process's user is a number. Not before the double listens, which has the library's needs too."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("HOME", "")
    monkeypatch.delenv("HOME")

    def nobody(uid: int) -> pwd.struct_passwd:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", nobody)


async def test_a_user_without_a_name_can_log_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeRouter({"hi": [Say("hello\n"), Exit(0)]}) as router:
        nameless(monkeypatch)
        transport, _ = make_transport(Device("router:core1", "junos", reach(tmp_path, router)), 5.0)
        try:
            assert (await ask(transport, "hi", deadline_s=5.0)).lines == ("hello",)
        finally:
            await transport.close()


async def test_a_user_without_a_name_hears_the_host_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeRouter() as router:
        nameless(monkeypatch)
        finding = await unknown_key(reach(tmp_path, router), Settings(Inventory(())), "no key is pinned")
        assert finding.paste == f'host_keys: ["{router.host_key_line}"]'
