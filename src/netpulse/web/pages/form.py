"""The form as it is shown and as it comes back: what the template needs, what a browser sent, and errors in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from starlette.requests import Request

from netpulse.cells import QueryType
from netpulse.errors import NetPulseError, Refused
from netpulse.limits import LimitState
from netpulse.query import Parameter, option
from netpulse.special_purpose import why_special
from netpulse.values import HostName, canonical, parse_target
from netpulse.web.exchange import decoded_pairs
from netpulse.web.pages.cards import MOST_ROWS, TYPES
from netpulse.web.pages.composer import ALL_ROUTERS, Model, Typed, asked_of, form_of, model_of, options_of
from netpulse.web.pages.frame import Frame
from netpulse.web.pages.outdated import outdated
from netpulse.web.pages.visitor import Visitor, quota
from netpulse.web.pages.wording import clock, told
from netpulse.words import Words

MOST_FORM_BYTES = 8 * 1024
PERSON_COOKIE = "np_person"
MANY = 8
"""More routers or connections than this get a field to filter them by, and headings."""

_FORM_TYPE = "application/x-www-form-urlencoded"
_FIELD_OF = {
    "bad_target": "target",
    "target_refused": "target",
    "name_not_found": "target",
    "no_address_in_family": "target",
    "target_limited": "target",
    "unknown_router": "router",
    "not_offered": "router",
    "maintenance": "router",
    "unknown_connection": "connection",
}
_NAMES = frozenset({"router", "connection", "way", "query", "target", "token", "answer", "show"})
_FIELDS = frozenset({"router", "connection", "target"})
_NOT_PUBLIC = frozenset({"private use", "shared address space", "loopback", "link local", "this network"})


class Posted(NamedTuple):
    """A form that came back: the question, and the answer to the sum."""

    typed: Typed
    token: str
    answer: str


async def posted(request: Request, kinds: Mapping[str, QueryType]) -> Posted:
    """The form in this request's body, at most 8 KiB; Refused if it is none of this page's."""
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent != _FORM_TYPE:
        raise Refused("bad_parameter", f"The form must be sent as {_FORM_TYPE}.", reason="type")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_FORM_BYTES:
            raise Refused("bad_parameter", "The form is larger than 8 KiB; shorten what you typed.", reason="size")
    values: dict[str, str] = {}
    for name, value in decoded_pairs(bytes(body)):
        if name in values:
            raise Refused("repeated_parameter", "A field of the form came twice; send each once.")
        values[name] = value
    if not values.keys() <= _NAMES | {parameter.name for parameter, _ in options_of(kinds)}:
        raise Refused("unknown_parameter", "The form has a field that this page's form does not have.")
    return Posted(typed_from(values, kinds), values.get("token", ""), values.get("answer", ""))


def typed_from(values: Mapping[str, str], kinds: Mapping[str, QueryType]) -> Typed:
    """What these values say. `way` is a router and connection in one, for browsers without scripts, and wins."""
    router, connection = values.get("router", ""), values.get("connection", "")
    way = values.get("way", "")
    if way:
        router, _, connection = way.partition(".")
    names = {parameter.name for parameter, _ in options_of(kinds)}
    return Typed(
        router=router,
        connection=connection,
        query=values.get("query", ""),
        target=values.get("target", "").strip(" "),
        options={name: values[name] for name in values if name in names},
    )


def must_be_choices(typed: Typed, kinds: Mapping[str, QueryType]) -> None:
    """Refused where a further input has a value that none of the form's questions takes, also one that is not asked now."""
    for parameter, _ in options_of(kinds):
        if text := typed.options.get(parameter.name):
            option(parameter, text)


def asked(typed: Typed, kind: QueryType) -> list[tuple[str, str]]:
    """The parameters of this question, and no others: those of the form's other questions are left out."""
    everywhere = typed.router == ALL_ROUTERS
    pairs: list[tuple[str, str]] = []
    for parameter in kind.parameters:
        if parameter.kind == "target":
            pairs.append((parameter.name, typed.target))
        elif parameter.kind == "router" and not everywhere:
            pairs.append((parameter.name, typed.router))
        elif parameter.kind == "connection" and not everywhere:
            pairs.append((parameter.name, typed.connection))
        elif parameter.kind == "flag":
            pairs.append((parameter.name, typed.options.get(parameter.name) or "false"))
        elif typed.options.get(parameter.name):
            pairs.append((parameter.name, typed.options[parameter.name]))
    return pairs


def trouble(words: Words, error: NetPulseError, typed: Typed, kind: QueryType | None) -> tuple[str, str]:
    """The field that this error belongs to, `form` if to none, and its sentence in the visitor's language."""
    field = error.reason if error.code == "missing_parameter" else _FIELD_OF.get(error.code)
    key, values = "", dict[str, object]()
    if error.code == "bad_target" and kind is not None:
        key = _why_not_target(typed.target, kind)
    elif error.code == "target_refused":
        key, values = _why_refused(typed.target)
    elif error.code == "not_offered" and typed.router == ALL_ROUTERS and kind is not None and kind.fold is None:
        key, values = "error.one_router", {"query": _name_of(words, kind)}
    return field if field in _FIELDS else "form", words.t(key, **values) if key else told(words, error)


def _name_of(words: Words, kind: QueryType) -> str:
    key = f"query.{kind.name}"
    return words.t(key) if words.has(key) else kind.title


def _why_not_target(text: str, kind: QueryType) -> str:
    wanted: frozenset[str] = next((p.targets for p in kind.parameters if p.kind == "target"), frozenset())
    if form_of(text) in ("4/", "6/") and "prefix" not in wanted:
        return "error.target.prefix"
    try:
        parse_target(text, frozenset({"address", "prefix", "host"}))
    except Refused as refusal:
        if "bits set" in refusal.sentence:
            return "error.target.bits"
        return "error.target.short" if "too short" in refusal.sentence else "error.code.bad_target"
    return "error.target.name" if "host" not in wanted else "error.code.bad_target"


