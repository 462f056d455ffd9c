"""`/network`: every router with all of its connections.

Of a large network they are folded up, but for those of the router that a link names: `/network?router=edge1#r-edge1`.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from netpulse.web.kept import Kept
from netpulse.web.pages.cards import Card, cards_of, in_numbers, is_large, kinds_in
from netpulse.web.pages.frame import Frame


def routes(frame: Frame) -> list[BaseRoute]:
    """The page, rendered anew where the network changed."""
    services = frame.services
    network = cards_of(services)
    kept: Kept[bytes] = Kept()

    def rendered(request: Request, shown: tuple[Card, ...]) -> str:
        return frame.text(
            request,
            "network.html",
            cards=shown,
            kinds_shown=kinds_in(shown),
            folded=is_large(shown),
            unfolded=request.query_params.get("router"),
            summary=in_numbers(frame.visitor(request).words, services, shown),
        )

    async def show(request: Request) -> Response:
        shown = network.of(frame.visitor(request).caller)
        return frame.common(request, kept, (services.settings, shown), lambda: rendered(request, shown))

    return [frame.route("/network", show)]
