"""The short way of requests in process gives what the long way gives, header by header."""

from __future__ import annotations

import asyncio
import json
import pickle
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import httpx2
import pytest

from getimg_mock.in_process import known_requests
from getimg_mock.settings import Settings
from getimg_mock.testing.httpx2_transport import Httpx2Transport
from getimg_mock.testing.httpx_transport import HttpxTransport
from getimg_mock.world.transitions import TransitionRule
from tests.api.driver import IMAGE, START, VIDEO, Driver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp

PATH = "/v2/images/generations"
VIDEOS = "/v2/videos/generations"
KEY = "sk_known"
HEADERS = {"Authorization": f"Bearer {KEY}", "User-Agent": "test"}
MIB = 1024 * 1024


class Client:
    """Sends requests to a fake of its own by one of both ways; a middleware forces the long one."""

    def __init__(self, library: Any, *, is_short: bool, **settings: Any) -> None:
        self.driver = Driver.of(**settings)
        self.driver.app.fake.clock.state = (START, 0.0, 0.0)
        self.workspace = self.driver.workspace(KEY)
        app = self.driver.app
        app_or_middleware: ASGIApp = app if is_short else app.__call__
        make = HttpxTransport if library is httpx else Httpx2Transport
        self.transport: Any = make(app_or_middleware)
        self._client = library.Client(transport=self.transport, base_url="https://api.getimg.ai")

    def send(self, method: str, path: str, **options: Any) -> tuple[Any, ...]:
        """Return what came back."""
        options["headers"] = HEADERS | options.pop("headers", {})
        answer = self._client.request(method, path, **options)
        assert answer.elapsed is not None
        version, encoding = answer.http_version, answer.headers.encoding
        return answer.status_code, answer.headers.raw, answer.content, version, encoding

    def order(self, prompt: str, **rule: Any) -> str:
        """Return the id of a new video that ends as a rule says."""
        self.workspace.transitions.set(TransitionRule.of(rule))
        made: str = json.loads(self.send("POST", VIDEOS, json=VIDEO | {"prompt": prompt})[2])["id"]
        return made

    def read_journal(self) -> list[dict[str, Any]]:
        """Return the exchanges, less what they took of real time."""
        exchanges = [each.as_json() for each in self.workspace.journal]
        for each in exchanges:
            del each["wall"], each["milliseconds"]
        return exchanges


def open_clients(library: Any = httpx, **settings: Any) -> tuple[Client, Client]:
    """Return clients of equal fakes, that of the short way first."""
    one = Client(library, is_short=True, **settings)
    return one, Client(library, is_short=False, **settings)


