"""A request as an endpoint sees it, and its answer before it is sent."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from getimg_mock.api.raw_connection import FIELDS
from getimg_mock.errors import Refusal
from getimg_mock.world.behaviours import NOTHING
from getimg_mock.world.validation import parse_body

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    from starlette.types import Receive

    from getimg_mock.api.raw_connection import DirectExchange
    from getimg_mock.fake import Fake
    from getimg_mock.world.behaviours import Behaviour
    from getimg_mock.world.journal import Headers
    from getimg_mock.world.replayed_outcomes import ReplayedOutcome
    from getimg_mock.world.unknown_fields import UnknownField
    from getimg_mock.world.workspaces import Workspace

    Handler = Callable[["Call"], Awaitable["Answer"]]

# Encodes a value as JSON, without spaces.
encode_json: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

# Encodes a string as `encode_json` does, in a fifth of the time.
encode_string: Final = json.encoder.encode_basestring

# A body whose JSON has not been asked for: None is a value.
_UNREAD: Final = object()

JSON: Final = (b"content-type", b"application/json")


class Call:
    """One request while an operation handles it.

    `workspace` is set once the key is known; `body` is the whole body of a POST. `behaviour` is
    the result of scenarios and magic inputs, `rules` the ids of the scenario rules, `fault` the
    fault that was applied. `generation` is the id of the generation that the request made, polled
    or downloaded. `at` is the workspace's time at the start of the request. `unknown_fields` are
    the fields of the body that the API does not document; `hint` says what would have worked.
    `replayed` is the recorded outcome of a submission, and `remark` what a replay says of the
    request, in the header for hints.
    `receive` is ASGI's, to notice that the client has gone. `fields` are the headers by their
    (lower-case) names; of equal names, the first.
    `direct` is the short way of the host for whole requests and responses, None where it has none.
    `answered_at` is the workspace's time of an answer for which it was read last; None where it
    has to be read again.
    """

    # What most requests do not change is kept once.
    body: bytes = b""
    workspace: Workspace | None = None
    behaviour: Behaviour = NOTHING
    rules: tuple[str, ...] = ()
    fault: str | None = None
    generation: str | None = None
    at: datetime | None = None
    answered_at: datetime | None = None
    unknown_fields: tuple[UnknownField, ...] = ()
    hint: str | None = None
    remark: str | None = None
    direct: DirectExchange | None = None
    replayed: ReplayedOutcome | None = None
    _parsed: Any = _UNREAD

    def __init__(
        self, operation: str, scope: Mapping[str, Any], fake: Fake, receive: Receive | None = None
    ) -> None:
        self.operation = operation
        self.scope = scope
        self.fake = fake
        self.receive = receive
        # The first of equal names wins, so it is inserted last.
        self.fields: Mapping[bytes, bytes] = scope.get(FIELDS) or dict(reversed(scope["headers"]))

    def json(self) -> Any:
        """Return the body's JSON value; raises the 400 `Refusal` when it has none."""
        if self._parsed is _UNREAD:
            encoding = self.fields.get(b"content-encoding", b"")
            self._parsed = parse_body(self.body, encoding.decode("latin-1"))
        return self._parsed

    def json_or_none(self) -> Any:
        """Return the body's JSON value, or None when it has none."""
        try:
            return self.json()
        except Refusal:
            return None

    @property
    def method(self) -> str:
        """The HTTP method, in capitals."""
        return str(self.scope["method"])

    @property
    def path(self) -> Mapping[str, str]:
        """The path parameters."""
        params: Mapping[str, str] = self.scope.get("path_params", {})
        return params

    def query(self, name: str) -> str | None:
        """Return the first query parameter of that name, or None."""
        raw = self.scope["query_string"].decode("utf-8", "replace")
        return next((v for k, v in parse_qsl(raw, keep_blank_values=True) if k == name), None)

    def header(self, name: bytes) -> str | None:
        """Return the first header of that (lower-case) name, or None."""
        value = self.fields.get(name)
        return None if value is None else value.decode("latin-1")

    def header_all(self, name: bytes) -> list[str]:
        """Return every header of that (lower-case) name."""
        return [value.decode("latin-1") for key, value in self.scope["headers"] if key == name]

    @property
    def owner(self) -> Workspace:
        """The workspace of the key, for operations that need one."""
        if self.workspace is None:
            raise LookupError(f"{self.operation} was called without a workspace")
        return self.workspace


@dataclass(slots=True)
class Answer:
    """An answer: status, headers (names in lower case) and the whole body.

    `delivery` names the fault while sending it, see `api.delivery`; None for no fault.
    """

    status: int
    body: bytes = b""
    headers: Headers = field(default_factory=list)
    delivery: str | None = None

    @classmethod
    def of_json(cls, status: int, value: Any, headers: Headers | None = None) -> Answer:
        """Return an answer whose body is `value` as JSON."""
        body = encode_json(value).encode("utf-8", "replace")
        return cls(status, body, [JSON, *headers] if headers else [JSON])

    def header(self, name: bytes) -> bytes | None:
        """Return the first header of that (lower-case) name, or None."""
        for each, value in self.headers:
            if each == name:
                return value
        return None
