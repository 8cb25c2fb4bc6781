"""Finding a target by its name, for the command line and pytest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.contract.targets.fake_targets import InProcessTarget, SocketTarget
from getimg_mock.contract.targets.http_target import MAX_WAIT, REAL_API_URL, HttpTarget
from getimg_mock.errors import SettingsError, UnknownNameError

if TYPE_CHECKING:
    from getimg_mock.contract.targets.fake_targets import Target

TARGET_WORDS: Final = ("fake", "live", "socket", "real")
"""The fake in process; the fake on a socket, by two names; the getimg.ai API."""


def find_target(
    where: str,
    *,
    key: str | None = None,
    second_key: str | None = None,
    seed: str = "0",
    wait: float = MAX_WAIT,
) -> Target:
    """Return the target of a name or a URL; raises `SettingsError`."""
    if where == "fake":
        return InProcessTarget(seed=seed)
    if where in {"live", "socket"}:
        return SocketTarget(seed=seed)
    url = REAL_API_URL if where == "real" else where
    if not url.startswith(("https://", "http://")):
        raise UnknownNameError("target", where, (*TARGET_WORDS, "https://...", "http://..."))
    if not key:
        raise SettingsError(f"{url} needs a key: give --key, or set GETIMG_API_KEY.")
    keys = {"a": key} | ({"b": second_key} if second_key else {})
    return HttpTarget(url, keys, name="real" if url == REAL_API_URL else url, longest_wait=wait)
