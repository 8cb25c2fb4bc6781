"""Serves the control commands over HTTP, under `/__mock__/`."""

from __future__ import annotations

import json
import sys
import traceback
from math import isfinite
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from getimg_mock._shipped import read_text
from getimg_mock.control import command_table, page_files, schema_files, tail
from getimg_mock.control.changes import stream_changes
from getimg_mock.control.client_requests import send_request
from getimg_mock.control.command import DeferredAnswer, FileAnswer, StreamedAnswer, TextAnswer
from getimg_mock.control.error_bodies import build_problem
from getimg_mock.control.interface_document import build_document
from getimg_mock.control.package_version import find_version
from getimg_mock.control.request_guard import build_session_cookie, check
from getimg_mock.control.scenarios import refuse_socket_faults
from getimg_mock.control.streaming import PIECE, send_pieces
from getimg_mock.control.workspace_ids import ID_HEADER, find_workspace
from getimg_mock.errors import ControlError, GetimgMockError, Refusal, SettingsError
from getimg_mock.media.rendering import detect_library, render
from getimg_mock.world.body_encoding import describe_encoding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from starlette.types import ASGIApp, Receive, Scope, Send

    from getimg_mock.control.command import CommandResult
    from getimg_mock.fake import Fake
    from getimg_mock.schemas import Json
    from getimg_mock.settings import Settings

    # Returns the key of `Authorization` headers, or raises the 401 `Refusal`.
    KeyOf = Callable[[list[str], Settings], str]
    # Returns the verdict of the client contract on the client of a key.
    Judge = Callable[[Fake, str], Json]
    NoSocket = Callable[[Scope], str | None]

PREFIX: Final = "/__mock__"

# Large enough for a snapshot with a hundred thousand generations.
MAX_BODY: Final = 64 * 1024 * 1024

_PUBLIC: Final = ("/health", "/openapi.json", "/control.json", "/session")
_SELECTOR: Final = "workspace"
_STREAMS: Final = ("/journal/tail", "/changes")
_JSON: Final = "application/json"


