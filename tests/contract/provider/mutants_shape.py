"""Providers whose messages have the wrong shape."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.contract.provider.mutants import Mutant
from tests.contract.provider.wrapping import Asked, Reply, Scene, Wrap, answering, replies

Edit = Callable[[Any], Any]


def body_of(path: str, edit: Edit, *, method: str = "GET") -> Wrap:
    """Return the wrap that edits the JSON of successful answers on paths that begin so."""

    def change(asked: Asked, reply: Reply, _scene: Scene) -> None:
        if asked.method == method and asked.path.startswith(path) and reply.status < 300:
            body = reply.json
            if body is not None:
                reply.say(edit(body))

    return replies(change)


def result(edit: Callable[[dict[str, Any]], None]) -> Wrap:
    """Return the wrap that edits every result of a generation."""

    def change(_asked: Asked, reply: Reply, _scene: Scene) -> None:
        if reply.completed:
            body = reply.json
            edit(body)
            reply.say(body)

    return replies(change)


def errors(edit: Callable[[dict[str, Any]], Any]) -> Wrap:
    """Return the wrap that edits the JSON of every error."""

    def change(_asked: Asked, reply: Reply, _scene: Scene) -> None:
        if reply.status >= 400 and isinstance(reply.json, dict):
            body = reply.json
            changed = edit(body)
            reply.say(body if changed is None else changed)

    return replies(change)


def headers(edit: Callable[[Asked, Reply], None]) -> Wrap:
    """Return the wrap that edits the headers of every answer."""
    return replies(lambda asked, reply, _scene: edit(asked, reply))


def _set(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda body: body.__setitem__(name, value)


def _drop(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda body: body.pop(name, None)


def _item(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda body: body["data"][0].__setitem__(name, value)


def _naive(body: dict[str, Any]) -> None:
    body["data"][0]["deletes_at"] = body["data"][0]["deletes_at"].removesuffix("Z")


def _bom(asked: Asked, reply: Reply, _scene: Scene) -> None:
    if asked.path == "/v2/models" and reply.status == 200:
        reply.raw(b"\xef\xbb\xbf" + reply.body)


def _duplicate(asked: Asked, reply: Reply, _scene: Scene) -> None:
    if asked.path == "/v2/billing/balance" and reply.status == 200:
        reply.raw(reply.body.replace(b"{", b'{"currency":"USD",', 1))


def _latin(asked: Asked, reply: Reply, _scene: Scene) -> None:
    if asked.path == "/v2/models" and reply.status == 200:
        reply.raw(reply.body.replace(b'"name":"S', b'"name":"\xe9S', 1))


def _nan(asked: Asked, reply: Reply, _scene: Scene) -> None:
    if asked.path == "/v2/billing/costs" and reply.status == 200:
        body = reply.json
        text = json.dumps(body).replace('"total_cost": ', '"total_cost": NaN, "total": ')
        reply.raw(text.encode())


def _html_type(asked: Asked, reply: Reply) -> None:
    if reply.status >= 400 and asked.path.startswith("/v2/"):
        reply.headers["content-type"] = "text/html"


def _crash(asked: Asked, scene: Scene) -> Reply | None:
    if asked.submits and b"\\u" in asked.body:
        reply = scene.send(asked)
        reply.status = 500
        reply.say({"error": {"code": "server_error", "message": "Something went wrong"}})
        return reply
    return None


def _crash_on_options(asked: Asked, reply: Reply, _scene: Scene) -> None:
    if asked.method == "OPTIONS":
        reply.status = 500
        reply.say({"error": {"code": "server_error", "message": "Something went wrong"}})


def _plain_error(_asked: Asked, reply: Reply) -> None:
    if reply.status >= 400 and reply.status != 401:
        reply.headers["content-type"] = "text/plain"
        reply.raw(b"Bad Request")


def _teapot(asked: Asked, reply: Reply) -> None:
    if asked.submits and reply.status == 400:
        reply.status = 418


def _flap(asked: Asked, reply: Reply, scene: Scene) -> None:
    if asked.submits and reply.status == 400:
        scene.memory["n"] = scene.memory.get("n", 0) + 1
        if scene.memory["n"] % 2:
            reply.status = 413


def _codes(asked: Asked, reply: Reply, scene: Scene) -> None:
    if asked.submits and reply.status == 400 and reply.json:
        scene.memory["n"] = scene.memory.get("n", 0) + 1
        body = reply.json
        body["error"]["code"] += f"_{scene.memory['n']}"
        reply.say(body)


def _trace(body: dict[str, Any]) -> None:
    body["error"]["message"] += ' Traceback (most recent call last): File "/srv/app.py", line 7'


def _host(body: dict[str, Any]) -> None:
    body["error"]["message"] += " (upstream api-7.cluster.local)"


def _length(asked: Asked, reply: Reply) -> None:
    if asked.path == "/v2/models":
        reply.headers["content-length"] = str(len(reply.body) + 7)


def _zip(asked: Asked, reply: Reply) -> None:
    if asked.path == "/v2/models":
        reply.headers["content-encoding"] = "gzip"


def _no_405(asked: Asked, scene: Scene) -> Reply | None:
    if asked.method in {"PUT", "DELETE", "PATCH"}:
        reply = scene.send(asked)
        reply.status = 404
        return reply
    return None


def _loose(asked: Asked, scene: Scene) -> Reply | None:
    """Paths are unquoted and flattened once more than they should be."""
    if ".." in asked.path and "/v2/" in asked.path:
        asked.path = "/v2/billing/balance"
        return scene.send(asked)
    return None


def _unknown_path(asked: Asked, reply: Reply, _scene: Scene) -> None:
    if asked.path in {"/v2/nothing", "/v2/images", "/"}:
        reply.status = 200
        reply.say({"ok": True})


def _refuses_with(path: str, status: int) -> Wrap:
    def edit(asked: Asked, reply: Reply) -> None:
        if asked.path == path and reply.status == 400:
            reply.status = status

    return headers(edit)


def _unknown_in_html(asked: Asked, reply: Reply) -> None:
    if reply.status == 404 and asked.path.startswith("/v2/nothing"):
        reply.headers["content-type"] = "text/html"


def _failed_with(message: str, **more: Any) -> Wrap:
    """Return the wrap in which a failed video says this."""

    def change(asked: Asked, reply: Reply, _scene: Scene) -> None:
        if asked.retrieves and reply.status == 200 and reply.json["status"] == "failed":
            error = reply.json["error"]
            reply.say(reply.json | {"error": error | {"message": message} | more})

    return replies(change)


def _writes_on(matches: Callable[[Asked], bool]) -> Wrap:
    """Return the wrap that takes any method where `matches`, and does nothing."""

    def answer(asked: Asked, _scene: Scene) -> Reply | None:
        if asked.method in {"POST", "PUT", "PATCH", "DELETE"} and matches(asked):
            return Reply(200, {"content-type": "application/json", "content-length": "2"}, b"{}")
        return None

    return answering(answer)


def _deletes(asked: Asked, _scene: Scene) -> Reply | None:
    gone = asked.method == "DELETE" and asked.path.startswith("/v2/videos/generations/")
    return Reply(204, {}, b"") if gone else None


def _allows_all(_asked: Asked, reply: Reply) -> None:
    if "allow" in reply.headers:
        reply.headers["allow"] = "GET, HEAD, POST, PUT, PATCH, DELETE"


def _some_unknown_are_401(asked: Asked, reply: Reply, _scene: Scene) -> None:
    if reply.status == 404 and asked.path.startswith("/v2/") and not asked.key:
        reply.status = 401


def _closes(_asked: Asked, reply: Reply) -> None:
    if reply.status == 400:
        reply.headers["connection"] = "close"


def _ancient(body: Any) -> Any:
    for model in body if isinstance(body, list) else [body]:
        model["created_at"] = "1970-01-01T00:00:00.000Z"
    return body


def _without_a_documented_one(body: Any) -> Any:
    if isinstance(body, list):
        return [model for model in body if model["id"] != "seedream-5-lite"]
    return body


def _case(asked: Asked, scene: Scene) -> Reply | None:
    if asked.path == "/V2/models":
        asked.path, asked.query = "/v2/models", "type=image"
        return scene.send(asked)
    return None


SHAPE: tuple[Mutant, ...] = tuple(
    Mutant(name=name, kind="shape", breaks=breaks, wrap=wrap)
    for name, breaks, wrap in (
        ("result-without-model", "GP101", result(_drop("model"))),
        ("result-without-usage", "GP101", result(_drop("usage"))),
        ("data-is-an-object", "GP101", result(_set("data", {}))),
        ("width-is-a-text", "GP101", result(_item("width", "1024"))),
        ("models-in-an-envelope", "GP801", body_of("/v2/models", lambda b: {"data": b})),
        (
            "balance-without-currency",
            "GP101",
            body_of("/v2/billing/balance", lambda b: {"balance": b["balance"]}),
        ),
        ("deletes-at-without-zone", "GP108", result(_naive)),
        ("deletes-at-is-a-number", "GP101", result(_item("deletes_at", 1760000000))),
        (
            "created-in-the-future",
            "GP108",
            body_of("/v2/models/", lambda b: b | {"created_at": "2031-01-01T00:00:00.000Z"}),
        ),
        ("created-in-1970", "GP108", body_of("/v2/models", _ancient)),
        ("documented-model-is-gone", "GP808", body_of("/v2/models", _without_a_documented_one)),
        ("case-leads-elsewhere", "GP112", answering(_case)),
        (
            "error-beside-a-success",
            "GP105",
            body_of("/v2/billing/balance", lambda b: b | {"error": None}),
        ),
        ("error-is-a-text", "GP105", errors(lambda b: {"error": b["error"]["message"]})),
        ("error-without-code", "GP105", errors(lambda b: b["error"].pop("code") and None)),
        ("error-with-empty-message", "GP105", errors(lambda b: b["error"].update(message=""))),
        ("error-in-plain-text", "GP105", headers(_plain_error)),
        ("errors-are-text-html", "GP103", headers(_html_type)),
        ("errors-are-teapots", "GP102", headers(_teapot)),
        ("a-bad-type-is-402", "GP102", _refuses_with("/v2/models", 402)),
        ("a-bad-range-is-422", "GP102", _refuses_with("/v2/billing/costs", 422)),
        ("unknown-paths-are-text-html", "GP103", headers(_unknown_in_html)),
        (
            "failed-videos-show-their-stack",
            "GP106",
            _failed_with('Traceback (most recent call last): File "/srv/app.py", line 7'),
        ),
        ("failed-videos-show-a-host", "GP106", _failed_with("No route to 172.20.3.9.")),
        (
            "failed-videos-say-where",
            "GP106",
            _failed_with("Failed.", where="render.go:214 goroutine 7 [running]"),
        ),
        (
            "model-takes-writes",
            "GP111",
            _writes_on(lambda asked: asked.path.startswith("/v2/models/")),
        ),
        (
            "video-takes-writes",
            "GP111",
            _writes_on(lambda asked: asked.path.startswith("/v2/videos/generations/")),
        ),
        ("file-takes-writes", "GP111", _writes_on(lambda asked: asked.downloads)),
        ("video-is-said-to-be-deleted", "GP111", answering(_deletes)),
        ("allow-names-everything", "GP111", headers(_allows_all)),
        ("some-unknown-paths-are-401", "GP113", replies(_some_unknown_are_401)),
        ("closes-after-a-400", "GP114", headers(_closes)),
        ("byte-order-mark", "GP103", replies(_bom)),
        ("duplicate-keys", "GP103", replies(_duplicate)),
        ("not-utf8", "GP103", replies(_latin)),
        ("nan-in-json", "GP103", replies(_nan)),
        ("crashes-on-options", "GP104", replies(_crash_on_options)),
        ("crashes-on-escapes", "GP104", answering(_crash)),
        ("status-flaps", "GP107", replies(_flap)),
        ("codes-are-numbered", "GP106", replies(_codes)),
        ("shows-its-stack", "GP106", errors(_trace)),
        ("shows-its-hosts", "GP106", errors(_host)),
        ("wrong-content-length", "GP114", headers(_length)),
        ("compresses-unasked", "GP114", headers(_zip)),
        ("wrong-methods-are-404", "GP111", answering(_no_405)),
        ("dots-lead-elsewhere", "GP112", answering(_loose)),
        ("unknown-paths-are-200", "GP113", replies(_unknown_path)),
    )
)
