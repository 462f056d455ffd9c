"""The pages: what a browser sees.

    frame    what every page shares: language, theme, headers, and the errors in their frame
    visitor  who reads: counted by address, no key
    assets   style sheets, scripts and the operator's logo
    ...      one file per page; whatever declares `routes(frame)` is found

Each file brings its own paths, so a new page is one file and its templates.
"""

from __future__ import annotations

import importlib
import pkgutil

from starlette.routing import BaseRoute

from netpulse.services import Services
from netpulse.web.app import plain_routes
from netpulse.web.pages.frame import Frame


def page_routes(services: Services) -> list[BaseRoute]:
    """Every path of the pages and the plain ones, then whatever is nowhere, in the order that they are tried."""
    frame = Frame(services)
    found: list[BaseRoute] = []
    for name in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        module = importlib.import_module(f"{__name__}.{name}")
        if hasattr(module, "routes"):
            found.extend(module.routes(frame))
    return [*found, *plain_routes(services), *frame.last_routes()]
