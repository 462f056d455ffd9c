"""A run as far as it has come: its events gathered into what the parts of its page show.

The same object shows a run that waits, one that runs, one that is over and a stored result, so there is one set of
templates for all of them. Pure: events and values in, nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from netpulse.queries.ping import COUNT
from netpulse.runs import RunEvent
from netpulse.web.pages.question import Question

# What Junos, FRR and Linux print for each packet that the router itself has no route for.
_NO_WAY_OUT = re.compile(r"\b(?:sendto|sendmsg|connect): (?:No route to host|Network is unreachable)", re.I)

State = Literal["queued", "running", "done", "partly", "stopped", "failed"]


@dataclass(slots=True)
class Progress:
    """What is known of one run. `data` is the public data object, growing; `rows` are its routers in the order of the file.

    `position` is the place in line; `seen` is the number of the last event taken in. `first_seq` is how the router's platform
    numbers its first probe, None where the router is no longer there to tell.
    """

    id: str
    question: Question | None
    state: State = "queued"
    position: int | None = None
    data: dict[str, Any] = field(default_factory=dict)
    records: dict[Any, dict[str, Any]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    error: str | None = None
    code: str | None = None
    seen: int = 0
    first_seq: int | None = None

    @classmethod
    def stored(cls, run_id: str, question: Question, data: Mapping[str, Any], first_seq: int | None = None) -> Progress:
        """A result as it was kept; one that failed carries its error beside what there was."""
        made = cls(run_id, question, first_seq=first_seq)
        code, error = data.get("code"), data.get("error")
        made._over({name: value for name, value in data.items() if name not in ("code", "error")}, code, error)
        return made

    @property
    def kind(self) -> str:
        return self.question.kind if self.question else ""

    @property
    def live(self) -> bool:
        """Whether more is to come."""
        return self.state in ("queued", "running")

    @property
    def everywhere(self) -> bool:
        return bool(self.question and self.question.everywhere) or "routers" in self.data or bool(self.rows)

    @property
    def result(self) -> dict[str, Any]:
        """The `result` object; while it runs and after a fault as much of it as there is."""
        whole: dict[str, Any] | None = self.data.get("result")
        if whole is not None:
            return whole
        return {"ping": self._echoes, "traceroute": self._hops, "aspath": self._routes}.get(self.kind, dict)()

    @property
    def output(self) -> str:
        """The router's own words."""
        whole: str | None = self.data.get("output")
        return whole if whole is not None else "".join(f"{line}\n" for line in self.lines)

    @property
    def answered(self) -> list[dict[str, Any]]:
        """Each router's row of a question to all of them: those that are known."""
        return list(self.data.get("routers") or self.rows.values())

    @property
    def started_at(self) -> str | None:
        """When the first command began, as RFC 3339; None if none has."""
        starts = [self.data.get("started_at"), *(row.get("started_at") for row in self.answered)]
        return min((start for start in starts if start), default=None)

    @property
    def silent(self) -> list[dict[str, Any]]:
        """Those of them that gave no answer, each with its reason."""
        return [row for row in self.answered if not row.get("ok")]

    @property
    def steps(self) -> tuple[int, int | None]:
        """How far it is: probes that are through, hops or routers; and of how many, where that is known."""
        if self.everywhere:
            asked = len(self.question.routers) if self.question else 0
            return len(self.answered), max(asked, len(self.answered))
        if self.kind == "ping":
            numbers = [echo["seq"] for echo in self.result["echoes"]]
            through = max(numbers) - self.first_probe + 1 if numbers else 0
            return min(max(through, len(numbers) + self._refused), COUNT), COUNT
        if self.kind == "traceroute":
            return max((hop["hop"] for hop in self.result["hops"]), default=0), None
        return len(self.records), None

    @property
    def first_probe(self) -> int:
        """The number of a ping's first probe, answered or not; no answer is before it."""
        answered: list[int] = [echo["seq"] for echo in self.result["echoes"]]
        return min([1 if self.first_seq is None else self.first_seq, *answered])

    @property
    def unsent(self) -> bool:
        """Whether the router itself had no way out for any packet, as far as it is known."""
        result = self.result
        if self.kind == "ping":
            sent = result.get("sent", 1)
            return sent == 0 or (not result["echoes"] and self._refused >= (sent if "sent" in result else 1))
        if self.kind == "traceroute":
            answered = any(probe["address"] for hop in result["hops"] for probe in hop["probes"])
            return not answered and not result["reached"] and self._refused > 0
        return False

    @property
    def _refused(self) -> int:
        """How many packets the router said that it has no route for."""
        return len(_NO_WAY_OUT.findall(self.output))

    def take(self, events: Iterable[RunEvent]) -> list[str]:
        """Take these events in; returns the lines that they printed, without line ends."""
        printed: list[str] = []
        for event in events:
            body = msgspec.json.decode(event.body)
            self.seen = event.n
            job = body.pop("job", None) if isinstance(body, dict) else None
            if event.name == "finished":
                self._over(body, None, None)
            elif event.name == "failed":
                self._over(body["data"] or self.data, body["code"], body["error"])
            elif job is not None:
                self._of_router(job["router"], event.name, body)
            elif event.name == "queued":
                self.position = body["position"]
            elif event.name == "started":
                # A second one is another device that is asked instead: what came before is void.
                self.state, self.data, self.position = "running", body, None
                self.records.clear()
                self.lines.clear()
            elif event.name == "output":
                self.lines.append(body["text"])
                printed.append(body["text"])
            elif event.name == "found":
                record = body["record"]
                self.records[_key(record)] = record
        return printed

    def _of_router(self, slug: str, name: str, body: dict[str, Any]) -> None:
        self.state = "running"
        if name == "answered":
            inner = {key: value for key, value in body.items() if key not in ("target", "router", "id", "url")}
            self.rows[slug] = {"slug": slug, "name": body.get("router") or slug, "ok": True, **inner}
        elif name == "unanswered":
            self.rows[slug] = {"slug": slug, "name": slug, "ok": False, **body}

    def _over(self, data: Mapping[str, Any], code: str | None, error: str | None) -> None:
        self.data, self.code, self.error = dict(data), code, error
        self.position = None
        if code == "stopped":
            self.state = "stopped"
        elif code is not None:
            self.state = "failed"
        else:
            answered = self.answered
            self.state = "partly" if any(not row.get("ok") for row in answered) else "done"
            if answered and not any(row.get("ok") for row in answered):
                self.state = "failed"

    def _echoes(self) -> dict[str, Any]:
        return {"echoes": list(self.records.values())}

    def _hops(self) -> dict[str, Any]:
        hops = sorted(self.records.values(), key=lambda hop: hop["hop"])
        return {"hops": hops, "reached": False, "stopped": "caller" if self.state == "stopped" else None}

    def _routes(self) -> dict[str, Any]:
        return {"routes": list(self.records.values())}


def _key(record: Mapping[str, Any]) -> Any:
    """What a later version of the same record shares with an earlier one."""
    if "seq" in record:
        return record["seq"]
    if "hop" in record:
        return record["hop"]
    learned = record.get("learned_from") or {}
    return tuple(
        str(part)
        for part in (
            record.get("prefix"),
            record.get("as_path_text"),
            record.get("next_hop"),
            learned.get("address"),
            learned.get("connection_id"),
        )
    )