class Surface:
    """The ASGI application for the fake's own paths.

    `no_socket` returns why the host of a request cannot produce faults of the socket, or None.
    `api` is the application for the API's paths, for requests that the page sends; `judge` returns
    the verdict on a client, where the program that serves the fake has the client contract.
    """

    def __init__(
        self,
        fake: Fake,
        key_of: KeyOf,
        no_socket: NoSocket,
        api: ASGIApp | None = None,
        judge: Judge | None = None,
    ) -> None:
        self._fake = fake
        self._key_of = key_of
        self._no_socket = no_socket
        self._api = api
        self._judge = judge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; errors are answered as JSON."""
        path = scope["path"].removeprefix(PREFIX) or "/"
        if scope["path"] == PREFIX and page_files.prefers_html(scope["headers"]):
            # The page's own addresses are relative to a folder.
            await _redirect(send, b"__mock__/")
            return
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        page = _find_page_file(scope, method, path)
        try:
            public = path in _PUBLIC or page is not None or schema_files.is_schema_path(path)
            check(scope, self._fake.settings, public=public)
            if page is not None:
                await _send(scope, send, 200, *page, more=page_files.HEADERS)
                return
            if path in _STREAMS and method == "GET":
                await self._stream(path, scope, receive, send)
                return
            if path == "/session" and method == "POST":
                cookie = build_session_cookie(
                    scope, self._fake.settings, await _read_payload(scope, receive)
                )
                more = ((b"set-cookie", cookie),)
                await _send(scope, send, 200, _JSON, b'{"status":"ok"}', more=more)
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
        if method == "GET" and schema_files.is_schema_path(path):
            return _JSON, _render_answer(schema_files.build_schema(scope, path))
        if (method, path) == ("POST", "/requests"):
            payload = await _read_payload(scope, receive)
            return _JSON, _render_answer(await self._send_request(scope, payload))
        if (method, path) == ("GET", "/verdict"):
            return _JSON, _render_answer(await self._compute_verdict(scope))
        found = command_table.find(method, path)
        keyless = found.command.run_keyless is not None
        key = None if keyless else self._read_key(scope)
        if method == "GET":
            payload = {n: v for n, v in _parse_query(scope).items() if n != _SELECTOR}
        else:
            payload = await _read_payload(scope, receive)
        reason = self._no_socket(scope)
        if reason is not None and method == "POST":
            refuse_socket_faults(payload, reason)
        return await self._render(command_table.run(self._fake, key, found, payload))

    async def _render(self, result: CommandResult) -> tuple[str, bytes | Iterator[str]]:
        if isinstance(result, DeferredAnswer):
            result = await result.wait_async()
        if isinstance(result, StreamedAnswer):
            return result.media_type, result.pieces
        if isinstance(result, TextAnswer):
            return result.media_type, result.text.encode()
        if isinstance(result, FileAnswer):
            return result.media_type, await render(result.item, self._fake.cache)
        return _JSON, _render_answer(result)

    async def _stream(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        query = _parse_query(scope)
        selected = query.pop(_SELECTOR, None)
        if path == "/changes":
            await stream_changes(self._fake, selected, receive, send)
        else:
            await tail.stream(self._fake, self._read_key(scope), query, receive, send)

    async def _send_request(self, scope: Scope, payload: Json) -> Json:
        key = self._read_key(scope)
        if self._api is None:
            raise ControlError("not_here", "Only a server can send requests.", status=501)
        return await send_request(self._api, scope, key, payload)

    async def _compute_verdict(self, scope: Scope) -> Json:
        key = self._read_key(scope)
        if self._judge is None:
            reason = "Verdicts are given by getimg-mock serve, and in Python by verify_client."
            return {"judged": 0, "findings": [], "reason": reason}
        if detect_library() is None:
            return self._judge(self._fake, key)
        from anyio.to_thread import run_sync  # noqa: PLC0415 - few servers are asked for a verdict

        # Thousands of exchanges take a second, in which others are to be served.
        return await run_sync(self._judge, self._fake, key, abandon_on_cancel=True)

    def _read_key(self, scope: Scope) -> str:
        given = [value.decode("latin-1") for k, value in scope["headers"] if k == b"authorization"]
        selected = None if given else _read_selector(scope)
        if selected is not None:
            return find_workspace(self._fake, selected).key
        try:
            return self._key_of(given, self._fake.settings)
        except Refusal as refusal:
            raise ControlError(
                "invalid_api_key",
                f"The API key selects the workspace: {refusal.hint or refusal.message}.",
                status=401,
            ) from None


def _read_selector(scope: Scope) -> str | None:
    """Return the id of the workspace that a request without a key selects, or None.

    A GET may have it in its query: elements of a page send no headers of their own.
    """
    for name, value in scope["headers"]:
        if name == ID_HEADER.encode():
            return str(value.decode("latin-1"))
    if scope["method"] in {"GET", "HEAD"}:
        selected: str | None = _parse_query(scope).get(_SELECTOR)
        return selected
    return None


def _find_page_file(scope: Scope, method: str, path: str) -> page_files.PageFile | None:
    if method != "GET" or not (path == "/" or path.startswith("/page/")):
        return None
    if path == "/" and not page_files.prefers_html(scope["headers"]):
        return None
    return page_files.load_page_files().get(path)


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
        why = describe_encoding(body) or error
        raise ControlError("malformed_json", f"The body is not JSON: {why}.") from None
    if not isinstance(value, dict):
        raise ControlError("malformed_json", "The body is JSON, but not an object.")
    return value


def _render_answer(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


# The same for every workspace.
_DOCUMENTS: Final[dict[str, Callable[[], bytes]]] = {
    "/": lambda: _render_answer(build_document()),
    "/control.json": lambda: _render_answer(build_document()),
    "/health": lambda: _render_answer({"status": "ok", "version": find_version()}),
    "/openapi.json": lambda: read_text("schemas", "openapi.json").encode(),
}


async def _redirect(send: Send, target: bytes) -> None:
    headers = [(b"location", target), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 307, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _send(
    scope: Scope,
    send: Send,
    status: int,
    media_type: str,
    body: bytes | Iterator[str],
    *,
    more: Iterable[tuple[bytes, bytes]] = (),
) -> None:
    headers = [
        (b"content-type", media_type.encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-mock-control", command_table.VERSION.encode()),
        *more,
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
