"""One line per request, keys redacted."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from getimg_mock.api.authentication import redacted
from getimg_mock.world.clock import wall_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from getimg_mock.api.messages import Answer, Call

    # Takes note of one exchange that is over, so many seconds after it began.
    AccessLog = Callable[[Call, Answer, float], None]


def text_line(call: Call, answer: Answer, seconds: float) -> None:
    """Print an exchange for people, with our hint when it was refused."""
    key = _plain(redacted(call.workspace.key)) if call.workspace else "-"
    hint = answer.header(b"x-mock-hint")
    said = f"  ({hint.decode()})" if hint else ""
    _print(
        f"{wall_time():%H:%M:%S} {_plain(call.method)} {_shown_path(call)} {answer.status} "
        f"{seconds * 1000:.1f} ms {key}{said}"
    )


def json_line(call: Call, answer: Answer, seconds: float) -> None:
    """Print an exchange for machines: one JSON object."""
    line = {
        "at": wall_time().isoformat(timespec="milliseconds"),
        "operation": call.operation,
        "method": call.method,
        "path": _shown_path(call),
        "status": answer.status,
        "milliseconds": round(seconds * 1000, 2),
        "key": redacted(call.workspace.key) if call.workspace else None,
    }
    hint = answer.header(b"x-mock-hint")
    if hint:
        line["hint"] = hint.decode()
    _print(json.dumps(line))


def silent(_call: Call, _answer: Answer, _seconds: float) -> None:
    """Print nothing."""


def _shown_path(call: Call) -> str:
    # The query of a download is its secret.
    return _plain(str(call.scope["path"])[:300])


def _plain(text: str) -> str:
    """Return text without what could steer a terminal, or be more than it can show."""
    return "".join(each if each.isprintable() and each.isascii() else "?" for each in text)


def _print(line: str) -> None:
    # A reader that has gone, as in `serve | head`, is no reason to stop answering.
    with suppress(OSError, ValueError):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
