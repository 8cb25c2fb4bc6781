"""A proxy on loopback: some hosts are the fake, others are passed through or refused."""

from __future__ import annotations

import asyncio
import base64
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from getimg_mock.serving.byte_relay import ByteRelay
from getimg_mock.serving.no_proxy import is_exempt
from getimg_mock.serving.tls_upgrade import upgrade

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Coroutine

    from getimg_mock.serving.http_protocol import HttpProtocol

_LONGEST_HEAD: Final = 64 * 1024
_LONGEST_HOST: Final = 200
# Real seconds.
_HEAD_SECONDS: Final = 30.0
_CONNECT_SECONDS: Final = 30.0
_TUNNEL: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"
_CONNECT: Final = re.compile(rb"CONNECT (\[[0-9A-Fa-f:.]+\]|[^\s:\[\]]+):(\d{1,5}) HTTP/1\.[01]")
_ABSOLUTE: Final = re.compile(rb"[A-Z]+ (https?)://([^/\s:@]+)(?::\d+)?[/ ?]\S*.*")
_LAST_PORT: Final = 65535


@dataclass(slots=True)
class ProxyRules:
    """What the proxy does with each host.

    `hosts` are the fake, with the certificate of `context`. Others are passed through, by way of
    `upstream` (a proxy's URL) unless `no_proxy` has them, or refused when `isolated`. `refused`
    collects the latter.
    """

    hosts: frozenset[str]
    context: ssl.SSLContext
    isolated: bool = False
    upstream: str | None = None
    no_proxy: str = ""
    refused: set[str] = field(default_factory=set)


class ConnectProxy:
    """All connections of one proxy. Call it for the protocol of a new one."""

    def __init__(self, rules: ProxyRules, serve: Callable[[], HttpProtocol]) -> None:
        self.rules = rules
        self.serve = serve
        self._transports: set[Any] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self) -> asyncio.Protocol:
        """Return the protocol of a new connection."""
        return _ProxyConnection(self)

    def track(self, transport: Any) -> None:
        """Note a connection, which `close` aborts."""
        self._transports = {each for each in self._transports if not each.is_closing()}
        self._transports.add(transport)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work in the background until `close`."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Abort all connections."""
        for task in tuple(self._tasks):
            task.cancel()
        for transport in self._transports:
            transport.abort()


