"""The version of this package, as its installation records it."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def find_version() -> str:
    """Return the version; `0` in a checkout that is not installed."""
    try:
        return version("getimg-mock")
    except PackageNotFoundError:
        return "0"
