"""The fake as a transport: the same behaviour for httpx and httpx2, plain, asyncio and trio."""

from __future__ import annotations

import asyncio
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import httpx2
import pytest
import trio

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.testing.workspace import GetimgMock

IMAGE = {"model": "seedream-5-lite", "prompt": "A lighthouse"}
LARGE = IMAGE | {"output_format": "png", "resolution": "3K"}
CHUNK = 256 * 1024


class Got(NamedTuple):
    """What a client got: a status and the pieces of a body, or the name of an error."""

    status: int = 0
    pieces: tuple[bytes, ...] = ()
    error: str = ""
    text: str = ""

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(self.pieces)


class Client:
    """One way to use a fake: `send` asks, and reads the answer piece by piece."""

    def __init__(self, workspace: GetimgMock, library: Any, run: Any) -> None:
        self._library = library
        self._run = run
        self._options: dict[str, Any] = {
            "transport": workspace.transport() if library is httpx else workspace.transport2(),
            "base_url": workspace.url,
            "headers": {"Authorization": f"Bearer {workspace.key}"},
            "timeout": 30,
        }

    def send(self, method: str, path: str, **options: Any) -> Got:
        """Return what came back; an error only as far as it is one of the library's."""
        try:
            if self._run is None:
                return self._send(method, path, options)
            if self._run is trio.run:
                return trio.run(self._send_async, method, path, options)  # type: ignore[no-any-return]
            return asyncio.run(self._send_async(method, path, options))
        except self._library.TransportError as error:
            return Got(error=type(error).__name__, text=f"{error} ({error.request.method})")

    def _send(self, method: str, path: str, options: dict[str, Any]) -> Got:
        with (
            self._library.Client(**self._options) as client,
            client.stream(method, path, **options) as answer,
        ):
            return Got(answer.status_code, tuple(answer.iter_raw()))

    async def _send_async(self, method: str, path: str, options: dict[str, Any]) -> Got:
        async with (
            self._library.AsyncClient(**self._options) as client,
            client.stream(method, path, **options) as answer,
        ):
            return Got(answer.status_code, tuple([piece async for piece in answer.aiter_raw()]))


WAYS = [
    pytest.param((library, run), id=f"{library.__name__}-{name}")
    for library in (httpx, httpx2)
    for name, run in (("plain", None), ("asyncio", asyncio.run), ("trio", trio.run))
]


@pytest.fixture(params=WAYS)
def client(request: pytest.FixtureRequest, getimg_mock: GetimgMock) -> Client:
    """Each way to use the fake of a test."""
    library, run = request.param
    return Client(getimg_mock, library, run)


def test_a_generation_and_its_file_come_through(client: Client) -> None:
    """The path that every client takes."""
    got = client.send("POST", "/v2/images/generations", json=IMAGE)
    assert got.status == 200
    url = httpx.Response(200, content=got.body).json()["data"][0]["url"]
    assert client.send("GET", url).body[:2] == b"\xff\xd8"


def test_a_body_arrives_in_pieces(client: Client) -> None:
    """A transport that gathers the body up could not show a slow or broken download."""
    got = client.send("POST", "/v2/images/generations", json=LARGE)
    url = httpx.Response(200, content=got.body).json()["data"][0]["url"]
    pieces = client.send("GET", url).pieces
    assert len(pieces) > 1
    assert {len(piece) for piece in pieces[:-1]} == {CHUNK}


@pytest.mark.parametrize(
    ("fault", "error", "text"),
    [
        ("reset", "ReadError", "[Errno 104] Connection reset by peer"),
        ("close", "RemoteProtocolError", "Server disconnected without sending a response."),
        ("truncate", "RemoteProtocolError", "peer closed connection without sending complete"),
        ("wrong_length", "RemoteProtocolError", "peer closed connection without sending complete"),
        ("hang", "ReadTimeout", "The read operation timed out"),
        ("hang_body", "ReadTimeout", "The read operation timed out"),
    ],
)
def test_a_broken_socket_is_the_librarys_own_error(
    client: Client, getimg_mock: GetimgMock, fault: str, error: str, text: str
) -> None:
    """Code that handles these errors must meet them under their names."""
    getimg_mock.scenarios.add(fault=fault)
    got = client.send("POST", "/v2/images/generations", json=IMAGE)
    assert got.error == error
    assert got.text.startswith(text)
    assert got.text.endswith("(POST)")


def test_a_drip_is_seen_drop_by_drop(client: Client, getimg_mock: GetimgMock) -> None:
    """Who shows progress must have something to show."""
    getimg_mock.scenarios.add(fault="drip")
    got = client.send("GET", "/v2/models")
    assert len(got.pieces) > 100
    assert len(got.body) > 1000


def test_a_streamed_upload_is_read_whole(getimg_mock: GetimgMock) -> None:
    """A body need not be bytes."""

    def pieces() -> Iterator[bytes]:
        yield b'{"model": "seedream-5-lite", '
        yield b'"prompt": "x"}'

    headers = {"Authorization": f"Bearer {getimg_mock.key}", "Content-Type": "application/json"}
    with httpx.Client(transport=getimg_mock.transport()) as client:
        url = "http://anywhere.test/v2/images/generations"
        answer = client.post(url, content=pieces(), headers=headers)
    assert answer.status_code == 200
    assert answer.json()["data"][0]["url"].startswith("http://anywhere.test/v2/downloads/")


def test_a_closed_stream_lets_the_fake_finish(getimg_mock: GetimgMock) -> None:
    """What a client did not want to read was sent all the same."""
    with httpx.Client(transport=getimg_mock.transport()) as client:
        headers = {"Authorization": f"Bearer {getimg_mock.key}"}
        with client.stream("GET", "https://api.getimg.ai/v2/models", headers=headers) as answer:
            assert answer.status_code == 200
    assert getimg_mock.journal.count(operation="models.list") == 1


def test_another_task_may_read_the_body(getimg_mock: GetimgMock) -> None:
    """An answer may be handed over to a task that did not ask for it."""

    async def main() -> bytes:
        headers = {"Authorization": f"Bearer {getimg_mock.key}"}
        async with httpx.AsyncClient(transport=getimg_mock.transport()) as client:
            getimg_mock.scenarios.add(fault="drip")
            request = client.build_request(
                "GET", "https://api.getimg.ai/v2/models", headers=headers
            )
            answer = await client.send(request, stream=True)
            return await asyncio.create_task(answer.aread())

    assert asyncio.run(main()).startswith(b"[")


@pytest.mark.parametrize(
    ("adapter", "name", "other"),
    [
        ("httpx_transport", "HttpxTransport", "httpx2"),
        ("httpx2_transport", "Httpx2Transport", "httpx"),
    ],
)
def test_one_of_the_libraries_is_enough(
    monkeypatch: pytest.MonkeyPatch, adapter: str, name: str, other: str
) -> None:
    """Who has only one of the two can use its transport."""
    monkeypatch.setitem(sys.modules, other, None)
    for module in ("transports", adapter):
        monkeypatch.delitem(sys.modules, f"getimg_mock.testing.{module}", raising=False)
        monkeypatch.delattr(f"getimg_mock.testing.{module}", raising=False)
    assert hasattr(import_module(f"getimg_mock.testing.{adapter}"), name)