def count_plain(client: Client, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return a list of the answers to plain requests, which grows."""
    answers: list[object] = []
    known = client.transport._known
    original = type(known).answer

    def answer(*arguments: Any) -> Any:
        found = original(*arguments)
        if found is not None and arguments[0] is known:
            answers.append(found)
        return found

    monkeypatch.setattr(type(known), "answer", answer)
    return answers


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_both_ways_answer_polls_alike(library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As time passes, whatever ends the video, and whatever is in the request."""
    clients = open_clients(library)
    plain = count_plain(clients[0], monkeypatch)
    answers: list[list[Any]] = [[], []]
    for client, seen in zip(clients, answers, strict=True):
        rules: tuple[dict[str, Any], ...] = ({"seconds": 30}, {"polls": 3}, {"hold": True})
        made = [client.order(f"{number}", **rule) for number, rule in enumerate(rules)]
        for seconds in (0, 0, 0.25, 0.75, 28, 2, 86_400):
            client.driver.advance(seconds, KEY)
            seen += [client.send("GET", f"{VIDEOS}/{each}") for each in (*made, "req-unknown")]
        held = f"{VIDEOS}/{made[2]}"
        seen.append(client.send("GET", f"{held}?a=b"))
        seen.append(client.send("GET", held, headers={"X-Mock-Behaviour": "status=503"}))
        seen.append(client.send("GET", held, headers={"Authorization": "Bearer sk_another"}))
        seen.append(client.send("HEAD", held))
        client.workspace.scenarios.add({"on": "videos.retrieve", "status": 503}, START)
        seen.append(client.send("GET", held))
    assert answers[0] == answers[1]
    assert clients[0].read_journal() == clients[1].read_journal()
    assert len(plain) == 5 + 7 + 1


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_both_ways_answer_images_alike(library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Valid and invalid ones, in one piece or several, and with lengths that are not theirs."""
    clients = open_clients(library, max_body_mib=1, image_rpm=12)
    plain = count_plain(clients[0], monkeypatch)
    answers: list[list[Any]] = [[], []]
    for client, seen in zip(clients, answers, strict=True):
        orders: tuple[dict[str, Any], ...] = ({}, {"prompt": "Üñí"}, {"aspect_ratio": "16:9"}, {})
        for order in orders:
            seen.append(client.send("POST", PATH, json=IMAGE | order))
        seen.append(client.send("POST", PATH, json=IMAGE | {"resolution": "9K"}))
        seen.append(client.send("POST", PATH, json=IMAGE | {"prompt": "x" * MIB}))
        body = json.dumps(IMAGE).encode()
        lies = {"Content-Type": "application/json", "Content-Length": f"{999 * MIB}"}
        seen.append(client.send("POST", PATH, content=body, headers=lies))
        del lies["Content-Length"]
        seen.append(client.send("POST", PATH, content=iter([body[:9], body[9:]]), headers=lies))
        seen.append(client.send("POST", f"http://another.test:81{PATH}", json=IMAGE))
        seen.append(client.send("POST", f"http://another.test:82{PATH}", json=IMAGE))
        seen += [client.send("POST", PATH, json=IMAGE) for _ in range(8)]
    assert answers[0] == answers[1]
    assert clients[0].read_journal() == clients[1].read_journal()
    assert len(plain) == 4 + 2 + 5


def test_a_fake_that_was_replaced_answers_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kept head is prepared again for the fake that serves since, and for another application."""
    client, other = open_clients()
    plain = count_plain(client, monkeypatch)
    assert client.send("POST", PATH, json=IMAGE)[0] == 200
    app = client.driver.app
    app.replace_fake(replace(app.fake, settings=Settings.of(strictness="schema")))
    assert client.send("POST", PATH, json=IMAGE)[0] == 200
    assert len(plain) == 1
    client.transport.app = other.driver.app
    assert client.send("POST", PATH, json=IMAGE)[0] == 200
    assert len(other.read_journal()) == 1


def test_few_heads_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that asks for something else each time must not fill the memory."""
    monkeypatch.setattr(known_requests, "_MOST", 4)
    client, _ = open_clients()
    for number in range(20):
        client.send("GET", f"{VIDEOS}/req-{number}")
        assert len(client.transport._known._known) <= 4


class Shouting(httpx.SyncByteStream):
    """A stream of the user's own, around another one."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._stream:
            yield piece.upper()

    def close(self) -> None:
        """Close the other one."""
        self._stream.close()


def shout(response: httpx.Response) -> None:
    """Put a stream around that of a response."""
    response.stream = Shouting(response.stream)


class ShoutingTransport(httpx.BaseTransport):
    """A transport of the user's own, around ours."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response of the other one."""
        response: httpx.Response = self._transport.handle_request(request)
        shout(response)
        return response


def test_a_body_is_read_through_what_is_around_it() -> None:
    """By a hook of the client, by another transport, or not through httpx at all."""
    client, _ = open_clients()
    path = f"https://api.getimg.ai{VIDEOS}/{client.order('x', hold=True)}"
    hooks = {"response": [shout]}
    with (
        httpx.Client(transport=client.transport, event_hooks=hooks, headers=HEADERS) as one,
        httpx.Client(transport=ShoutingTransport(client.transport), headers=HEADERS) as other,
    ):
        assert b'"PENDING"' in one.get(path).content
        assert b'"PENDING"' in other.get(path).content
    request = httpx.Request("GET", path, headers=HEADERS)
    assert b'"pending"' in client.transport.handle_request(request).read()


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_plain_response_is_as_any_other(library: Any) -> None:
    """Read as a whole or in pieces, once, and what it says about that."""
    for client in open_clients(library):
        path = f"{VIDEOS}/{client.order('x', hold=True)}"
        with library.Client(
            transport=client.transport, base_url="https://api.getimg.ai", headers=HEADERS
        ) as session:
            whole = session.get(path)
            assert whole.is_closed
            assert whole.is_stream_consumed
            assert whole.num_bytes_downloaded == len(whole.content)
            assert list(whole.iter_bytes()) == [whole.content]
            assert repr(whole) == "<Response [200 OK]>"
            assert pickle.loads(pickle.dumps(whole)).content == whole.content  # noqa: S301 - our own
            with pytest.raises(library.StreamConsumed):
                list(whole.iter_raw())
            with session.stream("GET", path) as streamed:
                assert not streamed.is_closed
                assert list(streamed.iter_raw()) == [whole.content]
            with pytest.raises(library.StreamConsumed):
                streamed.read()
            with session.stream("GET", path) as unread:
                pass
            with pytest.raises(library.StreamClosed):
                unread.read()


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_asynchronous_clients_take_both_ways(library: Any) -> None:
    """With the same answers as synchronous ones."""

    async def read(client: Client, path: str) -> tuple[Any, ...]:
        async with library.AsyncClient(
            transport=client.transport, base_url="https://api.getimg.ai", headers=HEADERS
        ) as session:
            whole = await session.get(path)
            async with session.stream("GET", path) as streamed:
                pieces = [each async for each in streamed.aiter_raw()]
            assert whole.elapsed is not None
            return whole.status_code, whole.headers.raw, whole.content, pieces, whole.is_closed

    found = [
        asyncio.run(read(client, f"{VIDEOS}/{client.order('x', hold=True)}"))
        for client in open_clients(library)
    ]
    assert found[0] == found[1]
    assert found[0][0] == 200
