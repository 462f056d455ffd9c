"""Route origin validation: what the payloads say of a route, and files that are written anew while the service runs."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from doubles.glass import looking_glass
from netpulse.enrich.fresh import Tables
from netpulse.enrich.rpki import Vrps, read_vrps
from netpulse.enrich.tables import Names, read_names
from netpulse.settings import DataFiles
from netpulse.web.pages.why import rpki_reason
from netpulse.words import words_for

ROAS = [
    {"asn": "AS15169", "prefix": "8.8.8.0/24", "maxLength": 24},
    {"asn": 3333, "prefix": "193.0.0.0/21", "maxLength": 23},
    {"asn": "AS3333", "prefix": "193.0.0.0/16"},
    {"asn": "AS0", "prefix": "203.0.112.0/20", "maxLength": 32},
    {"asn": "AS13335", "prefix": "2606:4700::/32", "maxLength": 48},
    {"asn": "AS64496", "prefix": "8.8.8.0/24", "maxLength": 32},
]


def export(path: Path, roas: object = ROAS) -> Path:
    """Written as validators do: beside it, then in its place."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps({"metadata": {"vrps": 1}, "roas": roas}))
    os.replace(new, path)
    return path


@pytest.mark.parametrize(
    ("prefix", "origin", "state", "reason"),
    [
        ("8.8.8.0/24", 15169, "valid", "a ROA for 8.8.8.0/24 allows AS15169"),
        ("8.8.8.0/24", 64666, "invalid", "the ROA for 8.8.8.0/24 allows AS15169 and AS64496 only"),
        ("8.8.8.0/25", 64496, "valid", "a ROA for 8.8.8.0/24 allows AS64496"),
        ("8.8.8.0/25", 15169, "invalid", "the ROA for 8.8.8.0/24 allows AS15169 prefixes up to /24, not a /25"),
        ("8.8.8.0/24", None, "invalid", "the ROA for 8.8.8.0/24 allows AS15169 and AS64496 only"),
        ("8.8.0.0/16", 15169, "not_found", "no ROA covers this prefix"),
        ("193.0.6.0/23", 3333, "valid", "a ROA for 193.0.0.0/21 allows AS3333"),
        ("193.0.0.0/16", 3333, "valid", "a ROA for 193.0.0.0/16 allows AS3333"),
        ("193.0.6.0/24", 3333, "invalid", "the ROA for 193.0.0.0/16 allows AS3333 prefixes up to /16, not a /24"),
        ("203.0.113.0/24", 0, "invalid", "the ROA for 203.0.112.0/20 allows nobody"),
        ("2606:4700:10::/48", 13335, "valid", "a ROA for 2606:4700::/32 allows AS13335"),
        ("2606:4700::/31", 13335, "not_found", "no ROA covers this prefix"),
        ("0.0.0.0/0", 1, "not_found", "no ROA covers this prefix"),
        ("::/0", 1, "not_found", "no ROA covers this prefix"),
    ],
)
def test_a_route_is_what_rfc_6811_says(tmp_path: Path, prefix: str, origin: int | None, state: str, reason: str) -> None:
    found = read_vrps(export(tmp_path / "vrps.json")).state(prefix, origin)
    assert (found.state, found.reason) == (state, reason)
    assert rpki_reason(words_for("en"), reason)
    assert rpki_reason(words_for("de"), reason) != reason, "the pages have no German for it"


@pytest.mark.parametrize("prefix", ["", "x/24", "8.8.8.0", "8.8.8.0/x", "8.8.8/24"])
def test_what_is_no_prefix_has_no_state(tmp_path: Path, prefix: str) -> None:
    assert read_vrps(export(tmp_path / "vrps.json")).state(prefix, 15169).state is None


