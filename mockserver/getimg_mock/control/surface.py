"""Serves the control commands over HTTP, under `/__mock__/`."""

from __future__ import annotations

import json
import sys
import traceback
from math import isfinite
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from getimg_mock._shipped import read_text
from getimg_mock.control import command_table, tail
from getimg_mock.control.command import DeferredAnswer, StreamedAnswer, TextAnswer
from getimg_mock.control.error_bodies import build_problem
from getimg_mock.control.interface_document import build_document
from getimg_mock.control.request_guard import check
from getimg_mock.control.scenarios import refuse_socket_faults
from getimg_mock.control.streaming import PIECE, send_pieces
from getimg_mock.errors import ControlError, GetimgMockError, Refusal, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.types import Receive, Scope, Send

    from getimg_mock.fake import Fake
    from getimg_mock.settings import Settings

    # Returns the key of `Authorization` headers, or raises the 401 `Refusal`.
    KeyOf = Callable[[list[str], Settings], str]
    NoSocket = Callable[[Scope], str | None]

PREFIX: Final = "/__mock__"

# Large enough for a snapshot with a hundred thousand generations.
MAX_BODY: Final = 64 * 1024 * 1024

_PUBLIC: Final = ("/health", "/openapi.json", "/control.json")
_JSON: Final = "application/json"


class Surface:
    """The ASGI application for the fake's own paths.

    `no_socket` returns why the host of a request cannot produce faults of the socket, or None.
    """

    def __init__(self, fake: Fake, key_of: KeyOf, no_socket: NoSocket) -> None:
        self._fake = fake
        self._key_of = key_of
        self._no_socket = no_socket

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; errors are answered as JSON."""
        path = scope["path"].removeprefix(PREFIX) or "/"
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        try:
            check(scope, self._fake.settings, public=path in _PUBLIC)
            if path == "/journal/tail" and method == "GET":
                await tail.stream(
                    self._fake, self._read_key(scope), _parse_query(scope), receive, send
                )
                return
            status, media_type, body = 200, *await self._answer(scope, method, path, receive)
        except _ClientGoneError:
            return
        except GetimgMockError as error:
            status, told = build_problem(error)
            media_type, body = _JSON, _render_answer(told)
        except Exception:  # noqa: BLE001 - a bug of ours is an error answer, not a lost connection
            traceback.print_exc(file=sys.stderr)
            status, told = build_problem(
                ControlError("internal_error", "getimg-mock failed; see its log.", status=500)
            )
            media_type, body = _JSON, _render_answer(told)
        await _send(scope, send, status, media_type, body)

    async def _answer(
        self, scope: Scope, method: str, path: str, receive: Receive
    ) -> tuple[str, bytes | Iterator[str]]:
        if method == "GET" and path in _DOCUMENTS:
            return _JSON, _DOCUMENTS[path]()
        found = command_table.find(method, path)
        key = self._read_key(scope)
        payload = _parse_query(scope) if method == "GET" else await _read_payload(scope, receive)
        reason = self._no_socket(scope)
        if reason is not None and method == "POST":
            refuse_socket_faults(payload, reason)
        result = command_table.run(self._fake, key, found, payload)
        if isinstance(result, DeferredAnswer):
            result = await result.wait_async()
        if isinstance(result, StreamedAnswer):
            return result.media_type, result.pieces
        if isinstance(result, TextAnswer):
            return result.media_type, result.text.encode()
        return _JSON, _render_answer(result)

    def _read_key(self, scope: Scope) -> str:
        given = [value.decode("latin-1") for k, value in scope["headers"] if k == b"authorization"]
        try:
            return self._key_of(given, self._fake.settings)
        except Refusal as refusal:
            raise ControlError(
                "invalid_api_key",
                f"The API key selects the workspace: {refusal.hint or refusal.message}.",
                status=401,
            ) from None


class _ClientGoneError(Exception):
    """The client disconnected."""


def _parse_query(scope: Scope) -> dict[str, Any]:
    text = scope["query_string"].decode("utf-8", "replace")
    pairs = parse_qsl(text, keep_blank_values=True)
    values = dict(pairs)
    if len(values) < len(pairs):
        raise SettingsError("The query has a name twice.")
    return values


async def _read_payload(scope: Scope, receive: Receive) -> dict[str, Any]:
    chunks, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _ClientGoneError
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BODY:
            limit = MAX_BODY // 1024 // 1024
            raise ControlError("too_large", f"The body is larger than {limit} MiB.", status=413)
        chunks.append(chunk)
        more = message.get("more_body", False)
    body = b"".join(chunks)
    if scope["query_string"]:
        raise SettingsError("Give the values in the body, as JSON, not in the query.")
    if not body:
        return {}
    _check_media_type(scope)
    return _parse_body(body)


def _check_media_type(scope: Scope) -> None:
    given = next((value for key, value in scope["headers"] if key == b"content-type"), b"")
    # Web pages can send other types across origins without a preflight request.
    if given.partition(b";")[0].strip().lower() != _JSON.encode():
        raise ControlError(
            "unsupported_media_type", "Send Content-Type: application/json.", status=415
        )


def _parse_body(body: bytes) -> dict[str, Any]:
    def refused(word: str) -> None:
        raise ValueError(f"{word} is not JSON")

    def finite(word: str) -> float:
        number = float(word)
        if not isfinite(number):
            raise ValueError(f"{word[:20]} is too large a number")
        return number

    try:
        value = json.loads(body, parse_constant=refused, parse_float=finite)
    except (ValueError, RecursionError) as error:
        raise ControlError("malformed_json", f"The body is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise ControlError("malformed_json", "The body is JSON, but not an object.")
    return value


def _render_answer(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


# The same for every workspace.
_DOCUMENTS: Final[dict[str, Callable[[], bytes]]] = {
    "/": lambda: _render_answer(build_document()),
    "/control.json": lambda: _render_answer(build_document()),
    "/health": lambda: _render_answer({"status": "ok"}),
    "/openapi.json": lambda: read_text("schemas", "openapi.json").encode(),
}


async def _send(
    scope: Scope, send: Send, status: int, media_type: str, body: bytes | Iterator[str]
) -> None:
    headers = [
        (b"content-type", media_type.encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-mock-control", command_table.VERSION.encode()),
    ]
    if isinstance(body, bytes):
        headers.insert(1, (b"content-length", b"%d" % len(body)))
    if status == 413:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if scope["method"] == "HEAD":
        body = b""
    if not isinstance(body, bytes):
        await send_pieces(body, send)
        body = b""
    for at in range(0, len(body) - PIECE, PIECE):
        await send({"type": "http.response.body", "body": body[at : at + PIECE], "more_body": True})
    last = max(0, -(-len(body) // PIECE) - 1) * PIECE
    await send({"type": "http.response.body", "body": body[last:]})
