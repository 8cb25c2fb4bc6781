"""What responses let caches do with them: whom else they may be given to, and for how long.

The caches of clients follow RFC 9111 as those of a network do: a header is enough to go wrong.
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.verdicts import fail_as

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.verdicts import Observation


_PRIVATE_OPERATIONS: Final = frozenset(
    {"images.generate", "videos.create", "videos.retrieve", "billing.balance", "billing.costs"}
)

_CACHE_FIELDS: Final = frozenset({"cache-control", "expires", "age"})

_INTERVAL: Final = 5
"""The seconds between two polls that the documentation advises."""

_PENDING: Final = "a pending video"

_A_MINUTE: Final = 60
"""How long an answer that may change at once may be repeated, in seconds: our choice."""

_PASSING_ERRORS: Final = frozenset({401, 402, 403, 429})
"""Errors that end when a key, money or time comes; those of the server do, too."""


def check_caching(each: HttpExchange) -> Iterator[Observation]:
    """Require that caches do not share what one workspace was told, nor tell it late."""
    if not each.fields.keys() & _CACHE_FIELDS:
        return
    told = _read_directives(each)
    if not told.keys() & {"no-store", "no-cache"}:
        yield from _check_staleness(each, told)
    if each.operation not in _PRIVATE_OPERATIONS or each.key not in {"a", "b"}:
        return
    varied = {word.strip() for word in each.fields.get("vary", "").lower().split(",")}
    shared = {"public", "s-maxage"} & told.keys() and not {"no-store", "private"} & told.keys()
    age = each.fields.get("age", "0")
    if shared or age.strip() != "0":
        wanted = "no response to a key from a shared cache, or for one"
        shown = f"{_show(each)}, Age: {age}"
        kept = each.method == "GET" and each.status < 300 and "no-cache" not in told
        lifetime = _compute_lifetime(each, told, shared=True) or 0
        if shared and kept and lifetime > 0 and not varied & {"authorization", "*"}:
            yield fail_as("FAIL", wanted, shown, each)
        else:
            yield fail_as("WARN", wanted, shown, each)


def _check_staleness(each: HttpExchange, told: Mapping[str, str]) -> Iterator[Observation]:
    """Require that what may change at once is not repeated for long, by any cache."""
    lifetime = _compute_lifetime(each, told, shared=False) or 0
    what = _describe_passing(each) if lifetime > 0 else ""
    money = what.startswith("billing.")
    if what and lifetime > _A_MINUTE:
        # A client may wait for its own money to be shown: nothing says how soon it is.
        wanted = f"{what} is fresh for a minute at most"
        yield fail_as("WARN" if money else "FAIL", wanted, _show(each), each)
    elif what == _PENDING and lifetime > _INTERVAL:
        yield fail_as("WARN", f"{what} is fresh for {_INTERVAL} s at most", _show(each), each)


def _describe_passing(each: HttpExchange) -> str:
    """Return what is soon untrue in a response to a GET request; nothing where all stays true."""
    if each.method != "GET" or not each.operation:
        return ""
    if each.status in _PASSING_ERRORS or each.status >= 500:
        # A link that was refused is refused for ever.
        return "" if each.operation == "downloads.retrieve" else f"an error {each.status}"
    if each.status != 200:
        return ""
    if each.operation == "videos.retrieve":
        return _PENDING if each.object.get("status") == "pending" else ""
    return each.operation if each.operation.startswith("billing.") else ""


def _compute_lifetime(each: HttpExchange, told: Mapping[str, str], *, shared: bool) -> float | None:
    """Return for how many seconds more a cache may repeat a response; None where none are said."""
    names = ("s-maxage", "max-age") if shared or "s-maxage" in told else ("max-age",)
    age = each.fields.get("age", "0").strip()
    spent = float(age) if age.isdecimal() else 0.0
    for name in names:
        if name in told:
            return float(told[name]) - spent if told[name].isdecimal() else None
    try:
        expires = parsedate_to_datetime(each.fields["expires"])
        sent = parsedate_to_datetime(each.fields["date"])
        return (expires - sent).total_seconds() - spent
    except (KeyError, TypeError, ValueError):
        return None


def _read_directives(each: HttpExchange) -> dict[str, str]:
    """Return what `Cache-Control` says: the values by directive."""
    found = {}
    lines = [value.lower() for name, value in each.headers if name == "cache-control"]
    for word in ",".join(lines).split(","):
        name, _, value = word.strip().partition("=")
        found[name] = value.strip('" ')
    return found


def _show(each: HttpExchange) -> str:
    told = ", ".join(value for name, value in each.headers if name == "cache-control") or "none"
    expires = each.fields.get("expires")
    return f"Cache-Control: {told}" + (f", Expires: {expires}" if expires else "")
