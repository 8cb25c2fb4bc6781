"""Rate limits: requests per window for images and for videos, and concurrent generations.

Documented: the two request limits count submissions in a window of 60 s, the third counts both
kinds together, and a pending video holds its slot until it ends. Unknown is whether the window is
fixed or sliding: here it is fixed and aligned to the clock's minutes (our choice).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple

from getimg_mock.errors import Refusal
from getimg_mock.world.clock import EPOCH
from getimg_mock.world.error_messages import TOO_MANY_CONCURRENT, TOO_MANY_REQUESTS
from getimg_mock.world.records import create_record

if TYPE_CHECKING:
    from datetime import datetime

    from getimg_mock.settings import Settings

Kind = Literal["image", "video"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests per window by kind, concurrent generations, and the window's length in seconds."""

    image_rpm: int
    video_rpm: int
    concurrent: int
    window: int = 60

    def get_limit(self, kind: Kind) -> int:
        """Return the number of requests of `kind` per window."""
        return self.image_rpm if kind == "image" else self.video_rpm


# Generous: tests meet no limit that they did not set.
GENEROUS = Limits(image_rpm=1_000_000, video_rpm=1_000_000, concurrent=1_000_000)
# Observed in July 2026 for images and concurrency; for videos our choice.
REALISTIC = Limits(image_rpm=20, video_rpm=20, concurrent=5)


class Allowance(NamedTuple):
    """The values of the three rate-limit headers: `reset` is in Unix seconds."""

    limit: int
    remaining: int
    reset: int


class Limiter:
    """Counts the submissions of one workspace against its limits."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._counted: dict[Kind, tuple[int, int]] = {}

    def compute_allowance(self, kind: Kind, now: datetime) -> Allowance:
        """Return what is left of the window at `now`."""
        limits = self.limits
        length = limits.window
        limit = limits.image_rpm if kind == "image" else limits.video_rpm
        window = int(now.timestamp()) // length
        left = self.count_left(kind, window)
        return create_record(Allowance, (limit, left, (window + 1) * length))

    def admit(self, kind: Kind, now: datetime, *, running: int) -> int:
        """Count one submission and return how many are left, or raise `Refusal` and count nothing.

        `running` is the number of pending generations.
        """
        limits = self.limits
        window = int(now.timestamp()) // limits.window
        counted = self._counted.get(kind)
        used = counted[1] if counted is not None and counted[0] == window else 0
        limit = limits.image_rpm if kind == "image" else limits.video_rpm
        if used >= limit:
            left = (window + 1) * self.limits.window - (now - EPOCH).total_seconds()
            raise Refusal(
                "rate_limit",
                TOO_MANY_REQUESTS,
                retry_after=max(1, -int(-left // 1)),
                hint=f"{self.limits.get_limit(kind)} {kind} requests per {self.limits.window} s",
            )
        if running >= limits.concurrent:
            raise Refusal(
                "rate_limit",
                TOO_MANY_CONCURRENT,
                hint=f"{running} generations are running, at most {self.limits.concurrent} may",
            )
        used += 1
        self._counted[kind] = (window, used)
        return limit - used

    def count_left(self, kind: Kind, window: int) -> int:
        """Return how many submissions the window of that number allows yet."""
        limits = self.limits
        limit = limits.image_rpm if kind == "image" else limits.video_rpm
        counted = self._counted.get(kind)
        used = counted[1] if counted is not None and counted[0] == window else 0
        return limit - used if used < limit else 0

    def change(self, limits: Limits, now: datetime) -> None:
        """Change the limits; requests counted in the current window stay counted."""
        used: dict[Kind, int] = {
            kind: self._count_used(kind, self.compute_window(now)) for kind in self._counted
        }
        self.limits = limits
        self._counted = {
            kind: (self.compute_window(now), count) for kind, count in used.items() if count
        }

    def get_counts(self) -> dict[Kind, tuple[int, int]]:
        """Return, by kind, the number of the last window used and the submissions in it."""
        return dict(self._counted)

    def resets(self) -> set[datetime]:
        """Return the moments at which the windows end that submissions were counted in."""
        length = self.limits.window
        windows = (window for window, _ in self._counted.values())
        return {EPOCH + timedelta(seconds=(window + 1) * length) for window in windows}

    def restore(self, counts: dict[Kind, tuple[int, int]]) -> None:
        """Continue from the `counts()` of another limiter."""
        self._counted = dict(counts)

    def compute_window(self, now: datetime) -> int:
        """Return the number of the window that `now` is in."""
        return int(now.timestamp()) // self.limits.window

    def _count_used(self, kind: Kind, window: int) -> int:
        counted = self._counted.get(kind)
        return counted[1] if counted is not None and counted[0] == window else 0


def limits_of(settings: Settings) -> Limits:
    """Return the limits that the settings ask for."""
    preset = REALISTIC if settings.limits == "realistic" else GENEROUS
    chosen = {
        "image_rpm": settings.image_rpm,
        "video_rpm": settings.video_rpm,
        "concurrent": settings.concurrent,
    }
    given = {name: value for name, value in chosen.items() if value is not None}
    return replace(preset, window=settings.rate_window, **given)
