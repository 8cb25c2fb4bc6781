"""Which functions of `time` the modules of this process hold."""

from __future__ import annotations

import sys
import time  # noqa: TID251 - the function itself, which is what modules hold
from types import ModuleType
from typing import TYPE_CHECKING

from getimg_mock.virtual_time.time_aliases import find_aliases, find_held

if TYPE_CHECKING:
    import pytest


def test_values_without_a_hash_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list, or a writable memoryview, in any imported module must not end a run."""
    module = ModuleType("holds_odd_values")
    module.__dict__.update(odd=memoryview(bytearray(1)), listed=[], clock=time.monotonic)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert find_held(module.__name__, {time.monotonic}) == [("clock", time.monotonic)]


def test_a_module_imported_since_the_last_search_is_searched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also one that takes the place of another of its name, and none is lost in between."""
    name = "holds_a_clock"
    for clock in ("monotonic", "sleep"):
        module = ModuleType(name)
        module.__dict__.update(held=getattr(time, clock))
        monkeypatch.setitem(sys.modules, name, module)
        for _ in range(2):
            assert (module, "held", clock) in list(find_aliases())
    monkeypatch.delitem(sys.modules, name)
    assert name not in {each.__name__ for each, _, _ in find_aliases()}
