"""Finding an adapter by its name: one that ships, or package.module:make."""

from __future__ import annotations

import sys
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from getimg_mock.contract.clients.drivers.adapters import SHIPPED
from getimg_mock.contract.clients.drivers.client_factory import with_trace
from getimg_mock.contract.clients.drivers.python_driver import PythonDriver
from getimg_mock.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


def load_driver(name: str) -> PythonDriver:
    """Return the driver of an adapter that ships, is in this folder or is installed.

    Raises `SettingsError` where there is none.
    """
    return PythonDriver(load_maker(name), name)


def load_maker(name: str) -> Callable[..., Any]:
    """Return the factory of the client with that name; raises `SettingsError`."""
    place, _, attribute = SHIPPED.get(name, name).partition(":")
    if not place or not attribute:
        close = get_close_matches(name, SHIPPED, n=1, cutoff=0.5)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise SettingsError(
            f"Unknown adapter {name!r}.{hint} Use package.module:make, or one that ships: "
            f"{', '.join(SHIPPED)}."
        )
    module = _import_adapter(place, name)
    made = getattr(module, attribute, None)
    if made is None:
        raise SettingsError(
            f"{place} has no {attribute!r}. {_suggest_names(module, attribute)}Use "
            f"{place}:NAME, where NAME is a class or a function "
            "that takes base_url and key and returns the adapter."
        )
    if not callable(made):
        raise SettingsError(
            f"{name} is of type {type(made).__name__} and cannot be called. "
            f"{_suggest_names(module, attribute)}Use a class or a function that "
            "takes base_url and key and returns the adapter."
        )
    found: Callable[..., Any] = made
    return found


def _import_adapter(place: str, name: str) -> ModuleType:
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return import_module(place)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{place}.".startswith(f"{error.name}."):
            raise SettingsError(
                f"The module {error.name!r} is neither in this folder nor installed. Run the "
                f"command in the folder of {place.partition('.')[0]}, install it, or use an "
                "adapter that ships: "
                f"{', '.join(SHIPPED)}."
            ) from None
        raise SettingsError(
            f"{name} needs the module {error.name!r}, which is not installed."
        ) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a module does on import
        raise SettingsError(with_trace(f"{place} cannot be imported.", error)) from None


def _suggest_names(module: ModuleType, wanted: str) -> str:
    """Return which callables a module has: the one with the nearest name, or all."""
    own = [
        name
        for name, value in vars(module).items()
        if callable(value)
        and not name.startswith("_")
        and getattr(value, "__module__", module.__name__) == module.__name__
    ]
    if not own:
        return "It defines no class or function. "
    close = get_close_matches(wanted, own, n=1, cutoff=0.5)
    return f"Did you mean {close[0]!r}? " if close else f"It defines {', '.join(own[:12])}. "
