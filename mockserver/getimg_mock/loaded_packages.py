"""Packages that an interpreter can load once: they are kept when a test run drops them.

A run of pytest within this process, by `pytester`, ends with `sys.modules` as it was before. The
compiled parts of cryptography remain, with the classes of the modules that are gone: those of a
second import are refused by them. The plugin of pytest imports this module, so that it outlives
such runs.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

_kept: dict[str, ModuleType] = {}


@contextmanager
def keep_packages(*names: str) -> Iterator[None]:
    """Import packages within this context: each stays the one that was first imported here.

    `names` are all packages that must be kept together.
    """
    for each, kept in _kept.items():
        package = each.partition(".")[0]
        # Another copy of a package may have been imported since: it is left as it is.
        if package in names and sys.modules.get(package, _kept[package]) is _kept[package]:
            sys.modules.setdefault(each, kept)
    yield
    for each, found in tuple(sys.modules.items()):
        if each.partition(".")[0] in names:
            _kept.setdefault(each, found)
