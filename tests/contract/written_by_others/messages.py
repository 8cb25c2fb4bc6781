"""What travels: requests, responses and refusals, as plain values."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """A request as it was read from a connection; header names are in lower case."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    connection: int

    @property
    def path(self) -> str:
        """The target without its query, as it was sent."""
        return self.target.partition("?")[0]

    @property
    def query_text(self) -> str:
        """The query as it was sent."""
        return self.target.partition("?")[2]

    @property
    def query(self) -> dict[str, str]:
        """The decoded query; a raw `+` is kept, because zones are written with it."""
        text = self.query_text.replace("+", "%2B")
        return dict(parse_qsl(text, keep_blank_values=True))

    def values(self, name: str) -> list[str]:
        """Return all values of a header."""
        return [value for key, value in self.headers if key == name]

    def header(self, name: str) -> str | None:
        """Return the first value of a header, or None."""
        return next(iter(self.values(name)), None)


@dataclass(kw_only=True)
class Outgoing:
    """An answer. `chunked` and `close` say how it is sent."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    chunked: bool = False
    close: bool = False

    @property
    def value(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def set_value(self, value: object) -> None:
        """Replace the body by a JSON value."""
        self.body = json.dumps(value, ensure_ascii=False).encode()

    def header(self, name: str) -> str | None:
        """Return the first value of a header, or None."""
        return next((v for k, v in self.headers if k.lower() == name.lower()), None)

    def set_header(self, name: str, value: str | None) -> None:
        """Replace a header, or remove it with None."""
        self.headers = [(k, v) for k, v in self.headers if k.lower() != name.lower()]
        if value is not None:
            self.headers.append((name, value))


def answer_json(value: object, status: int = HTTPStatus.OK) -> Outgoing:
    """Return a JSON answer."""
    answer = Outgoing(status=status, headers=[("Content-Type", "application/json")])
    answer.set_value(value)
    return answer


class RefusedError(Exception):
    """A request is refused with an error of the API."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        param: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.headers = headers or {}


def refuse_value(message: str, param: str | None) -> RefusedError:
    """Return the refusal of a value."""
    return RefusedError(HTTPStatus.BAD_REQUEST, "invalid_parameter", message, param)


def refuse_unknown(message: str = "The requested resource was not found.") -> RefusedError:
    """Return the refusal of an unknown path or id."""
    return RefusedError(HTTPStatus.NOT_FOUND, "not_found", message)
