"""Places: what the words for a target mean, on the command line and in pytest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.contract.targets.fake_targets import InProcess, OnSocket
from getimg_mock.contract.targets.http_target import LONGEST_WAIT, REAL, Address
from getimg_mock.errors import SettingsError, UnknownNameError

if TYPE_CHECKING:
    from getimg_mock.contract.targets.fake_targets import Target

WORDS: Final = ("fake", "live", "socket", "real")
"""The fake in process; the fake on a socket, by two names; getimg.ai."""


def target_of(
    where: str,
    *,
    key: str | None = None,
    second_key: str | None = None,
    seed: str = "0",
    wait: float = LONGEST_WAIT,
) -> Target:
    """Return the target of a word or a URL; raises `SettingsError`."""
    if where == "fake":
        return InProcess(seed=seed)
    if where in {"live", "socket"}:
        return OnSocket(seed=seed)
    url = REAL if where == "real" else where
    if not url.startswith(("https://", "http://")):
        raise UnknownNameError("target", where, (*WORDS, "https://...", "http://..."))
    if not key:
        raise SettingsError(f"{url} needs a key: give --key, or set GETIMG_API_KEY.")
    keys = {"a": key} | ({"b": second_key} if second_key else {})
    return Address(url, keys, name="real" if url == REAL else url, longest_wait=wait)
