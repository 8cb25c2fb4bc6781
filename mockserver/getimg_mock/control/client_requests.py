"""Sends one request to the API as the client of a workspace: what the page's form does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from getimg_mock.control.fields import Field, choice, mapping, read_fields, text
from getimg_mock.errors import SettingsError
from getimg_mock.world.identities import KEY_IN_SCOPE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Scope

    from getimg_mock.schemas import Json

_METHODS: Final = ("GET", "POST")
_MAX_TEXT: Final = 64 * 1024
_KEPT: Final = ("type", "asgi", "http_version", "scheme", "server", "client")

FIELDS: Final[tuple[Field, ...]] = (
    choice("method", "GET or POST", *_METHODS, required=True),
    text("path", "path and query, beginning with /v2/", required=True),
    mapping("body", "the JSON body of a POST"),
)


async def send_request(api: ASGIApp, scope: Scope, key: str, payload: Mapping[str, Any]) -> Json:
    """Send a request with the key of a workspace; returns status, headers and JSON or text.

    The exchange is recorded in the journal, costs what it costs, and meets faults, as that of any
    client does. Socket faults end in status 0, as nothing arrives.
    """
    values = read_fields(FIELDS, payload, free=False)
    path, _, query = values["path"].partition("?")
    if not path.startswith("/v2/"):
        raise SettingsError(f"path: {path[:80]!r} is not a path of the API: it begins with /v2/.")
    body = json.dumps(values["body"]).encode() if values.get("body") is not None else b""
    inner = {
        **{
            name: scope[name]
            for name in ("type", "asgi", "http_version", "scheme", "server", "client")
            if name in scope
        },
        "method": values["method"],
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": _build_headers(scope, key, body),
        "extensions": {},
        KEY_IN_SCOPE: key,
    }
    return _describe(await _run(api, inner, body))


def _build_headers(scope: Scope, key: str, body: bytes) -> list[tuple[bytes, bytes]]:
    host = [each for each in scope["headers"] if each[0] == b"host"]
    headers = [
        *host,
        (b"authorization", f"Bearer {key}".encode("latin-1")),
        (b"user-agent", b"getimg-mock-page"),
        (b"accept", b"application/json"),
    ]
    if body:
        length = str(len(body)).encode()
        headers += [(b"content-type", b"application/json"), (b"content-length", length)]
    return headers


async def _run(api: ASGIApp, scope: Scope, body: bytes) -> list[Message]:
    sent: list[Message] = []
    unread = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return unread.pop() if unread else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await api(scope, receive, send)
    return sent


def _describe(sent: list[Message]) -> Json:
    start = next((each for each in sent if each["type"] == "http.response.start"), None)
    if start is None:
        return {"status": 0, "headers": [], "text": ""}
    data = b"".join(each.get("body", b"") for each in sent)
    headers = [
        [name.decode("latin-1"), value.decode("latin-1")] for name, value in start["headers"]
    ]
    shown: Json = {"status": start["status"], "headers": headers}
    try:
        return shown | {"json": json.loads(data)}
    except (ValueError, RecursionError):
        return shown | {"text": data[:_MAX_TEXT].decode("utf-8", "replace")}
