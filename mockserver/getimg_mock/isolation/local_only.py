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

VIRTUAL_NETWORK_ADVICE: Final = (
    "In this process a client reaches the case's server where it stands on httpcore: httpx, "
    "httpx2, the official SDK. Drive any other as a program, which is given a base_url on a port "
    "of this machine: --program COMMAND."
)
"""What would have worked where the network is virtual."""
REAL_NETWORK_ADVICE: Final = (
    "Here it has to send everything to the base_url that it is made with. If it cannot, drive it "
    "as a program, with variables of its own: --program COMMAND."
)
"""What would have worked where the client is on a port of this machine."""

_THREAD_STATE: Final = threading.local()


class ExternalConnectionError(OSError):
    """The client tried to leave; to its own code this is a network that cannot be reached."""


class _LocalOnlyWatch:
    def __init__(self) -> None:
        self.tries: list[str] = []

    def passes(self, host: str, step: Step) -> None:
        """Refuse what is not this machine; our own requests pass."""
        if is_local_host(host) or getattr(_THREAD_STATE, "passing", False):
            return
        by = f" ({asking()})" if asking() else ""
        self.tries.append(f"{host}{by}")
        raise ExternalConnectionError(
            errno.ENETUNREACH, f"{step} refused: {host} is not this machine. Use --program."
        )


@contextmanager
def block_external_connections(name: str, advice: str = VIRTUAL_NETWORK_ADVICE) -> Iterator[None]:
    """Let nothing leave this process; raises `SettingsError` at the end when something tried."""
    fence = _LocalOnlyWatch()
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
def allow_connections() -> Iterator[None]:
    """Let this thread pass: the request is our own."""
    _THREAD_STATE.passing = True
    try:
        yield
    finally:
        _THREAD_STATE.passing = False


def is_local_host(host: str) -> bool:
    """Return whether a host is this machine."""
    plain = host.strip("[]").partition("%")[0]
    if plain in {"", "localhost"} or plain.endswith(".localhost"):
        return True
    with suppress(ValueError):
        address = ipaddress.ip_address(plain)
        return (getattr(address, "ipv4_mapped", None) or address).is_loopback
    return False
