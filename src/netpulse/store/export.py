"""Audit rows for other programs: JSON lines, and CSV that no spreadsheet mistakes for formulas."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from netpulse.store.audit import COLUMNS, AuditRow

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def json_line(row: AuditRow) -> str:
    """The row as one JSON object on one line, with its line end; every field, null when not known."""
    return json.dumps({name: _plain(value) for name, value in asdict(row).items()}, separators=(",", ":")) + "\n"


def csv_header() -> str:
    """The names of the columns, as a line of CSV (RFC 4180)."""
    return _csv_line(COLUMNS)


def csv_line(row: AuditRow) -> str:
    """The row as a line of CSV; text that a spreadsheet would take for a formula begins with an apostrophe."""
    return _csv_line([_cell(_plain(value)) for value in asdict(row).values()])


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return "" if value is None else value


def _csv_line(values: Any) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(values)
    return line.getvalue()
