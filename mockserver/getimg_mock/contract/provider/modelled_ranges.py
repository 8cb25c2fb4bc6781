"""The ranges that the fake models, from its settings, and what of a history lies outside of them.

Time on the network is ignored: a history shows only between which two polls a video ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, inf
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from getimg_mock.contract.exchanges import parse_decimal
from getimg_mock.contract.instants import parse_instant
from getimg_mock.contract.steps import Poll
from getimg_mock.contract.verdicts import expect, fail
from getimg_mock.settings import Settings
from getimg_mock.world.catalogue import SECONDS, Catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.setting_values import Span

TRANSFER_ALLOWANCE: Final = 2.0
"""Seconds that an exchange may take in addition to the modelled time."""


class ModelledRange(NamedTuple):
    """Seconds from `low` to `high`."""

    low: float
    high: float

    def __str__(self) -> str:
        """Return it as a person reads it."""
        return f"{self.low:g} s" if self.low == self.high else f"{self.low:g} to {self.high:g} s"


@dataclass(frozen=True, slots=True)
class ModelledRanges:
    """What the fake models under some settings."""

    settings: Settings
    videos: Mapping[str, tuple[float, float]]

    @property
    def image(self) -> ModelledRange:
        """How long an image takes."""
        return _convert_span(self.settings.image_seconds)

    def for_video(self, model: object) -> ModelledRange:
        """Return how long a video of a model takes."""
        if self.settings.video_seconds is not None:
            return _convert_span(self.settings.video_seconds)
        return ModelledRange(*self.videos.get(str(model), SECONDS["video"]))

    def compute_max_polls(self, model: object, every: float) -> int:
        """Return how many looks at a video it takes at most to see its end."""
        return 1 + ceil((self.for_video(model).high + TRANSFER_ALLOWANCE) / every)

    @property
    def link(self) -> ModelledRange:
        """How long a file can be had after it was made."""
        return ModelledRange(self.settings.retention, self.settings.retention)

    @property
    def retry_after(self) -> ModelledRange:
        """How long a 429 may ask one to wait."""
        return ModelledRange(1, self.settings.rate_window)


def build_ranges(given: Mapping[str, Any]) -> ModelledRanges:
    """Return the ranges of the fake under the settings that are given; the rest is by default."""
    models = Catalogue.load_shipped().list_models()
    return ModelledRanges(Settings.of(**given), {each.id: each.seconds for each in models})


def check_times(history: History, ranges: ModelledRanges) -> Iterator[Observation]:
    """Yield an observation for every time that the fake has a range for."""
    for each in history.with_operation("images.generate"):
        if each.status == 200 and each.seconds:
            yield _expect_within(
                each.seconds,
                0 if history.own else ranges.image.low,
                ranges.image,
                "an image",
                "--image-seconds",
                each,
            )
    for name, made in history.submitted.items():
        if made.operation == "videos.create":
            yield from _check_video_end(made, _find_polls(history, made, name), ranges)
    yield from _check_poll_counts(history, ranges)
    for end in history.ended.values():
        yield from _check_links(history, end, ranges.link)
    for each in history:
        if each.status == 429 and "retry-after" in each.fields:
            yield _check_retry_after(each, ranges.retry_after)


def _expect_within(
    seconds: float,
    low: float,
    modelled: ModelledRange,
    what: str,
    option: str,
    *exchanges: HttpExchange,
) -> Observation:
    return expect(
        low <= seconds <= modelled.high + TRANSFER_ALLOWANCE,
        f"{what} within {modelled}, as the fake has it ({option})",
        f"{seconds:.1f} s",
        *exchanges,
    )


def _find_polls(history: History, made: HttpExchange, name: str) -> Sequence[HttpExchange]:
    return [each for each in history.polls.get((made.key, name), ()) if each.number > made.number]


def _check_video_end(
    made: HttpExchange, looks: Sequence[HttpExchange], ranges: ModelledRanges
) -> Iterator[Observation]:
    """Yield whether a video ended in time: not seen ended before, nor still pending after it."""
    modelled = ranges.for_video(made.asked.get("model"))
    what, option = "a video", "--video-seconds"
    for look in looks:
        seconds = (look.at - made.at).total_seconds()
        if look.object.get("status") == "pending":
            if seconds > modelled.high + TRANSFER_ALLOWANCE:
                yield _expect_within(seconds, 0, modelled, what, option, made, look)
                return
            continue
        yield _expect_within(
            min(seconds, modelled.high),
            modelled.low - TRANSFER_ALLOWANCE,
            modelled,
            what,
            option,
            made,
            look,
        )
        return


def _check_poll_counts(history: History, ranges: ModelledRanges) -> Iterator[Observation]:
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
            most = ranges.compute_max_polls(made.asked.get("model"), step.every)
            # Looks that are made at the same time count as one.
            count = ceil(len(looks) / step.at_once)
            yield expect(
                count <= most,
                f"its end after at most {most} looks, {step.every:g} s apart",
                f"{count} looks",
                made,
                looks[-1],
            )


def _check_links(
    history: History, end: HttpExchange, modelled: ModelledRange
) -> Iterator[Observation]:
    for item in end.items:
        gone = parse_instant(item.get("deletes_at"))
        if gone is None:
            yield fail("deletes_at", item.get("deletes_at"), end)
            continue
        # The file may have been there since the look before, or since it was asked for.
        since = (end.at - _find_previous_time(history, end)).total_seconds() + TRANSFER_ALLOWANCE
        yield _expect_within(
            (gone - end.at).total_seconds(),
            modelled.low - since,
            modelled,
            "a link",
            "--retention",
            end,
        )


def _find_previous_time(history: History, end: HttpExchange) -> datetime:
    earlier = [
        each.at
        for each in history
        if each.number < end.number and each.generation == end.generation
    ]
    return earlier[-1] if earlier else end.at - timedelta(seconds=end.seconds)


def _check_retry_after(refusal: HttpExchange, modelled: ModelledRange) -> Observation:
    asked = parse_decimal(refusal.fields["retry-after"])
    if asked is None:
        return fail(
            "Retry-After in seconds, as the fake has it", refusal.fields["retry-after"], refusal
        )
    return _expect_within(
        float(asked), modelled.low, modelled, "a Retry-After", "--rate-window", refusal
    )


def _convert_span(span: Span) -> ModelledRange:
    """Return the range of a span; a bell or a tail has no end."""
    bounded = span.shape in {"uniform", "quantiles"}
    return ModelledRange(span.low, span.high) if bounded else ModelledRange(0, inf)
