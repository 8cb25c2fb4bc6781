"""Shrinking: the fewest and smallest numbers for which something still holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MOST_TRIES: Final = 1000
_BLOCKS: Final = (64, 32, 16, 8, 4, 3, 2, 1)


def shrink_numbers(
    numbers: Sequence[int], find: Callable[[Sequence[int]], list[int] | None]
) -> list[int]:
    """Return the fewest, and then the smallest, numbers for which `find` finds something.

    `find` returns the numbers that it used: those given, without the superfluous, and 0 for what
    was missing; or None where it finds nothing. It finds something with `numbers`, and is called a
    thousand times at most.
    """
    shrinking = _Shrinking(list(numbers), find)
    before: list[int] = []
    while shrinking.best != before:
        before = shrinking.best
        shrinking.remove_blocks()
        shrinking.lower_numbers()
    return shrinking.best


@dataclass(slots=True)
class _Shrinking:
    """The best numbers so far."""

    best: list[int]
    find: Callable[[Sequence[int]], list[int] | None]
    tries: int = 0

    def _try(self, numbers: list[int]) -> bool:
        """Keep numbers if something is found with them, and they are better."""
        self.tries += 1
        found = self.find(numbers) if self.tries <= _MOST_TRIES else None
        if found is None or (len(found), found) >= (len(self.best), self.best):
            return False
        self.best = found
        return True

    def remove_blocks(self) -> None:
        """Remove neighbours, the most at once first, from the end to the beginning."""
        for size in _BLOCKS:
            at = len(self.best) - size
            while at >= 0:
                removed = self._try(self.best[:at] + self.best[at + size :])
                at = min(at - (0 if removed else max(1, size // 2)), len(self.best) - size)

    def lower_numbers(self) -> None:
        """Lower each number: to 0, else to its half, else by one."""
        at = 0
        while at < len(self.best):
            number = self.best[at]
            for less in dict.fromkeys((0, number // 2, number - 1)) if number else ():
                if self._try([*self.best[:at], less, *self.best[at + 1 :]]):
                    break
            at += 1
