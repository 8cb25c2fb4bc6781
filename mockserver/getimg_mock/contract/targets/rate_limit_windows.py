"""Rate limit windows, as the headers of responses state them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from getimg_mock.contract.instants import parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from getimg_mock.contract.plans import Plan
    from getimg_mock.contract.steps import Send
    from getimg_mock.contract.targets.execution import PreparedRequest, ReceivedResponse

_BURST_ROLES: Final = frozenset(
    {"burst", "after-wait", "other-key", "other-kind", "reads-at-limit"}
)
"""The roles of requests that are about a used-up rate limit window."""


class RateLimitWindow(NamedTuple):
    """A rate limit window, as the headers of an answer state it."""

    limit: int
    remaining: int
    reset: datetime


def find_window_key(sent: PreparedRequest) -> tuple[str, str]:
    """Return the key and the kind whose rate limit applies to a request."""
    return dict(sent.headers).get("authorization", ""), "".join(sent.target.split("/")[2:3])


def count_bursts(plan: Plan, keys: Mapping[str, str]) -> Counter[tuple[str, str]]:
    """Return how many requests the bursts of a plan have, by the key and kind of their limit."""
    return Counter(
        (f"Bearer {keys.get(step.key, '')}", "".join(step.path.split("/")[2:3]))
        for step in plan.submissions
        if step.use == "burst"
    )


def list_full_windows(
    windows: Mapping[tuple[str, str], RateLimitWindow],
    batch: Sequence[tuple[PreparedRequest, Send]],
) -> list[RateLimitWindow]:
    """Return the windows without room for what is to be submitted at once, bursts apart."""
    wanted = Counter(
        find_window_key(sent)
        for sent, step in batch
        if step.submits and step.use not in _BURST_ROLES
    )
    known = [(windows[place], count) for place, count in wanted.items() if place in windows]
    return [window for window, count in known if window.remaining < min(count, window.limit)]


def record_windows(
    windows: dict[tuple[str, str], RateLimitWindow],
    answered: Iterable[tuple[PreparedRequest, ReceivedResponse]],
) -> None:
    """Note the windows that answers to requests of one moment state.

    Their order is not that in which they were counted: what is left is the least of them.
    """
    stated = ((find_window_key(sent), read_window(received)) for sent, received in answered)
    known = [(place, window) for place, window in stated if window is not None]
    # The latest reset with the least that is left comes last, and stays.
    windows.update(sorted(known, key=lambda each: (each[1].reset, -each[1].remaining)))


def read_window(received: ReceivedResponse) -> RateLimitWindow | None:
    """Return the window that a response states; None unless all of it can be read."""
    fields = dict(received.headers)
    numbers = [fields.get(f"x-ratelimit-{name}", "") for name in ("limit", "remaining")]
    reset = parse_instant(fields.get("x-ratelimit-reset"))
    if reset is None or not all(each.isascii() and each.isdigit() for each in numbers):
        return None
    return RateLimitWindow(int(numbers[0]), int(numbers[1]), reset)
