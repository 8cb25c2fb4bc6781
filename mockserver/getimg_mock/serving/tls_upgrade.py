"""Speaks TLS as a server on a connection that began without it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl

    from getimg_mock.serving.http_protocol import HttpProtocol


class _EarlyBytes(asyncio.Protocol):
    """Keeps what comes between the end of the handshake and the start of the real protocol."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.lost = False

    def data_received(self, data: bytes) -> None:
        self.received.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.lost = True


async def upgrade(transport: Any, protocol: HttpProtocol, context: ssl.SSLContext) -> None:
    """Shake hands, then give the connection to `protocol`.

    A handshake that fails, such as that of a client that does not trust the certificate, ends the
    connection.
    """
    early = _EarlyBytes()
    loop = asyncio.get_running_loop()
    try:
        secured: Any = await loop.start_tls(transport, early, context, server_side=True)
    except OSError:  # that of TLS, too
        transport.abort()
        return
    if secured is None or early.lost:
        return
    protocol.connection_made(secured)
    secured.set_protocol(protocol)
    for data in early.received:
        protocol.data_received(data)
