"""GP6: rate limits."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.instants import parse_instant
from getimg_mock.contract.verdicts import check, expect, fail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation

_LIMITED_OPERATIONS: Final = ("images.generate", "videos.create", "videos.retrieve")
_HEADER_NAMES: Final = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


def _parse_limit_headers(exchange: HttpExchange) -> tuple[int, int, int] | None:
    """Return limit, remaining and reset, or None unless all three are whole numbers."""
    found = [exchange.fields.get(name, "") for name in _HEADER_NAMES]
    if not all(text.isascii() and text.isdigit() for text in found):
        return None
    limit, remaining, reset = (int(text) for text in found)
    return limit, remaining, reset


@check(
    "GP601",
    "X-RateLimit-Limit, -Remaining and -Reset stand on generation answers",
    severity="major",
    evidence="seed",
    cost="T",
    why="Documented; clients pace themselves by them.",
)
def headers_stand_on_answers(history: History) -> Iterator[Observation]:
    """GP601."""
    for each in history.with_operation(*_LIMITED_OPERATIONS):
        if each.method == "HEAD" or not (200 <= each.status < 300 or each.status == 429):
            continue
        numbers = _parse_limit_headers(each)
        if numbers is None:
            yield fail(
                "the three X-RateLimit headers, whole numbers",
                {name: each.fields.get(name) for name in _HEADER_NAMES},
                each,
            )
        else:
            yield expect(0 <= numbers[1] <= numbers[0], "0 <= Remaining <= Limit", numbers, each)


@check(
    "GP602",
    "Remaining falls with each submission and rises only at the reset",
    severity="major",
    evidence="assumption",
    cost="T",
    why="A number that jumps cannot be planned with.",
)
def remaining_falls_within_a_window(history: History) -> Iterator[Observation]:
    """GP602."""
    last: dict[tuple[str, str], tuple[tuple[int, int, int], HttpExchange]] = {}
    for each in history.with_operation(*_LIMITED_OPERATIONS):
        numbers = _parse_limit_headers(each)
        at_once = each.step is not None and each.step.together
        if numbers is None or each.status == 401 or at_once:
            continue  # of requests at the same time nobody knows which was counted first
        kind = "image" if each.operation == "images.generate" else "video"
        before = last.get((each.key, kind))
        last[each.key, kind] = (numbers, each)
        if before is None:
            continue
        (limit, remaining, reset), earlier = before
        ended = parse_instant(reset)
        if limit != numbers[0] or ended is None:
            continue
        if each.at < ended - timedelta(seconds=1):
            yield expect(
                numbers[1] <= remaining,
                f"at most {remaining} left before the reset",
                numbers[1],
                earlier,
                each,
            )
        counted = each.submits and 200 <= each.status < 300
        # Nothing is fewer than none: that one more was taken is GP603's to report.
        if counted and remaining and numbers[2] == reset:
            yield expect(
                numbers[1] < remaining,
                f"fewer than {remaining} left after one more",
                numbers[1],
                earlier,
                each,
            )


@check(
    "GP603",
    "One request more than the limit in a window gets a 429 in the envelope",
    severity="major",
    evidence="seed",
    cost="R",
    why="Documented; a fake without it hides a client that sends all at once.",
)
def limits_are_enforced(history: History) -> Iterator[Observation]:
    """GP603."""
    windows: dict[tuple[str, str, int], list[HttpExchange]] = {}
    for each in history.with_role("burst"):
        numbers = _parse_limit_headers(each)
        if numbers is not None:
            windows.setdefault((each.key, each.operation, numbers[2]), []).append(each)
    for burst in windows.values():
        limit = min(numbers[0] for each in burst if (numbers := _parse_limit_headers(each)))
        if len(burst) > limit:
            yield expect(
                any(each.status == 429 and each.error for each in burst),
                f"a 429 within {len(burst)} requests at a limit of {limit}",
                [each.status for each in burst],
                *burst[-3:],
            )


@check(
    "GP604",
    "A 429 says how long to wait, and waiting that long is enough",
    severity="major",
    evidence="seed",
    cost="R",
    why="Documented: Retry-After in seconds.",
)
def refusals_say_how_long(history: History) -> Iterator[Observation]:
    """GP604."""
    for each in history:
        if each.status != 429 or not each.submits:
            continue
        after = each.fields.get("retry-after", "")
        reset = parse_instant(each.fields.get("x-ratelimit-reset"))
        waitable = (after.isdigit() and int(after) > 0) or (reset is not None and reset > each.at)
        yield expect(waitable, "Retry-After, or a Reset ahead", dict(each.headers), each)
    for each in history.with_role("after-wait"):
        yield expect(each.status != 429, "no 429 after waiting as told", each.status, each)


@check(
    "GP605",
    "A 429 makes nothing and costs nothing",
    severity="blocker",
    evidence="assumption",
    cost="R",
    why="It is retried by design: each would be paid.",
)
def refusals_do_nothing(history: History) -> Iterator[Observation]:
    """GP605."""
    for each in history:
        if each.status == 429 and each.submits:
            yield expect(
                not each.generation and not each.effects,
                "a 429 makes nothing",
                each.effects or each.generation,
                each,
            )
    for span in history.settled_intervals:
        sent = [each for each in span.between if each.submits]
        if sent and all(each.status == 429 for each in sent):
            yield expect(
                span.spent == 0,
                "a 429 costs nothing",
                f"{span.spent} gone",
                span.before,
                *sent[:3],
                span.after,
            )


@check(
    "GP606",
    "Limits are by workspace and by kind; reads are not limited",
    severity="minor",
    evidence="assumption",
    cost="R",
    why="Documented scope; one team must not stop another.",
)
def limits_are_scoped(history: History) -> Iterator[Observation]:
    """GP606."""
    for each in history.with_role("other-key"):
        yield expect(each.status != 429, "no 429 for another workspace", each.status, each)
    for each in history.with_role("other-kind"):
        yield expect(each.status != 429, "no 429 for the other kind's limit", each.status, each)
    for each in history.with_role("reads-at-limit"):
        yield expect(each.status != 429, "reads are not limited", each.status, each)
