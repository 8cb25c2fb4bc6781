"""What a client was told, and what it remembers."""

from __future__ import annotations

import os
import threading
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from getimg_mock.world.randomness import Stream, generate_secret

ENVIRONMENT = {"base_url": "REFERENCE_BASE_URL", "key": "REFERENCE_KEY"}

UNPACED = frozenset(
    {
        "busy-together",
        "paced-alone",
        "failing-looks-repeated-at-once",
        "looks-at-once-when-told",
    }
)
PACE = 0.5
"""How many seconds are between any two looks of a client."""


@dataclass
class Core:
    """What both clients are made with. `seen` is what faults keep from one request to the next.

    `habits` are legal ways of another client, as `faults` are wrong ones.
    """

    base_url: str
    key: str = field(repr=False)
    timeout: float = 60.0
    max_retries: int = 3
    wait_timeout: float = 300.0
    poll_interval: float = 5.0
    faults: frozenset[str] = frozenset()
    habits: frozenset[str] = frozenset()
    longest_wait: float = 60.0
    seen: dict[str, Any] = field(default_factory=dict, repr=False)
    chance: Stream = field(default_factory=lambda: Stream(generate_secret()), repr=False)
    drawn: int = 0
    next_look: float = 0.0
    pace: threading.Lock = field(default_factory=threading.Lock, repr=False)
    held: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        hidden = {} if self.faulty("key-pickled") else {"key": "sk_***"}
        return vars(self) | hidden | {"pace": None, "held": None}

    def turn(self, now: float) -> float:
        """Return how long to wait for the next look: those of all waits come one after another."""
        if self.faults & UNPACED:
            return 0.0
        with self.pace:
            at = max(now, self.next_look)
            self.next_look = at + PACE
            return at - now

    def faulty(self, name: str) -> bool:
        """Return whether a fault is switched on."""
        return name in self.faults

    def lock_if(self, name: str) -> AbstractContextManager[Any]:
        """Return a lock where this fault is switched on, and what holds nothing up elsewhere."""
        return self.held if self.faulty(name) else nullcontext()

    def used_to(self, habit: str) -> bool:
        """Return whether the client has a legal habit."""
        return habit in self.habits


def core_of(base_url: str | None, key: str | None, faults: frozenset[str], **options: Any) -> Core:
    """Return the core for a client's arguments."""
    given = {name: value for name, value in options.items() if value is not None}
    if "environment-ignored" in faults and base_url is None:
        return Core("https://api.getimg.ai", "sk_default", faults=faults, **given)
    if "environment-key-first" in faults:
        key = os.environ.get("GETIMG_API_KEY", key)
    if "environment-address-first" in faults:
        base_url = os.environ.get(ENVIRONMENT["base_url"], base_url)
    base = base_url or os.environ[ENVIRONMENT["base_url"]]
    key = key or os.environ[ENVIRONMENT["key"]]
    own = key if "key-not-stripped" in faults else key.strip()  # no header can end in a line feed
    return Core(base, own, faults=faults, **given)
