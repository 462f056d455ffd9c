"""Style sheets and scripts: small, kept by browsers for a year, packed, and exactly what the sources make."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from doubles.glass import SETTINGS, Glass, looking_glass
from netpulse.settings import Branding
from netpulse.web.pages.assets import built, coding_for, manifest

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "src" / "netpulse" / "static"
FRONTEND = ROOT / "frontend"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def glass(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Glass]:
    folder = tmp_path_factory.mktemp("assets")
    (folder / "logo.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>')
    branding = Branding(logo=folder / "logo.svg", accent="#7a1fa2", footer="Peering: AS64500")
    async with looking_glass(folder, settings=replace(SETTINGS, branding=branding)) as running:
        yield running


@pytest.mark.parametrize("name", ["app.css", "app.js", "result.js"])
@pytest.mark.parametrize(("accept", "coding"), [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("identity", None)])
async def test_a_built_file_goes_out_packed_and_may_be_kept_for_ever(
    glass: Glass, name: str, accept: str, coding: str | None
) -> None:
    address = f"{glass.url}/static/{manifest()[name]}"
    async with glass.client.stream("GET", address, headers={"Accept-Encoding": accept}) as answer:
        raw = b"".join([piece async for piece in answer.aiter_raw()])
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers.get("content-encoding") == coding
    assert answer.headers["vary"] == "Accept-Encoding"
    assert raw == built()[manifest()[name]].codings[coding or ""]


@pytest.mark.parametrize(
    "name", ["app.css", "manifest.json", "app.css.gz", "..%2fmanifest.json", "app.000000000000.css", ""]
)
async def test_what_was_not_built_does_not_exist(glass: Glass, name: str) -> None:
    answer = await glass.client.get(f"{glass.url}/static/{name}")
    assert answer.status_code == 404


async def test_the_operators_logo_colour_and_line_are_on_every_page_without_a_build(glass: Glass) -> None:
    page = (await glass.client.get(f"{glass.url}/nowhere", headers={"Accept": "text/html"})).text
    sheet = re.search(r'href="(/brand/accent\.[0-9a-f]{12}\.css)"', page)
    logo = re.search(r'<img src="(/brand/logo\.[0-9a-f]{12}\.svg)"', page)
    assert sheet is not None
    assert logo is not None
    assert "Peering: AS64500" in page
    assert "--ac:light-dark(#7a1fa2,#b887ce)" in (await glass.client.get(glass.url + sheet[1])).text
    answer = await glass.client.get(glass.url + logo[1])
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
    )


async def test_only_a_drawing_may_have_styles_in_it(glass: Glass) -> None:
    page = (await glass.client.get(f"{glass.url}/nowhere", headers={"Accept": "text/html"})).text
    sheets = re.findall(r'href="(/(?:brand|static)/[^"]*\.css)"', page)
    assert len(sheets) == 2
    for path in (*sheets, *(f"/static/{name}" for name in manifest().values())):
        answer = await glass.client.get(glass.url + path)
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        ("br", "br"),
        ("gzip;q=0.5, br;q=1", "br"),
        ("br;q=0, gzip", "gzip"),
        ("", ""),
        ("zstd", ""),
        ("GZIP", "gzip"),
        ("br; q=0.0", ""),
    ],
)
def test_the_best_coding_that_both_know_is_chosen(accept: str, coding: str) -> None:
    assert coding_for(accept, {"": b"", "gzip": b"", "br": b""}) == coding


def test_what_a_first_visit_loads_is_small() -> None:
    def packed(name: str) -> int:
        return len(built()[manifest()[name]].codings["gzip"])

    assert packed("app.css") <= 10 * 1024
    own = [name for name in manifest() if name.endswith(".js")]
    assert sum(map(packed, own)) <= 15 * 1024


def test_packed_files_hold_what_the_plain_ones_hold() -> None:
    for asset in built().values():
        assert gzip.decompress(asset.codings["gzip"]) == asset.codings[""]


def test_nothing_is_fetched_from_anywhere_else() -> None:
    for name in manifest():
        text = built()[manifest()[name]].codings[""].decode()
        assert not re.search(r"https?://(?!www\.w3\.org)|@import|\beval\(|innerHTML", text), name


needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not (FRONTEND / "node_modules" / "esbuild").is_dir(),
    reason="node or frontend/node_modules is missing (make frontend installs it): static/ is not compared with its sources",
)


@needs_node
def test_the_built_files_are_what_the_sources_make(tmp_path: Path) -> None:
    made = tmp_path / "made"
    made.mkdir()
    (made / "stale.css").write_text("of an older build")
    subprocess.run(["node", "build.mjs", str(made)], cwd=FRONTEND, check=True, capture_output=True)
    plain = {path.name for path in STATIC.iterdir() if path.suffix not in (".gz", ".br")}
    assert {path.name for path in made.iterdir() if path.suffix not in (".gz", ".br")} == plain, "run `make frontend`"
    for name in plain:
        assert (made / name).read_bytes() == (STATIC / name).read_bytes(), f"{name}: run `make frontend`"
    assert list(tmp_path.iterdir()) == [made]


@needs_node
def test_a_build_that_fails_leaves_what_was_built_before(tmp_path: Path) -> None:
    sources = tmp_path / "frontend"
    shutil.copytree(FRONTEND, sources, ignore=shutil.ignore_patterns("node_modules"))
    (sources / "node_modules").symlink_to(FRONTEND / "node_modules")
    made = tmp_path / "made"
    made.mkdir()
    (made / "manifest.json").write_text("whole")
    script = sources / "build.mjs"
    script.write_text(script.read_text().replace("gzipSync(bytes", "nothingLikeIt(bytes"))
    built_badly = subprocess.run(["node", "build.mjs", str(made)], cwd=sources, check=False, capture_output=True)
    assert built_badly.returncode != 0
    assert (made / "manifest.json").read_text() == "whole"
