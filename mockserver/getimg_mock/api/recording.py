"""Records exchanges in the journal of their workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, AnyStr, Final

from getimg_mock.redaction import find_path_keys, hide_key, shorten_credentials
from getimg_mock.world.journal import MAX_BODY, OVERHEAD, Exchange

if TYPE_CHECKING:
    from datetime import datetime

    from getimg_mock.api.messages import Answer, Call
    from getimg_mock.world.journal import Effect, Headers

# Shorter keys may occur in ordinary words.
_SHORTEST: Final = 8
# A key may cross the place where the body is cut.
_MAX_SCANNED: Final = MAX_BODY + 1024


def record(
    call: Call,
    answer: Answer,
    *,
    wall: datetime,
    seconds: float,
    sent: bool,
    effects: tuple[Effect, ...],
) -> None:
    """Record a finished exchange; one without a workspace goes to the fake's own journal."""
    owner = call.workspace or call.fake
    at = call.at or owner.clock.now()
    # Positional: twenty keywords would take as long as the rest of this function.
    exchange = Exchange(
        0,
        at,
        wall,
        *_describe_request(call),
        *_describe_answer(answer),
        seconds,
        call.generation,
        call.rules,
        call.fault,
        sent,
        effects,
        tuple(each.path for each in call.unknown_fields) if call.unknown_fields else (),
    )
    texts = exchange.join_texts()
    key = _read_key(call)
    # Few exchanges repeat their key, and one search of all texts is fast.
    if key is not None and key in texts:
        exchange = _redact_key(exchange, key)
    if "sk_" in exchange.path or "sk_" in exchange.query:
        # Of another workspace: the sender put it into the wrong place.
        for other in find_path_keys(f"{exchange.path} {exchange.query}"):
            exchange = _redact_key(exchange, other.encode())
    if exchange.request_size > MAX_BODY or exchange.size > MAX_BODY:
        exchange = exchange._replace(
            request_body=exchange.request_body[:MAX_BODY], body=exchange.body[:MAX_BODY]
        )
    owner.journal.record(exchange, OVERHEAD + len(texts))


def _describe_request(call: Call) -> tuple[str, str, str, str, Headers, bytes, int]:
    """Return the fields of an exchange from `operation` to `request_size`."""
    scope = call.scope
    return (
        call.operation,
        call.method,
        str(scope["path"]),
        scope["query_string"].decode("latin-1"),
        shorten_credentials(scope["headers"]),
        call.body[:_MAX_SCANNED],
        len(call.body),
    )


def _describe_answer(answer: Answer) -> tuple[int, Headers, bytes, int]:
    """Return the fields of an exchange from `status` to `size`."""
    return (answer.status, answer.headers, answer.body[:_MAX_SCANNED], len(answer.body))


def _read_key(call: Call) -> bytes | None:
    """Return the key of the request, valid or not, unless it is very short."""
    sent = call.header(b"authorization")
    key = sent.rpartition(" ")[2] if sent else ""
    return key.encode("latin-1") if len(key) >= _SHORTEST else None


def _redact_key(exchange: Exchange, key: bytes) -> Exchange:
    return exchange._replace(
        path=_redact_text(key, exchange.path),
        query=_redact_text(key, exchange.query),
        request_headers=_redact_pairs(key, exchange.request_headers),
        request_body=_redact_text(key, exchange.request_body),
        headers=_redact_pairs(key, exchange.headers),
        body=_redact_text(key, exchange.body),
        generation=exchange.generation and _redact_text(key, exchange.generation),
    )


def _redact_text(key: bytes, text: AnyStr) -> AnyStr:
    if isinstance(text, bytes):
        return text.replace(key, hide_key(key.decode("latin-1")).encode("latin-1"))
    plain = key.decode("latin-1")
    return text.replace(plain, hide_key(plain))


def _redact_pairs(key: bytes, headers: Headers) -> Headers:
    return [(_redact_text(key, name), _redact_text(key, value)) for name, value in headers]
