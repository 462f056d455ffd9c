"""The customer's API documentation. What the declarations say in English already is taken from them."""

from netpulse.errors import CODES
from netpulse.queries import aspath, ping, traceroute

_KINDS = (ping.QUERY, traceroute.QUERY, aspath.QUERY)

WORDS = {
    "api.title": "Customer API Documentation",
    "api.lead": (
        "Ask the same questions as the web page from your own tools: JSON over HTTP, live events where you want "
        "them, plain text for a terminal. Your key stands in for the arithmetic question."
    ),
    "api.base": "Base URL",
    "api.contact": "Contact {contact} to request API access.",
    "api.contact.none": "Ask the operator of this looking glass for a key to get API access.",
    "api.shape": (
        "Every path takes GET unless it says otherwise, and answers JSON. A success carries `data`, an error one "
        "sentence and a stable word. Version 1 only ever gains fields: skip those that you do not know. A field "
        "that is not known is `null`, never missing; its name carries its unit; times are UTC."
    ),
    "api.contents": "Contents",
    "api.menu.start": "Start",
    "api.menu.paths": "Endpoints",
    "api.menu.more": "More",
    "api.overview": "Overview",
    "api.openapi": "OpenAPI 3.1 file",
    "api.section": "Link to this section: {title}",
    "api.copy": "Copy",
    "api.auth": "Authentication",
    "api.auth.text": (
        "Send your key as a bearer token with every request below `/api/v1`. The examples on this page take it from "
        "the environment variable `NETPULSE_KEY`."
    ),
    "api.auth.once": (
        "It was shown once, when it was made; we keep only its hash and cannot show it again. Lost or leaked: ask "
        "for a new one, and the old one is revoked."
    ),
    "api.auth.header": "It belongs in the header and nowhere else: a key in a URL is refused like none at all.",
    "api.auth.rights": (
        "A key may be bound to some routers, to the networks it is used from, and to an expiry date. Routers and "
        "connections that it may not use do not exist for it."
    ),
    "api.auth.same": (
        "Missing, wrong, expired, revoked or used from elsewhere: the answer is always the same 401. More than {n} "
        "wrong keys a minute from one client get 429."
    ),
    "api.limits": "Rate limits",
    "api.limits.text": (
        "A key may send {n} requests a minute unless agreed otherwise, counted in a sliding minute. Every request "
        "with a valid key costs one, whatever its answer; a question to all routers costs one per router. "
        "`/limits` and going on with a broken stream are free."
    ),
    "api.limits.headers": "What the headers of an answer tell:",
    "api.header.x_ratelimit_limit": "Requests allowed in a minute.",
    "api.header.x_ratelimit_remaining": "Requests left now.",
    "api.header.x_ratelimit_reset": (
        "Whole seconds, rounded up: until one more request is admitted if none is left, else until the limit is whole."
    ),
    "api.header.retry_after": (
        "With 429: whole seconds to wait. After `rate_limited` the next request is then admitted; after `router_busy` "
        "it is an estimate from the queue."
    ),
    "api.header.x_request_id": "Names this request; tell it when you report a fault.",
    "api.header.x_result_id": "The id under which the answer is kept for {days} days, that of a failed question too.",
    "api.header.www_authenticate": "With 401: how to present a key.",
    "api.op.routers": "List the routers",
    "api.op.routers.text": (
        "Every router that your key may use. `status` is our own access to it (`up`, `busy`, `down`, `maintenance`), "
        "`queries` what it answers."
    ),
    "api.op.connections": "List the connections of a router",
    "api.op.connections.text": (
        "What a ping or traceroute can be sourced from. `id` is unique over all routers and never used again; the "
        "source address chooses the way back, `egress` says what is known of the way out. `status` is the state of "
        "its BGP neighbours where that can be told."
    ),
    "api.op.connections.router": "Router whose connections are listed; its `slug` from `/routers`",
    "api.op.limits": "Read the limit",
    "api.op.limits.text": "Where the limit of your key stands. Free: it costs no request.",
    "api.op.result": "Read a stored answer again",
    "api.op.result.text": (
        "Answers are kept for {days} days, failed ones too. While the question is still running this gives the fields "
        "known so far and keeps it alive."
    ),
    "api.op.result.id": "The `id` of an answer: 32 digits from `data.id` or the header `X-Result-Id`",
    "api.op.stop": "Stop a question of your own",
    "api.op.stop.text": "Ends the command on the router at once. `stopped` is false if it had ended before.",
    "api.op.stop.id": "The `id` of a question that you started",
    "api.everywhere": "{title} on all routers",
    "api.everywhere.text": (
        "The same question to every router that answers it, in one request: rows in a fixed order, each `ok` or with "
        "its own `error` and `code`, and a summary. It costs one request per router."
    ),
    "api.parameter.last_event_id": "With `text/event-stream`: go on after this event of a run of your own",
    **{f"api.query.{kind.name}": kind.summary for kind in _KINDS},
    **{f"api.query.{kind.name}.{each.name}": each.summary for kind in _KINDS for each in kind.parameters},
    "api.parameters": "Parameters",
    "api.parameters.none": "No parameters.",
    "api.required": "required",
    "api.optional": "optional",
    "api.default": "Default",
    "api.example": "Example",
    "api.request": "Request",
    "api.request.language": "Language of the example: {title}",
    "api.answer": "Response",
    "api.answer.note": "Values are examples; long texts and lists are cut short at …",
    "api.streams": "Live events",
    "api.streams.text": (
        "Send `Accept: text/event-stream` with any question, and the same URL tells what happens while it happens, "
        "as server-sent events. An error before the stream begins is an ordinary error answer."
    ),
    "api.event.started": "The fields known so far; `data` as in the answer, the rest `null`.",
    "api.event.queued": "`position`: the place in line while the router is busy.",
    "api.event.output": "`text`: one line, as the router prints it.",
    "api.event.found": (
        "`record`: an echo, a hop or a route. One with the same `seq`, `hop` or `prefix` may come again; the later "
        "one replaces it."
    ),
    "api.event.finished": "The last event: the whole `data` object.",
    "api.event.failed": "The last event instead: `error`, `code`, and in `data` what there was.",
    "api.event.job": (
        "With all routers every event carries `job` (`router`, `connection`), and each router ends with `answered` or "
        "`unanswered` before the one `finished`."
    ),
    "api.resume": "Going on after a lost connection",
    "api.resume.text": (
        "Ask the same URL again and send the last id that you saw. What you missed is sent, nothing is started, "
        "nothing counted. An open stream keeps the question alive: when nobody has listened for 5 seconds, it is "
        "stopped. A comment every 15 seconds keeps proxies from closing the line."
    ),
    "api.plain": "Plain text",
    "api.plain.text": (
        "Send `Accept: text/plain` to read the router's own text and a short summary in a terminal. Errors are two "
        "lines then: the sentence and its code."
    ),
    "api.errors": "Errors",
    "api.errors.text": (
        "Judge by the status and `code`, which stay; the sentence is for people and may change. Faults of a router "
        "are 500 and not 502 or 504, because proxies replace the bodies of those."
    ),
    "api.status": "Status",
    "api.code": "Code",
    "api.meaning": "Meaning, and what to do",
    **{f"api.code.{code}": meaning for code, (_, meaning) in CODES.items()},
    "api.do.missing_parameter": "Send every parameter marked required, with a value.",
    "api.do.unknown_parameter": "Remove what this page does not list for the path; check the spelling.",
    "api.do.repeated_parameter": "Send each parameter once.",
    "api.do.bad_parameter": "Use one of the choices listed with the parameter.",
    "api.do.bad_target": "Ping and traceroute take an address or a host name, AS path an address or an exact prefix.",
    "api.do.target_refused": "Ask about a public address that does not belong to our own equipment.",
    "api.do.name_not_found": "Check the name, or send an address.",
    "api.do.no_address_in_family": "Leave out `family`, or choose a connection that has the other family.",
    "api.do.unknown_router": "Take a `slug` from `/routers`.",
    "api.do.unknown_connection": "Take an `id` from `/connections` of that router.",
    "api.do.not_offered": "See `queries` in `/routers`, and choose another router.",
    "api.do.maintenance": "Choose another router, or come back later.",
    "api.do.unknown_event": "The run is over or was never yours: ask again without `Last-Event-ID`.",
    "api.do.unauthorized": "Check the header; if it is right, ask for a new key.",
    "api.do.not_found": "Check the path; a stored answer may be past its time.",
    "api.do.method_not_allowed": "Use the method shown with the path.",
    "api.do.rate_limited": "Wait as long as `Retry-After` says.",
    "api.do.target_limited": "Wait as long as `Retry-After` says, or use the stored answer.",
    "api.do.router_busy": "Wait as long as `Retry-After` says, or choose another router.",
    "api.do.server_busy": "Wait as long as `Retry-After` says, and keep fewer streams open.",
    "api.do.router_unreachable": "Choose another router; we see it too.",
    "api.do.router_identity": "Choose another router; we have to look at this one.",
    "api.do.router_login": "Choose another router; we have to look at this one.",
    "api.do.router_timeout": "Try again in a minute, or choose another router.",
    "api.do.router_refused": "Do not repeat it; tell us the `X-Request-Id`.",
    "api.do.router_garbled": "Try again once; then tell us the `X-Request-Id`.",
    "api.do.router_closed": "Try again.",
    "api.do.route_source_down": "Choose another router, or try again in a few minutes.",
    "api.do.resolver_failed": "Send an address instead of a name, or try again.",
    "api.do.audit_unavailable": "Try again in a minute.",
    "api.do.shutting_down": "Try again in a minute.",
    "api.do.stopped": "Ask again, and keep the connection open until the answer is there.",
    "api.do.internal": "Tell us the `X-Request-Id`.",
    "api.try": "Try it",
    "api.try.of": "Try it: {title}",
    "api.try.key": "API key",
    "api.try.key.hint": "stays in this page, is never stored",
    "api.try.path": "Endpoint",
    "api.try.accept": "Answer as",
    "api.try.send": "Send",
    "api.try.stop": "Stop",
    "api.try.none": "left out",
    "api.try.headers": "Headers",
    "api.try.body": "Body",
    "api.try.waiting": "Waiting for the answer",
    "api.try.stopped": "Stopped by you",
    "api.try.lost": "The request did not get through; check the key for stray characters and your connection.",
    "api.try.left": "{n} left this minute",
    "api.try.empty": "The answer will stand here.",
}
