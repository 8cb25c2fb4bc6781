"""Hooks that run as soon as a module is imported, without importing it."""

from __future__ import annotations

import sys
from importlib.abc import Loader, MetaPathFinder
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    Hook = Callable[[ModuleType], object]


class ImportHook(MetaPathFinder):
    """Calls `hooks[name](module)` at `start()` for each imported module, and later for the others.

    A module that is imported after `stop()`, or never, is left alone.
    """

    def __init__(self, hooks: dict[str, Hook]) -> None:
        self._hooks = hooks

    def start(self) -> None:
        """Call the hooks of modules that are imported already, and wait for the others."""
        for name, hook in self._hooks.items():
            module = sys.modules.get(name)
            if module is not None:
                hook(module)
        sys.meta_path.insert(0, self)

    def stop(self) -> None:
        """Call no hook any more."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return what the other finders find, with a loader that calls the hook."""
        if fullname not in self._hooks:
            return None
        for finder in sys.meta_path:
            if isinstance(finder, ImportHook):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader = _HookedLoader(spec.loader, self._call_hook)
                return spec
        return None

    def _call_hook(self, module: ModuleType) -> None:
        if self in sys.meta_path:
            self._hooks[module.__name__](module)


class _HookedLoader(Loader):
    """A loader that loads as another one does, and then calls a hook."""

    def __init__(self, loader: Any, hook: Hook) -> None:
        self._loader = loader
        self._hook = hook

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        # The module keeps its own loader, which knows its source.
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._hook(module)
