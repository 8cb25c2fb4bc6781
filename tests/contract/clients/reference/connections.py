"""Connections: what breaks on them, what httpx logs of them, and how faulty ones are made."""

from __future__ import annotations

import logging
import os
import re
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from tests.contract.clients.reference.errors import (
    AnswerError,
    BrokenConnectionError,
    ClientError,
    NotSentError,
    OutcomeUnknownError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.contract.clients.reference.core import Core
    from tests.contract.clients.reference.steps import Got, Send


@contextmanager
def explaining(method: str) -> Iterator[None]:
    """Raise the client's own errors in place of httpx's."""
    try:
        yield
    except httpx.TransportError as error:
        raise explained(error, method) from None
    except httpx.HTTPError as error:
        raise AnswerError(str(error)) from None


def explained(error: httpx.TransportError, method: str) -> ClientError:
    """Return the client's own error for httpx's."""
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return NotSentError(f"could not connect: {error}", code="connect")
    kind = "timeout" if isinstance(error, httpx.TimeoutException) else "reset"
    if isinstance(error, httpx.RemoteProtocolError):
        kind = "truncated" if "incomplete" in str(error) or "received" in str(error) else "close"
    made = OutcomeUnknownError if method == "POST" else BrokenConnectionError
    return made(f"the connection broke: {error}", code=kind, unknown=method == "POST")


def timeout_of(core: Core, send: Send) -> float | httpx.Timeout | None:
    """Return how long connecting, or one read, may take."""
    if core.faulty("no-read-timeout") and send.save is None:
        return httpx.Timeout(core.timeout, read=None)
    if core.faulty("lookups-unbounded") and send.url.endswith(("/models", "/billing/balance")):
        return httpx.Timeout(core.timeout, read=None)
    if core.faulty("orders-unbounded") and send.method == "POST":
        return httpx.Timeout(core.timeout, read=300)
    if core.faulty("no-download-timeout") and send.save is not None:
        return None
    unbounded = {"looks-unbounded": "/videos/generations/", "model-unbounded": "/models/"}
    rounded_off = core.faulty("timeouts-in-whole-seconds") and not int(core.timeout)
    if rounded_off or any(
        core.faulty(name) and part in send.url for name, part in unbounded.items()
    ):
        return None
    return httpx.Timeout(core.timeout, **hurry(core, send))


def hurry(core: Core, send: Send) -> dict[str, float | None]:
    """Return the limits that a fault sets apart from the caller's."""
    hurried: dict[str, float | None] = {}
    if core.faulty("orders-hurried") and send.method == "POST":
        hurried["read"] = 5.0
    if core.faulty("lookups-hurried") and send.method == "GET" and send.save is None:
        hurried["read"] = min(core.timeout, 10.0)
    if core.faulty("files-hurried") and send.save is not None:
        hurried["read"] = min(core.timeout, 10.0)
    if core.faulty("timeouts-capped"):
        hurried["read"] = min(core.timeout, 30.0)
    if core.faulty("pool-hurried"):
        hurried["pool"] = 0.3
    if core.faulty("names-hurried"):
        hurried["connect"] = 1.0
    if core.faulty("connecting-unbounded"):
        hurried["connect"] = None
    return hurried


def telling_proxy(core: Core) -> httpx.Proxy | None:
    """Return the environment's proxy, which is told the key; None without the fault, or one."""
    url = os.environ.get("HTTPS_PROXY")
    if url is None or not core.faulty("key-to-proxy"):
        return None
    return httpx.Proxy(url, headers={"Proxy-Authorization": f"Bearer {core.key}"})


def passwords_of(core: Core) -> httpx.Auth | None:
    """Return what puts a password of .netrc in the key's place; None without the fault, or one."""
    there = core.faulty("netrc-first") and Path.home().joinpath(".netrc").exists()
    return httpx.NetRCAuth() if there else None


def littered(core: Core) -> None:
    """Open a file, or start a thread, for a request, as faulty clients do and forget about it."""
    if core.faulty("files-left"):
        core.seen.setdefault("files", []).append(os.open(os.devnull, os.O_RDONLY))
    if core.faulty("threads-left"):
        over = core.seen.setdefault("over", threading.Event())
        threading.Thread(target=over.wait, daemon=True).start()


def littered_by_files(core: Core, saved: Path) -> None:
    """Open the folder of a file that was saved, as faulty clients do and forget about it."""
    if core.faulty("folders-left"):
        core.seen.setdefault("files", []).append(os.open(saved.parent, os.O_RDONLY))


def read_apart(core: Core, send: Callable[[], Got], method: str) -> Got:
    """Send in a thread of its own, which faulty clients leave when they wait no longer."""
    made: list[Got | ClientError] = []
    done = threading.Event()

    def read() -> None:
        try:
            made.append(send())
        except ClientError as error:
            made.append(error)
        done.set()

    threading.Thread(target=read, daemon=True).start()
    done.wait(core.timeout)
    if not made:
        raise explained(httpx.ReadTimeout("no whole answer"), method)
    if isinstance(made[0], ClientError):
        raise made[0]
    return made[0]


def swept(core: Core) -> None:
    """End what faulty clients have forgotten about: the test's own process is not to keep it."""
    for each in core.seen.pop("files", ()):
        os.close(each)
    for beat in core.seen.pop("beats", ()):
        beat.set()
    if "over" in core.seen:
        core.seen["over"].set()


class SpoiledStream:
    """A stream that is wrong in one way; `into` gives it to a client."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @classmethod
    def into(cls, client: httpx.Client) -> None:
        """Make a client as wrong as that."""
        transport: Any = client._transport
        backend = transport._pool._network_backend
        connect = backend.connect_tcp
        backend.connect_tcp = lambda *given, **named: cls(connect(*given, **named))

    def start_tls(self, *given: Any, **named: Any) -> SpoiledStream:
        """Speak TLS."""
        return type(self)(self._stream.start_tls(*given, **named))


class FirstHeadOnly(SpoiledStream):
    """A stream that takes an informational answer for the end."""

    def read(self, *given: Any, **named: Any) -> bytes:
        """Read."""
        data = bytes(self._stream.read(*given, **named))
        return b"" if data.startswith(b"HTTP/1.1 10") else data


class Unwatched(SpoiledStream):
    """A stream of which nobody sees that the server has closed it, or has written to it."""

    def get_extra_info(self, info: str) -> Any:
        """Return facts of the connection."""
        return False if info == "is_readable" else self._stream.get_extra_info(info)


class Redactor(logging.Filter):
    """Keeps signatures of links out of httpx's log."""

    off = False

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the signature in a record's arguments."""
        if isinstance(record.args, tuple) and not Redactor.off:
            record.args = tuple(
                re.sub(r"sig=[^&\s]+", "sig=***", str(each)) if "sig=" in str(each) else each
                for each in record.args
            )
        return True


REDACTOR = Redactor()
