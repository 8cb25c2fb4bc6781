"""Find the checks of a package: every judge that a check decorator marks."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING

from getimg_mock.contract.verdicts import find_declared

if TYPE_CHECKING:
    from types import ModuleType

    from getimg_mock.contract.verdicts import Check


def discover_checks(package: ModuleType) -> tuple[Check, ...]:
    """Return the checks that the modules of a package declare, by id; imports all of them."""
    names = (each.name for each in pkgutil.iter_modules(package.__path__, f"{package.__name__}."))
    found = (check for name in names for check in find_declared(import_module(name)))
    return tuple(sorted(found, key=lambda check: check.id))
