"""The fault server on a port: it plays scripts over real connections in real time."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Final, Self

from getimg_mock.contract.clients.cases.wire_script import WireAnswer
from getimg_mock.contract.clients.fault_serving.request_parser import RequestParser
from getimg_mock.contract.clients.sandbox.client_time import Abandoned
from getimg_mock.serving.connection_reset import reset_on_close

if TYPE_CHECKING:
    from getimg_mock.contract.clients.cases.wire_script import WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultServer
    from getimg_mock.world.clock import VirtualClock

_BAD_REQUEST: Final = WireAnswer(400, (("Connection", "close"),), b"not HTTP").to_script()
_READ_SIZE: Final = 65536


class SocketServer:
    """Listens on a loopback port while a case runs, with one thread for each connection.

    One that does not listen keeps its port, so that connections are refused and reach nobody else.
    """

    adversary: FaultServer

    def __init__(self, clock: VirtualClock, *, listens: bool = True) -> None:
        self._clock = clock
        self._over = threading.Event()
        self._absence = 0.0
        self._open: list[socket.socket] = []
        self._listens = listens
        if listens:
            self._listener = socket.create_server(("127.0.0.1", 0))
        else:
            self._listener = socket.socket()
            self._listener.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._lock = threading.Lock()
        self._count = 0
        self._ended = 0

    def __enter__(self) -> Self:
        if self._listens:
            threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        # On Linux, closing a socket does not wake a thread that accepts on it.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def stop_listening(self, seconds: float) -> None:
        """Refuse further connections for so long, and keep the port."""
        self._absence = seconds
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)

    def pause(self, seconds: float) -> None:
        """Let so many seconds of real time pass."""
        self._over.wait(seconds)

    def _listen_again(self) -> bool:
        """Listen once an absence is over; return whether there was one, and it is."""
        seconds, self._absence = self._absence, 0.0
        if not seconds:
            return False
        address = self._listener.getsockname()
        self._listener.close()
        # One that does not listen holds the port meanwhile: not every system lets the old one.
        self._listener = socket.socket()
        try:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind(address)
            if self._over.wait(seconds):
                return False
            self._listener.listen()
        except OSError:
            return False
        return True

    @property
    def open(self) -> int:
        """How many connections neither side has closed."""
        return self._count - self._ended

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                if self._listen_again():
                    continue
                return
            with self._lock:
                self._count += 1
                number = self._count
            self._open.append(connection)
            if self.adversary.handle_connect("127.0.0.1", 0) == "refused":
                _reset(connection)
                self._count_ended()
                continue
            threading.Thread(
                target=self._serve_and_count, args=(connection, number), daemon=True
            ).start()

    def _count_ended(self) -> None:
        with self._lock:
            self._ended += 1

    def _serve_and_count(self, connection: socket.socket, number: int) -> None:
        try:
            self._serve(connection, number)
        finally:
            self._count_ended()

    def _serve(self, connection: socket.socket, number: int) -> None:
        reader = RequestParser(self.url, number)
        with contextlib.suppress(OSError, Abandoned):
            while data := connection.recv(_READ_SIZE):
                for asked in reader.feed(data):
                    if not self._play(connection, self.adversary.answer(asked)):
                        return
                if reader.broken:
                    self._play(connection, _BAD_REQUEST)
                    return
        connection.close()

    def _play(self, connection: socket.socket, timeline: WireScript) -> bool:
        """Play a script; returns False when that ended the connection."""
        for piece in timeline:
            if piece.delay and self._over.wait(piece.delay):
                return False
            if piece.meanwhile is not None:
                piece.meanwhile()
            if isinstance(piece.what, bytes):
                connection.sendall(piece.what)
            elif piece.what == "hang":
                # A client that gives up closes the connection, which then counts as open no more.
                while connection.recv(_READ_SIZE):
                    pass
                return False
            else:
                if piece.what == "reset":
                    _reset(connection)
                else:
                    connection.shutdown(socket.SHUT_RDWR)
                    connection.close()
                return False
        return True


def _reset(connection: socket.socket) -> None:
    reset_on_close(connection)
    connection.close()
