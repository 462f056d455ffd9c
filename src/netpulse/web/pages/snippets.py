"""Lines that ask the API: for a shell, for Python and for JavaScript, each complete and with nothing to install."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlencode

KEY = "NETPULSE_KEY"
"""The environment variable that the lines take the key from, so that it stands in none of them."""

_AUTHORITY = re.compile(r"\A[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?\Z|\A\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?\Z")


class Snippet(NamedTuple):
    """The same request in one language: its short name, what it is called, and the lines."""

    name: str
    title: str
    text: str


def address(base: str, path: str, parameters: Mapping[str, object]) -> str:
    """The URL with these parameters; slashes and colons stay readable, all else that a shell minds is encoded."""
    query = urlencode({name: _written(value) for name, value in parameters.items()}, safe="/:")
    return f"{base}{path}?{query}" if query else base + path


def is_authority(text: str) -> bool:
    """Whether this may stand in a line that somebody will paste: a host name or address, perhaps with a port."""
    return bool(_AUTHORITY.match(text))


def snippets(verb: str, url: str, accept: str | None = None) -> tuple[Snippet, ...]:
    """One request as curl, Python 3 and JavaScript (Node 18 or newer, as a module)."""
    return (
        Snippet("curl", "curl", _curl(verb, url, accept)),
        Snippet("python", "Python", _python(verb, url, accept)),
        Snippet("javascript", "JavaScript", _javascript(verb, url, accept)),
    )


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _curl(verb: str, url: str, accept: str | None) -> str:
    how = "curl" + (" -N" if accept == "text/event-stream" else "") + ("" if verb == "GET" else f" -X {verb}")
    lines = [f'{how} "{url}"', f'  -H "Authorization: Bearer ${KEY}"']
    if accept:
        lines.append(f'  -H "Accept: {accept}"')
    return " \\\n".join(lines)


def _python(verb: str, url: str, accept: str | None) -> str:
    method = "" if verb == "GET" else f", method={json.dumps(verb)}"
    lines = [
        f"import {'' if accept else 'json, '}os, urllib.request",
        "",
        f"url = {json.dumps(url)}",
        f'key = os.environ["{KEY}"]',
        f"request = urllib.request.Request(url{method})",
        'request.add_header("Authorization", f"Bearer {key}")',
    ]
    if accept:
        lines += [
            f'request.add_header("Accept", {json.dumps(accept)})',
            "with urllib.request.urlopen(request) as answer:",
            "    for line in answer:",
            '        print(line.decode(), end="")',
        ]
    else:
        lines += [
            "with urllib.request.urlopen(request) as answer:",
            '    print(json.load(answer)["data"])',
        ]
    return "\n".join(lines)


def _javascript(verb: str, url: str, accept: str | None) -> str:
    headers = "Authorization: `Bearer ${key}`"
    lines = [f"const url = {json.dumps(url)};", f"const key = process.env.{KEY};", "const answer = await fetch(url, {"]
    if verb != "GET":
        lines.append(f"  method: {json.dumps(verb)},")
    if accept:
        lines += [
            "  headers: {",
            f"    {headers},",
            f"    Accept: {json.dumps(accept)},",
            "  },",
            "});",
            "for await (const text of answer.body.pipeThrough(new TextDecoderStream())) {",
            "  process.stdout.write(text);",
            "}",
        ]
    else:
        lines += [f"  headers: {{ {headers} }},", "});", "console.log((await answer.json()).data);"]
    return "\n".join(lines)
