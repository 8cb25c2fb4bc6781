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
class Lookout:
    """What tried to go around the gate, as host and port."""

    strangers: list[str] = field(default_factory=list)


class _Here(threading.local):
    """Whether this thread is on its way through the gate."""

    passing = False


_kept: Final[list[Lookout]] = []
_here: Final = _Here()
_hooked: Final[list[bool]] = []


@contextmanager
def watched() -> Iterator[Lookout]:
    """Refuse every connection that does not pass the gate, and count it."""
    if not _hooked:  # a hook can never be taken out again; without a lookout it does nothing
        sys.addaudithook(_seen)
        _hooked.append(True)
    lookout = Lookout()
    _kept.append(lookout)
    try:
        yield lookout
    finally:
        _kept.remove(lookout)


@contextmanager
def passing() -> Iterator[None]:
    """Let this thread open connections: it has passed the gate."""
    _here.passing = True
    try:
        yield
    finally:
        _here.passing = False


def _seen(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "socket.connect" or not _kept or _here.passing:
        return
    where = arguments[1]
    if not isinstance(where, tuple):  # a socket of this machine's own, with a path for a name
        return
    for lookout in _kept:
        lookout.strangers.append(f"{where[0]}:{where[1]}")
    raise ConnectionRefusedError(f"{where[0]}:{where[1]} is not reached through the budget's gate")
