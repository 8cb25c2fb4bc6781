"""What is sent over a connection, as pure data: bytes with pauses before them, and ends."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

End = Literal["close", "reset", "hang"]
Framing = Literal["length", "chunked", "close"]


@dataclass(frozen=True, slots=True)
class WireStep:
    """Bytes, or the end of a connection, `delay` seconds after the step before.

    `meanwhile` is done before it is sent: what changes on the client's machine while it reads.
    """

    what: bytes | End
    delay: float = 0.0
    meanwhile: Callable[[], None] | None = None


WireScript = tuple[WireStep, ...]


@dataclass(frozen=True, slots=True)
class WireAnswer:
    """An HTTP answer before it is encoded; `framing` is how the end of its body is marked.

    `length` is what it says of its body, where that is another, or comes later, or not with HEAD.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    framing: Framing = "length"
    length: int | None = None

    @property
    def json(self) -> Any:
        """The body's JSON value, or None."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def header(self, name: str) -> str | None:
        """Return the first header of that name in lower case, or None."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    def with_json(self, value: Any) -> WireAnswer:
        """Return the answer with another JSON body."""
        return replace(self, body=encode_json(value))

    def with_headers(self, *headers: tuple[str, str], drop: Iterable[str] = ()) -> WireAnswer:
        """Return the answer with further headers, and without those to `drop`."""
        gone = {name.lower() for name in drop}
        kept = tuple(pair for pair in self.headers if pair[0].lower() not in gone)
        return replace(self, headers=kept + headers)

    def head(self) -> bytes:
        """Return status line and headers as they are on the wire."""
        lines = [f"HTTP/1.1 {self.status} {_phrase(self.status)}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.framing == "length" and self.status not in {204, 304}:
            length = len(self.body) if self.length is None else self.length
            lines.append(f"Content-Length: {length}")
        elif self.framing == "chunked":
            lines.append("Transfer-Encoding: chunked")
        elif self.framing == "close":
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def to_script(self) -> WireScript:
        """Return a script that sends the whole answer at once."""
        if self.framing == "chunked":
            return (WireStep(self.head() + encode_chunks(self.body)),)
        if self.framing == "close":
            return (WireStep(self.head() + self.body), WireStep("close"))
        return (WireStep(self.head() + self.body),)


def encode_json(value: Any) -> bytes:
    """Return JSON as the API writes it: compact, in UTF-8; lone surrogates stay escapes."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def build_json_answer(status: int, value: Any, *headers: tuple[str, str]) -> WireAnswer:
    """Return an answer with a JSON body."""
    return WireAnswer(status, (("Content-Type", "application/json"), *headers), encode_json(value))


def build_error(status: int, code: str, message: str, *headers: tuple[str, str]) -> WireAnswer:
    """Return an error in getimg.ai's envelope."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return build_json_answer(status, {"error": error}, *headers)


def encode_chunks(
    body: bytes, *, extension: str = "", trailers: str = "", size: int = 1000
) -> bytes:
    """Return a body in chunked transfer encoding."""
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    lines = [f"{len(part):x}{extension}\r\n".encode() + part + b"\r\n" for part in parts]
    return b"".join(lines) + b"0\r\n" + trailers.encode() + b"\r\n"


def drip_body(answer: WireAnswer, pause: float, *, pieces: int) -> WireScript:
    """Return a script whose body is sent in so many pieces at least, with a pause before each.

    A body of fewer bytes is padded with spaces, which JSON may have before its last character.
    """
    body = answer.body[:-1] + b" " * (pieces - len(answer.body)) + answer.body[-1:]
    head = WireAnswer(answer.status, answer.headers, body).head()
    step = len(body) // pieces
    steps = [WireStep(body[at : at + step], pause) for at in range(0, len(body), step)]
    return (WireStep(head), *steps)


def cut(answer: WireAnswer, *, keep: float = 0.5, end: End = "close") -> WireScript:
    """Return a script that ends within the body of the answer."""
    kept = answer.body[: int(len(answer.body) * keep)]
    return (WireStep(answer.head() + kept), WireStep(end))


def overstate_length(answer: WireAnswer, missing: int = 64) -> WireScript:
    """Return a script with a Content-Length that exceeds the body, and then the end."""
    head = replace(answer, length=len(answer.body) + missing).head()
    return (WireStep(head + answer.body), WireStep("close"))


def leave_out_body(script: WireScript) -> WireScript:
    """Return the script of an answer up to the end of its head, which is all that HEAD gets."""
    steps: list[WireStep] = []
    sent = b""
    for step in script:
        if not isinstance(step.what, bytes):
            return (*steps, step)
        before, sent = len(sent), sent + step.what
        end = _find_end_of_head(sent)
        steps.append(replace(step, what=sent[before:end]))
        if end is not None:
            break
    return tuple(steps)


def _find_end_of_head(sent: bytes) -> int | None:
    """Return where the head of an answer ends, behind informational ones; None if it does not."""
    begin = 0
    while (end := sent.find(b"\r\n\r\n", begin)) >= 0:
        if not sent.startswith(b"HTTP/1.1 1", begin):
            return end + 4
        begin = end + 4
    return None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
