"""Records exchanges in the journal of their workspace."""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any, AnyStr, Final, NamedTuple

from getimg_mock.redaction import find_path_keys, hide_key, shorten_credentials
from getimg_mock.world.clock import to_wall_time
from getimg_mock.world.journal import MAX_BODY, OVERHEAD, Exchange
from getimg_mock.world.records import create_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from getimg_mock.api.messages import Answer, Call
    from getimg_mock.world.journal import Effect, Headers
    from getimg_mock.world.packed_exchanges import PackedExchanges

# Shorter keys may occur in ordinary words.
_SHORTEST: Final = 8
# A key may cross the place where the body is cut.
_MAX_SCANNED: Final = MAX_BODY + 1024
# Headers of more bytes are read anew for each request.
_MAX_REMEMBERED: Final = 4096


class RecordedCall:
    """A finished request as the journal keeps it until it is read: see `journal.Draft`."""

    __slots__ = ("_parts",)

    def __init__(self, parts: tuple[Any, ...]) -> None:
        self._parts = parts

    @property
    def at(self) -> datetime:
        """The workspace's time at the start of the request."""
        return self._parts[0]  # type: ignore[no-any-return]

    @property
    def operation(self) -> str:
        """The name of the operation."""
        return self._parts[2]  # type: ignore[no-any-return]

    @property
    def path(self) -> str:
        """The path of the request, with keys not redacted yet."""
        return self._parts[4]  # type: ignore[no-any-return]

    @property
    def generation(self) -> str | None:
        """The id of the generation that the request made, polled or downloaded."""
        return self._parts[14]  # type: ignore[no-any-return]

    @property
    def body(self) -> bytes:
        """The body of the answer, with keys not redacted yet."""
        return self._parts[11]  # type: ignore[no-any-return]

    def write_out(self, number: int) -> Exchange:
        """Return the exchange, with keys redacted and bodies cut."""
        at, wall, operation, method, path, query, sent_headers, *rest = self._parts
        *others, effects, unknown_fields = rest
        begin = (number, at, to_wall_time(wall), operation, method, path, query.decode("latin-1"))
        unknown = tuple(each.path for each in unknown_fields) if unknown_fields else ()
        end = (*others, tuple(effects), unknown)
        sent = read_headers(sent_headers)
        exchange: Exchange = create_record(Exchange, (*begin, list(sent.shown), *end))
        return _cut_bodies(_redact(exchange, sent))

    def pack(self, number: int, batch: PackedExchanges[Exchange]) -> None:
        """Add the exchange to those that are kept together."""
        batch.add(self.write_out(number))


def record(
    call: Call,
    answer: Answer,
    *,
    wall: float,
    seconds: float,
    sent: bool,
    effects: Sequence[Effect],
) -> None:
    """Record a finished exchange; one without a workspace goes to the fake's own journal.

    `wall` is when it began, in Unix seconds of real time, and `seconds` how long it took.
    """
    owner, scope = call.workspace or call.fake, call.scope
    request_headers, headers = scope["headers"], answer.headers
    path, query = scope["path"], scope["query_string"]
    body, answer_body = call.body, answer.body
    size, answer_size = len(body), len(answer_body)
    if size > _MAX_SCANNED or answer_size > _MAX_SCANNED:
        body, answer_body = body[:_MAX_SCANNED], answer_body[:_MAX_SCANNED]
    request = (scope["method"], path, query, request_headers, body, size)
    response = (answer.status, headers, answer_body, answer_size)
    more = (seconds, call.generation, call.rules, call.fault, sent, effects, call.unknown_fields)
    # In the order of Exchange, less its number.
    parts = (call.at or owner.clock.now(), wall, call.operation, *request, *response, *more)
    fields = b"".join(chain.from_iterable(chain(request_headers, headers)))
    texts = len(fields) + len(body) + len(answer_body) + len(query) + len(path)
    owner.journal.record_draft(RecordedCall(parts), OVERHEAD + texts)


class SentHeaders(NamedTuple):
    """What the headers of a request say.

    `shown` are those that are kept. `key` is that of the request, valid or not, None for a very
    short one; `text` is the key as text, and `is_shown` says whether it is in `shown` all the same.
    """

    shown: Headers
    key: bytes | None
    text: str
    is_shown: bool


def read_headers(headers: Headers) -> SentHeaders:
    """Return what the headers of a request say; most are those of another one."""
    if sum(map(len, chain.from_iterable(headers))) > _MAX_REMEMBERED:
        return _read_new_headers(headers)
    return _read_known_headers(tuple(headers))


@lru_cache(maxsize=256)  # a client sends the same headers with every request
def _read_known_headers(headers: tuple[tuple[bytes, bytes], ...]) -> SentHeaders:
    return _read_new_headers(headers)


def _read_new_headers(headers: Iterable[tuple[bytes, bytes]]) -> SentHeaders:
    sent = next((value for name, value in headers if name == b"authorization"), b"")
    key = sent.rpartition(b" ")[2]
    shown = shorten_credentials(headers)
    if len(key) < _SHORTEST:
        return SentHeaders(shown, None, "", is_shown=False)
    return SentHeaders(shown, key, key.decode("latin-1"), is_shown=_shows(key, shown))


def _shows(key: bytes, headers: Headers) -> bool:
    return key in b"\n".join(chain.from_iterable(headers))


def _redact(exchange: Exchange, sent: SentHeaders) -> Exchange:
    key = sent.key
    # Few exchanges repeat their key.
    if key is not None and (
        sent.is_shown
        or key in exchange.request_body
        or key in exchange.body
        or sent.text in exchange.path
        or sent.text in exchange.query
        or _shows(key, exchange.headers)
    ):
        exchange = _redact_key(exchange, key)
    if "sk_" in exchange.path or "sk_" in exchange.query:
        # Of another workspace: the sender put it into the wrong place.
        for other in find_path_keys(f"{exchange.path} {exchange.query}"):
            exchange = _redact_key(exchange, other.encode())
    return exchange


def _cut_bodies(exchange: Exchange) -> Exchange:
    if exchange.request_size <= MAX_BODY and exchange.size <= MAX_BODY:
        return exchange
    return exchange._replace(
        request_body=exchange.request_body[:MAX_BODY], body=exchange.body[:MAX_BODY]
    )


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
