"""All faulty providers and all benign ones."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from tests.contract.mutants import by_name
from tests.contract.mutants_access import ISOLATION, RATE
from tests.contract.mutants_input import VALIDATION
from tests.contract.mutants_media import MEDIA
from tests.contract.mutants_money import MONEY
from tests.contract.mutants_sequence import SEQUENCE
from tests.contract.mutants_shape import SHAPE

if TYPE_CHECKING:
    from tests.contract.mutants import Mutant

MUTANTS: Final[tuple[Mutant, ...]] = (
    *MONEY, *SEQUENCE, *SHAPE, *ISOLATION, *RATE, *VALIDATION, *MEDIA,
)  # fmt: skip
BY_NAME: Final = by_name(MUTANTS)
_OF_EACH_KIND: Final = 5
"""One in so many is in the sample."""


def sample() -> tuple[Mutant, ...]:
    """Return every blocker, and of the others of each kind the first and each fifth after it."""
    kinds = groupby(sorted(MUTANTS, key=lambda each: each.kind), key=lambda each: each.kind)
    others = [[each for each in found if not each.blocker] for _, found in kinds]
    chosen = {each.name for found in others for each in found[::_OF_EACH_KIND]}
    return tuple(each for each in MUTANTS if each.blocker or each.name in chosen)
