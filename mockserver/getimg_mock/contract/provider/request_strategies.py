"""Hypothesis strategies for requests: what the builders of plans build, drawn by Hypothesis."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from hypothesis import strategies as st

from getimg_mock.contract.provider.choices import (
    IS_OF_TYPE,
    LONGEST_PROMPTS,
    ODD_TEXTS,
    list_look_alikes,
)
from getimg_mock.contract.provider.faulty_requests import build_faulty
from getimg_mock.contract.provider.valid_requests import build_valid_body

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from getimg_mock.contract.model_choice import ModelJson
    from getimg_mock.contract.provider.choices import Choices
    from getimg_mock.contract.steps import Send

T = TypeVar("T")

# A strategy that is made anew for each drawing costs more than what it draws: all are made once.
_between = lru_cache(maxsize=4096)(st.integers)


@cache
def prompts() -> st.SearchStrategy[str]:
    """Draw texts that any provider must take: 1 to 4096 characters, in every script."""
    letters = st.characters(exclude_categories=["Cs"])
    plain = st.text(st.characters(categories=("L", "N", "P", "Zs")), min_size=1, max_size=60)
    longest = st.sampled_from(LONGEST_PROMPTS)
    return st.one_of(plain, st.text(letters, min_size=1, max_size=60), longest)


@cache
def _odd_values() -> st.SearchStrategy[Any]:
    """Draw JSON values of every type, with the numbers and texts that break parsers."""
    leaves = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64),
        st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from(ODD_TEXTS),
        st.text(max_size=10),
    )
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        ),
        max_leaves=6,
    )


@cache
def _mistyped(kind: str) -> st.SearchStrategy[Any]:
    right = IS_OF_TYPE[kind]
    return _odd_values().filter(lambda value: not right(value))


@cache
def _unlisted(listed: tuple[str, ...]) -> st.SearchStrategy[str]:
    texts = st.text(max_size=8).filter(lambda value: value not in listed)
    return texts | st.sampled_from(list_look_alikes(listed))


class DrawnChoices:
    """Choices that Hypothesis makes."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def choose(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return options[self._draw(_between(0, len(options) - 1))]

    def choose_number(self, low: int, high: int) -> int:
        """Return a whole number between two, both included."""
        return self._draw(_between(low, high))

    def write_prompt(self) -> str:
        """Return a text of 1 to 4096 characters."""
        return self._draw(prompts())

    def make_mistyped(self, kind: str) -> Any:
        """Return a JSON value of another type than the one of that name."""
        return self._draw(_mistyped(kind))

    def write_unlisted(self, listed: tuple[str, ...]) -> str:
        """Return a text that is not listed; often one that looks like one of these."""
        return self._draw(_unlisted(listed))


@st.composite
def built(draw: st.DrawFn, build: Callable[[Choices, Any], T], given: Any) -> T:
    """Draw what a builder builds of what it is given."""
    return build(DrawnChoices(draw), given)


def valid_bodies(model: ModelJson) -> st.SearchStrategy[dict[str, Any]]:
    """Draw a request that a model must take, its fields in an order that means nothing."""
    return built(build_valid_body, model)


def faulty_steps(model: ModelJson) -> st.SearchStrategy[Send]:
    """Draw a request with exactly one known fault, which must be refused."""
    return built(build_faulty, model)
