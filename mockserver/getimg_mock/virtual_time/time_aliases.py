"""What modules have borrowed from `time` by name: `from time import sleep` and its like.

Who replaces the functions of `time` has to replace these, too. The standard library keeps its own,
and so do those that measure a test run or keep real time for a reason.
"""

from __future__ import annotations

import sys
import time  # noqa: TID251 - its functions are looked for, none is called
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

FUNCTIONS: Final = (
    "sleep",
    "time",
    "time_ns",
    "monotonic",
    "monotonic_ns",
    "perf_counter",
    "perf_counter_ns",
)

_KEEP_REAL_TIME: Final = frozenset(sys.stdlib_module_names) | {
    "_pytest",
    "anyio",
    "coverage",
    "execnet",
    "freezegun",
    "getimg_mock",
    "hypothesis",
    "pluggy",
    "pytest",
    "pytest_asyncio",
    "pytest_benchmark",
    "pytest_timeout",
    "time_machine",
    "trio",
    "uvicorn",
    "uvloop",
    "xdist",
}

# What each module was found to have borrowed; a module is looked through once.
_FOUND: Final[dict[str, list[tuple[str, str]]]] = {}
_LOOKED_THROUGH: Final[dict[str, int]] = {}
_REAL: Final = {getattr(time, name): name for name in FUNCTIONS}


def borrowings() -> Iterator[tuple[ModuleType, str, str]]:
    """Yield what modules hold of the real functions: module, its name for it, the function's."""
    modules = {name: id(module) for name, module in sys.modules.copy().items()}
    for name, _ in modules.items() - _LOOKED_THROUGH.items():
        _FOUND.pop(name, None)
        found = list(held(name, _REAL))
        if found:
            _FOUND[name] = found
    _LOOKED_THROUGH.update(modules)
    for name, found in _FOUND.items():
        module = sys.modules.get(name)
        if module is not None:
            for attribute, original in found:
                yield module, attribute, original


def held(name: str, functions: Mapping[Any, str]) -> Iterator[tuple[str, str]]:
    """Yield what a module holds of some functions: its own name for each, and theirs."""
    if name.partition(".")[0] in _KEEP_REAL_TIME:
        return
    for attribute, value in tuple(getattr(sys.modules.get(name), "__dict__", {}).items()):
        try:
            original = functions.get(value)
        except TypeError:  # not hashable, so none of them
            continue
        if original is not None:
            yield attribute, original
