"""What the OpenAPI document says of each operation."""

from __future__ import annotations

import json
from functools import cache
from typing import Final

from getimg_mock._shipped import read_text

# How a link that was changed is refused is our choice, and a setting: GP407 leaves it open.
_EXTRA_STATUSES: Final = {"downloads.retrieve": frozenset({401})}


@cache
def read_documented_statuses(operation: str) -> frozenset[int]:
    """Return the statuses that an operation may answer with."""
    document = json.loads(read_text("schemas", "openapi.json"))
    found = frozenset(
        int(status)
        for methods in document["paths"].values()
        for described in methods.values()
        if isinstance(described, dict) and described.get("operationId") == operation
        for status in described["responses"]
    )
    return found | _EXTRA_STATUSES.get(operation, frozenset())
