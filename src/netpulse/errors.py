"""Everything that can go wrong, one class per remedy.

    NetPulseError
    ├── Refused       ask differently                          400
    ├── Unauthorized  present a valid key                      401
    ├── NotHere       another path or method                   404, 405
    ├── Busy          ask later: `retry_after_s` says when     429
    └── Fault         nothing the caller can change            500

Each carries a stable `code` (the table `CODES`), one sentence for the public, and a `detail` for the log that never
leaves it. Where one code has several remedies, `reason` is a word for which: pages choose their own sentence by it.
Sentences repeat nothing of what the caller sent and nothing of what a device said. Constructing one does nothing; whoever
catches it decides whether to log.
"""

from __future__ import annotations

from typing import ClassVar

CODES: dict[str, tuple[int, str]] = {
    "missing_parameter": (400, "A required parameter is absent or empty."),
    "unknown_parameter": (400, "The path does not take one of the parameters sent."),
    "repeated_parameter": (400, "A parameter was sent more than once."),
    "bad_parameter": (400, "A parameter has a value outside its documented choices."),
    "bad_target": (400, "The target is not an address, prefix or host name in the form this query takes."),
    "target_refused": (400, "The target is special-purpose space or the operator's infrastructure."),
    "name_not_found": (400, "The host name has no address."),
    "no_address_in_family": (400, "The host name or the connection has no address in that family."),
    "unknown_router": (400, "No such router, or the key may not use it."),
    "unknown_connection": (400, "No such connection on that router, or the key may not use it."),
    "not_offered": (400, "That router does not answer this kind of query."),
    "maintenance": (400, "The router is out of service for maintenance."),
    "unknown_event": (400, "Last-Event-ID names no event of a live run of this caller."),
    "unauthorized": (401, "The API key is missing, wrong, expired or revoked."),
    "not_found": (404, "There is nothing at this path."),
    "method_not_allowed": (405, "The path exists, the method does not."),
    "rate_limited": (429, "The caller's own limit is reached."),
    "target_limited": (429, "This target has been asked about too often, by everyone together."),
    "router_busy": (429, "The router's sessions and its queue are full."),
    "server_busy": (429, "The service holds as many runs or streams as it may."),
    "router_unreachable": (500, "The router does not accept a connection."),
    "router_identity": (500, "The router's host key is not the pinned one."),
    "router_login": (500, "The router refused the login."),
    "router_timeout": (500, "The router did not answer in time."),
    "router_refused": (500, "The router refused the command."),
    "router_garbled": (500, "The router sent something that is not text of its protocol."),
    "router_closed": (500, "The router closed the session before its answer was whole."),
    "route_source_down": (500, "No route source of that router has an established session to it."),
    "resolver_failed": (500, "The name servers did not answer."),
    "audit_unavailable": (500, "The database could not be used: nothing was recorded or run, or a result could not be read."),
    "shutting_down": (500, "The service is stopping."),
    "stopped": (500, "The run was stopped before its end."),
    "internal": (500, "A defect of the service."),
}
"""Every public code: its HTTP status and what it means. The manual and `/openapi.json` are rendered from this."""


class NetPulseError(Exception):
    """The root: a code of `CODES`, a sentence for the public, a detail for the log."""

    statuses: ClassVar[frozenset[int]] = frozenset()

    def __init__(
        self, code: str, sentence: str, *, detail: str = "", reason: str = "", retry_after_s: int | None = None
    ) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.detail = detail
        self.reason = reason
        self.retry_after_s = retry_after_s
        if self.status not in self.statuses:
            raise ValueError(f"{type(self).__name__} cannot carry the code {code}")

    @property
    def status(self) -> int:
        return CODES[self.code][0]


class Refused(NetPulseError):
    """The question cannot be asked like this; the sentence says what to change."""

    statuses = frozenset({400})


class Unauthorized(NetPulseError):
    """No valid key came with the request; one text for every reason."""

    statuses = frozenset({401})

    def __init__(self, *, detail: str = "") -> None:
        super().__init__(
            "unauthorized",
            "A valid API key is required in the header Authorization: Bearer KEY.",
            detail=detail,
        )


class NotHere(NetPulseError):
    """The path or the method does not exist."""

    statuses = frozenset({404, 405})


class Busy(NetPulseError):
    """Ask again after `retry_after_s` whole seconds (at least 1)."""

    statuses = frozenset({429})

    def __init__(self, code: str, sentence: str, *, retry_after_s: int, detail: str = "", reason: str = "") -> None:
        super().__init__(code, sentence, detail=detail, reason=reason, retry_after_s=max(1, retry_after_s))


class Fault(NetPulseError):
    """Something on our side or the device's; `detail` tells the operator, the code tells the caller."""

    statuses = frozenset({500})


def stopped_as(code: str) -> Fault:
    """Why a run or a command was ended from our side: `shutting_down` or `stopped`."""
    if code == "shutting_down":
        return Fault("shutting_down", "The service is stopping; ask again in a minute.")
    return Fault("stopped", "The run was stopped before its end.")


def internal(defect: BaseException) -> Fault:
    """What the caller hears of a defect of ours; the log hears the rest."""
    return Fault("internal", "The service made a mistake.", detail=repr(defect))
