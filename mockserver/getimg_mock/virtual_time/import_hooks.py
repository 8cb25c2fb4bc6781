"""Doing something to a module as soon as it is imported, be that now or never."""

from __future__ import annotations

import sys
from importlib.abc import Loader, MetaPathFinder
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    Treat = Callable[[ModuleType], object]


class WhenImported(MetaPathFinder):
    """Calls `treatments[name](module)` for each module: at once, or when it is imported.

    From `start()` to `stop()`. Nothing is imported for its sake.
    """

    def __init__(self, treatments: dict[str, Treat]) -> None:
        self._treatments = treatments

    def start(self) -> None:
        """Treat what is imported already, and wait for the rest."""
        for name, treat in self._treatments.items():
            module = sys.modules.get(name)
            if module is not None:
                treat(module)
        sys.meta_path.insert(0, self)

    def stop(self) -> None:
        """Wait no longer."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return what the other finders find, with a loader that treats the module."""
        if fullname not in self._treatments:
            return None
        for finder in sys.meta_path:
            if isinstance(finder, WhenImported):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader = _Treating(spec.loader, self._treat)
                return spec
        return None

    def _treat(self, module: ModuleType) -> None:
        if self in sys.meta_path:
            self._treatments[module.__name__](module)


class _Treating(Loader):
    """A loader that does what another one does, and then something to the module."""

    def __init__(self, loader: Any, treat: Treat) -> None:
        self._loader = loader
        self._treat = treat

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        # From now on the module has its own loader again, for whoever asks it for its source.
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._treat(module)
