"""The exchanges of a recording in the form of recorded traffic, which checks can judge."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.evidence.recorded_traffic import build_recorded_history
from getimg_mock.world.clock import wall_time

if TYPE_CHECKING:
    from datetime import datetime

    from getimg_mock.contract.history import History
    from getimg_mock.contract.targets.execution import PreparedRequest, ReceivedResponse

_MAX_EXCHANGES: Final = 20_000
_MAX_BYTES: Final = 256 << 20


@dataclass(slots=True)
class ObservedExchanges:
    """What was exchanged with the service at `base`, in order, within a limit of bytes."""

    base: str
    began: datetime = field(default_factory=wall_time)
    left_out: int = 0
    _entries: list[dict[str, Any]] = field(default_factory=list)
    _size: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, request: PreparedRequest, received: ReceivedResponse, started: datetime) -> None:
        """Keep an exchange."""
        path, _, query = request.target.partition("?")
        size = len(request.body or b"") + len(received.body)
        with self._lock:
            if len(self._entries) >= _MAX_EXCHANGES or self._size + size > _MAX_BYTES:
                self.left_out += 1
                return
            self._size += size
            self._entries.append(
                {
                    "method": request.method,
                    "path": path,
                    "query": query,
                    "status": received.status,
                    "base": self.base,
                    "at": started,
                    "key": "",
                    "headers": list(received.headers),
                    "request_headers": list(request.headers),
                    "request_body": request.body,
                    "body": received.body,
                }
            )

    def __len__(self) -> int:
        """Return how many exchanges were kept."""
        return len(self._entries)

    def build_history(self, name: str) -> History:
        """Return the exchanges as a history, in which keys are placeholders."""
        with self._lock:
            entries = sorted(self._entries, key=lambda each: each["at"])
        return build_recorded_history(name, entries, self.base)
