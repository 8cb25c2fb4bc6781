"""The policy of a run against a paid service: every connection passes the budget's gate.

A connection that would bypass the gate is refused before it is made, and recorded. Check GH005
judges the records.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from getimg_mock.isolation.socket_hooks import SOCKET_HOOKS, is_own_request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.isolation.socket_hooks import ConnectionAttempt


@dataclass(slots=True)
class ConnectionAudit:
    """Refuses connections outside of `allow_connections`; `refused` has them as host and port."""

    refused: list[str] = field(default_factory=list)

    def check(self, attempt: ConnectionAttempt) -> None:
        """Raise `ConnectionRefusedError` for a connection that does not pass the gate.

        Name look-ups and TLS are not judged: they cost nothing without a connection.
        """
        if attempt.step != "connection" or is_own_request():
            return
        address = f"{attempt.host}:{attempt.port}"
        self.refused.append(address)
        raise ConnectionRefusedError(f"The connection to {address} bypasses the budget's gate.")


@contextmanager
def audit_connections() -> Iterator[ConnectionAudit]:
    """Refuse and record every connection of this process that does not pass the gate."""
    audit = ConnectionAudit()
    with SOCKET_HOOKS.enforce(audit):
        yield audit
