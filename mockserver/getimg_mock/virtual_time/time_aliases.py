"""Functions of `time` that modules have imported by name: `from time import sleep` and its like.

Code that replaces the functions of `time` has to replace these, too. The standard library keeps
its own, and so do modules that measure a test run or need real time for another reason.
"""

from __future__ import annotations

import sys
import time  # noqa: TID251 - its functions are looked up, none is called
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from types import ModuleType

FUNCTIONS: Final = tuple(
    name
    for name in (
        "sleep",
        "time",
        "time_ns",
        "monotonic",
        "monotonic_ns",
        "perf_counter",
        "perf_counter_ns",
        "clock_gettime",
        "clock_gettime_ns",
    )
    if hasattr(time, name)  # Windows lacks the last two
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

# Modules that measure real waits by functions of `time`, and packages that measure a test run.
_REAL_MODULES: Final = frozenset(
    {
        "asyncore",
        "concurrent.futures._base",
        "multiprocessing.connection",
        "multiprocessing.managers",
        "multiprocessing.queues",
        "multiprocessing.synchronize",
        "subprocess",
    }
)
_REAL_PACKAGES: Final = frozenset(
    {
        "_pytest",
        "coverage",
        "execnet",
        "hypothesis",
        "pluggy",
        "pytest",
        "pytest_benchmark",
        "pytest_timeout",
        "xdist",
    }
)


class RealTimeCallers(dict[object, bool]):
    """Whether functions of `time` return real time to a module, by the name of the module.

    A module of the standard library that waits in real time must also count in real time. On a
    clock that stands still, `concurrent.futures.wait(..., timeout=1)` would never return.
    """

    def __missing__(self, name: object) -> bool:
        text = str(name)
        found = text in _REAL_MODULES or text.partition(".")[0] in _REAL_PACKAGES
        self[name] = found
        return found


# The aliases found in each module; a module is searched once. Modules are held, not their ids:
# a new module can have the id of one that is gone.
_ALIASES: Final[dict[str, list[tuple[str, str]]]] = {}
_NAMES: Final = {getattr(time, name): name for name in FUNCTIONS}


def find_aliases() -> Iterator[tuple[ModuleType, str, str]]:
    """Yield module, attribute and name of each function of `time` that a module has imported."""
    for name in _SEARCHED.update():
        _ALIASES.pop(name, None)
        if name.partition(".")[0] in _KEEP_REAL_TIME:
            continue
        found = [(attribute, _NAMES[value]) for attribute, value in find_held(name, _NAMES)]
        if found:
            _ALIASES[name] = found
    for name, found in _ALIASES.items():
        module = sys.modules.get(name)
        if module is not None:
            for attribute, function in found:
                yield module, attribute, function


class ImportedModules:
    """The modules of this process at one moment, which often are those of the moment before.

    There are a thousand or more, so that a loop over them would be most of what a test pays.
    """

    def __init__(self) -> None:
        self.modules: dict[str, ModuleType] = {}

    def update(self) -> list[str]:
        """Take the present modules, and return the names of those that are new or other ones."""
        before = self.modules
        if _are_same(before):
            return []
        self.modules = sys.modules.copy()
        return [name for name, each in self.modules.items() if before.get(name) is not each]


def list_new_modules(before: dict[str, ModuleType]) -> set[str]:
    """Return the names of the modules that were not there before."""
    modules = sys.modules
    # A new name is the last one. To compare all of them takes a test 0.05 ms.
    if len(modules) == len(before) and next(reversed(modules)) == next(reversed(before)):
        return set()
    return set(modules) - set(before)


def _are_same(modules: dict[str, ModuleType]) -> bool:
    try:
        # Compares by identity first, in C.
        return modules == sys.modules
    except Exception:  # noqa: BLE001 - an object in place of a module may compare as it likes
        return False


_SEARCHED: Final = ImportedModules()


def list_searched_modules() -> dict[str, ModuleType]:
    """Return the modules in which `find_aliases` has searched last; do not change it."""
    return _SEARCHED.modules


def find_held(name: str, functions: Container[Any]) -> list[tuple[str, Any]]:
    """Return the attributes of a module that are among some functions, each with its value."""
    held = []
    for attribute, value in tuple(getattr(sys.modules.get(name), "__dict__", {}).items()):
        try:
            if value in functions:
                held.append((attribute, value))
        except Exception:  # noqa: BLE001, S112 - whatever has no hash is none of them; a memoryview raises ValueError
            continue
    return held
