"""What `hide` and `redact` may say: fields that exist, patterns that can be read, nothing that would still stand in the text."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from netpulse.cells import Matrix
from netpulse.config.faults import Place
from netpulse.config.kinds import shown
from netpulse.disclosure import COMMUNITIES

_GLOB = re.compile(r"\A[A-Za-z0-9.*-]+(?::[A-Za-z0-9.*-]+){1,3}\Z", re.ASCII)
_LONGEST = 1000


def hiding_faults(data: Mapping[str, Any], matrix: Matrix, platforms: Collection[str]) -> Iterator[tuple[Place, str]]:
    """Each entry that cannot be followed, with its place. `platforms` are those that devices of this file have."""
    for place, entries in _lists(data, "hide"):
        for i, entry in enumerate(entries):
            if isinstance(entry, str) and (fault := _hide_fault(entry, entries, matrix, platforms)):
                yield (*place, i), fault
    for place, entries in _lists(data, "redact"):
        for i, entry in enumerate(entries):
            if isinstance(entry, str) and (fault := _pattern_fault(entry)):
                yield (*place, i), fault


def _lists(data: Mapping[str, Any], name: str) -> Iterator[tuple[Place, list[Any]]]:
    """The entries for everybody, or those of each audience."""
    found = data.get(name)
    for place, entries in [((name,), found)] if isinstance(found, list) else [
        ((name, audience), listed) for audience, listed in (found.items() if isinstance(found, dict) else ())
    ]:
        if isinstance(entries, list):
            yield place, entries


def _hide_fault(entry: str, entries: list[Any], matrix: Matrix, platforms: Collection[str]) -> str | None:
    if entry == "output":
        return None
    name, colon, glob = entry.partition(":")
    if colon:
        if name not in COMMUNITIES:
            return f"single values can be hidden of {', '.join(COMMUNITIES)} only, as in communities:64500:*"
        return None if _GLOB.match(glob) else "must end in a community with * for any part, as in communities:64500:*"
    known = matrix.hideable()
    if name not in known:
        close = get_close_matches(name.lower(), known, n=1, cutoff=0.6)
        rest = f"did you mean {close[0]}?" if close else f"use output or one of {', '.join(sorted(known))}"
        return f"{shown(name)} is not a field that can be hidden; {rest}"
    if "output" not in entries:
        for platform in platforms:
            if not matrix.keeps_apart(platform, name):
                return f"cannot be taken out of the text that platform {platform} prints; hide output beside it"
    return None


def _pattern_fault(text: str) -> str | None:
    if not text or len(text) > _LONGEST:
        return f"must be a regular expression of 1 to {_LONGEST} characters"
    try:
        empty = re.compile(text).match("")
    except re.error as fault:
        return f"must be a regular expression; {fault.msg} at character {(fault.pos or 0) + 1}"
    return None if empty is None else "matches the empty text, so it would be everywhere; make it longer"
