"""Deprecated: use `getimg_mock.schemas`. This module is going to be removed."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any, Final

_MOVED: Final = {
    "ANSWERS": "getimg_mock.world.operations.ANSWER_SCHEMAS",
    "REQUESTS": "getimg_mock.world.operations.REQUEST_SCHEMAS",
    "answer_schema": "getimg_mock.world.operations.find_answer_schema",
}


def __getattr__(name: str) -> Any:
    place = _MOVED.get(name, f"getimg_mock.schemas.{name}")
    module, _, attribute = place.rpartition(".")
    value = getattr(import_module(module), attribute)
    warnings.warn(
        f"getimg_mock.world.schemas.{name} is deprecated: use {place}.",
        DeprecationWarning,
        stacklevel=2,
    )
    return value
