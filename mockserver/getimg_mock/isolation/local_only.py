"""The policy for a client under test: connections to other machines are refused.

Such a request would be a real one, and would be paid for. The run ends with the name of the host.
"""

from __future__ import annotations

import errno
import ipaddress
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from getimg_mock.errors import SettingsError
from getimg_mock.isolation.socket_hooks import SOCKET_HOOKS, find_calling_library, is_own_request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.isolation.socket_hooks import ConnectionAttempt

VIRTUAL_NETWORK_ADVICE: Final = (
    "In this process only clients on httpcore reach the case's server: httpx, httpx2, the official "
    "SDK. Run any other client as a program, which gets a base_url on a port of this machine: "
    "--program COMMAND."
)
"""What to do where the network is virtual."""
REAL_NETWORK_ADVICE: Final = (
    "The client must send every request to the base_url that it is created with. If it cannot, run "
    "it as a program with environment variables of its own: --program COMMAND."
)
"""What to do where the client's server listens on a port of this machine."""


class ExternalConnectionError(OSError):
    """A connection to another machine was refused; clients see an unreachable network."""


class LocalOnlyPolicy:
    """Refuses hosts other than this machine, but for getimg-mock's own requests.

    `attempts` has the refused hosts, each with the library that asked, where known.
    """

    def __init__(self) -> None:
        self.attempts: list[str] = []

    def check(self, attempt: ConnectionAttempt) -> None:
        """Raise `ExternalConnectionError` for a host that is not this machine."""
        if is_local_host(attempt.host) or is_own_request():
            return
        library = find_calling_library()
        self.attempts.append(f"{attempt.host} ({library})" if library else attempt.host)
        raise ExternalConnectionError(
            errno.ENETUNREACH,
            f"Refused {attempt.step} to {attempt.host}: it is not this machine. Use --program.",
        )


@contextmanager
def block_external_connections(name: str, advice: str = VIRTUAL_NETWORK_ADVICE) -> Iterator[None]:
    """Refuse connections of this process to other machines until the block ends.

    Raises `SettingsError` at the end when there was an attempt, even if the client swallowed the
    refusal. `name` is the client's, `advice` says what would have worked.
    """
    policy = LocalOnlyPolicy()
    try:
        with SOCKET_HOOKS.enforce(policy):
            yield
    finally:
        if policy.attempts:
            hosts = ", ".join(dict.fromkeys(policy.attempts))
            raise SettingsError(
                f"{name} tried to connect to {hosts}. The connection was refused; nothing left "
                f"this machine. {advice}"
            ) from None


def is_local_host(host: str) -> bool:
    """Return whether a host name or address is a loopback one; private networks are not."""
    plain = host.strip("[]").partition("%")[0]
    if plain in {"", "localhost"} or plain.endswith(".localhost"):
        return True
    with suppress(ValueError):
        address = ipaddress.ip_address(plain)
        return (getattr(address, "ipv4_mapped", None) or address).is_loopback
    return False
