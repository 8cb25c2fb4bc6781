"""Converts errors of the control interface to JSON and back.

A remote handle raises the same errors as a local one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from getimg_mock.errors import ControlError, SettingsError, UnknownNameError, WaitError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from getimg_mock.errors import GetimgMockError

# Names within a workspace: an unknown one is a 404, not an invalid value.
_RESOURCE_KINDS = ("generation", "rule")
_MAX_LISTED = 50
# Characters of an unknown name that are sent back; more than its message shows, so that the message
# of a remote handle is the same.
_MAX_NAME = 500


def build_problem(error: GetimgMockError) -> tuple[int, dict[str, Any]]:
    """Return the status and the body for `error`."""
    told: dict[str, Any] = {"code": "invalid_value", "message": str(error)}
    status = 400
    if isinstance(error, UnknownNameError):
        status = 404 if error.kind in _RESOURCE_KINDS else 400
        told |= {"code": "unknown_name", "kind": error.kind, "name": error.name[:_MAX_NAME]}
        told["nearest"] = error.nearest
        told["known"] = [error.nearest] if error.nearest else sorted(error.known)[:_MAX_LISTED]
    elif isinstance(error, ControlError):
        status = error.status
        told["code"] = error.code
        if error.nearest is not None:
            told["nearest"] = error.nearest
    return status, {"error": told}


def build_error(status: int, body: Any) -> GetimgMockError:
    """Return the error that `build_problem` described."""
    told: Mapping[str, Any] = body["error"] if _is_ours(body) else {}
    if not told:
        return ControlError(
            "not_ours", f"The server is not getimg-mock (it answered {status}).", status=status
        )
    code, message = told["code"], told["message"]
    if code == "unknown_name":
        return UnknownNameError(told["kind"], told["name"], told["known"])
    if code == "invalid_value":
        return SettingsError(message)
    if code == "timeout":
        return WaitError(message)
    return ControlError(code, message, status=status, nearest=told.get("nearest"))


def _is_ours(body: Any) -> bool:
    told = body.get("error") if isinstance(body, dict) else None
    return isinstance(told, dict) and {"code", "message"} <= told.keys()
