"""All checks, by id: of providers, of clients, of the fake against a service, and of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.suite import CHECKS as CLIENT_CHECKS
from getimg_mock.contract.discovery import discover_checks
from getimg_mock.contract.provider.suite import CHECKS as PROVIDER_CHECKS
from getimg_mock.contract.verification import checks
from getimg_mock.errors import UnknownNameError

if TYPE_CHECKING:
    from getimg_mock.contract.verdicts import Check

_RUN: Final = discover_checks(checks)

EQUIVALENCE: Final = tuple(check for check in _RUN if check.id.startswith("GE"))
"""GE: the fake compared with another provider."""

HARNESS: Final = tuple(check for check in _RUN if check.id.startswith("GH"))
"""GH: what a run must do itself."""

ALL_BUT_CLIENT_CHECKS: Final = (*PROVIDER_CHECKS, *EQUIVALENCE, *HARNESS)
"""All checks of a run against a provider."""


def find_check(name: str) -> Check:
    """Return the check of an id; raises `UnknownNameError`."""
    every = list_checks()
    found = {check.id: check for check in every}.get(name.upper())
    if found is None:
        raise UnknownNameError("check", name.upper(), [check.id for check in every])
    return found


def list_checks() -> tuple[Check, ...]:
    """Return all checks: of providers, of the fake, of the harness, and of clients."""
    return (*ALL_BUT_CLIENT_CHECKS, *CLIENT_CHECKS)


def select_checks(words: str | None, checks: tuple[Check, ...]) -> tuple[Check, ...]:
    """Return the checks whose id begins with one of the comma-separated words."""
    if not words:
        return checks
    found: list[Check] = []
    for word in (each.strip().upper() for each in words.split(",")):
        fitting = [check for check in checks if word and check.id.startswith(word)]
        if not fitting:
            raise UnknownNameError("check", word, [check.id for check in checks])
        found += [check for check in fitting if check not in found]
    return tuple(found)


__all__ = [
    "ALL_BUT_CLIENT_CHECKS",
    "CLIENT_CHECKS",
    "EQUIVALENCE",
    "HARNESS",
    "PROVIDER_CHECKS",
    "find_check",
    "list_checks",
    "select_checks",
]
