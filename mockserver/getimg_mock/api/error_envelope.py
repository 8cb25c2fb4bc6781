"""Error bodies: getimg.ai's envelope (api-facts section 8, documented)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from getimg_mock.api.messages import Answer
from getimg_mock.errors import Refusal
from getimg_mock.world.error_codes import STATUSES
from getimg_mock.world.error_messages import INCORRECT_KEY, SOMETHING_WENT_WRONG

if TYPE_CHECKING:
    from getimg_mock.world.journal import Headers

MAX_HINT: Final = 800
"""The length of the header `X-Mock-Hint`, in characters."""

_STORE_RETRY: Final = 1
"""Seconds after which a client may try again when the store could not be used."""

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
        headers.append((b"x-mock-hint", encode_hint(refusal.hint)))
    status = refusal.status or STATUSES.get(refusal.code, 400)
    return Answer.of_json(status, {"error": error}, headers)


def invalid_api_key(hint: str) -> Refusal:
    """Return the 401 with the documented message and our `hint`."""
    return Refusal(
        "invalid_api_key",
        INCORRECT_KEY,
        hint=hint,
    )


def unknown_path(path: str, hint: str) -> Refusal:
    """Return the 404 for an unknown path, with our `hint`."""
    return Refusal("not_found", f"Unknown path '{path[:200]}'.", hint=hint)


def method_not_allowed(method: str, allowed: str, hint: str) -> Refusal:
    """Return the 405 with our `hint`; the caller adds the `Allow` header."""
    return Refusal(
        "method_not_allowed",
        f"Method {method[:20]} is not allowed here; use {allowed}.",
        hint=hint,
    )


def internal_error() -> Refusal:
    """Return the 500 with the observed message."""
    return Refusal("server_error", SOMETHING_WENT_WRONG)


def store_unavailable(hint: str) -> Refusal:
    """Return the 503 for a request of which nothing was kept, with our `hint`."""
    return Refusal(
        "server_error", SOMETHING_WENT_WRONG, status=503, retry_after=_STORE_RETRY, hint=hint
    )


def add_hint(answer: Answer, hint: str) -> None:
    """Add `hint` to the header `X-Mock-Hint` of an answer, after the hint that it has."""
    for index, (name, value) in enumerate(answer.headers):
        if name == b"x-mock-hint":
            joined = f"{value.decode('ascii')}; {hint}"
            # A new list: an answer may share its headers.
            answer.headers = [*answer.headers]
            answer.headers[index] = (name, encode_hint(joined))
            return
    answer.headers = [*answer.headers, (b"x-mock-hint", encode_hint(hint))]


def encode_hint(text: str) -> bytes:
    """Return a hint as the value of a header: one line of printable ASCII of bounded length."""
    short = text if len(text) <= MAX_HINT else f"{text[: MAX_HINT - 3]}..."
    kept = "".join(each if each.isprintable() else " " for each in short)
    return kept.encode("ascii", "replace")
