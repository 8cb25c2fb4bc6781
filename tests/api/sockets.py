"""A client that only has a socket: it sees what really comes, and how it ends."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

# So long a client waits for the next byte. Only an answer that never comes takes as long.
PATIENCE = 0.2


@dataclass(frozen=True, slots=True)
class Observed:
    """All that came, and how it ended: in `eof`, in `reset` or in `silence`."""

    data: bytes
    end: str

    @property
    def head(self) -> bytes:
        """The status line and the headers."""
        return self.data.partition(b"\r\n\r\n")[0]

    @property
    def body(self) -> bytes:
        """What came of the body."""
        return self.data.partition(b"\r\n\r\n")[2]

    @property
    def status(self) -> int | None:
        """The status, None where there was not even one."""
        return int(self.head.split()[1]) if self.head else None

    @property
    def headers(self) -> dict[str, str]:
        """The headers, with their names in lower case."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        pairs = [line.partition(":")[::2] for line in lines]
        assert len({name.lower() for name, _ in pairs}) == len(pairs), "a header stands twice"
        return {name.lower(): value.strip() for name, value in pairs}

    @property
    def is_complete(self) -> bool:
        """Whether exactly the promised number of bytes came, and then a clean end."""
        return self.end == "eof" and len(self.body) == int(self.headers["content-length"])

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def connected(url: str) -> socket.socket:
    """Return a connection to the server at `url`."""
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=20)


def written(
    method: str, target: str, key: str | None, body: Any = None, headers: Mapping[str, str] = {}
) -> bytes:
    """Return a request as the bytes that go out."""
    lines = [f"{method} {target} HTTP/1.1", "Host: fake.test", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if key is not None:
        lines.append(f"Authorization: Bearer {key}")
    data = b"" if body is None else json.dumps(body).encode()
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
    return "\r\n".join([*lines, "", ""]).encode() + data


def observed(url: str, request: bytes, *, patience: float = 20) -> Observed:
    """Send a request and return what comes, waiting `patience` seconds for each next byte."""
    with connected(url) as connection:
        connection.sendall(request)
        connection.settimeout(patience)
        received = b""
        try:
            while chunk := connection.recv(1 << 20):
                received += chunk
        except TimeoutError:
            return Observed(received, "silence")
        except ConnectionResetError:
            return Observed(received, "reset")
        return Observed(received, "eof")
