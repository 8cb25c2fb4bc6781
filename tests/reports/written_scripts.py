"""Scripts as `replay --script` writes them, loaded as modules, and the wire that they send on."""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from getimg_mock.in_process.connection import Request
from getimg_mock.in_process.exchange import call_application
from getimg_mock.reports.run_events import Outcome
from getimg_mock.reports.scripts import build_script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.types import ASGIApp

    from getimg_mock.contract.plans import Plan
    from getimg_mock.in_process.connection import InMemoryConnection

URL = "http://127.0.0.1:4010"
KEYS = {"a": "sk_first_key", "b": "sk_second_key"}


class WireRequest(NamedTuple):
    """A request as it is on the wire."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass
class Wire:
    """Stands in for `http.client`: connections lead to `app`, and each request is kept."""

    app: ASGIApp
    sent: list[WireRequest] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def connect(self, host: str, port: int | None, **_: Any) -> WireConnection:
        """Return a connection, as `http.client.HTTPConnection` would."""
        return WireConnection(self, host, port or 80)

    def answer(self, host: str, port: int, request: WireRequest, body: bytes) -> InMemoryConnection:
        """Return the application's answer; what is getimg-mock's own is not kept."""
        with self._lock:
            if not request.target.startswith("/__mock__/"):
                self.sent.append(request)
            headers = (("host", f"{host}:{port}"), *request.headers)
            asked = Request(
                method=request.method,
                scheme="http",
                host=host,
                port=port,
                target=request.target.encode("latin-1", "replace"),
                headers=[(name.encode(), value.encode("latin-1")) for name, value in headers],
                body=body,
            )
            return call_application(self.app, asked)


class AnswerWaits:
    """Stands in for a socket on which an interim answer waits, so that no part of a body does."""

    def __init__(self) -> None:
        self._readable, self._writable = os.pipe()
        os.write(self._writable, b".")

    def fileno(self) -> int:
        """Return a descriptor that can be read at once."""
        return self._readable

    def recv(self, _count: int, _flags: int) -> bytes:
        """Look at the beginning of the interim answer."""
        return b"HTTP/1.1 100"

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._readable)
        os.close(self._writable)


class WireConnection:
    """What is used of `http.client.HTTPConnection`, and of its response."""

    sock: AnswerWaits | None = None

    def __init__(self, wire: Wire, host: str, port: int) -> None:
        self._wire, self._host, self._port = wire, host, port

    def connect(self) -> None:
        """Open the connection."""
        self.sock = AnswerWaits()

    def putrequest(self, method: str, url: str, *, skip_accept_encoding: bool) -> None:
        """Begin a request."""
        assert skip_accept_encoding
        self._line, self._headers = (method, url), list[tuple[str, str]]()

    def putheader(self, name: str, value: bytes | str) -> None:
        """Add a header."""
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        self._headers.append((name, text))

    def endheaders(self, body: bytes | None = None) -> None:
        """Send the head of the request, and its body if it is given."""
        self._sent = body or b""

    def send(self, data: bytes) -> None:
        """Send a part of the body, as it is on the wire."""
        self._sent += data

    def getresponse(self) -> WireConnection:
        """Return the response."""
        request = WireRequest(*self._line, tuple(self._headers), self._sent)
        body = _join_chunks(request.body) if _is_chunked(request) else request.body
        self._answer = self._wire.answer(self._host, self._port, request, body)
        self._body = b"".join(self._answer.chunks)
        return self

    @property
    def status(self) -> int:
        """The status of the response."""
        return self._answer.status or 0

    def getheaders(self) -> list[tuple[str, str]]:
        """Return the headers of the response."""
        return [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in self._answer.headers
        ]

    length: int | None = None

    def read(self, amount: int) -> bytes:
        """Return up to `amount` bytes of the body of the response."""
        found, self._body = self._body[:amount], self._body[amount:]
        return found

    def read1(self, amount: int) -> bytes:
        """Return what has come of the body, at most `amount` bytes."""
        return self.read(amount)

    def close(self) -> None:
        """Close the connection."""
        if self.sock is not None:
            self.sock.close()
        self.sock = None


def _is_chunked(request: WireRequest) -> bool:
    return ("transfer-encoding", "chunked") in request.headers


def _join_chunks(data: bytes) -> bytes:
    """Return the body that was sent in chunks."""
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        body += data[: int(size, 16)]
        data = data[int(size, 16) + 2 :]
    return body


def send_one_by_one(send: Callable[[Any], Any], requests: Iterable[Any]) -> list[Any]:
    """Stand in for `send_in_waves`, so that requests are sent in one order."""
    return [send(each) for each in requests]


def write_plan_script(plan: Plan) -> str:
    """Return the script of a failure that a plan has shown."""
    failure = {"expected": "x", "actual": "y", "plan_name": plan.name, "plan": plan.as_json()}
    verdict = {"id": "GP407", "statement": "A rule", "failures": [failure]}
    return build_script(Outcome(({"event": "start", "url": ""},)), verdict)


def load_script(text: str) -> ModuleType:
    """Return a script as a module, which is not started."""
    module = ModuleType("written_script")
    sys.modules[module.__name__] = module
    exec(compile(text, "written_script.py", "exec"), vars(module))  # noqa: S102 - a script of ours
    return module
