"""Serves a provider over HTTP/1.1 on loopback, with h11."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import h11

from tests.contract.written_by_others.messages import Incoming, Outgoing, RefusedError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.written_by_others.provider import Provider

READ_SIZE: Final = 65_536
LARGEST_READ: Final = 96 * 1024 * 1024
IDLE_SECONDS: Final = 75
CONNECTIONS: Final = itertools.count(1)


class Line:
    """One connection: requests come in, answers go out, one after the other."""

    def __init__(
        self,
        provider: Provider,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        log: Path | None = None,
    ) -> None:
        self.provider = provider
        self.log = log
        self.reader = reader
        self.writer = writer
        self.state = h11.Connection(h11.SERVER, max_incomplete_event_size=READ_SIZE)
        self.number = next(CONNECTIONS)

    async def next_event(self) -> type[h11.NEED_DATA | h11.PAUSED] | h11.Event:
        """Return the next event of the client."""
        while True:
            event = self.state.next_event()
            if event is not h11.NEED_DATA:
                return event
            if self.state.they_are_waiting_for_100_continue:
                going_on = h11.InformationalResponse(status_code=100, headers=[])
                self.writer.write(self.state.send(going_on) or b"")
            data = await asyncio.wait_for(self.reader.read(READ_SIZE), IDLE_SECONDS)
            self.state.receive_data(data)

    async def read_request(self) -> Incoming | None:
        """Return the next request, or None at the end."""
        event = await self.next_event()
        if not isinstance(event, h11.Request):
            return None
        body = bytearray()
        while isinstance(part := await self.next_event(), h11.Data):
            if len(body) < LARGEST_READ:
                body += part.data
        return Incoming(
            method=event.method.decode(),
            target=event.target.decode("latin-1"),
            headers=tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in event.headers),
            body=bytes(body),
            connection=self.number,
        )

    def write(self, request: Incoming, answer: Outgoing) -> None:
        """Write an answer."""
        headers = [("Date", format_datetime(datetime.now(UTC), usegmt=True)), *answer.headers]
        if answer.status != HTTPStatus.NOT_MODIFIED:
            length = ("Content-Length", str(len(answer.body)))
            headers.append(("Transfer-Encoding", "chunked") if answer.chunked else length)
        if answer.close:
            headers.append(("Connection", "close"))
        reason = _name_status(answer.status)
        start = h11.Response(status_code=answer.status, headers=headers, reason=reason)
        head = self.state.send(start) or b""
        body = b""
        if request.method != "HEAD" and answer.status != HTTPStatus.NOT_MODIFIED:
            body = self.state.send(h11.Data(data=answer.body)) or b""
        body += self.state.send(h11.EndOfMessage()) or b""
        head, body = self.provider.frame(request, head, body)
        self.writer.write(head + body)

    def note(self, log: Path, request: Incoming, answer: Outgoing) -> None:
        """Write a line about an exchange."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{now} {self.number} {request.method} {request.target} {answer.status}\n")

    def write_protocol_error(self, status: int) -> None:
        """Answer what is not HTTP, if an answer is still possible."""
        if self.state.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            return
        error = RefusedError(status, "invalid_parameter", "The request is not valid HTTP/1.1.")
        answer = self.provider.answer_error(error)
        answer.close = True
        nothing = Incoming(method="GET", target="/", headers=(), body=b"", connection=self.number)
        self.write(nothing, answer)

    async def run(self) -> None:
        """Answer until one side ends the connection."""
        try:
            while (request := await self.read_request()) is not None:
                answer = await self.provider.respond(request)
                self.write(request, answer)
                if self.log is not None:
                    self.note(self.log, request, answer)
                await self.writer.drain()
                if self.state.our_state is h11.MUST_CLOSE:
                    break
                self.state.start_next_cycle()
        except h11.RemoteProtocolError as error:
            self.write_protocol_error(error.error_status_hint)
        except (h11.LocalProtocolError, TimeoutError, ConnectionError):
            pass
        finally:
            await self.close()

    async def close(self) -> None:
        """Close the connection."""
        try:
            await self.writer.drain()
            self.writer.close()
            await self.writer.wait_closed()
        except ConnectionError:
            pass


def _name_status(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


async def start_serving(
    provider: Provider, port: int = 0, log: Path | None = None
) -> tuple[asyncio.Server, int]:
    """Return a server on loopback and its port; 0 takes a free one."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.CancelledError):  # the end of the server, not a mishap
            await Line(provider, reader, writer, log).run()

    server = await asyncio.start_server(answer, "127.0.0.1", port)
    return server, server.sockets[0].getsockname()[1]
