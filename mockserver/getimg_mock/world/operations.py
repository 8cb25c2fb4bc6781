"""The operations of the API: the one table of names, methods, paths, schemas and limits.

Routes, scenario rules, plans and the OpenAPI document all read it (api-facts section 1). Schemas
are named as `getimg_mock.schemas` names them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from getimg_mock.world.limits import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of the API.

    `path` is a template: each name in braces matches one non-empty segment. `request` is the schema
    of the JSON body, None for an operation that takes no body; only such a request makes a
    generation. `answers` gives the schema of the JSON body for each successful status. `limited`
    names the rate limit whose headers its answers carry, refusals included. `keyed` is False where
    no API key is needed. `has_links` is True where an answer may hold a download link.
    """

    name: str
    method: str
    path: str
    request: str | None = None
    answers: Mapping[int, str] = field(default_factory=dict)
    limited: Kind | None = None
    keyed: bool = True
    has_links: bool = False

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods it accepts: a GET can also be a HEAD."""
        return (self.method, "HEAD") if self.method == "GET" else (self.method,)


_TABLE: Final = (
    Operation(
        name="images.generate",
        method="POST",
        path="/v2/images/generations",
        request="image-request",
        answers={200: "image-generation"},
        limited="image",
        has_links=True,
    ),
    Operation(
        name="videos.create",
        method="POST",
        path="/v2/videos/generations",
        request="video-request",
        answers={202: "video-accepted"},
        limited="video",
    ),
    Operation(
        name="videos.retrieve",
        method="GET",
        path="/v2/videos/generations/{id}",
        answers={200: "video-generation"},
        limited="video",
        has_links=True,
    ),
    Operation(
        name="models.list",
        method="GET",
        path="/v2/models",
        answers={200: "model-list"},
    ),
    Operation(
        name="models.retrieve",
        method="GET",
        path="/v2/models/{model}",
        answers={200: "model"},
    ),
    Operation(
        name="billing.balance",
        method="GET",
        path="/v2/billing/balance",
        answers={200: "balance"},
    ),
    Operation(
        name="billing.costs",
        method="GET",
        path="/v2/billing/costs",
        answers={200: "costs"},
    ),
    Operation(
        name="downloads.retrieve",
        method="GET",
        path="/v2/downloads/{id}/{index}",
        keyed=False,
    ),
)

OPERATIONS: Final[Mapping[str, Operation]] = {each.name: each for each in _TABLE}
"""The operations by name, in the order of the API's documentation."""

SUBMISSIONS: Final = tuple(each.name for each in _TABLE if each.request is not None)
"""The operations that make a generation, and charge for it."""

REQUEST_SCHEMAS: Final = {each.name: each.request for each in _TABLE if each.request is not None}
"""The schema that the body of a request must match, by operation."""

ANSWER_SCHEMAS: Final = {
    (each.name, status): schema for each in _TABLE for status, schema in each.answers.items()
}
"""The schema that the body of a successful answer must match, by operation and status."""

_FIRST_ERROR_STATUS: Final = 400

_PLAIN: Final = {
    (method, each.path): each.name
    for each in _TABLE
    if "{" not in each.path
    for method in each.methods
}
_TEMPLATES: Final = tuple(
    (each.methods, re.compile(re.sub(r"{\w+}", "[^/]+", each.path)), each.name)
    for each in _TABLE
    if "{" in each.path
)


def find_operation(method: str, path: str) -> str:
    """Return the name of the operation at a method and a path, or an empty text."""
    plain = _PLAIN.get((method, path))
    if plain is not None:
        return plain
    for methods, pattern, name in _TEMPLATES:
        if method in methods and pattern.fullmatch(path):
            return name
    return ""


def find_answer_schema(operation: str, status: int) -> str | None:
    """Return the name of the schema for the body of an answer, or None when it has no JSON body."""
    if status >= _FIRST_ERROR_STATUS:
        return "error"
    return ANSWER_SCHEMAS.get((operation, status))
