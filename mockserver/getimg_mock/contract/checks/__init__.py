"""All checks, by id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.contract.checks import (
    auth,
    billing,
    catalogue,
    input,  # noqa: A004 - the topic is called input
    lifecycle,
    limits,
    media,
    wire,
)
from getimg_mock.errors import UnknownNameError

if TYPE_CHECKING:
    from getimg_mock.contract.verdicts import Check

PROVIDER: Final[tuple[Check, ...]] = (
    *wire.CHECKS, *input.CHECKS, *lifecycle.CHECKS, *media.CHECKS, *billing.CHECKS,
    *limits.CHECKS, *auth.CHECKS, *catalogue.CHECKS,
)  # fmt: skip
