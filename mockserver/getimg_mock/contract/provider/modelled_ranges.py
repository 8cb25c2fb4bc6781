"""The ranges that the fake models, from its settings, and what of a history lies outside of them.

Time on the way counts for nothing here: a history tells only between which two looks a video ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, inf
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from getimg_mock.contract.exchanges import decimal
from getimg_mock.contract.plans import Poll
from getimg_mock.contract.targets.execution import instant
from getimg_mock.contract.verdicts import held, wrong
from getimg_mock.settings import Settings
from getimg_mock.world.catalogue import SECONDS, Catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from getimg_mock.contract.exchanges import Exchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.settings import Span

ON_THE_WAY: Final = 2.0
"""Seconds that an exchange may take beside what it asks for."""


class Range(NamedTuple):
    """Seconds from `low` to `high`."""

    low: float
    high: float

    def __str__(self) -> str:
        """Return it as a person reads it."""
        return f"{self.low:g} s" if self.low == self.high else f"{self.low:g} to {self.high:g} s"


@dataclass(frozen=True, slots=True)
class Ranges:
    """What the fake models under some settings."""

    settings: Settings
    videos: Mapping[str, tuple[float, float]]

    @property
    def image(self) -> Range:
        """How long an image takes."""
        return _of(self.settings.image_seconds)

    def video(self, model: object) -> Range:
        """Return how long a video of a model takes."""
        if self.settings.video_seconds is not None:
            return _of(self.settings.video_seconds)
        return Range(*self.videos.get(str(model), SECONDS["video"]))

    def looks(self, model: object, every: float) -> int:
        """Return how many looks at a video it takes at most to see its end."""
        return 1 + ceil((self.video(model).high + ON_THE_WAY) / every)

    @property
    def link(self) -> Range:
        """How long a file can be had after it was made."""
        return Range(self.settings.retention, self.settings.retention)

    @property
    def retry_after(self) -> Range:
        """How long a 429 may ask one to wait."""
        return Range(1, self.settings.rate_window)


def ranges_of(given: Mapping[str, Any]) -> Ranges:
    """Return the ranges of the fake under the settings that are given; the rest is by default."""
    models = Catalogue.shipped().listed()
    return Ranges(Settings.of(**given), {each.id: each.seconds for each in models})


def outside(history: History, ranges: Ranges) -> Iterator[Observation]:
    """Yield an observation for every time that the fake has a range for."""
    for each in history.of("images.generate"):
        if each.status == 200 and each.seconds:
            yield _within(
                each.seconds,
                0 if history.own else ranges.image.low,
                ranges.image,
                "an image",
                "--image-seconds",
                each,
            )
    for name, made in history.submitted.items():
        if made.operation == "videos.create":
            yield from _ends(made, _looks(history, made, name), ranges)
    yield from _counts(history, ranges)
    for end in history.ended.values():
        yield from _links(history, end, ranges.link)
    for each in history:
        if each.status == 429 and "retry-after" in each.fields:
            yield _pause(each, ranges.retry_after)


def _within(
    seconds: float, low: float, modelled: Range, what: str, option: str, *exchanges: Exchange
) -> Observation:
    return held(
        low <= seconds <= modelled.high + ON_THE_WAY,
        f"{what} within {modelled}, as the fake has it ({option})",
        f"{seconds:.1f} s",
        *exchanges,
    )


def _looks(history: History, made: Exchange, name: str) -> Sequence[Exchange]:
    return [each for each in history.looks.get((made.key, name), ()) if each.number > made.number]


def _ends(made: Exchange, looks: Sequence[Exchange], ranges: Ranges) -> Iterator[Observation]:
    """Yield whether a video ended in time: not seen ended before, nor still pending after it."""
    modelled = ranges.video(made.asked.get("model"))
    what, option = "a video", "--video-seconds"
    for look in looks:
        seconds = (look.at - made.at).total_seconds()
        if look.object.get("status") == "pending":
            if seconds > modelled.high + ON_THE_WAY:
                yield _within(seconds, 0, modelled, what, option, made, look)
                return
            continue
        yield _within(
            min(seconds, modelled.high),
            modelled.low - ON_THE_WAY,
            modelled,
            what,
            option,
            made,
            look,
        )
        return


def _counts(history: History, ranges: Ranges) -> Iterator[Observation]:
    """Yield whether each video that was polled for took as many looks as the fake's, or fewer."""
    for step in history.plan.steps:
        if not isinstance(step, Poll):
            continue
        looks = [
            each
            for each in history
            if each.spontaneous and each.step is not None and each.step.name == f"{step.of}.now"
        ]
        made = next(
            (each for each in history if each.step is not None and each.step.name == step.of), None
        )
        if looks and made is not None and step.every > 0:
            most = ranges.looks(made.asked.get("model"), step.every)
            yield held(
                len(looks) <= most,
                f"its end after at most {most} looks, {step.every:g} s apart",
                f"{len(looks)} looks",
                made,
                looks[-1],
            )


def _links(history: History, end: Exchange, modelled: Range) -> Iterator[Observation]:
    for item in end.items:
        gone = instant(item.get("deletes_at"))
        if gone is None:
            yield wrong("deletes_at", item.get("deletes_at"), end)
            continue
        # The file may have been there since the look before, or since it was asked for.
        since = (end.at - _before(history, end)).total_seconds() + ON_THE_WAY
        yield _within(
            (gone - end.at).total_seconds(),
            modelled.low - since,
            modelled,
            "a link",
            "--retention",
            end,
        )


def _before(history: History, end: Exchange) -> datetime:
    earlier = [
        each.at
        for each in history
        if each.number < end.number and each.generation == end.generation
    ]
    return earlier[-1] if earlier else end.at - timedelta(seconds=end.seconds)


def _pause(refusal: Exchange, modelled: Range) -> Observation:
    asked = decimal(refusal.fields["retry-after"])
    if asked is None:
        return wrong(
            "Retry-After in seconds, as the fake has it", refusal.fields["retry-after"], refusal
        )
    return _within(float(asked), modelled.low, modelled, "a Retry-After", "--rate-window", refusal)


def _of(span: Span) -> Range:
    """Return the range of a span; what is not drawn evenly has no end."""
    return Range(span.low, span.high) if span.shape == "uniform" else Range(0, inf)
