"""The JSON in the body of a request."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from getimg_mock.contract.clients.cases.client_history import ClientExchange


def parse_body(exchange: ClientExchange) -> Any:
    """Return the body as JSON; None where it is not JSON."""
    try:
        return json.loads(exchange.request_body or b"")
    except ValueError:
        return None


def read_fields(exchange: ClientExchange) -> dict[str, Any]:
    """Return the fields of the body; none where it is not a JSON object."""
    value = parse_body(exchange)
    return value if isinstance(value, dict) else {}
