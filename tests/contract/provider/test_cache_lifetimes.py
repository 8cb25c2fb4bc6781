"""GP114: what may be kept by caches, for whom and for how long."""

from __future__ import annotations

from dataclasses import replace

import pytest

from getimg_mock.contract.provider.cache_lifetimes import check_caching
from tests.contract.provider.fixed_plans import is_broken, run_plan

_WARN, _FAIL, _FINE = "WARN", "FAIL", "PASS"
_DATE = ("date", "Tue, 01 Sep 2026 12:00:00 GMT")
_PENDING, _BALANCE = "videos.retrieve", "billing.balance"


def judge(operation: str, status: int, *headers: tuple[str, str]) -> str:
    """Return the worst that is said of a first response with further headers."""
    history = run_plan("looking at a pending video costs nothing")
    first = next(each for each in history if each.operation == operation)
    changed = replace(first, status=status, headers=(*first.headers, *headers))
    said = {each.status for each in check_caching(changed)}
    return next((each for each in (_FAIL, _WARN) if each in said), _FINE)


@pytest.mark.parametrize(
    ("operation", "status", "told", "verdict"),
    [
        (_PENDING, 200, "public, max-age=300", _FAIL),
        (_PENDING, 200, "private, max-age=300", _FAIL),
        (_PENDING, 200, "private, max-age=30", _WARN),
        (_PENDING, 200, "private, max-age=5", _FINE),
        (_PENDING, 200, "no-store, max-age=300", _FINE),
        (_PENDING, 200, "no-cache, max-age=300", _FINE),
        (_PENDING, 404, "private, max-age=300", _FINE),
        (_PENDING, 503, "max-age=300", _FAIL),
        (_PENDING, 401, "max-age=300", _FAIL),
        (_PENDING, 503, "max-age=10", _FINE),
        (_BALANCE, 200, "s-maxage=30", _FAIL),
        (_BALANCE, 200, "public", _WARN),
        (_BALANCE, 200, "public, max-age=0, must-revalidate", _WARN),
        (_BALANCE, 200, "private, max-age=30", _FINE),
        (_BALANCE, 200, "private, max-age=300", _WARN),
    ],
)
def test_what_changes_is_kept_by_its_reader_and_not_for_long(
    operation: str, status: int, told: str, verdict: str
) -> None:
    """A cache that follows RFC 9111 repeats, and shares, what these headers allow."""
    assert judge(operation, status, ("cache-control", told)) == verdict


def test_an_hour_until_it_expires_is_a_lifetime() -> None:
    """`Expires` says the same as `max-age`, and without `Date` nothing."""
    hour = ("expires", "Tue, 01 Sep 2026 13:00:00 GMT")
    assert judge(_PENDING, 200, _DATE, hour) == _FAIL
    assert judge(_PENDING, 200, _DATE, ("expires", "0")) == _FINE


def test_each_key_may_have_its_own_in_a_shared_cache() -> None:
    """`Vary: Authorization` keeps the workspaces apart."""
    told = ("cache-control", "public, max-age=5")
    assert judge(_BALANCE, 200, told) == _FAIL
    assert judge(_BALANCE, 200, told, ("vary", "Accept-Encoding, Authorization")) == _WARN


def test_what_the_fake_sends_is_kept_by_nobody() -> None:
    """Its pending videos carry no lifetime."""
    assert not is_broken("GP114", run_plan("looking at a pending video costs nothing"))
