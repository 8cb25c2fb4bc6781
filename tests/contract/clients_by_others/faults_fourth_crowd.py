"""Faults that show when several calls are under way, or when the server asks for patience."""

import threading
import time
from typing import Any

from tests.contract.clients_by_others.errors import ClientError
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_transports import HttpxClient


@faulty("concurrency")
class LosesSlotsToErrors(HttpxClient):
    """Has three slots for orders, and gives one back only when the order went well."""

    def prepare(self) -> None:
        self.slots = threading.Semaphore(3)

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        until = time.monotonic() + self.timeout
        while not self.slots.acquire(blocking=False):
            if time.monotonic() > until:
                raise ClientError("Too many orders are under way: not sent.")
            self.sleep(0.2)
        result = super().submit(kind, shape, fields)
        self.slots.release()
        return result


@faulty("pacing")
class HurriesRetryAfter(HttpxClient):
    """Waits two seconds at most, whatever Retry-After says, and is refused again and again."""

    def told(self, headers: dict[str, str]) -> float | None:
        said = super().told(headers)
        return None if said is None else min(said, 2.0)
