"""Plans of route questions asked before: the same text of the same sort of caller leads to the same plan."""

from __future__ import annotations

from typing import NamedTuple

from netpulse.cells import QueryType
from netpulse.pipeline import Pipeline
from netpulse.policy import Plan
from netpulse.telling import Frame
from netpulse.values import HostName
from netpulse.web.exchange import Exchange

_MOST = 1024


class _Asked(NamedTuple):
    kind: str
    folded: bool
    query_string: bytes
    audience: str
    routers: tuple[str, ...]


class Plans:
    """Remembers the plans of questions about routes, under one snapshot of the settings.

    Only those: their admission looks at nothing but the settings. A question that sends packets is admitted anew each
    time, because its target is counted; a name is resolved anew.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._frame: Frame = pipeline.frame
        self._plans: dict[_Asked, Plan] = {}

    def find(self, kind: QueryType, folded: bool, exchange: Exchange) -> Plan | None:
        """The plan of this question, if it was asked before under the settings of now."""
        if not kind.about_routes:
            return None
        if self._frame is not self._pipeline.frame:
            self._frame = self._pipeline.frame
            self._plans.clear()
        return self._plans.get(_asked(kind.name, folded, exchange))

    def keep(self, plan: Plan, exchange: Exchange) -> None:
        """Remember this plan for the question of this exchange, if plans of its kind may be."""
        settled = plan.kind.about_routes and not isinstance(plan.query.target, HostName)
        if settled and self._frame is self._pipeline.frame:
            if len(self._plans) >= _MOST:
                del self._plans[next(iter(self._plans))]
            self._plans[_asked(plan.kind.name, plan.folded, exchange)] = plan


def _asked(kind: str, folded: bool, exchange: Exchange) -> _Asked:
    caller = exchange.caller
    return _Asked(kind, folded, exchange.scope["query_string"], caller.audience, caller.routers)
