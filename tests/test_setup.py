"""The set-up fetches only what is missing, from where pip is told to look, and takes nothing that has another digest."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import lab_packages
import package_index
import progress
from package_index import File, Index
from progress import SetupFault

WHEEL = b"not really a wheel"
DIGEST = hashlib.sha256(WHEEL).hexdigest()


@contextmanager
def served(
    pages: dict[str, tuple[str, bytes]], seen: list[str | None] | None = None, host: str = "127.0.0.1"
) -> Iterator[str]:
    """A package index on loopback; `seen` collects the Authorization header of each request."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if seen is not None:
                seen.append(self.headers.get("Authorization"))
            kind, body = pages.get(self.path, ("", b""))
            self.send_response(200 if kind else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet: the test says what matters."""

    server = ThreadingHTTPServer((host, 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"{host}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_environment_names_the_index_before_the_nearest_file_of_pip_does(tmp_path: Path) -> None:
    (tmp_path / ".pip").mkdir()
    (tmp_path / ".pip" / "pip.conf").write_text("[global]\nindex-url = http://far/simple\ncert = /far.pem\n")
    (tmp_path / ".config" / "pip").mkdir(parents=True)
    (tmp_path / ".config" / "pip" / "pip.conf").write_text("[global]\nindex-url = http://near/simple/\n")
    near = package_index.configured({}, tmp_path)
    assert (near.url, near.certificates) == ("http://near/simple", Path("/far.pem"))
    assert package_index.configured({"PIP_INDEX_URL": "http://told/simple"}, tmp_path).url == "http://told/simple"
    assert package_index.configured({"PIP_CONFIG_FILE": os.devnull}, tmp_path) == Index()


def test_an_unreadable_pip_configuration_is_named(tmp_path: Path) -> None:
    wrong = tmp_path / "pip.conf"
    wrong.write_text("index-url = nowhere\n")
    with pytest.raises(SetupFault, match=r"pip\.conf cannot be read"):
        package_index.configured({"PIP_CONFIG_FILE": str(wrong)}, tmp_path)


def test_an_index_is_understood_in_json_and_in_html() -> None:
    entry = {"filename": "uv-1.whl", "url": "../../files/uv-1.whl", "hashes": {"sha256": DIGEST}}
    pages = {
        "/json/uv/": ("application/vnd.pypi.simple.v1+json", json.dumps({"files": [entry]}).encode()),
        "/html/uv/": ("text/html", f'<a href="../../files/uv-1.whl#sha256={DIGEST}">uv-1.whl</a>'.encode()),
    }
    with served(pages) as place:
        expected = [File("uv-1.whl", f"http://{place}/files/uv-1.whl", DIGEST)]
        assert package_index.files_of(Index(f"http://{place}/json"), "uv") == expected
        assert package_index.files_of(Index(f"http://{place}/html"), "uv") == expected


def test_a_file_with_another_digest_is_not_taken() -> None:
    with served({"/uv-1.whl": ("application/zip", WHEEL)}) as place:
        index, url = Index(f"http://{place}/simple"), f"http://{place}/uv-1.whl"
        assert package_index.download(index, File("uv-1.whl", url, DIGEST), sha256=None) == WHEEL
        with pytest.raises(SetupFault, match="does not have the expected SHA-256"):
            package_index.download(index, File("uv-1.whl", url, DIGEST), sha256="0" * 64)
        with pytest.raises(SetupFault, match="gives no SHA-256"):
            package_index.download(index, File("uv-1.whl", url, None), sha256=None)


def test_the_account_in_the_index_address_is_sent_to_that_index_alone() -> None:
    seen: list[str | None] = []
    elsewhere = served({"/uv.whl": ("application/zip", WHEEL)}, seen, "127.0.0.2")
    with served({"/simple/uv/": ("text/html", b"")}, seen) as place, elsewhere as other:
        index = Index(f"http://me:secret@{place}/simple")
        package_index.files_of(index, "uv")
        package_index.download(index, File("uv.whl", f"http://{other}/uv.whl", DIGEST), sha256=None)
    assert seen == ["Basic bWU6c2VjcmV0", None]


def test_an_index_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(SetupFault, match=r"127\.0\.0\.1 cannot be used .*PIP_INDEX_URL"):
        package_index.files_of(Index("http://127.0.0.1:1/simple"), "uv")


def test_a_package_is_missing_until_each_of_its_programs_is_somewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lab_packages, "PROGRAMS", {"daemon": ("daemon-of-nobody", "its-shell")})
    folder = tmp_path / "usr" / "sbin"
    folder.mkdir(parents=True)
    for program in ("daemon-of-nobody", "its-shell"):
        assert lab_packages.missing(tmp_path) == ["daemon"]
        (folder / program).touch(mode=0o755)
    assert lab_packages.missing(tmp_path) == []
    assert lab_packages.missing(None) == ["daemon"]


def test_what_could_not_be_had_is_not_asked_for_again_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[list[str]] = []
    monkeypatch.setattr(lab_packages, "PROGRAMS", {"daemon": ("daemon-of-nobody",)})
    monkeypatch.setattr(lab_packages, "_get", lambda extra, cache: tries.append(extra))
    assert lab_packages.provide(tmp_path) == ["daemon"]
    assert lab_packages.provide(tmp_path) == ["daemon"]
    assert len(tries) == 1


def test_one_package_that_does_not_exist_costs_only_itself() -> None:
    had: list[str] = []

    def get(packages: list[str]) -> None:
        if "gone" in packages:
            raise SetupFault("there is no package gone")
        had.extend(packages)

    with pytest.raises(SetupFault, match="no package gone"):
        lab_packages._get_all(["bird2", "gone", "frr"], get, lambda: None)
    assert had == ["bird2", "frr"]


def test_a_failed_command_says_its_last_words_and_where_the_rest_is(tmp_path: Path) -> None:
    log = tmp_path / "setup.log"
    with pytest.raises(SetupFault, match=r"^sh failed: E: no such thing \(all of it is in .*setup\.log\)\.$"):
        progress.run(["sh", "-c", "echo fine; echo E: no such thing; exit 3"], log=log)
    assert "fine" in log.read_text()
    with pytest.raises(SetupFault, match="cannot be started"):
        progress.run([str(tmp_path / "nothing")], log=log)
