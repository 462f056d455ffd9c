"""The routers and connections of a result as its reader may see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from netpulse.inventory import Connection, Router
from netpulse.web.pages.cards import Silence
from netpulse.web.pages.question import Question


@dataclass(frozen=True, slots=True)
class Places:
    """The routers and connections of a result as the reader may see them; empty for what no longer exists.

    `silences` are those that are down now; `working` those that are not and answer this kind of question, in file order.
    """

    routers: Mapping[str, Router] = field(default_factory=dict)
    connections: Mapping[tuple[str, int], Connection] = field(default_factory=dict)
    silences: Mapping[str, Silence] = field(default_factory=dict)
    working: tuple[str, ...] = ()

    def router(self, slug: str | None) -> Router | None:
        return self.routers.get(slug or "")

    def connection(self, slug: str | None, number: int | None) -> Connection | None:
        return self.connections.get((slug or "", -1 if number is None else number))

    def chosen(self, question: Question | None) -> Connection | None:
        """The connection that this question is asked by."""
        return self.connection(question.router, question.connection) if question else None

    def nearest(self, slug: str, most: int = 2) -> list[Router]:
        """The nearest routers that work: those of the same place first, then by how near they stand in the file."""
        here, order = self.routers.get(slug), list(self.routers)

        def far(router: Router) -> tuple[bool, int]:
            return router.location != (here.location if here else ""), abs(order.index(router.slug) - order.index(slug))

        others = [self.routers[other] for other in self.working if other != slug] if here else []
        return sorted(others, key=far)[:most]
