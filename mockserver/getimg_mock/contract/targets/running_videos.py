"""How many videos a service runs at the same time, as far as a run has seen it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from getimg_mock.contract.history import History

LEAST_AT_ONCE: Final = 3
"""How many videos may run at the same time on every service: our choice, by what was seen."""

_SPARE: Final = 1.2
"""How many times as long as the slowest so far a video may take."""

_Span = tuple[datetime, datetime | None]
"""When a video was accepted, and when it was seen to have ended."""


@dataclass(slots=True)
class RunningVideos:
    """The videos of the first key, over all plans of a run.

    `most` is how many generations certainly ran at once, an image among them. `slowest` is the
    seconds after which a video was seen to have ended at the latest, `quickest` those after which
    each was still running, where it was looked at, and `ended` how many were seen to end. `spans`
    has when each was accepted, and when it was seen to have ended.
    """

    most: int = LEAST_AT_ONCE
    slowest: float = 0.0
    quickest: float = math.inf
    ended: int = 0
    spans: list[_Span] = field(default_factory=list)

    def note(self, history: History) -> None:
        """Remember the videos of a plan: how long they took, and how many ran at the same time."""
        new: list[_Span] = []
        for name, made in history.submitted.items():
            end = history.ended.get(name)
            if end is not None and end is not made:
                self.ended += 1
                self.slowest = max(self.slowest, (end.at - made.at).total_seconds())
                looks = history.polls.get((made.key, name), [])
                running = [look.at for look in looks if look.number < end.number]
                for last in running[-1:]:
                    self.quickest = min(self.quickest, (last - made.at).total_seconds())
            if made.operation == "videos.create" and made.key == "a":
                new.append((made.at, end.at if end is not None else None))
        self.spans += new
        images = [e.at for e in history.submitted.values() if e.operation != "videos.create"]
        at_once = [self._count_at(begun) for begun, _ in new]
        self.most = max(self.most, *at_once, *(1 + self._count_at(made) for made in images), 0)

    def count_open(self, moment: datetime) -> int:
        """Return how many videos may run that nobody has seen end, by the slowest so far."""
        since = moment - timedelta(seconds=_SPARE * self.slowest)
        return sum(end is None and begun > since for begun, end in self.spans)

    def _count_at(self, moment: datetime) -> int:
        """Return how many videos ran at a moment: what nobody looked at may take the least time."""
        if math.isinf(self.quickest):
            return 0
        since = moment - timedelta(seconds=self.quickest)
        return sum(
            since < begun <= moment and (end is None or end > moment) for begun, end in self.spans
        )
