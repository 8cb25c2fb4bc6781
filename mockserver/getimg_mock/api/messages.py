"""One request as an endpoint sees it, and its answer before it goes out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from getimg_mock.fake import Fake
    from getimg_mock.world.workspaces import Workspace

Headers = list[tuple[bytes, bytes]]

JSON: Final = (b"content-type", b"application/json")


@dataclass(slots=True)
class Call:
    """One request on its way through an operation.

    `workspace` is set once the key is known; `body` holds the whole body of a POST.
    """

    operation: str
    scope: Mapping[str, Any]
    fake: Fake
    body: bytes = b""
    workspace: Workspace | None = None

    @property
    def method(self) -> str:
        """The HTTP method, in capitals."""
        return str(self.scope["method"])

    @property
    def path(self) -> Mapping[str, str]:
        """The parameters of the path."""
        params: Mapping[str, str] = self.scope.get("path_params", {})
        return params

    def query(self, name: str) -> str | None:
        """Return the first query parameter of that name, or None."""
        raw = self.scope["query_string"].decode("utf-8", "replace")
        return next((v for k, v in parse_qsl(raw, keep_blank_values=True) if k == name), None)

    def header(self, name: bytes) -> str | None:
        """Return the first header of that (lower-case) name, or None."""
        for key, value in self.scope["headers"]:
            if key == name:
                text: str = value.decode("latin-1")
                return text
        return None

    def header_all(self, name: bytes) -> list[str]:
        """Return every header of that (lower-case) name."""
        return [value.decode("latin-1") for key, value in self.scope["headers"] if key == name]

    @property
    def owner(self) -> Workspace:
        """The workspace of the key; only where the operation needs one."""
        if self.workspace is None:
            raise LookupError(f"{self.operation} was called without a workspace")
        return self.workspace


@dataclass(slots=True)
class Answer:
    """What goes back: status, headers (names in lower case) and the whole body."""

    status: int
    body: bytes = b""
    headers: Headers = field(default_factory=list)

    @classmethod
    def of_json(cls, status: int, value: Any, headers: Headers | None = None) -> Answer:
        """Return an answer whose body is `value` as JSON."""
        body = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return cls(status, body.encode("utf-8", "replace"), [JSON, *(headers or ())])

    def header(self, name: bytes) -> bytes | None:
        """Return the first header of that (lower-case) name, or None."""
        return next((value for key, value in self.headers if key == name), None)
