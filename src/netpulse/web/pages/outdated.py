"""What an old link asks for that is not here any more: said at its field, with what the form has chosen instead."""

from __future__ import annotations

import re
from collections.abc import Mapping

from netpulse.cells import QueryType
from netpulse.web.pages.composer import ALL_ROUTERS, Model, Typed
from netpulse.words import Words

# What may be repeated to the reader: the forms of a slug and of an id, and nothing else that a link can hold.
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_ID = re.compile(r"[0-9]{1,9}")


def outdated(
    words: Words, typed: Typed, shown: Typed, model: Model, kinds: Mapping[str, QueryType], status: Mapping[str, str]
) -> dict[str, str]:
    """By field what of `typed` is not `shown`; nothing of what the link left open. A router at rest stays chosen, and is told."""
    found: dict[str, str] = {}
    kind = kinds.get(shown.query)
    if kind is None or not shown.router:
        return found
    if typed.query and typed.query != shown.query:
        name = words.t(f"query.{kind.name}") if words.has(f"query.{kind.name}") else kind.title
        found["form"] = words.t("error.link.query", chosen=name)
    if status.get(shown.router) == "maintenance":
        found["router"] = words.t("error.code.maintenance")
    elif typed.router not in ("", ALL_ROUTERS, shown.router):
        found["router"] = (
            words.t("error.link.router", slug=typed.router, chosen=shown.router)
            if _SLUG.fullmatch(typed.router)
            else words.t("error.link.router.nameless", chosen=shown.router)
        )
    elif typed.router == shown.router and kind.sourced and typed.connection not in ("", shown.connection):
        chosen = next((c.name for c in model.connections.get(shown.router, ()) if str(c.id) == shown.connection), "")
        found["connection"] = (
            words.t("error.link.connection", router=shown.router, id=typed.connection, chosen=chosen)
            if _ID.fullmatch(typed.connection)
            else words.t("error.link.connection.nameless", chosen=chosen)
        )
    return found
