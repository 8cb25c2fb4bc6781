"""Prints one line per request, with redacted keys."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from getimg_mock.api.error_envelope import encode_hint
from getimg_mock.redaction import find_path_keys, hide_key, shorten_key
from getimg_mock.world.clock import EPOCH, wall_seconds, wall_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from getimg_mock.api.messages import Answer, Call

    # Logs a finished exchange; the last argument is its duration in seconds.
    AccessLog = Callable[[Call, Answer, float], None]
    LineFormat = Callable[[Call, Answer, float], str]


_HINT: Final = b"x-mock-hint"


def format_text(call: Call, answer: Answer, seconds: float) -> str:
    """Return the line in plain text, with the hint of a refused or ignored part of the request."""
    key = _sanitize(call.workspace.identity.shown_key) if call.workspace else "-"
    hint = _find_hint(call, answer)
    said = f"  ({hint})" if hint else ""
    moment = _format_time(int(wall_seconds()))
    return (
        f"{moment} {_sanitize(call.scope['method'])} {_format_path(call)} {answer.status} "
        f"{seconds * 1000:.1f} ms {key}{said}"
    )


def format_json(call: Call, answer: Answer, seconds: float) -> str:
    """Return the line as one JSON object."""
    line = {
        "at": wall_time().isoformat(timespec="milliseconds"),
        "operation": call.operation,
        "method": call.method,
        "path": _format_path(call),
        "status": answer.status,
        "milliseconds": round(seconds * 1000, 2),
        "key": call.workspace.identity.shown_key if call.workspace else None,
    }
    hint = _find_hint(call, answer)
    if hint:
        line["hint"] = hint
    if call.unknown_fields:
        line["unknown_fields"] = [each.path for each in call.unknown_fields]
    return json.dumps(line)


def log_nothing(_call: Call, _answer: Answer, _seconds: float) -> None:
    """Print nothing."""


def _find_hint(call: Call, answer: Answer) -> str | None:
    """Return the hint, also where settings keep it from the answer's headers."""
    if _HINT in dict(answer.headers):
        return (answer.header(_HINT) or b"").decode("ascii", "replace")
    return encode_hint(call.hint).decode() if call.hint else None


def _format_path(call: Call) -> str:
    # Without the query: that of a download is a secret.
    return _redact_path(call.scope["path"], call.fields.get(b"authorization", b""))


@lru_cache(maxsize=256)  # a client sends most requests to few paths
def _redact_path(path: str, authorization: bytes) -> str:
    sent = authorization.decode("latin-1").rpartition(" ")[2]
    if len(sent) >= 8:  # shorter ones occur in ordinary words
        path = path.replace(sent, hide_key(sent))
    for found in find_path_keys(path):
        path = path.replace(found, hide_key(found))
    return _sanitize(path[:300])


def _sanitize(text: str) -> str:
    """Return text without control characters, or others that a terminal may not show."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(each if each.isprintable() and each.isascii() else "?" for each in text)


@lru_cache(maxsize=8)
def _format_time(second: int) -> str:
    return f"{EPOCH + timedelta(seconds=second):%H:%M:%S}"


class Printer:
    """Prints a line per exchange; one system call writes those of one event loop iteration.

    `form` is `format_text` or `format_json`.
    """

    def __init__(self, form: LineFormat) -> None:
        self._form = form
        self._lines: list[str] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def is_text(self) -> bool:
        """Whether it prints plain text."""
        return self._form is format_text

    def __call__(self, call: Call, answer: Answer, seconds: float) -> None:
        """Print an exchange that took `seconds`."""
        self._add(self._form(call, answer, seconds))

    def prepare_line(self, call: Call, key: str) -> Callable[[float, float], None]:
        """Return what prints a successful exchange without a hint, such as `call`, in plain text.

        It takes the real time at which the exchange began, and how long it took.
        """
        begin = f" {_sanitize(call.method)} {_format_path(call)} 200 "
        end = f" ms {_sanitize(shorten_key(key))}"

        def print_line(wall: float, seconds: float) -> None:
            self._add(f"{_format_time(int(wall + seconds))}{begin}{seconds * 1000:.1f}{end}")

        return print_line

    def _add(self, line: str) -> None:
        self._lines.append(line)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # driven without an event loop
            self._flush()
            return
        if len(self._lines) == 1 or loop is not self._loop:
            self._loop = loop
            loop.call_soon(self._flush)

    def _flush(self) -> None:
        lines, self._lines = self._lines, []
        # A closed pipe, as in `serve | head`, must not stop the server.
        with suppress(OSError, ValueError):
            sys.stdout.write("\n".join([*lines, ""]))
            sys.stdout.flush()
