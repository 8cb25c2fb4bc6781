"""The texts of exchanges, encoded once for all that read a journal at the same time."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from getimg_mock.world.journal import Exchange

BUDGET: Final = 4 * 1024 * 1024
"""Characters of text that are kept, for all workspaces together."""


class EncodedExchanges:
    """Keeps the texts that were asked for last, up to `budget` characters. Thread-safe."""

    def __init__(self, budget: int = BUDGET) -> None:
        self._budget = budget
        self._lock = threading.Lock()
        # The exchange is kept with its text, so that its identity is not given to another one.
        self._texts: OrderedDict[tuple[int, object], tuple[Exchange, str]] = OrderedDict()
        self.size = 0

    def encode(
        self, exchange: Exchange, build: Callable[[Mapping[str, Any]], Any] | None = None
    ) -> str:
        """Return an exchange as JSON text; `build` makes another form of its JSON value."""
        name = id(exchange), build
        with self._lock:
            found = self._texts.get(name)
            if found is not None:
                self._texts.move_to_end(name)
                return found[1]
        value = exchange.as_json()
        text = json.dumps(value if build is None else build(value), separators=(",", ":"))
        with self._lock:
            if name not in self._texts:
                self._texts[name] = exchange, text
                self.size += len(text)
            while self.size > self._budget:
                self.size -= len(self._texts.popitem(last=False)[1][1])
        return text


ENCODED: Final = EncodedExchanges()
"""The texts that all readers of this process share."""
