"""What Prometheus would see: the page of metrics, parsed by its own library."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx2
from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True)
class Scrape:
    """One scrape. Families are named as their samples are, without the endings of counters and histograms."""

    text: str
    series: dict[tuple[str, frozenset[tuple[str, str]]], float]
    families: dict[str, str]

    def value(self, name: str, **labels: str) -> float:
        """The value of one series; a KeyError if there is none."""
        return self.series[name, frozenset(labels.items())]

    def labels(self, name: str, label: str) -> set[str]:
        """Every value that this label of these series has."""
        return {dict(labels)[label] for found, labels in self.series if found == name}

    def words(self) -> Iterator[str]:
        """Every value of every label."""
        for _, labels in self.series:
            yield from dict(labels).values()


async def scrape(port: int) -> Scrape:
    """What is at /metrics on this port of loopback."""
    async with httpx2.AsyncClient(timeout=20) as client:
        answer = await client.get(f"http://127.0.0.1:{port}/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return parsed(answer.text)


def parsed(text: str) -> Scrape:
    families = list(text_string_to_metric_families(text))
    series = {
        (sample.name, frozenset(sample.labels.items())): sample.value for family in families for sample in family.samples
    }
    return Scrape(text, series, {family.name: family.type for family in families})
