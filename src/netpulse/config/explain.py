"""What pydantic found, in sentences of ours: what is wrong, where, and what to write instead."""

from __future__ import annotations

import types
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from netpulse.config.faults import ConfigFault, Place
from netpulse.config.kinds import shown
from netpulse.config.models import ConfigFile
from netpulse.config.positions import Document


def explained(fault: ValidationError, document: Document) -> list[ConfigFault]:
    """Each error of the validation as a fault with its position in the document."""
    return [_explain(error, document) for error in fault.errors(include_url=False)]


def _explain(error: ErrorDetails, document: Document) -> ConfigFault:
    place: Place = tuple(error["loc"])
    kind, bounds, value = error["type"], error.get("ctx", {}), error["input"]
    if kind == "missing":
        return document.fault(place, "is missing; add it", of_key=True, at=place[:-1])
    if kind == "extra_forbidden":
        return document.fault(place, _unknown(place), of_key=True)
    return document.fault(place, _SENTENCES.get(kind, _plainly)(bounds, value, document.raw.get(place)) or error["msg"])


def _unknown(place: Place) -> str:
    known = keys_at(place[:-1])
    close = get_close_matches(str(place[-1]).lower(), known, n=1, cutoff=0.6)
    if close:
        return f"is not a setting here; did you mean {close[0]}?"
    return f"is not a setting here; remove it, or use one of {', '.join(known)}" if known else "is not a setting here"


def keys_at(place: Place) -> list[str]:
    """The keys that the block at this place may have, in the order of the manual."""
    here: type[BaseModel] | None = ConfigFile
    for step in place:
        if here is None:
            return []
        if isinstance(step, str):
            fields = {field.alias or name: field for name, field in here.model_fields.items()}
            here = block_of(fields[step].annotation) if step in fields else None
    return [field.alias or name for name, field in here.model_fields.items()] if here else []


def block_of(annotation: Any) -> type[BaseModel] | None:
    """The model inside an annotation like `list[Block]` or `Block | None`."""
    if isinstance(annotation, type) and not get_args(annotation):
        return annotation if issubclass(annotation, BaseModel) else None
    if get_origin(annotation) in (list, Union, types.UnionType):
        return next((found for part in get_args(annotation) if (found := block_of(part))), None)
    return None


def _plainly(bounds: dict[str, Any], value: Any, raw: str | None) -> str:
    return ""


def _own(bounds: dict[str, Any], value: Any, raw: str | None) -> str:
    return str(bounds["error"])


def _text(bounds: dict[str, Any], value: Any, raw: str | None) -> str:
    if value is None:
        return "must be text, is empty; write it, or remove the key"
    if raw is not None and not isinstance(value, list | dict):
        return f'must be text, is the value {raw}; write it in quotes: "{raw}"'
    return f"must be text, is {shown(value)}"


def _choice(bounds: dict[str, Any], value: Any, raw: str | None) -> str:
    choices = [choice.strip(" '") for choice in str(bounds["expected"]).replace(" or ", ", ").split(",")]
    text = str(value).casefold()
    same = [choice for choice in choices if choice.casefold() == text]
    close = same or get_close_matches(text, choices, n=1, cutoff=0.6)
    remedy = f"did you mean {close[0]}?" if close else "write one of them"
    return f"must be one of {', '.join(choices)}, is {shown(value)}; {remedy}"


def _list(bounds: dict[str, Any], value: Any, raw: str | None) -> str:
    example = raw if raw and len(raw) <= 40 else "…"
    return f"must be a list; write [{example}]" if value is not None else "must be a list, is empty; remove the key"


def _block(bounds: dict[str, Any], value: Any, raw: str | None) -> str:
    remedy = "write its settings below it, or remove it" if value is None else "write settings as `key: value`"
    return f"must be a block of settings, is {shown(value)}; {remedy}"


_Sentence = Callable[[dict[str, Any], Any, str | None], str]
_SENTENCES: dict[str, _Sentence] = {
    "value_error": _own,
    "string_type": _text,
    "string_too_short": lambda b, v, r: "is empty; write it, or remove the key",
    "string_too_long": lambda b, v, r: f"is too long; use at most {b['max_length']} characters",
    "int_type": lambda b, v, r: f"must be a whole number, is {shown(v)}",
    "int_from_float": lambda b, v, r: f"must be a whole number, is {shown(v)}",
    "float_type": lambda b, v, r: f"must be a number, is {shown(v)}",
    "finite_number": lambda b, v, r: f"must be a number, is {shown(v)}",
    "bool_type": lambda b, v, r: f"must be true or false, is {shown(v)}",
    "list_type": _list,
    "model_type": _block,
    "literal_error": _choice,
    "greater_than": lambda b, v, r: f"must be more than {b['gt']:g}, is {shown(v)}",
    "greater_than_equal": lambda b, v, r: f"must be at least {b['ge']}, is {shown(v)}",
    "less_than_equal": lambda b, v, r: f"must be at most {b['le']:.0f}, is {shown(v)}",
    "too_short": lambda b, v, r: "is empty; it needs at least one entry",
}