def test_entries_that_are_no_payload_are_passed_over(tmp_path: Path) -> None:
    odd = [
        {"asn": "AS1", "prefix": "10.0.0.0/33"},
        {"asn": "AS1", "prefix": "10.0.0.0/24", "maxLength": 23},
        {"asn": "AS1", "prefix": "10.0.0.0"},
        {"asn": "ASX", "prefix": "10.0.0.0/24"},
        {"asn": "4294967296", "prefix": "10.0.0.0/24"},
        {"asn": "AS1", "prefix": "2001:db8::/96"},
        {"asn": "AS1", "prefix": "ten/8"},
    ]
    assert not read_vrps(export(tmp_path / "vrps.json", odd))
    assert read_vrps(export(tmp_path / "vrps.json", [*odd, *ROAS])).state("8.8.8.0/24", 15169).state == "valid"


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"roas": {}}', '{"roas": [{"asn": []}]}', "\xff"])
def test_another_file_is_no_export(tmp_path: Path, content: str) -> None:
    path = tmp_path / "vrps.json"
    path.write_text(content, "latin-1")
    with pytest.raises(ValueError, match="is not an export of an RPKI validator"):
        read_vrps(path)


def test_an_exchange_is_known_by_its_lan(tmp_path: Path) -> None:
    table = tmp_path / "lans.csv"
    table.write_text("prefix,name\n80.81.192.0/21,DE-CIX Frankfurt\n2001:7f8::/64,DE-CIX Frankfurt\n80.81.192.0/24,A corner\n")
    names = read_names(None, None, table)
    assert names.of_lan(ip_address("80.81.199.1")) == "DE-CIX Frankfurt"
    assert names.of_lan(ip_address("80.81.192.7")) == "A corner"
    assert names.of_lan(ip_address("2001:7f8::1a27:5051:c09d")) == "DE-CIX Frankfurt"
    assert names.of_lan(ip_address("80.81.200.1")) is None


class Following:
    """Tables that are followed; every look is asked for, so nothing waits for a clock."""

    def __init__(self, data: DataFiles) -> None:
        self.tables = Tables()
        self.tables.adopt(data)
        self.taken: list[Names] = []

    async def look(self) -> None:
        await self.tables._look(self.taken.append)


async def test_an_export_written_anew_counts_and_a_broken_one_leaves_the_one_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = export(tmp_path / "vrps.json")
    following = Following(DataFiles(vrps=path))
    assert not following.tables.names.vrps, "payloads are not read while others wait"
    await following.look()
    assert following.tables.names.vrps.state("8.8.8.0/24", 15169).state == "valid"
    await following.look()
    assert len(following.taken) == 1, "an unchanged file is not read again"
    export(path, [{"asn": "AS1", "prefix": "8.8.8.0/24"}])
    await following.look()
    assert following.taken[-1].vrps.state("8.8.8.0/24", 15169).state == "invalid"
    path.write_text('{"roas": [')
    with caplog.at_level(logging.WARNING):
        await following.look()
        await following.look()
    assert [record.getMessage()[:60] for record in caplog.records] == [
        "vrps.json was not read, what it said before holds: is not an"
    ]
    assert following.tables.names.vrps.state("8.8.8.0/24", 15169).state == "invalid"


async def test_names_written_anew_count_and_a_reload_keeps_the_payloads(tmp_path: Path) -> None:
    table, path = tmp_path / "as.csv", export(tmp_path / "vrps.json")
    table.write_text("15169,Google\n")
    following = Following(DataFiles(as_names=table, vrps=path))
    await following.look()
    table.write_text("15169,Google LLC\n")
    await following.look()
    assert following.taken[-1].of_as(15169) == "Google LLC"
    assert following.taken[-1].vrps
    table.write_text("15169,Another\n")
    fresh = following.tables.adopt(DataFiles(as_names=table, vrps=path))
    assert (fresh.of_as(15169), bool(fresh.vrps)) == ("Another", True)
    assert following.tables.adopt(DataFiles(as_names=table)).vrps == Vrps()


async def test_the_service_takes_payloads_that_come_later(tmp_path: Path) -> None:
    path = export(tmp_path / "vrps.json")
    async with looking_glass(tmp_path) as glass:
        glass.services.reload(replace(glass.services.settings, data=DataFiles(vrps=path)))
        states = {None}
        while None in states:
            data = (await glass.get("/aspath?target=8.8.8.8&router=core1")).json()["data"]
            states = {route["rpki"]["state"] for route in data["result"]["routes"]}
    assert states == {"valid"}
