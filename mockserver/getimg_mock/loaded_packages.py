"""Packages that an interpreter can load once: they are kept when a test run drops them.

A run of pytest within this process, by `pytester`, ends with `sys.modules` as it was before. The
compiled parts of cryptography remain, with the classes of the modules that are gone: those of a
second import are refused by them. What is kept belongs to the package `getimg_mock`, which the
plugin of pytest imports at its start, so that it outlives such runs.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

_KEPT = "_kept_packages"


@contextmanager
def keep_packages(*names: str) -> Iterator[None]:
    """Import packages within this context: each stays the one that was first imported here.

    `names` are all packages that must be kept together.
    """
    kept: dict[str, ModuleType] = vars(sys.modules["getimg_mock"]).setdefault(_KEPT, {})
    for each, module in kept.items():
        package = each.partition(".")[0]
        # Another copy of a package may have been imported since: it is left as it is.
        if package in names and sys.modules.get(package, kept[package]) is kept[package]:
            sys.modules.setdefault(each, module)
    yield
    for each, found in tuple(sys.modules.items()):
        if each.partition(".")[0] in names:
            kept.setdefault(each, found)
