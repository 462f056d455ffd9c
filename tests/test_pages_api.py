"""The customer's documentation says what the API's own document says, and its lines work."""

from __future__ import annotations

import html
import re
from pathlib import Path

import httpx2

from doubles.glass import looking_glass
from netpulse.errors import CODES


async def test_every_path_parameter_and_code_of_the_document_is_on_the_page_and_its_lines_work(
    tmp_path: Path,
) -> None:
    async with looking_glass(tmp_path) as glass, httpx2.AsyncClient(timeout=20) as browser:
        answer = await browser.get(glass.url + "/api", headers={"Accept": "text/html"})
        assert answer.status_code == 200
        page = html.unescape(answer.text)
        document = (await browser.get(glass.url + "/openapi.json")).json()
        assert "Customer API Documentation" in page
        for path, methods in document["paths"].items():
            assert f"/api/v1{path}" in page
            for declared in methods.values():
                parameters = declared.get("parameters", []) if isinstance(declared, dict) else declared
                assert all(f">{parameter['name']}</code>" in page for parameter in parameters)
        assert all(f">{code}</code>" in page for code in CODES)
        url = next(
            found for found in re.findall(r'curl -H "Authorization: [^"]*" "([^"]*)"', page) if "/ping?" in found
        )
        asked = await browser.get(url, headers={"Authorization": f"Bearer {glass.key}"})
        assert asked.status_code == 200


async def test_it_is_there_in_german_too(tmp_path: Path) -> None:
    async with looking_glass(tmp_path) as glass, httpx2.AsyncClient(timeout=20) as browser:
        answer = await browser.get(glass.url + "/api?lang=de", headers={"Accept": "text/html"})
        assert "API-Dokumentation für Kunden" in answer.text
