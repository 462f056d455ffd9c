"""Dashboard, alert rules and manual speak of the metrics that a looking glass in front of real routers serves; no others."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from ruamel.yaml import YAML

from doubles.scrape import Scrape, scrape
from netpulse.settings import Settings
from netpulse.web.server import bound_socket, serving

ROOT = Path(__file__).resolve().parent.parent.parent
DASHBOARD = ROOT / "deploy" / "grafana" / "netpulse.json"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
MANUAL = ROOT / "docs" / "operating.md"
FROM_PROMETHEUS = {"job", "instance"}
"""Labels that the one who scrapes adds."""

_SELECTOR = re.compile(r"\b((?:netpulse|process)_[a-z_]+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
_GROUPING = re.compile(r"\b(?:by|on|group_left)\s*\(([^)]*)\)")
QUESTIONS = (
    "/ping?router=core1&connection=1&target=8.8.8.8",
    "/traceroute?router=core1&connection=2&target=8.8.8.8",
    "/aspath?router=core1&target=8.8.8.8",
    "/aspath/all-routers?target=8.8.8.8",
    "/ping?router=nowhere&connection=1&target=8.8.8.8",
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def seen(lab_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scrape]:
    """A scrape of a looking glass in front of the lab that was asked each kind of question."""
    storage = f"sqlite:///{tmp_path_factory.mktemp('metrics')}/netpulse.db"
    socket, metrics = bound_socket("127.0.0.1", 0), bound_socket("127.0.0.1", 0)
    base, port = f"http://127.0.0.1:{socket.getsockname()[1]}/api/v1", metrics.getsockname()[1]
    async with (
        serving(replace(lab_settings, storage=storage), [socket], metrics) as services,
        httpx2.AsyncClient(timeout=60) as client,
    ):
        key, _ = await services.store.keys.create("tests", per_minute=1000)
        for question in QUESTIONS:
            answer = await client.get(base + question, headers={"Authorization": f"Bearer {key}"})
            assert answer.status_code == (400 if "nowhere" in question else 200), answer.text
        yield await scrape(port)


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return found


def rules() -> list[dict[str, Any]]:
    groups = YAML(typ="safe", pure=True).load(ALERTS.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[tuple[str, str]]:
    """Where each expression stands, and the expression."""
    for panel in panels():
        yield from ((panel["title"], target["expr"]) for target in panel["targets"])
    for variable in dashboard()["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["definition"]
    yield from ((rule["alert"], rule["expr"]) for rule in rules())


def missing(seen: Scrape) -> Iterator[str]:
    """What the expressions name and the scrape does not have: series, labels, and values of labels."""
    labels_of: dict[str, dict[str, set[str]]] = {}
    for name, labels in seen.series:
        known = labels_of.setdefault(name, {})
        for label, value in labels:
            known.setdefault(label, set()).add(value)
    for place, expression in expressions():
        for name, matchers in _SELECTOR.findall(expression):
            if name not in labels_of:
                yield f"{place}: {name}"
                continue
            for label, value in _MATCHER.findall(matchers):
                if label not in labels_of[name] and label not in FROM_PROMETHEUS:
                    yield f"{place}: {name} has no label {label}"
                elif value.isidentifier() and label not in FROM_PROMETHEUS and value not in labels_of[name][label]:
                    yield f"{place}: {name} has no {label}={value}"
        named = FROM_PROMETHEUS | {"le"}
        for name, _ in _SELECTOR.findall(expression):
            named |= set(labels_of.get(name, {}))
        for group in _GROUPING.findall(expression):
            yield from (f"{place}: nothing has the label {word}" for word in re.findall(r"\w+", group) if word not in named)


async def test_dashboard_and_alerts_name_only_what_is_served(seen: Scrape) -> None:
    assert list(missing(seen)) == []
    assert len(list(expressions())) >= 40


async def test_a_metric_that_is_served_no_more_is_noticed(seen: Scrape) -> None:
    less = {key: value for key, value in seen.series.items() if key[0] != "netpulse_breaker_open"}
    assert any("netpulse_breaker_open" in fault for fault in missing(Scrape(seen.text, less, seen.families)))


async def test_every_metric_is_in_the_manual_and_no_other(seen: Scrape) -> None:
    served = {f"{name}_total" if kind == "counter" else name for name, kind in seen.families.items()}
    rows = re.findall(r"^\| `((?:netpulse|process)_\w+)` \|", MANUAL.read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(served)


async def test_the_manual_names_the_labels_that_a_metric_has(seen: Scrape) -> None:
    labels: dict[str, set[str]] = {}
    for name, found in seen.series:
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        labels.setdefault(base, set()).update(label for label, _ in found if label != "le")
    rows = re.findall(r"^\| `((?:netpulse|process)_\w+)` \|([^|]*)\|", MANUAL.read_text(), re.MULTILINE)
    assert {name: set(re.findall(r"\w+", text)) for name, text in rows} == labels


def test_each_alert_says_what_is_wrong_and_what_to_do() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names)) >= 15
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["annotations"]["runbook"].endswith(".")
    manual = MANUAL.read_text()
    assert [name for name in names if f"`{name}`" not in manual] == []


def test_the_dashboard_can_be_imported_anywhere() -> None:
    board = dashboard()
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    assert all(panel["datasource"]["uid"] == "${datasource}" for panel in panels())
    assert board["templating"]["list"][0]["type"] == "datasource"
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
