"""Style sheets, scripts, and what the operator adds: their logo and their colour.

A built file has its hash in its name, so a browser may keep it for a year; .gz and .br lie beside it. The folder is read
once. Nothing outside it can be named: what was not read does not exist.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from netpulse.errors import NotHere
from netpulse.render.shades import by_day, by_night
from netpulse.settings import MOST_LOGO_BYTES, Branding

if TYPE_CHECKING:
    from netpulse.web.pages.frame import Frame

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
# Drawing programs write styles into their SVG; nothing else that is served here has any. Opened by itself it runs nothing.
_DRAWING_CSP = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
_FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it goes out: its type and its bytes by content coding, `""` for the plain ones."""

    media_type: str
    codings: Mapping[str, bytes]


@lru_cache(maxsize=1)
def manifest() -> Mapping[str, str]:
    """What each built file is called now, by its plain name: `app.css` is `app.0123456789ab.css`."""
    names: dict[str, str] = json.loads(files("netpulse").joinpath("static/manifest.json").read_text("utf-8"))
    return names


@lru_cache(maxsize=1)
def built() -> Mapping[str, Asset]:
    """Every built file by its name with the hash."""
    folder = files("netpulse").joinpath("static")
    found: dict[str, Asset] = {}
    for name in manifest().values():
        codings = {
            coding: folder.joinpath(name + ending).read_bytes()
            for coding, ending in (("", ""), ("gzip", ".gz"), ("br", ".br"))
        }
        found[name] = Asset(_TYPES[Path(name).suffix], codings)
    return found


@lru_cache(maxsize=8)
def brand(branding: Branding) -> Mapping[str, Asset]:
    """The operator's own files under `/brand/`, by name with their hash: at most a style sheet and a logo.

    A logo that became unreadable since the settings were read is left out; the name of the site stands alone then.
    """
    found: dict[str, Asset] = {}
    if branding.accent:
        sheet = _accent_sheet(branding.accent).encode()
        found[f"accent.{_hash(sheet)}.css"] = Asset(_TYPES[".css"], {"": sheet})
    if branding.logo and branding.logo.suffix.lower() in (".svg", ".png"):
        try:
            logo = branding.logo.read_bytes()
        except OSError:
            logo = b""
        if 0 < len(logo) <= MOST_LOGO_BYTES:
            ending = branding.logo.suffix.lower()
            found[f"logo.{_hash(logo)}{ending}"] = Asset(_TYPES[ending], {"": logo})
    return found


def _accent_sheet(accent: str) -> str:
    names = ("--ac", "--ac-h", "--ac-bg", "--ac-ln")
    shades = zip(names, by_day(accent), by_night(accent), strict=True)
    return f":root{{{';'.join(f'{name}:light-dark({day},{night})' for name, day, night in shades)}}}\n"


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


def coding_for(accept_encoding: str, available: Mapping[str, bytes]) -> str:
    """The best coding that both sides know: br, then gzip, then none. A coding with q=0 is not wanted."""
    wanted: set[str] = set()
    for part in accept_encoding.lower().split(","):
        name, _, parameter = (piece.strip() for piece in part.partition(";"))
        if parameter.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000"):
            wanted.add(name)
    return next((coding for coding in ("br", "gzip") if coding in available and coding in wanted), "")


def routes(frame: Frame) -> list[BaseRoute]:
    """`/static/NAME` and `/brand/NAME`; nothing else is served from a file."""

    def send(request: Request, known: Mapping[str, Asset]) -> Response:
        asset = known.get(request.path_params["name"])
        if asset is None:
            raise NotHere("not_found", "There is nothing at this path.")
        coding = coding_for(request.headers.get("accept-encoding", ""), asset.codings)
        headers = {
            "cache-control": _FOREVER,
            "vary": "Accept-Encoding",
            "cross-origin-resource-policy": "same-origin",
        }
        if asset.media_type == _TYPES[".svg"]:
            headers["content-security-policy"] = _DRAWING_CSP
        if coding:
            headers["content-encoding"] = coding
        return Response(asset.codings[coding], media_type=asset.media_type, headers=headers)

    async def static(request: Request) -> Response:
        return send(request, built())

    async def branded(request: Request) -> Response:
        return send(request, brand(frame.services.settings.branding))

    return [
        Route("/static/{name}", frame.page(static), methods=["GET"]),
        Route("/brand/{name}", frame.page(branded), methods=["GET"]),
    ]
