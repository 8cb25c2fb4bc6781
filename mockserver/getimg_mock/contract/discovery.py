"""Find the checks of a package: every judge that a check decorator marks."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING

from getimg_mock.contract.verdicts import find_declared

if TYPE_CHECKING:
    from types import ModuleType

    from getimg_mock.contract.verdicts import Check


def import_modules(package: ModuleType) -> tuple[ModuleType, ...]:
    """Import the modules of a package; returns them by name."""
    names = (each.name for each in pkgutil.iter_modules(package.__path__, f"{package.__name__}."))
    return tuple(import_module(name) for name in sorted(names))


def discover_checks(package: ModuleType) -> tuple[Check, ...]:
    """Return the checks that the modules of a package declare, by id; imports all of them."""
    found = (check for module in import_modules(package) for check in find_declared(module))
    return tuple(sorted(found, key=lambda check: check.id))
