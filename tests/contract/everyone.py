"""All faulty providers and all benign ones."""

from __future__ import annotations

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