class _ProxyConnection(asyncio.Protocol):
    """A connection to the proxy, until its first head says where to."""

    def __init__(self, proxy: ConnectProxy) -> None:
        self._proxy = proxy
        self._received = b""
        self._transport: Any = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._proxy.track(transport)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(_HEAD_SECONDS, self._transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._stop_timer()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if end:
            self._stop_timer()
            self._route(head.partition(b"\r\n")[0], rest)
        elif len(self._received) > _LONGEST_HEAD:
            self._refuse(431, "The headers of this request are larger than 64 KiB.")

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _route(self, line: bytes, rest: bytes) -> None:
        rules = self._proxy.rules
        if (found := _CONNECT.fullmatch(line)) and 0 < int(found[2]) <= _LAST_PORT:
            host = found[1].decode("latin-1").lower().strip("[]").rstrip(".")
            if rest:
                self._refuse(400, "Wait for the answer to CONNECT before sending more.")
            elif host in rules.hosts:
                self._transport.write(_TUNNEL)
                self._transport.pause_reading()
                self._proxy.start(upgrade(self._transport, self._proxy.serve(), rules.context))
            elif rules.isolated:
                self._refuse_host(host)
            else:
                self._transport.pause_reading()
                self._proxy.start(self._pass_through(host, int(found[2])))
        elif found := _ABSOLUTE.fullmatch(line):
            self._serve_absolute(found[1].decode(), found[2].decode("latin-1").lower())
        else:
            self._refuse(400, "This is a proxy: it takes CONNECT host:port.")

    def _serve_absolute(self, scheme: str, host: str) -> None:
        """Answer a request that names the host in its target instead of opening a tunnel."""
        if host in self._proxy.rules.hosts:
            protocol = self._proxy.serve()
            protocol.connection_made(self._transport)
            protocol.scheme = scheme  # type: ignore[assignment] # as the client wrote it
            self._transport.set_protocol(protocol)
            protocol.data_received(self._received)
        elif self._proxy.rules.isolated:
            self._refuse_host(host)
        else:
            self._refuse(
                501,
                f"This proxy opens tunnels only (CONNECT {host[:_LONGEST_HOST]}:443). "
                f"Reach this host without a proxy: add it to NO_PROXY.",
            )

    async def _pass_through(self, host: str, port: int) -> None:
        far = ByteRelay()
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                transport = await _open_tunnel(self._proxy.rules, far, host, port)
        except (OSError, ValueError) as error:  # the latter: an invalid host name or port
            self._refuse(502, f"{host[:_LONGEST_HOST]}:{port} cannot be reached: {error}.")
            return
        self._proxy.track(transport)
        if self._transport.is_closing():
            transport.abort()
            return
        near = ByteRelay()
        near.connection_made(self._transport)
        near.pair(far)
        self._transport.set_protocol(near)
        self._transport.write(_TUNNEL)
        self._transport.resume_reading()
        transport.resume_reading()

    def _refuse_host(self, host: str) -> None:
        host = host[:_LONGEST_HOST]
        self._proxy.rules.refused.add(host)
        hosts = ", ".join(sorted(self._proxy.rules.hosts))
        self._refuse(403, f"{host} is not reachable with --isolated: only {hosts} is.")

    def _refuse(self, status: int, message: str) -> None:
        body = f"getimg-mock: {message}\n".encode()
        if self._transport.is_closing():
            return
        self._transport.write(
            b"HTTP/1.1 %d Refused\r\nContent-Type: text/plain; charset=utf-8\r\n"
            b"Content-Length: %d\r\nConnection: close\r\n\r\n%b" % (status, len(body), body)
        )
        self._transport.close()


class _UpstreamGreeting(asyncio.Protocol):
    """Reads the answer of another proxy to CONNECT."""

    def __init__(self) -> None:
        self.answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        if b"\r\n\r\n" in self._received and not self.answered.done():
            self.answered.set_result(self._received)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.answered.done():
            self.answered.set_exception(exc or ConnectionError("the proxy closed the connection"))


async def _open_tunnel(rules: ProxyRules, far: ByteRelay, host: str, port: int) -> Any:
    """Return a connection to a host that does not read yet; raises `OSError` if there is none."""
    loop = asyncio.get_running_loop()
    if rules.upstream is None or is_exempt(host, rules.no_proxy):
        transport, _ = await loop.create_connection(lambda: far, host, port)
        transport.pause_reading()
        return transport
    url = rules.upstream if "://" in rules.upstream else f"http://{rules.upstream}"
    proxy = urlsplit(url)
    if proxy.scheme != "http" or not proxy.hostname:
        raise ConnectionError("HTTPS_PROXY or ALL_PROXY is not the http:// address of a proxy")
    greeting = _UpstreamGreeting()
    opened: tuple[Any, Any] = await loop.create_connection(
        lambda: greeting, proxy.hostname, proxy.port or 80
    )
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.username is not None:
        login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(login).decode()}")
    opened[0].write("\r\n".join([*lines, "", ""]).encode("latin-1"))
    head, _, rest = (await greeting.answered).partition(b"\r\n\r\n")
    if head[9:12] != b"200":
        opened[0].abort()
        raise ConnectionError(f"the proxy answered {head[:40].decode('latin-1')!r}")
    opened[0].pause_reading()
    far.connection_made(opened[0])
    opened[0].set_protocol(far)
    if rest:
        loop.call_soon(far.data_received, rest)
    return opened[0]
