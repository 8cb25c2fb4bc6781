"""A lookout: while it is kept, this process opens no connection but through the gate.

The count of what went by is what GH005 judges; what would go around is refused before it leaves.
"""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class ConnectionAudit:
    """What tried to go around the gate, as host and port."""

    strangers: list[str] = field(default_factory=list)


class _ThreadState(threading.local):
    """Whether this thread is on its way through the gate."""

    passing = False


_active_audits: Final[list[ConnectionAudit]] = []
_thread_state: Final = _ThreadState()
_installed_hooks: Final[list[bool]] = []


@contextmanager
def audit_connections() -> Iterator[ConnectionAudit]:
    """Refuse every connection that does not pass the gate, and count it."""
    if (
        not _installed_hooks
    ):  # a hook can never be taken out again; without a lookout it does nothing
        sys.addaudithook(_handle_audit_event)
        _installed_hooks.append(True)
    lookout = ConnectionAudit()
    _active_audits.append(lookout)
    try:
        yield lookout
    finally:
        _active_audits.remove(lookout)


@contextmanager
def allow_connections() -> Iterator[None]:
    """Let this thread open connections: it has passed the gate."""
    _thread_state.passing = True
    try:
        yield
    finally:
        _thread_state.passing = False


def _handle_audit_event(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "socket.connect" or not _active_audits or _thread_state.passing:
        return
    where = arguments[1]
    if not isinstance(where, tuple):  # a socket of this machine's own, with a path for a name
        return
    for lookout in _active_audits:
        lookout.strangers.append(f"{where[0]}:{where[1]}")
    raise ConnectionRefusedError(f"{where[0]}:{where[1]} is not reached through the budget's gate")
