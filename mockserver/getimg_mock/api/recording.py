"""Taking an exchange into the journal of its workspace."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, AnyStr, Final

from getimg_mock.world.journal import MAX_BODY, Exchange

if TYPE_CHECKING:
    from datetime import datetime

    from getimg_mock.api.messages import Answer, Call, Headers
    from getimg_mock.world.journal import Effect

# Shorter ones may be part of many a word.
_SHORTEST: Final = 8
# A key may stand where the body is cut.
_LOOKED_AT: Final = MAX_BODY + 1024

_SECRETS: Final = frozenset((b"authorization", b"cookie", b"proxy-authorization", b"x-mock-token"))


def record(
    call: Call,
    answer: Answer,
    *,
    wall: datetime,
    seconds: float,
    sent: bool,
    effects: tuple[Effect, ...],
) -> None:
    """Record an exchange that is over; one without a workspace goes to the fake's own journal."""
    owner = call.workspace or call.fake
    key = _key(call)
    owner.journal.record(
        Exchange(
            number=0,
            at=call.at or owner.clock.now(),
            wall=wall,
            operation=call.operation,
            method=call.method,
            path=_without(key, str(call.scope["path"])),
            query=_without(key, call.scope["query_string"].decode("latin-1")),
            request_headers=_without_in(key, redacted_headers(call.scope["headers"])),
            request_body=_without(key, call.body[:_LOOKED_AT])[:MAX_BODY],
            request_size=len(call.body),
            status=answer.status,
            headers=_without_in(key, answer.headers),
            body=_without(key, answer.body[:_LOOKED_AT])[:MAX_BODY],
            size=len(answer.body),
            seconds=seconds,
            generation=call.generation,
            rules=call.rules,
            fault=call.fault,
            sent=sent,
            effects=effects,
        )
    )


def redacted_headers(headers: Headers) -> Headers:
    """Return headers whose secrets are cut down to what tells one key from another."""
    return [(name, _cut(value) if name in _SECRETS else value) for name, value in headers]


def _cut(value: bytes) -> bytes:
    kept = value[-4:] if len(value) >= 19 else b""
    return value[:10] + b"..." + kept if value[:7].lower() == b"bearer " else b"..."


def _key(call: Call) -> bytes | None:
    """Return the key that the request was sent with, right or wrong, unless it is very short."""
    sent = call.header(b"authorization")
    key = sent.rpartition(" ")[2] if sent else ""
    return key.encode("latin-1") if len(key) >= _SHORTEST else None


def _without(key: bytes | None, text: AnyStr) -> AnyStr:
    if key is None:
        return text
    if isinstance(text, bytes):
        return text.replace(key, key[:3] + b"...") if key in text else text
    plain = key.decode("latin-1")
    return text.replace(plain, f"{plain[:3]}...") if plain in text else text


def _without_in(key: bytes | None, headers: Headers) -> Headers:
    if key is None or key not in b"\n".join(chain.from_iterable(headers)):
        return headers
    return [(_without(key, name), _without(key, value)) for name, value in headers]
