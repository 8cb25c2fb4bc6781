"""A faithful, stateful, fast stand-in for the getimg.ai v2 API.

The public names, each imported when it is first used:

- `MockServer`: the fake on a port, in a thread
- `connect`, `WorkspaceHandle`: the controls of one key's workspace, on a fake that runs elsewhere
- `create_app`, `Application`: the fake as an ASGI application
- `Settings`: what a fake is like
- `verify_provider`: verify a provider of the API by the provider contract
- `verify_client`: verify a client of the API by the client contract
- `GetimgMockError`, `SettingsError`, `UnknownNameError`, `ServerError`: what can go wrong
"""

from __future__ import annotations

# Every command imports this module; of what it needs, typing takes the longest.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from getimg_mock.application import Application, create_app
    from getimg_mock.contract.verification.client import verify_client
    from getimg_mock.contract.verification.provider import verify_provider
    from getimg_mock.control.handle import WorkspaceHandle, connect
    from getimg_mock.errors import (
        GetimgMockError,
        ServerError,
        SettingsError,
        UnknownNameError,
    )
    from getimg_mock.serving.server import MockServer
    from getimg_mock.settings import Settings

__all__ = [
    "Application",
    "GetimgMockError",
    "MockServer",
    "ServerError",
    "Settings",
    "SettingsError",
    "UnknownNameError",
    "WorkspaceHandle",
    "connect",
    "create_app",
    "verify_client",
    "verify_provider",
]

_HOMES: Final = {
    "Application": "application",
    "create_app": "application",
    "WorkspaceHandle": "control.handle",
    "connect": "control.handle",
    "GetimgMockError": "errors",
    "ServerError": "errors",
    "SettingsError": "errors",
    "UnknownNameError": "errors",
    "MockServer": "serving.server",
    "Settings": "settings",
    "verify_client": "contract.verification.client",
    "verify_provider": "contract.verification.provider",
}

# Former names, removed in the release after the next.
_RENAMED: Final = {"Workspace": "WorkspaceHandle"}


def __getattr__(name: str) -> Any:
    from importlib import import_module  # noqa: PLC0415 - see above

    if name in _RENAMED:
        import warnings  # noqa: PLC0415 - see above

        new = _RENAMED[name]
        warnings.warn(
            f"getimg_mock.{name} is now getimg_mock.{new}.", DeprecationWarning, stacklevel=2
        )
        return __getattr__(new)
    if name not in _HOMES:
        raise AttributeError(f"module 'getimg_mock' has no attribute {name!r}")
    value = getattr(import_module(f"getimg_mock.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
