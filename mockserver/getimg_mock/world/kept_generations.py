"""The generations of one workspace in memory; those that are finished at once take a third less.

Hundreds of thousands of images differ in their prompts and moments alone. They are kept as an index
into columns, and become generations when they are read, which few are.
"""

from __future__ import annotations

from array import array
from collections.abc import MutableMapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.world.clock import EPOCH
from getimg_mock.world.generations import Ending, Generation
from getimg_mock.world.records import create_record
from getimg_mock.world.transitions import AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from getimg_mock.world.generations import Product

_TICK: Final = timedelta(microseconds=1)
_MOST_TERMS: Final = 1000
"""Products that finished images have in columns; a request for one more is kept as it is."""


class GenerationsById(MutableMapping[str, Generation]):
    """Generations by their ids, in the order of submission."""

    __slots__ = ()

    def keep_finished(
        self, generation_id: str, prompt: str, product: Product, at: datetime, retention: float
    ) -> None:
        """Keep an image that was completed at the moment at which it was accepted."""
        ending = create_record(Ending, (at, None))
        values = (generation_id, prompt, product, at, AT_ONCE, retention, ending)
        self[generation_id] = create_record(Generation, values)


class KeptGenerations(GenerationsById):
    """Generations in memory."""

    __slots__ = ("_kept", "_moments", "_numbers", "_prompts", "_terms", "_used")

    def __init__(self) -> None:
        self._kept: dict[str, Generation | int] = {}
        self._prompts: list[str] = []
        self._moments = array("q")  # microseconds since the epoch
        self._used = array("H")  # the numbers of their terms
        # Products with retentions, and their numbers by the id of the product.
        self._terms: list[tuple[Product, float]] = []
        self._numbers: dict[tuple[int, float], int] = {}

    def keep_finished(
        self, generation_id: str, prompt: str, product: Product, at: datetime, retention: float
    ) -> None:
        """Keep an image that was completed at the moment at which it was accepted."""
        number = self._numbers.get((id(product), retention))
        if number is None:
            number = len(self._terms)
            if number >= _MOST_TERMS:
                super().keep_finished(generation_id, prompt, product, at, retention)
                return
            self._terms.append((product, retention))
            self._numbers[id(product), retention] = number
        self._kept[generation_id] = len(self._prompts)
        self._prompts.append(prompt)
        self._moments.append((at - EPOCH) // _TICK)
        self._used.append(number)

    def _read(self, generation_id: str, index: int) -> Generation:
        product, retention = self._terms[self._used[index]]
        at = EPOCH + timedelta(microseconds=self._moments[index])
        ending = create_record(Ending, (at, None))
        values = (generation_id, self._prompts[index], product, at, AT_ONCE, retention, ending)
        return create_record(Generation, values)

    def get(self, key: str, default: Any = None) -> Any:
        """Return the generation of an id, or `default`."""
        found = self._kept.get(key)
        if found is None:
            return default
        return self._read(key, found) if type(found) is int else found

    def __getitem__(self, generation_id: str) -> Generation:
        found = self._kept[generation_id]
        return self._read(generation_id, found) if isinstance(found, int) else found

    def __setitem__(self, generation_id: str, generation: Generation) -> None:
        self._kept[generation_id] = generation

    def __delitem__(self, generation_id: str) -> None:
        del self._kept[generation_id]

    def __contains__(self, generation_id: object) -> bool:
        return generation_id in self._kept

    def __iter__(self) -> Iterator[str]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)
