"""Bodies on their way in: unpacked, bounded, kept or written to a file, and not for ever."""

from __future__ import annotations

import time  # noqa: TID251 - a client waits on its own clock
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

import httpx

from tests.contract.clients.reference.errors import AnswerError
from tests.contract.clients.reference.steps import Got

if TYPE_CHECKING:
    from types import TracebackType

    from tests.contract.clients.reference.core import Core
    from tests.contract.clients.reference.steps import Send

LIMIT = 8 * 1024 * 1024
WINDOWS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


class Body:
    """An answer's body, which `take` is given the parts of; inside `with`, its file is open."""

    def __init__(self, core: Core, send: Send, answer: httpx.Response, began: float) -> None:
        unsaved = send.save is None
        if (
            core.faulty("length-required")
            and unsaved
            and not ({"content-length", "transfer-encoding"} & set(answer.headers))
        ):
            raise AnswerError("the answer has no length")
        self._core, self._send, self._answer, self._began = core, send, answer, began
        kept = send.save is not None and core.faulty("packed-files-kept")
        kept = kept or (core.faulty("packed-errors-unread") and answer.status_code >= 400)
        self._decoder = None if kept else decoder_of(core, answer.headers)
        self._bounded = unsaved and not core.faulty("bombs")
        self._size = 0
        self._parts: list[bytes] = []
        self._file = opened(core, send, answer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if self._file is not None:
            self._file.close()
        elif self._core.faulty("broken-bodies-fatal") and isinstance(error, httpx.ReadError):
            raise AnswerError("the body broke off") from error
        short = isinstance(error, httpx.RemoteProtocolError) and self._core.faulty(
            "length-unchecked"
        )
        if self._core.faulty("length-unchecked-on-post") and self._send.method == "POST":
            return isinstance(error, httpx.RemoteProtocolError)
        return short and self._send.method != "POST" and self._send.save is None

    def take(self, chunk: bytes) -> None:
        """Take the next part; raises when it is too much, or too late."""
        if self._send.method != "POST" or not self._core.faulty("orders-drip-on"):
            late(self._core, self._began)
        data = unpacked(chunk, self._decoder, self._size, bounded=self._bounded)
        self._size += len(data)
        if self._size > LIMIT and self._file and self._core.faulty("large-files-cut"):
            return
        if self._core.faulty("pieces-decoded-alone") and self._file is None:
            data = data.decode("utf-8", "replace").encode()
        with suppress(*([OSError] if self._core.faulty("full-disk-unnoticed") else [])):
            (self._parts.append if self._file is None else self._file.write)(data)

    def got(self) -> Got:
        """Return the answer."""
        return Got(self._answer.status_code, self._answer.headers, b"".join(self._parts))


def opened(core: Core, send: Send, answer: httpx.Response) -> Any:
    """Return the file that a body goes to, once the answer is acceptable; None without one."""
    if send.save is None:
        return None
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if core.faulty("files-need-a-length") and "content-length" not in answer.headers:
        raise AnswerError("the file has no length")
    limit = 50 * 10**6 if core.faulty("large-videos-refused") else 10 * 1024 * 1024
    limited = core.faults & {"large-files-refused", "large-videos-refused"}
    if limited and int(answer.headers.get("content-length", 0)) > limit:
        raise AnswerError("the file is too large")
    send.accepts(answer.status_code, kind, answer.headers.get("content-disposition", ""))
    return send.save.open("xb" if core.faulty("part-in-the-way") else "wb")


def decoder_of(core: Core, headers: httpx.Headers) -> Any:
    """Return what unpacks a body, or None."""
    encoding = headers.get("content-encoding")
    if encoding not in WINDOWS or core.faulty("packed-unread"):
        return None
    bare = encoding == "deflate" and core.faulty("deflate-bare")
    return zlib.decompressobj(-zlib.MAX_WBITS if bare else WINDOWS[encoding])


def unpacked(data: bytes, decoder: Any, size: int, *, bounded: bool) -> bytes:
    """Return unpacked bytes; raises when they are more than the limit."""
    if decoder is None:
        if bounded and size + len(data) > LIMIT:
            raise AnswerError("the answer is too large")
        return data
    if not bounded:
        return bytes(decoder.decompress(data))
    made = bytes(decoder.decompress(data, LIMIT - size + 1))
    if size + len(made) > LIMIT:
        raise AnswerError("the answer is too large")
    return made


def late(core: Core, began: float) -> None:
    """Raise when the call has taken longer than its timeout."""
    on = core.faults & {"per-read-timeout", "threads-read-on"}
    if time.monotonic() - began > core.timeout and not on:
        raise httpx.ReadTimeout(f"no whole answer within {core.timeout:g} s")
