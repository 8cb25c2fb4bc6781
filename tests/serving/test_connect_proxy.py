"""The proxy of `getimg-mock run`: bad requests get an answer, and bytes pass unchanged."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Final

import pytest

from getimg_mock.application import create_app
from getimg_mock.serving.byte_relay import ByteRelay, reset_connection
from getimg_mock.serving.connect_proxy import ConnectProxy, ProxyRules
from getimg_mock.serving.server import Entrance, new_event_loop, open_listener, serve
from getimg_mock.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LARGE: Final = 8 * 1024 * 1024


def run_with_proxy(
    talk: Callable[[int], Awaitable[bytes]], *, isolated: bool = False, upstream: str | None = None
) -> tuple[bytes, set[str]]:
    """Return what `talk` returns, given the port of a proxy, and the hosts that were refused."""
    settings = Settings.of(port=0, quiet=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    rules = ProxyRules(frozenset({"api.getimg.ai"}), context, isolated=isolated, upstream=upstream)

    async def run() -> bytes:
        over, ready = asyncio.Event(), asyncio.Event()
        proxy = open_listener(settings)
        entrance = Entrance(proxy, build=lambda build: ConnectProxy(rules, build))
        serving = asyncio.ensure_future(
            serve(
                create_app(settings),
                [Entrance(open_listener(settings)), entrance],
                over,
                started=ready.set,
            )
        )
        await ready.wait()
        try:
            async with asyncio.timeout(30):
                return await talk(proxy.getsockname()[1])
        finally:
            over.set()
            await serving

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(run()), rules.refused


async def ask(port: int, request: bytes) -> bytes:
    """Return all that the proxy answers to bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x00\x05hello\r\n\r\n", b"400"),
        (b"CONNECT api.getimg.ai HTTP/1.1\r\n\r\n", b"400"),
        (b"CONNECT api.getimg.ai:0 HTTP/1.1\r\n\r\n", b"400"),
        (b"CONNECT api.getimg.ai:99999 HTTP/1.1\r\n\r\n", b"400"),
        (b"CONNECT api.getimg.ai:443 HTTP/1.1\r\n\r\nearly", b"400"),
        (b"CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n", b"502"),
        (b"CONNECT \xff\xfe:443 HTTP/1.1\r\n\r\n", b"502"),
        (b"CONNECT " + b"a" * 300 + b":443 HTTP/1.1\r\n\r\n", b"502"),
        (b"GET https://example.com/ HTTP/1.1\r\n\r\n", b"501"),
        (b"X: " + b"a" * 70_000, b"431"),
    ],
)
def test_what_the_proxy_cannot_do_is_answered(request_: bytes, status: bytes) -> None:
    """Bad input is refused with a status and a reason; nothing hangs."""
    answer, _ = run_with_proxy(lambda port: ask(port, request_))
    assert answer[9:12] == status
    assert b"getimg-mock: " in answer


def test_a_target_with_the_apis_host_is_the_fake() -> None:
    """Some clients send `GET https://api.getimg.ai/...` to a proxy."""
    request = (
        b"GET https://api.getimg.ai/v2/models HTTP/1.1\r\nHost: api.getimg.ai\r\n"
        b"Authorization: Bearer sk_x\r\nConnection: close\r\n\r\n"
    )
    answer, _ = run_with_proxy(lambda port: ask(port, request))
    assert answer.startswith(b"HTTP/1.1 200")


def test_an_isolated_proxy_refuses_other_hosts() -> None:
    """The refused host is noted."""
    request = b"CONNECT example.com:443 HTTP/1.1\r\n\r\n"
    answer, refused = run_with_proxy(lambda port: ask(port, request), isolated=True)
    assert answer[9:12] == b"403"
    assert refused == {"example.com"}


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send back all bytes, once the other side has stopped sending."""
    received = await reader.read()
    writer.write(received)
    await writer.drain()
    writer.close()


async def send_through(port: int) -> bytes:
    """Return what an echo server answers to many bytes and a half-closed connection."""
    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        target = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n\r\n" % target)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        writer.write(b"x" * LARGE)
        await writer.drain()
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        return answer


def test_bytes_pass_unchanged_in_both_directions() -> None:
    """A tunnel keeps many bytes whole, also after the client has stopped sending."""
    answer, _ = run_with_proxy(send_through)
    assert answer == b"x" * LARGE


def test_a_proxy_of_the_user_is_gone_through() -> None:
    """Other hosts are reached as before the run: by the proxy of the environment."""

    async def talk(port: int) -> bytes:
        answer, _ = await asyncio.to_thread(
            run_with_proxy, send_through, upstream=f"http://user:pass@127.0.0.1:{port}"
        )
        return answer

    answer, _ = run_with_proxy(talk)
    assert answer == b"x" * LARGE


@pytest.mark.parametrize(
    "upstream", ["socks5://127.0.0.1:1", "http://", "http://a:b:c", "127.0.0.1:1"]
)
def test_a_proxy_that_cannot_be_used_is_named(upstream: str) -> None:
    """A wrong HTTPS_PROXY fails the requests that need it, and nothing else."""
    request = b"CONNECT example.com:443 HTTP/1.1\r\n\r\n"
    answer, _ = run_with_proxy(lambda port: ask(port, request), upstream=upstream)
    assert answer[9:12] == b"502"
    assert b"example.com:443 cannot be reached" in answer


class RecordedTransport(asyncio.Transport):
    """Notes what is asked of a connection."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def is_closing(self) -> bool:
        """Say that it is open."""
        return False

    def pause_reading(self) -> None:
        """Note the call."""
        self.calls.append("pause")

    def resume_reading(self) -> None:
        """Note the call."""
        self.calls.append("resume")


def test_an_end_that_takes_no_more_stops_the_other() -> None:
    """Memory stays bounded: the proxy reads no faster than the slower end takes."""
    near, far = ByteRelay(), ByteRelay()
    near_end, far_end = RecordedTransport(), RecordedTransport()
    near.connection_made(near_end)
    far.connection_made(far_end)
    near.pair(far)
    near.pause_writing()
    assert (near_end.calls, far_end.calls) == ([], ["pause"])
    near.resume_writing()
    far.pause_writing()
    far.resume_writing()
    assert (near_end.calls, far_end.calls) == (["pause", "resume"], ["pause", "resume"])


async def reset(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reset the connection."""
    reset_connection(writer.transport)


def test_a_reset_passes_as_a_reset() -> None:
    """A client can tell a reset from an orderly end, as without the proxy."""

    async def talk(port: int) -> bytes:
        async with await asyncio.start_server(reset, "127.0.0.1", 0) as server:
            target = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n\r\n" % target)
            await reader.readuntil(b"\r\n\r\n")
            with pytest.raises(ConnectionResetError):
                await reader.read()
            writer.close()
        return b""

    run_with_proxy(talk)
