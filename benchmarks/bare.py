"""The bare ASGI app that ratios are against: reads the body, answers 500 fixed bytes of JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

_BODY: Final = b'{"id":"' + b"x" * 491 + b'"}'
_HEADERS: Final = [(b"content-type", b"application/json"), (b"content-length", b"500")]


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer every HTTP request alike."""
    if scope["type"] != "http":
        return
    more = True
    while more:
        more = (await receive()).get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _BODY})