def _why_refused(text: str) -> tuple[str, dict[str, object]]:
    try:
        target = parse_target(text, frozenset({"address", "prefix", "host"}))
    except Refused:
        return "error.code.target_refused", {}
    if isinstance(target, HostName):
        return "error.target.leads", {"target": canonical(target)}
    why = why_special(target)
    key = "ours" if why is None else "private" if why in _NOT_PUBLIC else "special"
    return f"error.target.{key}", {"target": canonical(target)}


def the_model(frame: Frame, visitor: Visitor) -> Model:
    """The choices of the form; visitors all have the same ones."""
    return frame.once("model", lambda: model_of(frame.services, visitor.caller))


def clean(typed: Typed, model: Model, kinds: Mapping[str, QueryType], status: Mapping[str, str]) -> Typed:
    """What was typed, with a choice in every place where there was none; what was typed wrongly stays."""
    query = typed.query if typed.query in kinds else next(iter(kinds), "")
    router = typed.router
    everywhere = router == ALL_ROUTERS and query in kinds and kinds[query].fold is not None
    if not everywhere and model.router(router) is None:
        working = [r.slug for r in model.routers if status[r.slug] in ("up", "busy")]
        router = next((slug for slug in working if query in model.queries[slug]), working[0] if working else "")
        router = router or (model.routers[0].slug if model.routers else "")
    choices = model.connections.get(router, ())
    connection = typed.connection
    if connection not in {str(c.id) for c in choices}:
        connection = model.first(router)
    return Typed(router, connection, query, typed.target, typed.options)


def states(frame: Frame, model: Model) -> dict[str, str]:
    """How each router is, by slug."""
    pool = frame.services.pool
    return {r.slug: "maintenance" if r.maintenance is not None else pool.state(r.device) for r in model.routers}


def choosable(frame: Frame, model: Model) -> dict[str, QueryType]:
    """The questions that some router here answers."""
    answered = {name for names in model.queries.values() for name in names}
    return {name: kind for name, kind in frame.services.matrix.queries.items() if name in answered}


def form_context(
    frame: Frame,
    request: Request,
    typed: Typed,
    *,
    errors: Mapping[str, str] | None = None,
    token: str = "",
    answer: str = "",
    person: bool = False,
    followed: bool = False,
) -> dict[str, Any]:
    """All that `parts/composer.html` needs to show the form with this in it.

    `token` is kept if it can still be answered, `answer` with it; `person` says that a sum was answered just now,
    `followed` that a link filled the form.
    """
    services, visitor = frame.services, frame.visitor(request)
    model = the_model(frame, visitor)
    kinds = choosable(frame, model)
    status = states(frame, model)
    shown = clean(typed, model, kinds, status)
    kind = kinds.get(shown.query)
    router = model.router(shown.router)
    needed = services.settings.captcha.enabled and not (person or is_person(frame, request, visitor))
    kept = frame.captcha.again(token, visitor.bucket) if token else None
    limit = quota(services, visitor)
    return {
        "typed": shown,
        "model": model,
        "pairs": frame.once("pairs", model.pairs) if model.ways <= MOST_ROWS else [],
        "everywhere": ALL_ROUTERS,
        "kinds": kinds,
        "states": status,
        "types": TYPES,
        "many": MANY,
        "options": [Option.of(parameter, names, typed, visitor.words) for parameter, names in options_of(kinds)],
        "hints": {name: target_hint(visitor.words, each) for name, each in kinds.items()},
        "errors": errors or (outdated(visitor.words, typed, shown, model, kinds, status) if followed else {}),
        "question": (kept or frame.captcha.ask(visitor.bucket)) if needed else None,
        "answer": answer if kept else "",
        "quota": limit,
        "wait": clock(limit.reset_s),
        "command": model.command(shown, kind, visitor.words.t("home.command.target")) if kind else None,
        "asked": asked_of(router, kind) if router and kind else None,
        "router": router,
        "my_address": str(visitor.address),
    }


class Option(NamedTuple):
    """A further input: its label, a word that explains it, its value, and the questions that take it."""

    name: str
    kind: str
    label: str
    hint: str
    value: str
    choices: tuple[str, ...]
    names: str

    @classmethod
    def of(cls, parameter: Parameter, names: str, typed: Typed, words: Words) -> Option:
        key = f"option.{parameter.name}"
        default = parameter.default
        standard = str(default).lower() if isinstance(default, bool) else "" if default is None else str(default)
        return cls(
            parameter.name,
            parameter.kind,
            words.t(key) if words.has(key) else parameter.name.replace("_", " "),
            words.t(f"{key}.hint") if words.has(f"{key}.hint") else parameter.summary,
            typed.options.get(parameter.name, standard),
            parameter.choices,
            names,
        )


def target_hint(words: Words, kind: QueryType) -> str:
    """What may be written as this question's target."""
    forms: frozenset[str] = next((p.targets for p in kind.parameters if p.kind == "target"), frozenset())
    return ", ".join(words.t(f"target.{form}") for form in ("address", "host", "prefix") if form in forms)


def is_person(frame: Frame, request: Request, visitor: Visitor) -> bool:
    """Whether this visitor answered a sum within the last minutes."""
    return frame.captcha.holds(request.cookies.get(PERSON_COOKIE, ""), visitor.bucket)


def exhausted(limit: LimitState) -> bool:
    """Whether no question is left."""
    return limit.remaining == 0
