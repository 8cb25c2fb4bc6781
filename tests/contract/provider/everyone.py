"""All faulty providers and all benign ones."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from tests.contract.provider.mutants import by_name
from tests.contract.provider.mutants_access import ISOLATION
from tests.contract.provider.mutants_callers import CALLERS
from tests.contract.provider.mutants_catalogue import CATALOGUE
from tests.contract.provider.mutants_downloads import DOWNLOADS
from tests.contract.provider.mutants_edges import EDGES
from tests.contract.provider.mutants_input import VALIDATION
from tests.contract.provider.mutants_looks import LOOKS
from tests.contract.provider.mutants_media import MEDIA
from tests.contract.provider.mutants_money import MONEY
from tests.contract.provider.mutants_orders import ORDERS
from tests.contract.provider.mutants_rare import RARE
from tests.contract.provider.mutants_rate import RATE
from tests.contract.provider.mutants_readers import READERS
from tests.contract.provider.mutants_sequence import SEQUENCE
from tests.contract.provider.mutants_shape import SHAPE
from tests.contract.provider.mutants_transfer import TRANSFER
from tests.contract.provider.mutants_values import VALUES
from tests.contract.provider.mutants_wording import WORDING
from tests.contract.provider.sole_killers import SOLE_KILLERS

if TYPE_CHECKING:
    from tests.contract.provider.mutants import Mutant

MUTANTS: Final[tuple[Mutant, ...]] = (
    *MONEY,
    *SEQUENCE,
    *SHAPE,
    *CATALOGUE,
    *ISOLATION,
    *RATE,
    *VALIDATION,
    *VALUES,
    *MEDIA,
    *RARE,
    *EDGES,
    *LOOKS,
    *TRANSFER,
    *WORDING,
    *CALLERS,
    *DOWNLOADS,
    *ORDERS,
    *READERS,
)
BY_NAME: Final = by_name(MUTANTS)
_OF_EACH_KIND: Final = 4
"""One in so many is in the sample."""


def sample() -> tuple[Mutant, ...]:
    """Return every blocker, and of each kind's sole killers the first and each fourth after it.

    What several checks find is not lost when one of them goes blunt.
    """
    sole = set(SOLE_KILLERS.values())
    others = [each for each in MUTANTS if each.name in sole and not each.blocker]
    kinds = groupby(sorted(others, key=lambda each: each.kind), key=lambda each: each.kind)
    chosen = {each.name for _, found in kinds for each in list(found)[::_OF_EACH_KIND]}
    return tuple(each for each in MUTANTS if each.blocker or each.name in chosen)
