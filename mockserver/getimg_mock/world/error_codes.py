"""Error codes of the API and the HTTP status of each (api-facts section 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

UNRECORDED: Final = "unrecorded_request"
"""The code of a request that a replay refuses because its cassette does not hold it."""

STATUSES: Final[Mapping[str, int]] = {
    # Documented.
    "invalid_api_key": 401,
    "parameter_missing": 400,
    "invalid_parameter": 400,
    "quota_exceeded": 402,
    "content_policy_violation": 422,
    "not_found": 404,
    "rate_limit": 429,
    "server_error": 500,
    # The status is HTTP's own, the code our choice.
    "method_not_allowed": 405,
    "invalid_signature": 403,
    "url_expired": 410,
    "range_not_satisfiable": 416,
    # Neither a retry nor another key helps.
    UNRECORDED: 400,
}
