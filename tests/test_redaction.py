"""How a key is shown, and which headers are secret: the same wherever either is asked."""

from __future__ import annotations

import pytest

from getimg_mock.control.request_guard import TOKEN_HEADER
from getimg_mock.redaction import (
    carries_credentials,
    find_keys,
    hide_key,
    shorten_credentials,
    shorten_key,
)


@pytest.mark.parametrize(
    ("key", "shown"),
    [("sk_abcdefghijkl", "sk_...ijkl"), ("sk_a", "sk_..."), ("sk_12345678", "sk_..."), ("", "...")],
)
def test_a_key_is_shown_without_its_secret(key: str, shown: str) -> None:
    """Enough to tell keys apart, and nothing of a short one."""
    assert shorten_key(key) == shown
    assert hide_key(key) == shown[: len(hide_key(key))]


@pytest.mark.parametrize(
    "name", ["authorization", "Proxy-Authorization", "cookie", "X-API-Key", "api-key", TOKEN_HEADER]
)
def test_headers_for_credentials_are_secret_in_the_journal_and_in_evidence(name: str) -> None:
    """Two lists of them would differ, and the shorter one would leak."""
    assert carries_credentials(name)
    ((_, shown),) = shorten_credentials([(name.lower().encode(), b"a-long-secret-value")])
    assert shown == b"..."
    ((_, hidden),) = find_keys([]).redact_headers([(name, "a-long-secret-value")])
    assert hidden == "<hidden>"


@pytest.mark.parametrize("name", ["accept", "content-type", "x-request-id", "idempotency-key"])
def test_other_headers_stay(name: str) -> None:
    """A journal without them says too little."""
    assert not carries_credentials(name)
    header = (name.encode(), b"a-long-value-of-it")
    assert shorten_credentials([header]) == [header]


def test_a_bearer_key_is_shortened_in_its_header() -> None:
    """The scheme stays as it was written."""
    headers = [(b"authorization", b"bearer sk_a_long_and_secret_key")]
    assert shorten_credentials(headers) == [(b"authorization", b"bearer sk_..._key")]
