"""Finds what must not be in a cassette: keys, signatures and details of an account."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.cassettes.distillation import KEPT_HEADERS
from getimg_mock.redaction import HIDDEN_PLACEHOLDER, KnownKeys, carries_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_KEYS: Final = KnownKeys()
# A placeholder in braces is no value.
_PATTERNS: Final = {
    "a signed link": re.compile(
        r"[?&](?:[\w-]*sig(?:nature)?|[\w-]*credential|[\w-]*token|policy)=(?!\{)[^&#\s]",
        re.IGNORECASE,
    ),
    "credentials": re.compile(
        r"\b(?:bearer|basic)\s+[\w+/=.-]{8,}|://[^/\s:@]+:[^/\s@]+@", re.IGNORECASE
    ),
    "a token": re.compile(r"\beyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]*"),
    "an e-mail address": re.compile(r"[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64})+"),
}
_SECRET_NAMES: Final = re.compile(
    r"secret|passw|(?:api|private)[_-]?key$|(?:access|auth|refresh)[_-]?token$|^authorization$",
    re.IGNORECASE,
)
_ACCOUNT_NAMES: Final = re.compile(
    r"^(?:user|account|workspace|organi[sz]ation|customer|project|team)[_-]?(?:id|name)$|^e?[_-]?mail$",
    re.IGNORECASE,
)
_PLACEHOLDER: Final = re.compile(r"\{[^{}]*\}|<[^<>]*>|")


def find_secrets(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield the place and the kind of each secret in a value of JSON, as `/response/json/url`."""
    if isinstance(value, dict):
        for name, each in value.items():
            inner = f"{place}/{name}"
            if _is_secret_field(name, each):
                yield inner, "a secret, by its name"
            elif _ACCOUNT_NAMES.search(name) and _is_told(each):
                yield inner, "a detail of an account"
            yield from find_secrets(each, inner)
            yield from _search_text(name, inner)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from find_secrets(each, f"{place}/{index}")
    elif isinstance(value, str):
        yield from _search_text(value, place)


def find_foreign_headers(headers: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the name of each header that a recording does not keep, and what it may hold."""
    for name in headers:
        if name not in KEPT_HEADERS:
            is_secret = carries_credentials(name) or name == "set-cookie"
            yield name, "credentials" if is_secret else "a header that a recording leaves out"


def find_amounts(operation: str, body: Any) -> Iterator[tuple[str, str]]:
    """Yield the balance of an account, where it is not a difference."""
    if operation == "billing.balance" and isinstance(body, dict) and _is_told(body.get("balance")):
        yield "balance", "the balance of an account"


def _search_text(text: str, place: str) -> Iterator[tuple[str, str]]:
    if _NO_KEYS.redact(text) != text:
        yield place, "an API key"
    for kind, pattern in _PATTERNS.items():
        if pattern.search(text):
            yield place, kind


def _is_secret_field(name: str, value: Any) -> bool:
    return _SECRET_NAMES.search(name) is not None and _is_told(value)


def _is_told(value: Any) -> bool:
    """Return whether a value says something: it is neither empty nor a placeholder."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return True
    is_text = isinstance(value, str) and value != HIDDEN_PLACEHOLDER
    return is_text and _PLACEHOLDER.fullmatch(value) is None
