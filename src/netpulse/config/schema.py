"""The configuration's shape for editors (`netpulse.schema.json`) and for the manual (one table of every setting).

`python -m netpulse.config.schema` writes the schema; tests hold the file and the manual to what is rendered here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from netpulse.config.explain import block_of
from netpulse.config.models import ConfigFile

SCHEMA_FILE = Path(__file__).resolve().parent.parent / "netpulse.schema.json"


def schema_text() -> str:
    """The JSON Schema (draft 2020-12) of the file, with descriptions and defaults, ending in a line break."""
    schema = ConfigFile.model_json_schema(by_alias=True)
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "netpulse.yaml"}
    return json.dumps(_written_defaults(schema), indent=2, ensure_ascii=False) + "\n"


def _written_defaults(node: Any) -> Any:
    """The same schema with host and port pairs as people write them."""
    if isinstance(node, list):
        return [_written_defaults(child) for child in node]
    if not isinstance(node, dict):
        return node
    found = {name: _written_defaults(child) for name, child in node.items()}
    if node.get("type") == "string" and isinstance(node.get("default"), list | tuple):
        found["default"] = ":".join(map(str, node["default"]))
    return found


def settings_in_order(model: type[BaseModel] = ConfigFile, above: str = "") -> Iterator[tuple[str, str, str]]:
    """Every setting as (path, default, what it is); `[]` stands for each entry of a list."""
    for name, field in model.model_fields.items():
        block = block_of(field.annotation)
        listed = block is not None and str(field.annotation).startswith("list[")
        path = f"{above}{field.alias or name}{'[]' if listed else ''}"
        yield path, _default_text(field, block), str(field.description)
        if block is not None:
            yield from settings_in_order(block, f"{path}.")


def _default_text(field: FieldInfo, block: type[BaseModel] | None) -> str:
    if field.is_required():
        return "required"
    value = None if block is not None else field.default
    if value is None or value == []:
        return "none"
    if isinstance(value, tuple):
        value = ":".join(map(str, value))
    return f"`{json.dumps(value) if isinstance(value, bool | list) else value}`"


def manual_table() -> str:
    """The table of the manual: a row for every setting."""
    rows = ["| setting | default | what it is |", "|---|---|---|"]
    rows += [f"| `{path}` | {default} | {what} |" for path, default, what in settings_in_order()]
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
