"""Sends answers: complete and at once, or as a fault says."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from getimg_mock.api.raw_connection import (
    WIRE,
    ZERO_COPY,
    get_wire,
    takes_files,
    wait_for_disconnect,
)
from getimg_mock.media.file_bytes import FileBytes

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Send

    from getimg_mock.api.messages import Answer, Call
    from getimg_mock.media.memory_files import MemoryFile

_CHUNK: Final = 256 * 1024
_DRIPS: Final = 2000
_DRIP_PAUSE: Final = timedelta(milliseconds=10)
_MISSING_BYTES: Final = 64
_BODILESS: Final = frozenset({204, 304})


def deliver_at_once(answer: Answer, call: Call) -> bool:
    """Send a whole answer if the host of the application has a short way; return whether it has."""
    direct = call.direct
    return (
        direct is not None
        and answer.delivery is None
        and len(answer.body) <= _CHUNK
        and direct.respond(answer.status, answer.headers, answer.body)
    )


async def deliver(answer: Answer, call: Call, receive: Receive, send: Send) -> bool:
    """Send an answer and return whether it was sent completely; a fault may end the connection."""
    match answer.delivery:
        case None:
            await _send_whole(answer, call, send)
            return True
        case "hang":
            if WIRE in call.scope:
                get_wire(call.scope).close_with_client()
            await wait_for_disconnect(receive)
        case "reset":
            get_wire(call.scope).reset()
            await wait_for_disconnect(receive)
        case "close":
            get_wire(call.scope).close()
            await wait_for_disconnect(receive)
        case "drip":
            await _drip(answer, call, send)
            return True
        case "truncate" | "hang_body" | "wrong_length":
            await _send_broken(answer, call, receive, send)
        case unknown:
            raise LookupError(f"{unknown!r} is not a way to deliver an answer")
    return False


async def _send_whole(answer: Answer, call: Call, send: Send) -> None:
    await send(_build_head(answer, len(answer.body)))
    body = _select_body(answer, call)
    file = _find_file(body, call) if takes_files(call.scope) else None
    if file is not None:
        await send({"type": ZERO_COPY, "file": file, "count": len(body), "more_body": False})
        return
    last = max(0, len(body) - 1) // _CHUNK * _CHUNK
    for at in range(0, last, _CHUNK):
        await send(_build_piece(body[at : at + _CHUNK], more=True))
    await send(_build_piece(body[last:] if last else body, more=False))


def _find_file(body: object, call: Call) -> FileBytes | MemoryFile | None:
    """Return the open file of a body, or None if it has none."""
    if isinstance(body, FileBytes):
        return body
    return call.fake.sent_files.find(body) if isinstance(body, bytes) else None


async def _drip(answer: Answer, call: Call, send: Send) -> None:
    """Send a few bytes at a time, with a pause on the workspace's clock before each."""
    await send(_build_head(answer, len(answer.body)))
    body = _select_body(answer, call)
    step = max(1, -(-len(body) // _DRIPS))
    clock = call.workspace.clock if call.workspace else call.fake.clock
    for at in range(0, len(body), step):
        await clock.sleep_until(clock.now() + _DRIP_PAUSE)
        await send(_build_piece(body[at : at + step], more=True))
    await send(_build_piece(b"", more=False))


async def _send_broken(answer: Answer, call: Call, receive: Receive, send: Send) -> None:
    wire = get_wire(call.scope)
    wrong_length = answer.delivery == "wrong_length"
    body = _select_body(answer, call)
    body = body if wrong_length else body[: len(body) // 2]
    await send(_build_head(answer, len(answer.body) + (_MISSING_BYTES if wrong_length else 0)))
    await send(_build_piece(body, more=True))
    if answer.delivery != "hang_body":
        wire.close()
    else:
        wire.close_with_client()
    await wait_for_disconnect(receive)


def _select_body(answer: Answer, call: Call) -> bytes:
    return b"" if call.method == "HEAD" or answer.status in _BODILESS else answer.body


def _build_head(answer: Answer, length: int) -> Message:
    headers = answer.headers
    if answer.status not in _BODILESS:
        headers = [*headers, (b"content-length", b"%d" % length)]
    return {"type": "http.response.start", "status": answer.status, "headers": headers}


def _build_piece(body: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}
