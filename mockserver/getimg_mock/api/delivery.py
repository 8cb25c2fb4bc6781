"""Sends answers: complete and at once, or as a fault says."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from getimg_mock.api.raw_connection import client_gone, wire_of

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Send

    from getimg_mock.api.messages import Answer, Call

_CHUNK: Final = 256 * 1024
_DRIPS: Final = 2000
_DRIP_PAUSE: Final = timedelta(milliseconds=10)
_MISSING: Final = 64
_BODILESS: Final = frozenset({204, 304})


async def deliver(answer: Answer, call: Call, receive: Receive, send: Send) -> bool:
    """Send an answer and return whether it was sent completely; a fault may end the connection."""
    match answer.delivery:
        case None:
            await _whole(answer, call, send)
            return True
        case "hang":
            await client_gone(receive)
        case "reset":
            wire_of(call.scope).reset()
            await client_gone(receive)
        case "close":
            wire_of(call.scope).close()
            await client_gone(receive)
        case "drip":
            await _drip(answer, call, send)
            return True
        case "truncate" | "hang_body" | "wrong_length":
            await _broken(answer, call, receive, send)
        case unknown:
            raise LookupError(f"{unknown!r} is not a way to deliver an answer")
    return False


async def _whole(answer: Answer, call: Call, send: Send) -> None:
    await send(_head(answer, len(answer.body)))
    body = _shown(answer, call)
    if len(body) > _CHUNK:
        last = (len(body) - 1) // _CHUNK * _CHUNK
        for at in range(0, last, _CHUNK):
            await send(_piece(body[at : at + _CHUNK], more=True))
        body = body[last:]
    await send(_piece(body, more=False))


async def _drip(answer: Answer, call: Call, send: Send) -> None:
    """Send a few bytes at a time, with a pause on the workspace's clock before each."""
    await send(_head(answer, len(answer.body)))
    body = _shown(answer, call)
    step = max(1, -(-len(body) // _DRIPS))
    clock = call.workspace.clock if call.workspace else call.fake.clock
    for at in range(0, len(body), step):
        await clock.sleep_until(clock.now() + _DRIP_PAUSE)
        await send(_piece(body[at : at + step], more=True))
    await send(_piece(b"", more=False))


async def _broken(answer: Answer, call: Call, receive: Receive, send: Send) -> None:
    wire = wire_of(call.scope)
    wrong_length = answer.delivery == "wrong_length"
    body = _shown(answer, call)
    body = body if wrong_length else body[: len(body) // 2]
    await send(_head(answer, len(answer.body) + (_MISSING if wrong_length else 0)))
    await send(_piece(body, more=True))
    if answer.delivery != "hang_body":
        wire.close()
    await client_gone(receive)


def _shown(answer: Answer, call: Call) -> bytes:
    return b"" if call.method == "HEAD" or answer.status in _BODILESS else answer.body


def _head(answer: Answer, length: int) -> Message:
    headers = answer.headers
    if answer.status not in _BODILESS:
        headers = [*headers, (b"content-length", b"%d" % length)]
    return {"type": "http.response.start", "status": answer.status, "headers": headers}


def _piece(body: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}
