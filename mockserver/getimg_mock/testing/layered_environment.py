"""Environment variables of several workspaces at once: those of the smallest scope are in force."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping


@dataclass(frozen=True, eq=False)
class _Layer:
    rank: int
    values: Mapping[str, str]


@dataclass
class LayeredEnvironment:
    """Layers of variables, which may end in any order: a session can begin after a module."""

    environment: MutableMapping[str, str]
    _layers: list[_Layer] = field(default_factory=list)
    _original: dict[str, str | None] = field(default_factory=dict)

    @contextmanager
    def add(self, rank: int, values: Mapping[str, str]) -> Iterator[None]:
        """Set variables for the length of a `with` block.

        Of several layers that have a name, the one of the lowest rank is in force, of equal ones
        the latest. With the last of them, the name gets back what it had before the first.
        """
        layer = _Layer(rank, dict(values))
        for name in layer.values:
            if self._find(name) is None:
                self._original[name] = self.environment.get(name)
        self._layers.append(layer)
        self._apply(layer)
        try:
            yield
        finally:
            self._layers.remove(layer)
            self._apply(layer)

    def read_below(self) -> dict[str, str]:
        """Return the variables as they are without any layer."""
        kept = {name: self.environment[name] for name in self.environment}
        for name, value in self._original.items():
            kept.pop(name, None)
            if value is not None:
                kept[name] = value
        return kept

    def _apply(self, changed: _Layer) -> None:
        for name in changed.values:
            value = self._find(name)
            if value is None:
                value = self._original.pop(name)
            if value is None:
                self.environment.pop(name, None)
            else:
                self.environment[name] = value

    def _find(self, name: str) -> str | None:
        having = [each for each in reversed(self._layers) if name in each.values]
        return min(having, key=lambda each: each.rank).values[name] if having else None


# The environment belongs to the whole process, so there is one instance.
ENVIRONMENT: Final = LayeredEnvironment(os.environ)
