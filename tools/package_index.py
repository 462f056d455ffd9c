"""The Python package index of this machine, read with the standard library alone.

Debian's python3 comes without pip and venv. One wheel, uv's, is all that is needed to get the rest, so it is fetched
from here. A mirror that pip or uv is told to use is used: the environment first, then pip's files, nearest first.
"""

from __future__ import annotations

import base64
import configparser
import hashlib
import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit, urlunsplit

from progress import SetupFault

PYPI = "https://pypi.org/simple"
SYSTEM_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
ANSWER_WITHIN_S = 60.0


@dataclass(frozen=True)
class Index:
    """Where packages come from. `certificates` is a PEM bundle, `proxy` a URL; None means the usual."""

    url: str = PYPI
    certificates: Path | None = None
    proxy: str | None = None

    @property
    def is_pypi(self) -> bool:
        return self.url.rstrip("/") == PYPI


@dataclass(frozen=True)
class File:
    """One file that the index offers, with the SHA-256 that the index gives for it."""

    name: str
    url: str
    sha256: str | None


def configured(environ: Mapping[str, str], home: Path) -> Index:
    """The index that uv's or pip's configuration names, else PyPI."""
    settings = _pip_files(environ, home)
    url = environ.get("UV_DEFAULT_INDEX") or environ.get("UV_INDEX_URL") or environ.get("PIP_INDEX_URL")
    certificates = environ.get("SSL_CERT_FILE") or environ.get("PIP_CERT") or settings.get("cert")
    return Index(
        url=(url or settings.get("index-url") or PYPI).rstrip("/"),
        certificates=Path(certificates) if certificates else None,
        proxy=environ.get("PIP_PROXY") or settings.get("proxy"),
    )


def _pip_files(environ: Mapping[str, str], home: Path) -> dict[str, str]:
    """The `global` and `install` settings of pip's files; a nearer file wins."""
    config_home = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    places = [
        Path("/etc/xdg/pip/pip.conf"),
        Path("/etc/pip.conf"),
        home / ".pip" / "pip.conf",
        config_home / "pip" / "pip.conf",
    ]
    named = environ.get("PIP_CONFIG_FILE")
    if named:
        places = [] if named == os.devnull else [*places, Path(named)]
    found: dict[str, str] = {}
    for place in places:
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read(place, encoding="utf-8")
        except (OSError, UnicodeDecodeError, configparser.Error) as fault:
            raise SetupFault(f"pip's configuration {place} cannot be read ({fault}); correct it.") from None
        for section in ("global", "install"):
            if parser.has_section(section):
                found.update(parser.items(section))
    return found


def files_of(index: Index, project: str) -> list[File]:
    """Every file of a project, whether the index answers in JSON (PEP 691) or HTML (PEP 503)."""
    page = f"{index.url}/{project}/"
    body, kind, url = _get(index, page, accept="application/vnd.pypi.simple.v1+json, text/html;q=0.5")
    if "json" in kind:
        document: dict[str, Any] = json.loads(body)
        return [
            File(entry["filename"], urljoin(url, entry["url"]), entry.get("hashes", {}).get("sha256"))
            for entry in document["files"]
        ]
    links = _Links()
    links.feed(body.decode("utf-8", "replace"))
    return [_from_link(urljoin(url, href)) for href in links.found]


def _from_link(link: str) -> File:
    url, fragment = urldefrag(link)
    name = unquote(urlsplit(url).path.rpartition("/")[2])
    kind, _, digest = fragment.partition("=")
    return File(name, url, digest if kind == "sha256" else None)


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


def download(index: Index, file: File, *, sha256: str | None) -> bytes:
    """The bytes of a file, which have the digest that we know or, for a file unknown to us, that the index gives."""
    expected = sha256 or file.sha256
    if expected is None:
        raise SetupFault(f"{index.url} gives no SHA-256 for {file.name}; use an index that does.")
    body, _, _ = _get(index, file.url, accept="*/*")
    if hashlib.sha256(body).hexdigest() != expected:
        raise SetupFault(f"{file.name} from {index.url} does not have the expected SHA-256; use an index you trust.")
    return body


def _get(index: Index, url: str, *, accept: str) -> tuple[bytes, str, str]:
    """Body, content type and final URL."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise SetupFault(f"The package index {index.url} is not an http or https address; set PIP_INDEX_URL to one.")
    host = parts.hostname or ""
    request = urllib.request.Request(  # noqa: S310 - the scheme was checked above
        urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])), headers={"Accept": accept}
    )
    account = urlsplit(index.url)
    if account.username and host == account.hostname:
        pair = f"{unquote(account.username)}:{unquote(account.password or '')}"
        request.add_header("Authorization", "Basic " + base64.b64encode(pair.encode()).decode())
    trust = ssl.create_default_context(cafile=str(index.certificates) if index.certificates else None)
    handlers: list[urllib.request.BaseHandler] = [urllib.request.HTTPSHandler(context=trust)]
    if index.proxy:
        handlers.append(urllib.request.ProxyHandler({"http": index.proxy, "https": index.proxy}))
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=ANSWER_WITHIN_S) as answer:
            return answer.read(), answer.headers.get("Content-Type", ""), answer.url
    except (urllib.error.URLError, OSError) as fault:
        reason = getattr(fault, "reason", None) or fault
        remedy = "check the network, or name a mirror in PIP_INDEX_URL"
        if isinstance(reason, ssl.SSLCertVerificationError):
            remedy = "name the bundle of certificates that your network uses in SSL_CERT_FILE"
        raise SetupFault(f"The package index at {host} cannot be used ({reason}); {remedy}.") from None
