"""Error bodies: getimg.ai's envelope (api-facts section 8, documented)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from getimg_mock.api.messages import Answer
from getimg_mock.errors import Refusal
from getimg_mock.world.error_codes import STATUSES
from getimg_mock.world.error_messages import INCORRECT_KEY, SOMETHING_WENT_WRONG

if TYPE_CHECKING:
    from getimg_mock.world.journal import Headers

_AUTHENTICATION_GUIDE: Final = "https://docs.getimg.ai/guides/authentication"


def render_problem(refusal: Refusal, *, hints: bool = True) -> Answer:
    """Return the answer for `refusal`; with `hints` it has our header `X-Mock-Hint`."""
    error: dict[str, Any] = {
        "message": refusal.message,
        "type": "invalid_request_error",
        "param": refusal.param,
        "code": refusal.code,
    }
    if refusal.code == "invalid_api_key":
        error["doc_url"] = _AUTHENTICATION_GUIDE
    headers: Headers = []
    if refusal.retry_after is not None:
        headers.append((b"retry-after", str(refusal.retry_after).encode()))
    if hints and refusal.hint:
        headers.append((b"x-mock-hint", _encode_hint(refusal.hint)))
    status = refusal.status or STATUSES.get(refusal.code, 400)
    return Answer.of_json(status, {"error": error}, headers)


def invalid_api_key(hint: str) -> Refusal:
    """Return the 401 with the documented message and our `hint`."""
    return Refusal(
        "invalid_api_key",
        INCORRECT_KEY,
        hint=hint,
    )


def unknown_path(path: str, nearest: str | None = None) -> Refusal:
    """Return the 404 for an unknown path."""
    hint = f"did you mean {nearest}?" if nearest else None
    return Refusal("not_found", f"Unknown path '{path[:200]}'.", hint=hint)


def method_not_allowed(method: str, allowed: str) -> Refusal:
    """Return the 405; the caller adds the `Allow` header."""
    return Refusal(
        "method_not_allowed", f"Method {method[:20]} is not allowed here; use {allowed}."
    )


def internal_error() -> Refusal:
    """Return the 500 with the observed message."""
    return Refusal("server_error", SOMETHING_WENT_WRONG)


def _encode_hint(text: str) -> bytes:
    kept = "".join(each if each.isprintable() else " " for each in text)
    return kept.encode("ascii", "replace")
