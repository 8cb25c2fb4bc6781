"""What HTTP/1.0 does differently: connections are kept on request, and nothing is chunked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

_KEPT: Final = [(b"connection", b"keep-alive")]
# uvicorn counts down to 0; no response is as long.
_ENDLESS: Final = 1 << 62


def serve_http_1_0(cycle: RequestResponseCycle, *, keep_alive: bool) -> None:
    """Let `cycle` answer a request of HTTP/1.0, and keep its connection if the client asks.

    A response of unknown length ends with the connection.
    """
    cycle.keep_alive = keep_alive
    send: Any = cycle.send

    async def send_unchunked(message: Any) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", []))
            if all(name != b"content-length" for name, _ in headers) and message["status"] != 304:
                cycle.keep_alive = False
                cycle.chunked_encoding, cycle.expected_content_length = False, _ENDLESS
            if cycle.keep_alive and all(name != b"connection" for name, _ in headers):
                message = {**message, "headers": headers + _KEPT}
        elif cycle.expected_content_length > _ENDLESS // 2 and not message.get("more_body", False):
            cycle.expected_content_length = len(message.get("body", b""))
        await send(message)

    cycle.send = send_unchunked  # type: ignore[method-assign] # uvicorn has no other hook
