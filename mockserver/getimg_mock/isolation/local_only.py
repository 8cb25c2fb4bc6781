"""A client in this process is kept in it: whatever would leave for another machine is refused.

Its requests would be real ones, and paid for. The run ends with the name of the host.
"""

from __future__ import annotations

import errno
import ipaddress
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from getimg_mock.errors import SettingsError
from getimg_mock.isolation.socket_hooks import WAYS, asking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.isolation.socket_hooks import Step

VIRTUAL: Final = (
    "In this process a client reaches the case's server where it stands on httpcore: httpx, "
    "httpx2, the official SDK. Drive any other as a program, which is given a base_url on a port "
    "of this machine: --program COMMAND."
)
"""What would have worked where the network is virtual."""
REAL: Final = (
    "Here it has to send everything to the base_url that it is made with. If it cannot, drive it "
    "as a program, with variables of its own: --program COMMAND."
)
"""What would have worked where the client is on a port of this machine."""

_OURS: Final = threading.local()


class OutsideError(OSError):
    """The client tried to leave; to its own code this is a network that cannot be reached."""


class _Fence:
    def __init__(self) -> None:
        self.tries: list[str] = []

    def passes(self, host: str, step: Step) -> None:
        """Refuse what is not this machine; our own requests pass."""
        if is_here(host) or getattr(_OURS, "passing", False):
            return
        by = f" ({asking()})" if asking() else ""
        self.tries.append(f"{host}{by}")
        raise OutsideError(
            errno.ENETUNREACH, f"{step} refused: {host} is not this machine. Use --program."
        )


@contextmanager
def kept_in(name: str, advice: str = VIRTUAL) -> Iterator[None]:
    """Let nothing leave this process; raises `SettingsError` at the end when something tried."""
    fence = _Fence()
    WAYS.watch(fence)
    try:
        yield
    finally:
        WAYS.unwatch(fence)
        if fence.tries:
            hosts = ", ".join(dict.fromkeys(fence.tries))
            raise SettingsError(
                f"{name} tried to reach {hosts} for real, and was stopped: nothing left this "
                f"machine. {advice}"
            ) from None


@contextmanager
def passing() -> Iterator[None]:
    """Let this thread pass: the request is our own."""
    _OURS.passing = True
    try:
        yield
    finally:
        _OURS.passing = False


def is_here(host: str) -> bool:
    """Return whether a host is this machine."""
    plain = host.strip("[]").partition("%")[0]
    if plain in {"", "localhost"} or plain.endswith(".localhost"):
        return True
    with suppress(ValueError):
        address = ipaddress.ip_address(plain)
        return (getattr(address, "ipv4_mapped", None) or address).is_loopback
    return False
