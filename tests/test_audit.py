"""`make audit` never takes what it could not find out for good news."""

from __future__ import annotations

import json

import pytest

import audit

FINE = {"name": "a", "version": "1", "vulns": []}
WEAK = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}]}
SKIPPED = {"name": "c", "skip_reason": "not found"}


def npm(total: int) -> str:
    return json.dumps({"metadata": {"vulnerabilities": {"high": total, "total": total}, "dependencies": {"total": 9}}})


@pytest.mark.parametrize(
    ("packages", "status"),
    [
        ([FINE], audit.NONE),
        ([FINE, WEAK], audit.SOME),
        ([WEAK, SKIPPED], audit.SOME),
        ([FINE, SKIPPED], audit.UNKNOWN),
        ([], audit.UNKNOWN),
    ],
)
def test_packages_are_fine_weak_or_unknown(packages: list[object], status: int) -> None:
    outcome = audit.python_outcome(json.dumps({"dependencies": packages}), "")
    assert outcome.status == status
    assert "\n" not in outcome.line
    assert ("b 2 (PYSEC-1)" in outcome.line) == (WEAK in packages)


@pytest.mark.parametrize("report", ["", "{}", "[]", "no JSON"])
def test_no_report_is_not_audited_and_says_why(report: str) -> None:
    for outcome in (audit.python_outcome(report, "x\nno network\n"), audit.npm_outcome(report, "x\nno network\n")):
        assert outcome.status == audit.UNKNOWN
        assert outcome.line.endswith("not audited (no network)")


def test_the_front_ends_tools_are_counted() -> None:
    assert audit.npm_outcome(npm(0), "") == audit.Outcome(audit.NONE, "frontend: 9 packages, no known weakness")
    assert audit.npm_outcome(npm(2), "") == audit.Outcome(audit.SOME, "frontend: known weaknesses: 2 high")


@pytest.mark.parametrize(
    ("statuses", "code"), [((0, 0), 0), ((0, 2), 2), ((1, 2), 1), ((2, 1), 1), ((1, 0), 1)]
)
def test_the_worst_decides(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], statuses: tuple[int, int], code: int
) -> None:
    monkeypatch.setattr(audit, "audit", lambda: [audit.Outcome(status, "x") for status in statuses])
    assert audit.main() == code
    assert capsys.readouterr().out.splitlines()[-1].startswith("audit: ")
