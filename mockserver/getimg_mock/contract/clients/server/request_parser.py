"""Reading HTTP requests off a connection, one after another, as the bytes come."""

from __future__ import annotations

from dataclasses import dataclass, field

import h11

from getimg_mock.contract.clients.server.fault_server import Asked

_LARGEST = 256 * 1024


@dataclass(slots=True)
class Reader:
    """Turns bytes into requests to `origin`; `broken` says what was no HTTP."""

    origin: str
    connection: int
    served: int = 0
    broken: str = ""
    _parser: h11.Connection = field(
        default_factory=lambda: h11.Connection(h11.SERVER, max_incomplete_event_size=_LARGEST)
    )
    _head: h11.Request | None = None
    _body: list[bytes] = field(default_factory=list)

    def fed(self, data: bytes) -> list[Asked]:
        """Return the requests that these bytes complete."""
        found: list[Asked] = []
        if self.broken:
            return found
        try:
            self._parser.receive_data(data)
            while (asked := self._next()) is not None:
                found.append(asked)
        except h11.RemoteProtocolError as error:
            self.broken = str(error)
        return found

    def _next(self) -> Asked | None:
        while True:
            event = self._parser.next_event()
            if isinstance(event, h11.Request):
                self._head, self._body = event, []
            elif isinstance(event, h11.Data):
                self._body.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage) and self._head is not None:
                return self._asked(self._head)
            else:
                return None

    def _asked(self, head: h11.Request) -> Asked:
        rest = self._parser.trailing_data[0]
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=_LARGEST)
        self._head = None
        self.served += 1
        if rest:
            self._parser.receive_data(rest)
        return Asked(
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
