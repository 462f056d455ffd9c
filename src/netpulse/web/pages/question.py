"""What a result answers: the question in public values, and the link that puts it back into the form.

A stored result says it itself. A run under way is known by its rows in the audit trail, which are written before anything
is sent to a router.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

from netpulse.policy import Caller, offered, routers_for
from netpulse.services import Services
from netpulse.store.audit import AuditFilter, AuditRow
from netpulse.store.results import StoredResult
from netpulse.web.pages.composer import ALL_ROUTERS, Typed
from netpulse.web.pages.frame import link
from netpulse.web.saved import may_read

LONGEST_RUN_S = 180.0
"""Audit rows older than this belong to no run that is under way or just over."""


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked. `routers` are slugs, one unless `everywhere`; `target` is canonical text."""

    kind: str
    routers: tuple[str, ...]
    everywhere: bool
    connection: int | None
    target: str | None
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def router(self) -> str | None:
        """The slug of the one router that was asked; None if all were."""
        return self.routers[0] if self.routers and not self.everywhere else None

    def typed(self) -> Typed:
        """As the form holds it."""
        return Typed(
            router=ALL_ROUTERS if self.everywhere else self.router or "",
            connection="" if self.connection is None else str(self.connection),
            query=self.kind,
            target=self.target or "",
            options=self.options,
        )

    def link(self, router: str | None = None, **options: str) -> str:
        """The form with this question in it, asked of this router if one is named, with these choices; it runs nothing."""
        pairs = {**dict(self.typed().pairs()), **options}
        if router is not None:
            pairs["router"] = router
        return link("/", **pairs)


def question_of(stored: StoredResult, data: Mapping[str, Any]) -> Question:
    """The question that this stored result answers."""
    return Question(
        kind=stored.kind,
        routers=stored.routers,
        everywhere="routers" in data,
        connection=stored.connection,
        target=data.get("target"),
        options=stored.options,
    )


class Begun(NamedTuple):
    """A run that has begun lately: its question, whether a router is still asked, and whether a restart cut it short."""

    question: Question
    under_way: bool
    interrupted: bool


async def begun_lately(
    services: Services, caller: Caller, run_id: str, options: Mapping[str, str] | None = None
) -> Begun | None:
    """What is known of a run before there is a result; None if there is none that this caller may read about.

    Only the run itself knows its options, which are the asker's to see.
    """
    audit = services.store.audit
    since = audit.wall() - timedelta(seconds=LONGEST_RUN_S)
    rows = [row async for row in audit.find(AuditFilter(run_id=run_id, since=since), newest_first=False)]
    if not rows or not may_read(caller, _as_result(rows), services.settings.inventory):
        return None
    slugs = tuple(dict.fromkeys(row.router for row in rows if row.router))
    question = Question(rows[0].kind, slugs, len(slugs) > 1, rows[0].connection, rows[0].target, options or {})
    outcomes = {row.outcome for row in rows}
    return Begun(question, None in outcomes, "interrupted" in outcomes)


def everyone_asked(services: Services, caller: Caller, kind: str) -> tuple[str, ...]:
    """The slugs of all routers that a question of this kind is asked of when it is asked of all."""
    inventory = services.settings.inventory
    return tuple(r.slug for r in routers_for(caller, inventory) if kind in offered(services.matrix, r))


def _as_result(rows: list[AuditRow]) -> StoredResult:
    """As much of the result to come as decides who may read about it: where it is asked from, and nothing that it names."""
    first = rows[0]
    return StoredResult(
        id=first.run_id or "",
        kind=first.kind,
        key_id=first.key_id,
        audience="public",
        routers=tuple(dict.fromkeys(row.router for row in rows if row.router)),
        connection=first.connection,
        created_at=first.at,
        expires_at=first.at,
        body=b"",
    )
