"""Further faults, by the rule that each breaks: statuses, waits, late answers and event loops."""

from __future__ import annotations

from typing import Final

BESIDE: Final[dict[str, tuple[str, ...]]] = {
    "GC304": ("known-statuses-only",),
    "GC308": ("closed-by-a-break", "timeout-cut-by-a-break", "closed-when-refused"),
    "GC409": ("failed-looks-unforgiven", "ten-failed-looks-a-wait", "retries-in-common"),
    "GC415": ("retries-used-up",),
    "GC422": ("files-hurried", "failure-ends-all", "refused-look-ends-all", "looks-one-by-one"),
    "GC501": (
        "shorter-pauses-obeyed",
        "looks-at-once-when-told",
        "pauses-never-shortened",
        "failures-lengthen-the-wait",
    ),
    "GC504": ("no-connection-fatal",),
    "GC512": ("pauses-kept",),
    "GC802": ("model-unbounded", "timeouts-in-whole-seconds"),
    "GC809": ("task-left-at-close", "task-left-at-drips"),
    "GC812": ("loop-blocked-by-reads", "loop-blocked-by-looks", "loop-blocked-by-files"),
}
