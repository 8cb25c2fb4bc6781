"""The events of the smallest run: what begins and ends it."""

from __future__ import annotations

from typing import Any, Final

START: Final[dict[str, Any]] = {
    "event": "start",
    "kind": "provider",
    "contract": "1",
    "target": "t",
    "seed": 0,
    "own": True,
    "plans": 1,
    "checks": 1,
}
SKIP: Final[dict[str, Any]] = {"event": "skip", "plan": "p", "reason": "r"}
END: Final[dict[str, Any]] = {
    "event": "end",
    "target": "t",
    "verdicts": {},
    "exchanges": 0,
    "ok": True,
}
