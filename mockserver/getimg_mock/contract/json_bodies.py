"""Bodies as JSON: what follows from their bytes alone is found out once for equal bytes.

In a run most answers are equal to earlier ones: balances, costs, the catalogue, refusals.
"""

from __future__ import annotations

import json
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

from getimg_mock import schemas
from getimg_mock.contract.json_reading import read_json

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    from getimg_mock.schemas import Violation

_MAX_DEPTH: Final = 9
_MAX_KEPT_BODY: Final = 1 << 16
"""The longest body in bytes that is kept for others with the same bytes."""

_Found = TypeVar("_Found")


class JsonBody:
    """The bytes of a body, and what JSON is in them; its values are shared, so never changed."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._found: dict[Hashable, Any] = {}

    @cached_property
    def decoded(self) -> tuple[Any, str]:
        """The JSON value, floats as `Decimal`, and what is wrong with its text."""
        return read_json(self._content)

    @cached_property
    def plain(self) -> Any:
        """The JSON value with floats, for schema validators; None where there is none."""
        try:
            return json.loads(self._content)
        except (ValueError, RecursionError):
            return None

    @cached_property
    def values(self) -> dict[str, list[Any]]:
        """The values of the JSON by the name of their field, at any depth."""
        found: dict[str, list[Any]] = {}
        level = [self.decoded[0]]
        for _ in range(_MAX_DEPTH):
            objects = [each for each in level if isinstance(each, dict)]
            for each in objects:
                for name, value in each.items():
                    found.setdefault(name, []).append(value)
            inner = [value for each in objects for value in each.values()]
            inner += [value for each in level if isinstance(each, list) for value in each]
            level = [value for value in inner if isinstance(value, (dict, list))]
            if not level:
                break
        return found

    def select_values(self, names: Sequence[str]) -> Iterator[tuple[str, Any]]:
        """Yield the values of these fields, at any depth, by name."""
        for name in names:
            for value in self.values.get(name, ()):
                yield name, value

    def select_distinct(self, names: Sequence[str]) -> Iterator[tuple[str, Any]]:
        """Yield the values of these fields, at any depth, by name: those that are the same once."""
        seen: set[tuple[str, type, str]] = set()
        for name, value in self.select_values(names):
            key = name, type(value), str(value)
            if key not in seen:
                seen.add(key)
                yield name, value

    def find_violations(self, name: str) -> list[Violation]:
        """Return how the value differs from the schema of that name."""
        return self.examine(_find_violations, name)

    def examine(self, find: Callable[..., _Found], *given: Hashable) -> _Found:
        """Return what a function finds in this body and `given`; it is called once for the same."""
        key = find, *given
        if key not in self._found:
            self._found[key] = find(self, *given)
        found: _Found = self._found[key]
        return found


def _find_violations(body: JsonBody, name: str) -> list[Violation]:
    return schemas.violations(name, body.plain)


def read_body(content: bytes) -> JsonBody:
    """Return a body as JSON: the same one for the same bytes, unless they are many."""
    return _keep_body(content) if len(content) <= _MAX_KEPT_BODY else JsonBody(content)


_keep_body: Final = lru_cache(maxsize=2048)(JsonBody)
