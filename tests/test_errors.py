"""The tree of exceptions: drawn whole, and true."""

from __future__ import annotations

import builtins
import importlib
import pkgutil
import re

import pytest

import getimg_mock
from getimg_mock import errors
from getimg_mock.api.raw_connection import NoWireError
from getimg_mock.errors import GetimgMockError, Refusal, WaitError
from getimg_mock.testing import ExpectationError

_LINE = re.compile(r"    (?P<depth>(?:[|` ]   |[|`]-- )*)(?P<name>[A-Za-z.]+)\b")


def list_drawn() -> dict[str, str | None]:
    """Return the classes of the drawing with the class that each is drawn below."""
    found: dict[str, str | None] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        depth = len(match["depth"]) // 4
        above = [*above[:depth], match["name"]]
        found[match["name"]] = above[depth - 1] if depth else None
    return found


def list_defined() -> dict[str, type[BaseException]]:
    """Return the public exceptions that the package defines."""
    names = [
        each.name
        for each in pkgutil.walk_packages(getimg_mock.__path__, "getimg_mock.")
        if not each.name.endswith("__main__")
    ]
    return {
        value.__name__: value
        for module in map(importlib.import_module, names)
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, BaseException)
        and value.__module__.startswith("getimg_mock.")
        and not value.__name__.startswith("_")
    }


def test_every_exception_is_drawn_below_its_base() -> None:
    """A reader of `errors` knows them all, and what catches which."""
    drawn, defined = list_drawn(), list_defined()
    assert {name for name, parent in drawn.items() if parent} == defined.keys() - {
        "GetimgMockError"
    }
    for name, parent in drawn.items():
        if parent is None:
            continue
        if parent in defined:
            assert defined[parent] in defined[name].__bases__, name
        else:
            base: object = pytest.fail.Exception if "." in parent else getattr(builtins, parent)
            assert isinstance(base, type)
            assert issubclass(defined[name], base), name
            assert not issubclass(defined[name], GetimgMockError), name


def test_what_the_api_refuses_is_no_error_of_ours() -> None:
    """`except GetimgMockError` must not swallow what the application answers to a client."""
    assert Refusal.__bases__ == (Exception,)


def test_a_failed_expectation_is_not_caught_with_our_errors() -> None:
    """A test that handles our errors must fail all the same."""
    assert not issubclass(ExpectationError, GetimgMockError)


def test_errors_are_also_what_python_calls_them() -> None:
    """Code that knows nothing of us handles them as usual."""
    assert issubclass(WaitError, TimeoutError)
    assert issubclass(NoWireError, RuntimeError)
