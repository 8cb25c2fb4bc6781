"""Large files and media that are downloaded again go out by `sendfile`."""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock import MockServer
from getimg_mock.media.file_bytes import FileBytes
from getimg_mock.serving.file_sending import can_send_files, send_file
from tests.api.test_own_media import fetch, make_image
from tests.media.test_own_files import write_picture

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 1024 * 1024

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no sendfile")


class Connection:
    """The transport of one end of a pair of sockets."""

    def __init__(self, end: socket.socket, **extra: Any) -> None:
        end.settimeout(0)
        self.extra = {"socket": end} | extra
        self.was_reset = False

    def get_extra_info(self, name: str) -> Any:
        """Return the socket, or what else the connection has."""
        return self.extra.get(name)

    def is_closing(self) -> bool:
        """Return whether it was reset."""
        return self.was_reset

    def reset(self) -> None:
        """Reset it."""
        self.was_reset = True


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Return both ends of a connection."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def file(tmp_path: Path) -> FileBytes:
    """Return an open file of 4 MiB, more than a connection takes at once."""
    path = tmp_path / "large"
    path.write_bytes(bytes(range(256)) * (4 * MIB // 256))
    return FileBytes(str(path), 4 * MIB)


def send(connection: Any, file: FileBytes, count: int) -> bool:
    """Send a file to a client that may read nothing, and return whether all of it was sent."""
    return asyncio.run(send_file(connection, file, count, stall_seconds=0.01))


def test_a_client_that_reads_nothing_is_dropped(
    ends: tuple[socket.socket, socket.socket], file: FileBytes
) -> None:
    """Its connection is reset, so that it does not keep the file open for ever."""
    connection = Connection(ends[0])
    assert not send(connection, file, len(file))
    assert connection.was_reset


def test_a_client_that_has_gone_gets_no_more(
    ends: tuple[socket.socket, socket.socket], file: FileBytes
) -> None:
    """A closed connection ends the sending, and is not reset again."""
    ends[1].close()
    connection = Connection(ends[0])
    assert not send(connection, file, len(file))
    assert not connection.was_reset


def test_a_file_that_has_become_shorter_is_not_sent_whole(
    ends: tuple[socket.socket, socket.socket], file: FileBytes, tmp_path: Path
) -> None:
    """The caller then closes the connection: the client was promised more bytes."""
    (tmp_path / "large").write_bytes(b"12")
    assert not send(Connection(ends[0]), file, 3)
    assert ends[1].recv(9) == b"12"


def test_tls_needs_the_bytes_themselves(ends: tuple[socket.socket, socket.socket]) -> None:
    """The kernel cannot send through TLS what this process has to encrypt."""
    plain: Any = Connection(ends[0])
    secure: Any = Connection(ends[0], sslcontext=object())
    assert (can_send_files(plain), can_send_files(secure)) == (True, False)


def test_a_large_file_is_downloaded_whole_several_times(tmp_path: Path) -> None:
    """Also over one connection, with HEAD and ranges, and a picture that the cache keeps."""
    path = tmp_path / "own.jpeg"
    write_picture(path)
    with path.open("ab") as picture:
        picture.write(bytes(9 * MIB))
    with MockServer(media=str(path)) as server:
        url = make_image(server)["url"]
        answers = [fetch(url) for _ in range(2)]
        assert [body == path.read_bytes() for *_, body in answers] == [True, True]
        part = fetch(url, Range="bytes=5-9")
        assert (part[0], part[2]) == (206, path.read_bytes()[5:10])
    with MockServer() as server:
        url = make_image(server, resolution="1K", output_format="png")["url"]
        answers = [fetch(url) for _ in range(3)]
        assert len({body for *_, body in answers}) == 1
        assert len(answers[0][2]) == int(answers[0][1]["content-length"]) > MIB // 4
