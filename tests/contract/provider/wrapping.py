"""How a faulty provider is made from the fake: by changing what goes in or what comes out.

A wrap takes the fake's ASGI application and returns another. Nothing of this is in the product.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from getimg_mock.fake import Fake
    from getimg_mock.world.limits import Allowance
    from getimg_mock.world.workspaces import Workspace


def list_references(body: Any) -> list[dict[str, Any]]:
    """Return the references of an order, whatever else its body has in their place."""
    images = body.get("images") if isinstance(body, dict) else None
    listed = images if isinstance(images, list) else []
    return [each for each in listed if isinstance(each, dict)]


@dataclass(slots=True)
class Asked:
    """One request as the wrapped application gets it; a wrap may change it."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body's JSON value, or None where it is none, or one of megabytes."""
        if len(self.body) > 1 << 20:
            return None
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def parameters(self) -> dict[str, str]:
        """The query's parameters."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @property
    def key(self) -> str:
        """The bearer key, or an empty text."""
        return self.headers.get("authorization", "").partition(" ")[2].strip()

    @property
    def opens(self) -> bool:
        """Whether the key is one that opens a workspace."""
        return self.key.startswith("sk_") and self.key not in {"sk_", "sk_mock_invalid"}

    @property
    def submits(self) -> bool:
        """Whether it asks for a generation."""
        return self.method == "POST" and self.path.endswith("/generations")

    @property
    def retrieves(self) -> bool:
        """Whether it asks how a video stands."""
        return self.method == "GET" and self.path.startswith("/v2/videos/generations/")

    @property
    def downloads(self) -> bool:
        """Whether it asks for a file."""
        return self.path.startswith("/v2/downloads/")


@dataclass(slots=True)
class Reply:
    """One answer before it goes out; a wrap may change it."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body's JSON value, or None where it is none."""
        if not self.headers.get("content-type", "").startswith("application/json"):
            return None
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def say(self, value: Any) -> None:
        """Answer with `value` as JSON."""
        self.headers["content-type"] = "application/json"
        self.raw(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())

    def raw(self, body: bytes) -> None:
        """Answer with these bytes, rightly measured."""
        self.body = body
        self.headers["content-length"] = str(len(body))

    @property
    def completed(self) -> bool:
        """Whether this is the result of a generation."""
        return (
            self.status == 200
            and isinstance(self.json, dict)
            and self.json.get("status") == "completed"
        )


@dataclass(slots=True)
class Scene:
    """What a wrap may look at and remember: the fake, and a memory of its own for each provider."""

    fake: Fake
    send: Callable[[Asked], Reply]
    memory: dict[str, Any] = field(default_factory=dict)

    def workspace(self, key: str) -> Workspace:
        """Return the workspace of a key."""
        return self.fake.store.get_or_create(key)


def show_allowance(reply: Reply, allowance: Allowance) -> None:
    """Put the three rate-limit headers on an answer."""
    for name, value in allowance._asdict().items():
        reply.headers[f"x-ratelimit-{name}"] = str(value)


Wrap = Callable[["ASGIApp", "Fake"], "ASGIApp"]
Change = Callable[[Asked, Reply, Scene], None]
Answering = Callable[[Asked, Scene], "Reply | None"]


def replies(change: Change) -> Wrap:
    """Return the wrap that lets `change` edit every answer."""

    def answer(asked: Asked, scene: Scene) -> Reply:
        reply = scene.send(asked)
        change(asked, reply, scene)
        return reply

    return answering(answer)


def answering(answer: Answering) -> Wrap:
    """Return the wrap in which `answer` answers; where it returns None, the fake does."""

    def wrap(app: ASGIApp, fake: Fake) -> ASGIApp:
        scene = Scene(fake, lambda asked: _stepped(app, asked, scope_of[0]))
        scope_of: list[Scope] = [{}]

        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            scope_of[0] = scope
            asked = await _read(scope, receive)
            reply = answer(asked, scene)
            if reply is None:
                reply = scene.send(asked)
            await _write(reply, send)

        return wrapped

    return wrap


def both(first: Wrap, second: Wrap) -> Wrap:
    """Return the wrap that is `first` inside and `second` outside."""

    def wrap(app: ASGIApp, fake: Fake) -> ASGIApp:
        return second(first(app, fake), fake)

    return wrap


def stepping(function: Callable[[Fake], None]) -> Wrap:
    """Return the wrap that changes the fake's own world, once, when it is made."""

    def wrap(app: ASGIApp, fake: Fake) -> ASGIApp:
        function(fake)
        return app

    return wrap


def workspaces(change: Callable[[Workspace], None]) -> Wrap:
    """Return the wrap that changes every workspace as it is made."""

    def alter(fake: Fake) -> None:
        store: Any = fake.store
        make = store._make

        def made(key: str) -> Workspace:
            workspace: Workspace = make(key)
            change(workspace)
            return workspace

        store._make = made

    return stepping(alter)


async def _read(scope: Scope, receive: Receive) -> Asked:
    chunks, more = [], True
    while more:
        message = await receive()
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
    return Asked(
        scope["method"],
        scope["path"],
        scope["query_string"].decode("latin-1"),
        headers,
        b"".join(chunks),
    )


async def _write(reply: Reply, send: Send) -> None:
    headers = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in reply.headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


def _stepped(app: ASGIApp, asked: Asked, scope: Scope) -> Reply:
    """Ask `app` synchronously: outside an event loop it never suspends."""
    inner = dict(scope) | {
        "method": asked.method,
        "path": asked.path,
        "raw_path": asked.path.encode(),
        "query_string": asked.query.encode("latin-1"),
        "headers": [(k.encode("latin-1"), v.encode("latin-1")) for k, v in asked.headers.items()],
    }
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": asked.body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    try:
        app(inner, receive, send).send(None)  # type: ignore[attr-defined]
    except StopIteration:
        pass
    else:
        raise AssertionError("the application suspended where nothing could resume it")
    headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in sent[0].get("headers", ())}
    return Reply(sent[0]["status"], headers, b"".join(m.get("body", b"") for m in sent[1:]))
