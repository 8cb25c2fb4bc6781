"""Parsing the HTTP requests of a connection, incrementally."""

from __future__ import annotations

from dataclasses import dataclass, field

import h11

from getimg_mock.contract.clients.fault_serving.fault_server import ReceivedRequest

_MAX_EVENT_SIZE = 256 * 1024


@dataclass(slots=True)
class RequestParser:
    """Parses bytes into requests to `origin`; `broken` says why bytes are not HTTP."""

    origin: str
    connection: int
    served: int = 0
    broken: str = ""
    _parser: h11.Connection = field(
        default_factory=lambda: h11.Connection(
            h11.SERVER, max_incomplete_event_size=_MAX_EVENT_SIZE
        )
    )
    _head: h11.Request | None = None
    _body: list[bytes] = field(default_factory=list)

    def feed(self, data: bytes) -> list[ReceivedRequest]:
        """Return the requests that these bytes complete."""
        found: list[ReceivedRequest] = []
        if self.broken:
            return found
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
                return self._build_request(self._head)
            else:
                return None

    def _build_request(self, head: h11.Request) -> ReceivedRequest:
        rest = self._parser.trailing_data[0]
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_EVENT_SIZE)
        self._head = None
        self.served += 1
        if rest:
            self._parser.receive_data(rest)
        return ReceivedRequest(
            origin=self.origin,
            connection=self.connection,
            reused=self.served > 1,
            method=head.method.decode("latin-1"),
            target=head.target.decode("latin-1"),
            headers=tuple(
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in head.headers.raw_items()
            ),
            body=b"".join(self._body),
        )
