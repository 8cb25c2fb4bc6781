"""All checks, by id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.contract.provider.checks import (
    auth,
    billing,
    catalogue,
    input,  # noqa: A004 - the topic is called input
    lifecycle,
    limits,
    media,
    wire,
)
from getimg_mock.contract.verification.checks import equivalence, harness
from getimg_mock.errors import UnknownNameError

if TYPE_CHECKING:
    from getimg_mock.contract.verdicts import Check

PROVIDER: Final[tuple[Check, ...]] = (
    *wire.CHECKS,
    *input.CHECKS,
    *lifecycle.CHECKS,
    *media.CHECKS,
    *billing.CHECKS,
    *limits.CHECKS,
    *auth.CHECKS,
    *catalogue.CHECKS,
)
EVERY: Final[tuple[Check, ...]] = (*PROVIDER, *equivalence.CHECKS, *harness.CHECKS)


def check_of(name: str) -> Check:
    """Return the check of an id; raises `UnknownNameError`."""
    every = every_check()
    found = {check.id: check for check in every}.get(name.upper())
    if found is None:
        raise UnknownNameError("check", name.upper(), [check.id for check in every])
    return found


def every_check() -> tuple[Check, ...]:
    """Return all checks there are: of providers, of clients, of the fake and of the harness."""
    from getimg_mock.contract.clients import suite  # noqa: PLC0415 - it stands on this package

    return (*EVERY, *suite.CHECKS)


def chosen(words: str | None, checks: tuple[Check, ...]) -> tuple[Check, ...]:
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
