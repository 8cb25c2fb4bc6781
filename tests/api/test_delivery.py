"""How answers go out: in pieces, slowly, or not to their end."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.api.delivery import deliver
from getimg_mock.api.messages import Answer, Call
from getimg_mock.api.raw_connection import WIRE, NoWireError
from getimg_mock.fake import Fake
from getimg_mock.settings import Settings
from tests.api.driver import START, Driver
from tests.world.worlds import workspace

if TYPE_CHECKING:
    from starlette.types import Message

KINDS = (None, "drip", "truncate", "hang_body", "wrong_length", "hang", "reset", "close")


class Wire:
    """A connection that remembers what was done to it."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def write(self, data: bytes) -> None:
        """Take raw bytes."""
        self.done.append(f"write {len(data)}")

    def reset(self) -> None:
        """Reset it."""
        self.done.append("reset")

    def close(self) -> None:
        """Close it."""
        self.done.append("close")

    def close_with_client(self) -> None:
        """Close it when the client stops sending."""


class Client:
    """One request and all that was sent for it."""

    def __init__(self, *, method: str = "GET", wire: bool = True) -> None:
        self.wire = Wire()
        self.world = workspace()
        self.world.clock.autojump = True
        self.messages: list[Message] = []
        scope: dict[str, Any] = {"method": method, "headers": [], "path": "/"}
        scope |= {WIRE: self.wire} if wire else {}
        self.call = Call("models.list", scope, Fake.of(Settings.of()))
        self.call.workspace = self.world

    def gets(self, answer: Answer) -> bool:
        """Deliver an answer; return what `deliver` says: whether all of it went out."""

        async def receive() -> Message:
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            self.messages.append(message)

        return asyncio.run(deliver(answer, self.call, receive, send))

    @property
    def pieces(self) -> list[bytes]:
        """The pieces of the body."""
        return [each["body"] for each in self.messages[1:]]

    @property
    def length(self) -> bytes:
        """The Content-Length that was promised."""
        headers: dict[bytes, bytes] = dict(self.messages[0]["headers"])
        return headers[b"content-length"]

    @property
    def is_over(self) -> bool:
        """Whether the last piece was said to be the last."""
        return not self.messages[-1].get("more_body", False)


@pytest.mark.parametrize("size", [0, 1, 262_143, 262_144, 262_145, 1_000_000])
def test_a_body_goes_out_whole_and_in_pieces_of_a_bearable_size(size: int) -> None:
    """Large media do not fill the buffers of a slow connection all at once."""
    client = Client()
    body = bytes(index % 251 for index in range(size))
    assert client.gets(Answer(200, body))
    assert b"".join(client.pieces) == body
    assert max(map(len, client.pieces)) <= 262_144
    assert int(client.length) == size
    assert client.is_over


@pytest.mark.parametrize("kind", [None, "drip", "wrong_length", "truncate"])
def test_head_gets_the_head_alone(kind: str | None) -> None:
    """With the length that the body would have."""
    client = Client(method="HEAD")
    client.gets(Answer(200, b"x" * 1000, delivery=kind))
    assert b"".join(client.pieces) == b""
    assert int(client.length) in {1000, 1064}


@pytest.mark.parametrize("kind", [None, "drip"])
@pytest.mark.parametrize("status", [204, 304])
def test_what_has_no_body_has_none(status: int, kind: str | None) -> None:
    """Whatever a rule gave it: bytes there would be taken for the next answer."""
    client = Client()
    assert client.gets(Answer(status, b"words", delivery=kind))
    assert b"".join(client.pieces) == b""
    assert b"content-length" not in dict(client.messages[0]["headers"])


@pytest.mark.parametrize(("size", "pieces"), [(1, 1), (37, 37), (2000, 2000), (1_000_000, 2000)])
def test_drips_are_many_and_take_their_time(size: int, pieces: int) -> None:
    """A hundredth of a second of the workspace's clock each; a film takes 20 s, not hours."""
    client = Client()
    assert client.gets(Answer(200, b"x" * size, delivery="drip"))
    dripped = [each for each in client.pieces if each]
    assert (len(dripped), len(b"".join(dripped))) == (pieces, size)
    assert client.world.clock.now() - START == timedelta(milliseconds=10 * pieces)
    assert client.is_over


@pytest.mark.parametrize(
    ("kind", "sent", "promised", "done"),
    [
        ("truncate", 50, 100, ["close"]),
        ("hang_body", 50, 100, []),
        ("wrong_length", 100, 164, ["close"]),
        ("reset", None, None, ["reset"]),
        ("close", None, None, ["close"]),
        ("hang", None, None, []),
    ],
)
def test_a_broken_answer_never_ends(
    kind: str, sent: int | None, promised: int | None, done: list[str]
) -> None:
    """It goes as far as its fault lets it, and then waits for the client to go."""
    client = Client()
    assert not client.gets(Answer(200, b"x" * 100, delivery=kind))
    assert client.wire.done == done
    if sent is None:
        assert client.messages == []
    else:
        assert (len(b"".join(client.pieces)), int(client.length)) == (sent, promised)
        assert not client.is_over


@pytest.mark.parametrize("kind", ["truncate", "wrong_length", "reset", "close"])
def test_a_foreign_host_says_that_it_has_no_wire(kind: str) -> None:
    """A fault that silently did not happen would pass for a client that survived it."""
    client = Client(wire=False)
    with pytest.raises(NoWireError, match="getimg-mock serve"):
        client.gets(Answer(200, b"x" * 100, delivery=kind))
    assert client.messages == []


@pytest.mark.parametrize("kind", [None, "drip"])
def test_a_foreign_host_does_for_all_that_is_http(kind: str | None) -> None:
    """No wire is needed for what ASGI has messages for."""
    assert Client(wire=False).gets(Answer(200, b"x", delivery=kind))


def test_every_way_to_deliver_is_tried_and_no_other_is_known() -> None:
    """A misspelt one is a bug of ours, and not a hang of the client's."""
    for kind in KINDS:
        Client().gets(Answer(200, b"x" * 100, delivery=kind))
    with pytest.raises(LookupError, match="not a way to deliver"):
        Client().gets(Answer(200, b"", delivery="pigeon"))


def test_the_date_is_the_workspaces_when_it_answers() -> None:
    """Latency shows in it."""
    api = Driver.of()
    world = api.workspace()
    world.clock.autojump = True
    world.scenarios.add({"latency": 90}, START)
    assert api.get("/v2/models").header("date") == "Tue, 01 Sep 2026 12:01:30 GMT"
    (exchange,) = world.journal
    assert exchange.at == START
