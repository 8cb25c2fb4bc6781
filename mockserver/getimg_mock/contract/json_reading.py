"""Reading JSON with exact decimals, and what is wrong with its text.

Scripts that `replay --script` writes carry a copy of this module, so it imports the standard
library only.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any


def read_json(body: bytes) -> tuple[Any, str]:
    """Return the JSON value of `body`, floats as `Decimal`, and what is wrong with its text.

    The value is None where `body` is not JSON; the second text is empty where nothing is wrong.
    """
    flaws: list[str] = []

    def build_object(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) != len(items):
            flaws.append("duplicate keys in an object")
        return found

    def read_constant(name: str) -> Decimal:
        flaws.append(f"the literal {name}, which JSON does not know")
        return Decimal("NaN")

    if body.startswith(b"\xef\xbb\xbf"):
        flaws.append("a byte order mark")
        body = body[3:]
    try:
        value = json.loads(
            body.decode(),
            parse_float=Decimal,
            parse_constant=read_constant,
            object_pairs_hook=build_object,
        )
    except UnicodeDecodeError:
        return None, "bytes that are not UTF-8"
    except (ValueError, RecursionError) as error:
        return None, f"no JSON: {str(error)[:80]}"
    return value, "; ".join(flaws)
