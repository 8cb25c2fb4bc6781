"""Sends files by `sendfile`, so that the kernel copies their bytes past this process."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Final, Protocol

from getimg_mock.serving.buffered_transport import STALL_SECONDS

if TYPE_CHECKING:
    from getimg_mock.serving.buffered_transport import BufferedTransport

# Bytes that one call may take from the file: other connections wait meanwhile.
_MOST_AT_ONCE: Final = 2 * 1024 * 1024


class Descriptor(Protocol):
    """An open file."""

    def fileno(self) -> int:
        """Return its descriptor."""


def can_send_files(connection: asyncio.BaseTransport) -> bool:
    """Return whether `send_file` works for a connection: not for TLS, nor on Windows."""
    return sys.platform != "win32" and connection.get_extra_info("sslcontext") is None


async def send_file(
    connection: BufferedTransport,
    file: Descriptor,
    count: int,
    *,
    stall_seconds: float = STALL_SECONDS,
) -> bool:
    """Send the first `count` bytes of a file; return whether all of them were sent.

    They are not if the file has fewer, or the connection ends. A client that reads nothing for
    `stall_seconds` of real time loses its connection. Nothing may be waiting to be written.
    """
    sending = _FileSending(connection, file, count, stall_seconds)
    try:
        return await sending.done
    finally:
        sending.close()


class _FileSending:
    """One file on its way. The event loop calls it when the connection takes more bytes."""

    def __init__(
        self, connection: BufferedTransport, file: Descriptor, count: int, stall_seconds: float
    ) -> None:
        self._connection = connection
        self._file = file
        self._sent, self._count = 0, count
        self._stall_seconds = stall_seconds
        self._loop = asyncio.get_running_loop()
        self.done: asyncio.Future[bool] = self._loop.create_future()
        # The event loop watches the transport's own descriptor already.
        self._socket = os.dup(connection.get_extra_info("socket").fileno())
        self._timer = self._loop.call_later(stall_seconds, self._check_progress, 0)
        self._loop.add_writer(self._socket, self._send_more)

    def close(self) -> None:
        """Give the connection back to its transport."""
        self._loop.remove_writer(self._socket)
        self._timer.cancel()
        os.close(self._socket)

    def _send_more(self) -> None:
        if self.done.done():
            return
        if self._connection.is_closing():
            self.done.set_result(False)
            return
        piece = min(self._count - self._sent, _MOST_AT_ONCE)
        try:
            sent = os.sendfile(self._socket, self._file.fileno(), self._sent, piece)
        except BlockingIOError:
            return
        except OSError:
            self.done.set_result(False)
            return
        self._sent += sent
        if not sent or self._sent == self._count:
            self.done.set_result(self._sent == self._count)

    def _check_progress(self, before: int) -> None:
        if self._sent > before:
            self._timer = self._loop.call_later(
                self._stall_seconds, self._check_progress, self._sent
            )
        elif not self.done.done():
            self._connection.reset()
            self.done.set_result(False)
