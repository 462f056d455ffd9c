"""`/terms`: the operator's terms of use, as plain paragraphs."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from netpulse.errors import NotHere
from netpulse.web.pages.frame import Frame


def routes(frame: Frame) -> list[BaseRoute]:
    """The page exists where the configuration names a text."""

    async def terms(request: Request) -> Response:
        text = frame.services.settings.branding.terms
        if text is None:
            raise NotHere("not_found", "This looking glass has no terms of use.")
        return frame.render(request, "terms.html", paragraphs=re.split(r"\n\s*\n", text.strip()))

    return [frame.route("/terms", terms)]
