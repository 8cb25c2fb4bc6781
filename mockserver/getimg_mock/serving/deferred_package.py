"""A package whose own code runs when it is first asked for, while its modules are imported alone.

`import uvicorn.config` runs `uvicorn/__init__.py` first, which imports uvicorn's command line with
its supervisors, click, `multiprocessing` and watchfiles: a tenth of the start of `serve`, which
uses none of them.
"""

from __future__ import annotations

import sys
import threading
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.machinery import ModuleSpec

_LOCK = threading.RLock()


class _DeferredPackage(ModuleType):
    """Runs the code of the package when a name is asked for that no import has set."""

    _homes: Mapping[str, str]
    _deferred: ModuleSpec | None

    def __getattr__(self, name: str) -> Any:
        # Tools that look at all modules ask for names of this form.
        if name.startswith("__") and name != "__version__":
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        home = self._homes.get(name)
        if home is not None:
            return getattr(import_module(home), name)
        with _LOCK:
            if name in self.__dict__:  # another thread has run it meanwhile
                return self.__dict__[name]
            spec, self._deferred = self._deferred, None
            if spec is not None and spec.loader is not None:
                try:
                    spec.loader.exec_module(self)
                finally:
                    self.__class__ = ModuleType  # type: ignore[assignment]  # has the same layout
        # While its code runs, what it has not set is missing; afterwards, too.
        return ModuleType.__getattribute__(self, name)


def defer_package(name: str, homes: Mapping[str, str]) -> None:
    """Defer the code of a package until something asks for one of its names.

    `homes` are names of the package that its own modules ask for, each with the module that has it:
    they come from there. Does nothing for a package that was imported, or that is not installed.
    """
    spec = None if name in sys.modules else find_spec(name)
    if spec is None:
        return
    module = module_from_spec(spec)
    module.__dict__.update(_homes=homes, _deferred=spec)
    module.__class__ = _DeferredPackage
    sys.modules[name] = module
