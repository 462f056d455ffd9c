"""HTTP as bytes: what is not HTTP, too large or too slow is refused in JSON, and the connection closes."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from doubles.glass import Glass, looking_glass
from netpulse.web import protocol

GET = b"GET /healthz HTTP/1.1\r\n"
HOST = b"Host: a\r\n"
POST = b"POST /healthz HTTP/1.1\r\nHost: a\r\n"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def glass(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Glass]:
    async with looking_glass(tmp_path_factory.mktemp("glass")) as running:
        yield running


def refused(answer: bytes, status: int) -> None:
    """This is one whole JSON error of that status, and nothing else came."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split(b" ")[1] == str(status).encode(), answer
    assert list(json.loads(body)) == ["error", "code"]
    assert b"\r\nconnection: close" in head
    assert b"\r\nx-request-id: " in head
    assert b"\r\ncontent-type: application/json; charset=utf-8" in head
    assert b"server:" not in head.lower()


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (GET + b"\r\n", 400),
        (GET + HOST + HOST + b"\r\n", 400),
        (GET + b"Host: \r\n\r\n", 400),
        (GET + b"Host: a b\r\n\r\n", 400),
        (GET + b"Host: good.example/admin?x=\r\n\r\n", 400),
        (GET + b"Host: good.example#\r\n\r\n", 400),
        (GET + b"Host: a@b\r\n\r\n", 400),
        (GET + b"Host: a:port\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.0\r\n\r\n", 400),
        (b"GET /healthz\r\n\r\n", 400),
        (b"GET /healthz HTTP/2.0\r\nHost: a\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.9\r\nHost: a\r\n\r\n", 400),
        (b"GET http://a/healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /healthz#x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\nHost: a\n\n", 400),
        (GET + b"Host: a\nX: b\r\n\r\n", 400),
        (GET + HOST + b"X: a\r\n folded\r\n\r\n", 400),
        (GET + HOST + b"X: a\x00b\r\n\r\n", 400),
        (GET + HOST + b"X : a\r\n\r\n", 400),
        (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", 400),
        (POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400),
        *(
            (POST + b"Content-Length: " + length + b"\r\n\r\nhello", 400)
            for length in (b"+5", b"-1", b"0x5", b"5, 5", b"")
        ),
        *(
            (POST + b"Transfer-Encoding: " + coding + b"\r\n\r\n0\r\n\r\n", 400)
            for coding in (b"xchunked", b"chunked, identity", b"identity", b"gzip, chunked")
        ),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF1\r\nhello", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", 400),
        (POST + b"Content-Length: 70000\r\n\r\n" + b"x" * 70000, 400),
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),
        (b"\x00" * 1_000_000, 400),
        (b"hello\r\n", 400),
        (b"FOO /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET /" + b"x" * 70000, 414),
        (GET + HOST + b"X: " + b"y" * 17000 + b"\r\n\r\n", 431),
        (GET + HOST + b"Cookie: " + b"y" * 70000 + b"\r\n\r\n", 431),
        (GET + HOST + b"X: y\r\n" * 1000 + b"\r\n", 431),
        (GET + HOST + b"X: y\r\n" * 101 + b"\r\n", 431),
    ],
)
async def test_what_is_not_a_request_is_refused_and_the_connection_closes(
    glass: Glass, request_bytes: bytes, status: int
) -> None:
    refused(await glass.raw(request_bytes), status)


