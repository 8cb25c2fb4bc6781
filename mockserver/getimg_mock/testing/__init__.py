"""What tests use: the pytest plugin, its handle, and the in-process transports.

The names below are imported when they are first used; the plugin is loaded by every pytest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from getimg_mock.testing.differences import ABSENT
    from getimg_mock.testing.httpx2_transport import Httpx2Transport
    from getimg_mock.testing.httpx_transport import HttpxTransport
    from getimg_mock.testing.mark_options import MarkOptions, mark
    from getimg_mock.testing.workspace import ExpectationError, GetimgMock
    from getimg_mock.virtual_time.linked_time import Link

__all__ = [
    "ABSENT",
    "ExpectationError",
    "GetimgMock",
    "Httpx2Transport",
    "HttpxTransport",
    "Link",
    "MarkOptions",
    "mark",
]

_HOMES: Final = {
    "ABSENT": "testing.differences",
    "ExpectationError": "testing.workspace",
    "GetimgMock": "testing.workspace",
    "Httpx2Transport": "testing.httpx2_transport",
    "HttpxTransport": "testing.httpx_transport",
    "Link": "virtual_time.linked_time",
    "MarkOptions": "testing.mark_options",
    "mark": "testing.mark_options",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'getimg_mock.testing' has no attribute {name!r}")
    value = getattr(import_module(f"getimg_mock.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
