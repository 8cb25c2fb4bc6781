"""Hands the connections that one process accepts to several workers, in turn.

Where each worker listens, the system spreads connections by chance, or gives all to one: then some
are busy while others wait. Here each worker gets as many connections as the next one.
"""

from __future__ import annotations

import asyncio
import selectors
import socket
from collections import deque
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from getimg_mock.world.clock import pause

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from ssl import SSLContext

    AcceptedEntrance = tuple[Callable[[], asyncio.Protocol], SSLContext | None]

# Real seconds until the next try where the system has no room for a further connection.
_ACCEPT_PAUSE: Final = 0.1
_MOST_AT_ONCE: Final = 64
_MOST_ANSWERS: Final = 4_096
_TAKEN: Final = b"+"


class ConnectionHandout:
    """Accepts connections of `listeners`, each of which has a number from 0 on.

    A worker has a channel, over which it gets the number of the listener with each connection, and
    says that it has taken one. Connections that it has not taken when it ends go to others.
    """

    def __init__(self, listeners: Sequence[socket.socket], woken: socket.socket) -> None:
        self._listeners = listeners
        self._selector = selectors.DefaultSelector()
        # With what is to be done when it can be read.
        self._selector.register(woken, selectors.EVENT_READ)
        for place, each in enumerate(listeners):
            each.settimeout(0)
            accept = partial(self._accept, each, place)
            self._selector.register(each, selectors.EVENT_READ, accept)
        self._channels: dict[int, socket.socket] = {}
        self._turns: deque[int] = deque()
        # By the number of the worker: connections with the numbers of their listeners.
        self._sent: dict[int, deque[tuple[int, socket.socket]]] = {}
        self._left: deque[tuple[int, socket.socket]] = deque()

    def open_channel(self, worker: int) -> socket.socket:
        """Give a worker a channel, and return its end of it."""
        ours, theirs = socket.socketpair()
        ours.settimeout(0)
        self._channels[worker] = ours
        self._sent[worker] = deque()
        self._turns.append(worker)
        take = partial(self._take_answers, worker, ours)
        self._selector.register(ours, selectors.EVENT_READ, take)
        return theirs

    def close_channel(self, worker: int) -> None:
        """Hand no more connections to a worker that has ended."""
        channel = self._channels.pop(worker)
        self._take_answers(worker, channel)
        self._selector.unregister(channel)
        self._turns.remove(worker)
        self._left += self._sent.pop(worker)
        channel.close()

    def wait(self, seconds: float | None) -> bool:
        """Wait for connections, and hand them on; return whether the wait was ended instead.

        It ends after some `seconds` at the latest, if any are given.
        """
        is_woken = False
        # What workers that have ended left, and what none was there for.
        for _ in range(len(self._left)):
            self._hand_on(*self._left.popleft())
        for key, _ in self._selector.select(seconds):
            if key.data is None:
                is_woken = True
            else:
                key.data()
        return is_woken

    def _accept(self, listener: socket.socket, place: int) -> None:
        for _ in range(_MOST_AT_ONCE):
            try:
                connection, _ = listener.accept()
            except (BlockingIOError, ConnectionError, InterruptedError):
                return
            except OSError:
                pause(_ACCEPT_PAUSE)
                return
            self._hand_on(place, connection)

    def _hand_on(self, place: int, connection: socket.socket) -> None:
        """Give a connection to the next worker; where that one is ending, to the one after it."""
        for _ in range(len(self._turns)):
            self._turns.rotate(-1)
            worker = self._turns[-1]
            with suppress(OSError):
                socket.send_fds(self._channels[worker], [bytes([place])], [connection.fileno()])
                self._sent[worker].append((place, connection))
                return
        self._left.append((place, connection))

    def _take_answers(self, worker: int, channel: socket.socket) -> None:
        """Close connections that a worker has taken."""
        for _ in range(2):
            try:
                taken = len(channel.recv(_MOST_ANSWERS))
            except ConnectionError:
                # It has ended with connections that it had not taken; what it said before comes
                # after this error.
                continue
            except OSError:
                return
            for _ in range(taken):
                self._sent[worker].popleft()[1].close()
            return

    def leave(self) -> None:
        """Close what a worker has of its parent, except for its end of its channel."""
        self._selector.close()
        held = [connection for sent in (*self._sent.values(), self._left) for _, connection in sent]
        for each in (*self._listeners, *self._channels.values(), *held):
            each.close()


class ConnectionReceiver:
    """Serves the connections that come over a channel.

    `entrances` are, for each listener, what makes the protocol of a connection, and the context of
    those that speak TLS.
    """

    def __init__(self, channel: socket.socket, entrances: Sequence[AcceptedEntrance]) -> None:
        self._channel = channel
        self._entrances = entrances
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        channel.settimeout(0)
        self._loop.add_reader(channel, self._receive)

    def close(self) -> None:
        """Take no more connections."""
        self._loop.remove_reader(self._channel)
        for each in tuple(self._tasks):
            each.cancel()

    def _receive(self) -> None:
        for _ in range(_MOST_AT_ONCE):
            try:
                data, descriptors, _, _ = socket.recv_fds(self._channel, 1, 1)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                data, descriptors = b"", []
            if not data:
                # The parent has ended, and with it this worker will.
                self._loop.remove_reader(self._channel)
                return
            for each in descriptors:
                with suppress(OSError):
                    self._channel.send(_TAKEN)
                task = self._loop.create_task(self._serve(data[0], socket.socket(fileno=each)))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _serve(self, place: int, connection: socket.socket) -> None:
        build, context = self._entrances[place]
        connection.settimeout(0)
        try:
            await self._loop.connect_accepted_socket(build, connection, ssl=context)
        except (OSError, asyncio.CancelledError):  # as a handshake that fails
            connection.close()
