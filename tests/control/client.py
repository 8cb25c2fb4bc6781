"""A plain client of the fake: JSON over `http.client`, and raw bytes over a socket."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

VIDEO = {"model": "seedance-v1-5-pro", "prompt": "Waves under a full moon", "duration": 5}
IMAGE = {"model": "seedream-5-lite", "prompt": "A lighthouse in a storm"}


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, headers (names in lower case) and body of an answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of an error."""
        return str(self.json["error"]["code"])

    @property
    def message(self) -> str:
        """The text of an error."""
        return str(self.json["error"]["message"])


@dataclass(frozen=True, slots=True)
class Client:
    """Sends requests with one key; nothing is retried."""

    url: str
    key: str

    def request(
        self,
        method: str,
        path: str,
        value: Any = None,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one request with `value` as JSON, or with `body` as it is."""
        sent = {"authorization": f"Bearer {self.key}"}
        if value is not None or body is not None:
            sent["content-type"] = "application/json"
        sent |= {name.replace("_", "-"): text for name, text in (headers or {}).items()}
        if value is not None:
            body = json.dumps(value).encode()
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            found = {name.lower(): text for name, text in answer.getheaders()}
            return Reply(answer.status, found, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Reply:
        """Send a GET."""
        return self.request("GET", path, headers=headers)

    def post(self, path: str, value: Any = None, **headers: str) -> Reply:
        """Send a POST."""
        return self.request("POST", path, value, headers=headers)

    def image(self, **fields: Any) -> Reply:
        """Ask for a picture."""
        return self.post("/v2/images/generations", IMAGE | fields)

    def video(self, **fields: Any) -> str:
        """Ask for a video and return its id."""
        reply = self.post("/v2/videos/generations", VIDEO | fields)
        assert reply.status == 202, reply.body
        return str(reply.json["id"])

    def poll(self, video: str) -> dict[str, Any]:
        """Return what the API says about a video."""
        told: dict[str, Any] = self.get(f"/v2/videos/generations/{video}").json
        return told


def exchanged(url: str, request: bytes) -> Reply:
    """Send bytes to a server over a fresh connection and return its one answer."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=30) as raw:
        raw.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data:
            data += _more(raw)
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines:
            name, _, text = line.partition(":")
            headers[name.strip().lower()] = text.strip()
        while len(body) < int(headers.get("content-length", "0")):
            body += _more(raw)
        return Reply(int(first.split()[1]), headers, body)


def _more(raw: socket.socket) -> bytes:
    data = raw.recv(65536)
    assert data, "the server closed the connection"
    return data
