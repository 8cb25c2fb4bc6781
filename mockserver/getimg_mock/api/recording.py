"""Taking an exchange into the journal of its workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.world.journal import MAX_BODY, Exchange

if TYPE_CHECKING:
    from datetime import datetime

    from getimg_mock.api.messages import Answer, Call, Headers
    from getimg_mock.world.journal import Effect

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
    journal = owner.journal
    journal.record(
        Exchange(
            number=journal.number(),
            at=call.at or owner.clock.now(),
            wall=wall,
            operation=call.operation,
            method=call.method,
            path=str(call.scope["path"]),
            query=call.scope["query_string"].decode("latin-1"),
            request_headers=redacted_headers(call.scope["headers"]),
            request_body=call.body[:MAX_BODY],
            request_size=len(call.body),
            status=answer.status,
            headers=answer.headers,
            body=answer.body[:MAX_BODY],
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
