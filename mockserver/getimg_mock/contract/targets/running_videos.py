"""How many videos a service runs at the same time, as far as a run has seen it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from getimg_mock.contract.exchanges import HttpExchange
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
    seconds after which the last one was seen to have ended, `quickest` those after which each was
    still running that was looked at closely, and `ended` how many were seen to end. `spans` has
    when each was accepted, and when it was seen to have ended.
    """

    most: int = LEAST_AT_ONCE
    slowest: float = 0.0
    quickest: float = math.inf
    ended: int = 0
    spans: list[_Span] = field(default_factory=list)

    def note(self, history: History) -> None:
        """Remember the videos of a plan: how long they took, and how many ran at the same time."""
        for name, made in history.submitted.items():
            end = history.ended.get(name)
            if end is not None and end is not made:
                self._note_end(made, end, history.polls.get((made.key, name), []))
            if made.operation == "videos.create" and made.key == "a":
                self.spans.append((made.at, end.at if end is not None else None))
        for made in history.submitted.values():
            if made.key == "a":
                beside = made.operation != "videos.create"  # an image, which is no video of these
                self.most = max(self.most, beside + self._count_at(made.at))

    def _note_end(self, made: HttpExchange, end: HttpExchange, looks: list[HttpExchange]) -> None:
        seconds = (end.at - made.at).total_seconds()
        self.ended += 1
        self.slowest = max(self.slowest, seconds)
        ran = max((look.at - made.at for look in looks if look.number < end.number), default=None)
        # Of one that was not looked at for long before its end, the end is not known well enough.
        if ran is not None and ran.total_seconds() > seconds / 2:
            self.quickest = min(self.quickest, ran.total_seconds())

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
