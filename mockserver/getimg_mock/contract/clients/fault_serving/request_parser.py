"""Parsing the HTTP requests of a connection, incrementally."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

import h11

from getimg_mock.contract.clients.fault_serving.fault_server import ReceivedRequest

_MAX_EVENT_SIZE: Final = 256 * 1024
_MAX_HEAD_SIZE: Final = 4096


def _create_parser() -> h11.Connection:
    return h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_EVENT_SIZE)


@dataclass(slots=True)
class RequestParser:
    """Parses bytes into requests to `origin`; `broken` says why bytes are not HTTP."""

    origin: str
    connection: int
    served: int = 0
    broken: str = ""
    _parser: h11.Connection = field(default_factory=_create_parser)
    _head: h11.Request | None = None
    _body: list[bytes] = field(default_factory=list)
    _between: bool = True
    """Whether no byte of the next request has arrived."""

    def feed(self, data: bytes) -> list[ReceivedRequest]:
        """Return the requests that these bytes complete."""
        found: list[ReceivedRequest] = []
        if self.broken:
            return found
        if self._between and data.startswith(b"GET ") and len(data) <= _MAX_HEAD_SIZE:
            known = _parse_alone(data)
            if known is not None:
                return [self._build_request(known)]
        self._between = False
        try:
            self._parser.receive_data(data)
            while (asked := self._parse_next()) is not None:
                found.append(asked)
        except h11.RemoteProtocolError as error:
            self.broken = str(error)
        return found

    def _parse_next(self) -> ReceivedRequest | None:
        while True:
            event = self._parser.next_event()
            if isinstance(event, h11.Request):
                self._head, self._body = event, []
            elif isinstance(event, h11.Data):
                self._body.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage) and self._head is not None:
                head, self._head = self._head, None
                self._begin_next()
                return self._build_request(_take_parts(head, b"".join(self._body)))
            else:
                return None

    def _begin_next(self) -> None:
        rest = self._parser.trailing_data[0]
        self._parser = _create_parser()
        self._between = not rest
        if rest:
            self._parser.receive_data(rest)

    def _build_request(self, parts: _Parts) -> ReceivedRequest:
        self.served += 1
        return ReceivedRequest(
            origin=self.origin,
            connection=self.connection,
            reused=self.served > 1,
            method=parts.method,
            target=parts.target,
            headers=parts.headers,
            body=parts.body,
        )


class _Parts(NamedTuple):
    """What the bytes of a request say, whatever connection they come from."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


# Thousands of polls have the same few heads: parsing them was a tenth of what a client's run takes.
@lru_cache(maxsize=256)
def _parse_alone(data: bytes) -> _Parts | None:
    """Return the parts of one whole request without a body; None where bytes are anything else."""
    parser = _create_parser()
    try:
        parser.receive_data(data)
        head, end = parser.next_event(), parser.next_event()
    except h11.RemoteProtocolError:
        return None
    if not isinstance(head, h11.Request) or not isinstance(end, h11.EndOfMessage):
        return None
    return None if parser.trailing_data[0] else _take_parts(head, b"")


def _take_parts(head: h11.Request, body: bytes) -> _Parts:
    return _Parts(
        head.method.decode("latin-1"),
        head.target.decode("latin-1"),
        tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in head.headers.raw_items()
        ),
        body,
    )
