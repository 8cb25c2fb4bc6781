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
    from getimg_mock.testing.linked_time import Link
    from getimg_mock.testing.workspace import ExpectationError, GetimgMock

__all__ = [
    "ABSENT",
    "ExpectationError",
    "GetimgMock",
    "Httpx2Transport",
    "HttpxTransport",
    "Link",
]

_HOMES: Final = {
    "ABSENT": "differences",
    "ExpectationError": "workspace",
    "GetimgMock": "workspace",
    "Httpx2Transport": "httpx2_transport",
    "HttpxTransport": "httpx_transport",
    "Link": "linked_time",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'getimg_mock.testing' has no attribute {name!r}")
    value = getattr(import_module(f"getimg_mock.testing.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
