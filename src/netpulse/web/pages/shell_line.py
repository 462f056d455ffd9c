"""What a link to the form says in a terminal: the line for a shell that asks the same of the API."""

from __future__ import annotations

import shlex
from urllib.parse import urlencode

from netpulse.errors import Refused
from netpulse.web.pages.composer import ALL_ROUTERS, Typed
from netpulse.web.pages.form import asked, choosable, clean, must_be_choices, states, the_model
from netpulse.web.pages.frame import Frame
from netpulse.web.pages.outdated import outdated
from netpulse.web.pages.visitor import Visitor
from netpulse.web.pages.wording import told

_BLANK = "TARGET"


def shell_line(frame: Frame, visitor: Visitor, typed: Typed, here: str) -> str:
    """A call of curl with everything chosen as the form would show it; before it what is not as the link has it.

    `here` is the address that the request came to, used where the configuration names none.
    """
    settings = frame.services.settings
    base = (settings.public_url or here).rstrip("/")
    model = the_model(frame, visitor)
    kinds = choosable(frame, model)
    status = states(frame, model)
    shown = clean(typed, model, kinds, status)
    kind = kinds.get(shown.query)
    if kind is None or not typed.pairs():
        return f"{settings.site.name}\n\nThe API is at {base}/api/v1, its description at {base}/openapi.json.\n"
    pairs = [
        (name, value or _BLANK)
        for name, value in asked(shown, kind)
        if name == "target" or value not in ("", "false")
    ]
    everywhere = "/all-routers" if shown.router == ALL_ROUTERS else ""
    url = f"{base}/api/v1/{kind.name}{everywhere}?{urlencode(pairs)}"
    notes = [*outdated(visitor.words, typed, shown, model, kinds, status).values()]
    try:
        must_be_choices(typed, kinds)
    except Refused as refusal:
        notes.append(told(visitor.words, refusal))
    remarks = "".join(f"# {' '.join(note.split())}\n" for note in notes)
    return f'{remarks}curl -s -H "Authorization: Bearer $NETPULSE_KEY" {shlex.quote(url)}\n'
