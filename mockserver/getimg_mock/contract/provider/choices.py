"""Choices: what everything that is drawn for plans is built from.

The same builders draw from a seed, from recorded numbers, and from Hypothesis.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from getimg_mock.contract.provider.corpus.input_values import disguise
from getimg_mock.world.randomness import draw_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")

LONGEST_PROMPTS: Final = ("a", "a" * 4096, "\U0001f30a" * 4096)
"""The shortest prompt, and the longest in one and in four bytes a character."""

IS_OF_TYPE: Final[dict[str, Callable[[Any], bool]]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "integer": lambda value: not isinstance(value, bool) and isinstance(value, (int, float)),
}
"""Whether a JSON value is of a type, by its name in schemas."""

ODD_TEXTS: Final = ("", " ", "null", "true", "0", "\u0000", "\U0001f30a", "\ufeff", "%s")
"""Texts that are taken for something else."""

_ODD_NUMBERS: Final = (0, 1, -1, 2**31, 2**53 + 1, 2**63, -(2**63), 2**64, 0.1, -0.0, 5e-324, 1e308)

_BLOCK: Final = 2048
_WIDTH: Final = 8
_LAST_LETTER: Final = 0x10FFFF
_SURROGATES: Final = range(0xD800, 0xE000)
_LAST_OF_PLAIN: Final = 0x3100
_LONGEST_TEXT: Final = 60
_LONGEST_SHORT_TEXT: Final = 12
_DEEPEST: Final = 3


class Choices(Protocol):
    """What builders ask for whatever they leave open; the first option is the simplest."""

    def choose(self, options: Sequence[T]) -> T:
        """Return one of the options."""

    def choose_number(self, low: int, high: int) -> int:
        """Return a whole number between two, both included."""

    def write_prompt(self) -> str:
        """Return a text of 1 to 4096 characters."""

    def make_mistyped(self, kind: str) -> Any:
        """Return a JSON value of another type than the one of that name."""

    def write_unlisted(self, listed: tuple[str, ...]) -> str:
        """Return a text that is not listed; often one that looks like one of these."""


class NumberedChoices:
    """Choices that follow numbers: those given, then those of a seed, or 0 without one.

    The same seed and `number` give the same choices on every machine. `taken` are the numbers so
    far: given to others, they give the same choices.
    """

    def __init__(
        self, given: Sequence[int] = (), *, seed: int | None = None, number: int = 0
    ) -> None:
        self.taken: list[int] = []
        self._given = given
        self._seed = seed
        self._number = number
        self._block = b""

    def _take(self, count: int) -> int:
        """Return a number of `count`, from 0."""
        place = len(self.taken)
        if place < len(self._given):
            found = min(self._given[place], count - 1)
        else:
            found = 0 if self._seed is None else self._draw(place * _WIDTH) * count >> 64
        self.taken.append(found)
        return found

    def _draw(self, place: int) -> int:
        block, at = divmod(place, _BLOCK)
        if not at or not self._block:
            self._block = draw_bytes(_BLOCK, "a plan", f"{self._seed}", self._number, block)
        return int.from_bytes(self._block[at : at + _WIDTH], "big")

    def choose(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return options[self._take(len(options))]

    def choose_number(self, low: int, high: int) -> int:
        """Return a whole number between two, both included."""
        return low + self._take(high - low + 1)

    def write_prompt(self) -> str:
        """Return a text: plain, of any characters, or as long as is allowed."""
        form = self._take(3)
        if form == 0:
            return self.choose(LONGEST_PROMPTS)
        letters = _list_plain_letters()
        return "".join(
            [
                self.choose(letters) if form == 1 else self._choose_letter()
                for _ in range(1 + self._choose_length())
            ]
        )

    def _choose_length(self) -> int:
        """Return how long a text is: short, more often than not."""
        return self._take(_LONGEST_TEXT if self._take(4) == 3 else _LONGEST_SHORT_TEXT)

    def _choose_letter(self) -> str:
        code = self._take(256) if self._take(4) else self._take(_LAST_LETTER + 1)
        return "\ufffd" if code in _SURROGATES else chr(code)

    def make_mistyped(self, kind: str) -> Any:
        """Return a JSON value of another type than the one of that name."""
        while True:
            value = self._make_value(0)
            if not IS_OF_TYPE[kind](value):
                return value

    def _make_value(self, depth: int) -> Any:
        form = self._take(6 if depth < _DEEPEST else 4)
        if form < 2:
            return (None, True, False)[self._take(3)] if not form else self._make_number()
        if form == 2:
            return self.choose(ODD_TEXTS)
        if form == 3:
            return self._write_short_text()
        inner = [self._make_value(depth + 1) for _ in range(self._take(4))]
        return inner if form == 4 else {self._write_short_text(): each for each in inner}

    def _make_number(self) -> float:
        if self._take(2):
            return self.choose(_ODD_NUMBERS)
        number = self._take(2**32) - 2**31
        return number if self._take(2) else number / 1000

    def _write_short_text(self) -> str:
        return "".join([self._choose_letter() for _ in range(self._take(9))])

    def write_unlisted(self, listed: tuple[str, ...]) -> str:
        """Return a text that is not listed; often one that looks like one of these."""
        while True:
            near = list_look_alikes(listed)
            found = self.choose(near) if self._take(2) and near else self._write_short_text()
            if found not in listed:
                return found


@cache
def list_look_alikes(listed: tuple[str, ...]) -> tuple[str, ...]:
    """Return texts that look like those listed, and are not."""
    return tuple(value for each in listed for value in disguise(each) if value not in listed)


@cache
def _list_plain_letters() -> str:
    """Return letters, digits, punctuation and spaces of many scripts, the simplest first."""
    found = [chr(code) for code in range(_LAST_OF_PLAIN)]
    plain = [each for each in found if unicodedata.category(each)[0] in "LNP" or each == " "]
    return "".join(sorted(plain, key=lambda each: (not each.isalnum(), each)))
