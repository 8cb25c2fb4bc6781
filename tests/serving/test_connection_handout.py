"""Connections that one process accepts and several workers serve."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import pytest

from getimg_mock.serving.connection_handout import ConnectionHandout, ConnectionReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator

if not hasattr(socket, "send_fds"):
    pytest.skip("the system cannot hand on connections", allow_module_level=True)


class Desk:
    """A handout with listeners, workers whose ends are here, and clients that connect."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.listeners = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in "ab"]
        self.woken, self.waker = (stack.enter_context(each) for each in socket.socketpair())
        self.handout = ConnectionHandout(self.listeners, self.woken)
        self._stack.callback(self.handout.leave)

    def open_channel(self, worker: int) -> socket.socket:
        """Start a worker."""
        channel = self._stack.enter_context(self.handout.open_channel(worker))
        channel.settimeout(0)
        return channel

    def connect(self, count: int, place: int = 0) -> list[socket.socket]:
        """Connect clients to a listener, one after the other."""
        address = self.listeners[place].getsockname()
        made = []
        for _ in range(count):
            made.append(self._stack.enter_context(socket.create_connection(address)))
            assert self.handout.wait(10) is False
        return made

    def take(self, channel: socket.socket, count: int | None = None) -> list[tuple[int, int]]:
        """Return listener and client port of what a worker has got; it says that it has."""
        found: list[tuple[int, int]] = []
        while count is None or len(found) < count:
            try:
                data, descriptors, _, _ = socket.recv_fds(channel, 1, 1)
            except BlockingIOError:
                break
            channel.send(b"+")
            with socket.socket(fileno=descriptors[0]) as taken:
                found.append((data[0], taken.getpeername()[1]))
        return found


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Return a handout without workers."""
    with ExitStack() as stack:
        yield Desk(stack)


def _list_ports(clients: list[socket.socket]) -> list[int]:
    return [each.getsockname()[1] for each in clients]


def test_each_worker_gets_as_many_as_the_next(desk: Desk) -> None:
    """Whichever listener they come to."""
    channels = [desk.open_channel(number) for number in range(3)]
    ports = _list_ports([*desk.connect(6), *desk.connect(6, place=1)])
    taken = [desk.take(channel) for channel in channels]
    assert [len(each) for each in taken] == [4, 4, 4]
    assert sorted(port for each in taken for _, port in each) == sorted(ports)
    assert sorted(place for each in taken for place, _ in each) == [0] * 6 + [1] * 6


def test_what_a_dead_worker_had_not_taken_goes_to_others(desk: Desk) -> None:
    """What it had taken has ended with it."""
    dying, living = desk.open_channel(0), desk.open_channel(1)
    clients = desk.connect(6)
    first = desk.take(dying, 1)
    dying.close()
    desk.handout.wait(0)
    desk.handout.close_channel(0)
    desk.handout.wait(0)
    taken = [port for _, port in desk.take(living)]
    assert sorted([*taken, first[0][1]]) == sorted(_list_ports(clients))
    (ended,) = (each for each in clients if each.getsockname()[1] == first[0][1])
    ended.settimeout(10)
    assert ended.recv(1) == b""


def test_connections_wait_for_the_first_worker(desk: Desk) -> None:
    """One that is started again takes what came meanwhile."""
    clients = desk.connect(3)
    channel = desk.open_channel(0)
    desk.handout.wait(0)
    assert [port for _, port in desk.take(channel)] == _list_ports(clients)


def test_a_worker_that_has_ended_is_passed_over(desk: Desk) -> None:
    """Before its end is known."""
    dying, living = desk.open_channel(0), desk.open_channel(1)
    dying.close()
    desk.connect(4)
    assert len(desk.take(living)) == 4


def test_a_wait_ends_when_it_is_woken(desk: Desk) -> None:
    """As by a signal."""
    desk.waker.send(b"x")
    assert desk.handout.wait(10)


class Echo(asyncio.Protocol):
    """Sends back what it gets."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin a connection."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        TRANSPORTS.append(transport)

    def data_received(self, data: bytes) -> None:
        """Answer."""
        self._transport.write(data)


TRANSPORTS: list[asyncio.Transport] = []


def test_a_receiver_serves_what_it_gets(desk: Desk) -> None:
    """A handshake that fails ends its connection alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    async def run() -> None:
        channel = desk.open_channel(0)
        receiver = ConnectionReceiver(channel, [(Echo, None), (Echo, context)])
        for client in desk.connect(2):
            client.settimeout(10)
            client.send(b"hello")
            assert await asyncio.to_thread(client.recv, 5) == b"hello"
        (odd,) = desk.connect(1, place=1)
        odd.settimeout(10)
        odd.send(b"GET / HTTP/1.1\r\n\r\n")
        await asyncio.to_thread(desk.handout.wait, 10)  # until it is told that it was taken
        assert await asyncio.to_thread(_read_end, odd)
        (last,) = desk.connect(1)
        last.settimeout(10)
        last.send(b"again")
        assert await asyncio.to_thread(last.recv, 5) == b"again"
        receiver.close()
        for transport in TRANSPORTS:
            transport.abort()
        TRANSPORTS.clear()
        await asyncio.to_thread(len, TRANSPORTS)  # the loop closes them

    asyncio.run(run())


def _read_end(client: socket.socket) -> bool:
    """Return whether the other side ends the connection."""
    with suppress(ConnectionError):
        while client.recv(100):
            pass
    return True