@pytest.mark.parametrize(
    "host", ["a", "lg.example.com", "lg.example.com:8080", "127.0.0.1:1", "[::1]", "[2001:db8::1]:80"]
)
async def test_a_plain_request_with_one_host_is_served(glass: Glass, host: str) -> None:
    answer = await glass.raw(GET + f"Host: {host}\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b'{"alive":true}')


async def test_as_much_as_is_allowed_is_served(glass: Glass) -> None:
    filler = b"X: y\r\n" * 97
    many = await glass.raw(GET + HOST + filler + b"Connection: close\r\n\r\n")
    long = await glass.raw(GET + HOST + b"X: " + b"y" * 16000 + b"\r\nConnection: close\r\n\r\n")
    url = await glass.raw(b"GET /?" + b"x" * 8000 + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert [answer.split(b" ")[1] for answer in (many, long, url)] == [b"200", b"200", b"200"]


async def test_a_header_in_small_pieces_is_served_and_one_without_end_is_not(glass: Glass) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", glass.port)
    for piece in (
        GET,
        b"Ho",
        b"st: a\r\n",
        b"X: " + b"y" * 9000,
        b"z" * 5000 + b"\r\n",
        b"Connection: close\r\n",
        b"\r\n",
    ):
        writer.write(piece)
        await writer.drain()
    assert (await reader.read()).endswith(b'{"alive":true}')
    writer.close()
    reader, writer = await asyncio.open_connection("127.0.0.1", glass.port)
    writer.write(GET + HOST + b"X: ")
    answer = asyncio.ensure_future(reader.read())
    while not answer.done():
        writer.write(b"y" * 4096)
        await asyncio.wait({answer}, timeout=0.001)
    refused(answer.result(), 431)
    writer.close()


async def test_pipelined_requests_are_answered_one_by_one_and_in_order(glass: Glass) -> None:
    count = 1000
    last = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    answer = await glass.raw((GET + HOST + b"\r\n") * (count - 1) + last)
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == count


async def test_junk_behind_a_request_does_not_spoil_its_answer(glass: Glass) -> None:
    answer = await glass.raw(GET + HOST + b"\r\n" + b"\x00junk\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert answer.endswith(b'{"alive":true}')


async def test_what_came_whole_before_junk_is_served_and_then_the_connection_closes(glass: Glass) -> None:
    broken = POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n"
    for rest in (b"\x00junk", GET + b"\r\n", broken):
        answer = await glass.raw((GET + HOST + b"\r\n") * 50 + rest)
        assert answer.count(b"HTTP/1.1 200 OK\r\n") == 50
        assert answer.count(b"HTTP/1.1") == 50
        assert answer.endswith(b'{"alive":true}')


async def test_a_queue_of_requests_has_an_end(glass: Glass) -> None:
    answer = await glass.raw((GET + HOST + b"\r\n") * 5 * protocol.MOST_PIPELINED)
    assert protocol.MOST_PIPELINED <= answer.count(b"HTTP/1.1 200 OK\r\n") < 5 * protocol.MOST_PIPELINED
    assert answer.endswith(b'{"alive":true}')


async def test_an_upgrade_is_ignored(glass: Glass) -> None:
    answer = await glass.raw(GET + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_a_request_that_never_ends_and_a_connection_without_one_are_closed(
    glass: Glass, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "REQUEST_WITHIN_S", 0.05)
    for beginning in (b"", b"GET", GET + b"Ho", POST + b"Content-Length: 5\r\n\r\nhe"):
        reader, writer = await asyncio.open_connection("127.0.0.1", glass.port)
        writer.write(beginning)
        try:
            rest = await reader.read()
        except ConnectionResetError:
            rest = b""
        assert not rest.startswith(b"HTTP/1.1 200"), beginning
        writer.close()
    assert (await glass.client.get(glass.url + "/healthz")).status_code == 200


async def test_a_client_that_does_not_read_is_dropped(glass: Glass, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "READ_WITHIN_S", 0.05)
    with pytest.raises(ConnectionError):
        await ask_without_reading(glass.port)


async def ask_without_reading(port: int) -> None:
    """Asks for the largest page again and again and takes nothing of it."""
    loop = asyncio.get_running_loop()
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        await loop.sock_connect(sock, ("127.0.0.1", port))
        while True:
            await loop.sock_sendall(sock, b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n" * 100)
