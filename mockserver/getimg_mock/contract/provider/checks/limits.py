"""GP6: rate limits."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.instants import parse_instant
from getimg_mock.contract.provider.charges import expect_free
from getimg_mock.contract.provider.limit_headers import (
    HEADER_NAMES,
    RETRY_LEEWAY,
    WINDOW,
    compare_retry_times,
    find_overcounts,
    find_stale_resets,
    find_time,
    is_place_taken,
    parse_limit_headers,
    select_lasting,
)
from getimg_mock.contract.steps import TERMINAL
from getimg_mock.contract.verdicts import check, expect, fail, fail_as
from getimg_mock.world.operations import SUBMISSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation


_LIMITED_OPERATIONS: Final = ("images.generate", "videos.create", "videos.retrieve")


_MAX_RESET: Final = 86_400
"""The longest window in seconds that is believed."""

_MAX_PAST_RESET: Final = 120
"""Seconds by which Reset may lie in the past, where a window has ended and none has begun."""

_AT_ONCE: Final = timedelta(seconds=4)
"""Within which time after a 429 looks say what was running at that moment."""


@check(
    "GP601",
    "Generation responses have X-RateLimit-Limit, -Remaining and -Reset",
    severity="major",
    evidence="seed",
    cost="T",
    why="Documented; clients pace themselves by them.",
    fix="Set Limit, Remaining and Reset (unix seconds) on every generation and status response.",
)
def require_limit_headers(history: History) -> Iterator[Observation]:
    """Require the three `X-RateLimit-*` headers, as whole numbers, on generation responses.

    Applies to successes and 429. Fails on a missing header, on text, and when Remaining exceeds
    Limit. Source: documented.
    """
    for each in history.with_operation(*_LIMITED_OPERATIONS):
        if each.method == "HEAD" or not (200 <= each.status < 300 or each.status == 429):
            continue
        numbers = parse_limit_headers(each)
        if numbers is None:
            yield fail(
                "the three X-RateLimit headers, whole numbers",
                {name: each.fields.get(name) for name in HEADER_NAMES},
                each,
            )
        else:
            yield expect(0 <= numbers[1] <= numbers[0], "0 <= Remaining <= Limit", numbers, each)


@check(
    "GP602",
    "Remaining falls by one with each submission, by none with a poll, and rises at the reset",
    severity="major",
    evidence="documented",
    cost="T",
    across=find_overcounts,
    why="Clients plan their requests by this number.",
    fix="Count each submission once, count no read, and start anew only when Reset has passed.",
)
def remaining_falls_within_a_window(history: History) -> Iterator[Observation]:
    """Require that Remaining falls by one with each accepted submission and rises only at Reset.

    Applies to responses of one key and kind in order, while Reset stays. Fails on an early rise, on
    a submission that counts as none or as several, on a poll that counts, and on more that is taken
    than was sent in the last minute. Source: documented.
    """
    last: dict[tuple[str, str], tuple[tuple[int, int, int], HttpExchange]] = {}
    blurred: set[tuple[str, str]] = set()
    for each in history.with_operation(*_LIMITED_OPERATIONS):
        if each.key == "raw":
            continue  # each may be another key
        numbers = parse_limit_headers(each)
        place = each.key, "image" if each.operation == "images.generate" else "video"
        at_once = each.step is not None and each.step.together
        if numbers is None or each.status == 401 or at_once:
            blurred.add(place)
            continue  # the order in which concurrent requests were counted is unknown
        before = last.get(place)
        last[place] = (numbers, each)
        exact = place not in blurred and not history.concurrent
        # Whether a refused submission counts is not documented.
        blurred.discard(place) if each.accepted or not each.submits else blurred.add(place)
        if before is not None:
            yield from _check_remaining(history, *before, numbers, each, exact=exact)


def _check_remaining(
    history: History,
    before: tuple[int, int, int],
    earlier: HttpExchange,
    numbers: tuple[int, int, int],
    each: HttpExchange,
    *,
    exact: bool,
) -> Iterator[Observation]:
    """Compare the limit headers of two successive responses of one key and kind."""
    limit, remaining, reset = before
    ended = parse_instant(reset)
    if limit != numbers[0] or ended is None:
        return
    if each.at < ended - timedelta(seconds=1):
        wanted, rose = f"at most {remaining} left before the reset", numbers[1] > remaining
        if rose and numbers[2] != reset and not history.own:  # a sliding window
            yield fail_as("INFO", wanted, numbers[1], earlier, each)
        else:
            yield expect(not rose, wanted, numbers[1], earlier, each)
    # Of a sliding window, one may leave at each moment of the second that Reset names.
    if exact and each.at < ended - timedelta(seconds=2):
        yield from _check_count(remaining, reset, earlier, numbers, each)


def _check_count(
    remaining: int,
    reset: int,
    earlier: HttpExchange,
    numbers: tuple[int, int, int],
    each: HttpExchange,
) -> Iterator[Observation]:
    """Require that within a window a submission takes one, and a poll none.

    At 0 nothing can be subtracted: GP603 reports a submission over the limit.
    """
    if numbers[2] != reset or not remaining:
        return
    if each.accepted:
        wanted, left = f"{remaining - 1} left after one more", remaining - 1
        yield expect(numbers[1] == left, wanted, numbers[1], earlier, each)
    elif not each.submits:
        wanted = f"{remaining} left after a poll, which takes none"
        yield expect(numbers[1] == remaining, wanted, numbers[1], earlier, each)


def _count_over_a_run(histories: Sequence[History]) -> Iterator[tuple[History, Observation]]:
    """Count what a window serves over plans: a burst takes what earlier ones have left."""
    lasting = select_lasting(histories)
    for seen in _count_served(lasting):
        yield lasting[-1], seen


def _follow_resets(histories: Sequence[History]) -> Iterator[tuple[History, Observation]]:
    yield from find_stale_resets(select_lasting(histories))


@check(
    "GP603",
    "One request more than the limit in a window gets a 429 in the envelope",
    severity="major",
    evidence="seed",
    cost="R",
    across=_count_over_a_run,
    why="Documented; a fake without it hides clients that send all requests at once.",
    fix="Refuse a submission when its window has no allowance left.",
)
def limits_are_enforced(history: History) -> Iterator[Observation]:
    """Require a 429 for a burst that exceeds the limit of its window.

    Applies to groups of more requests than Limit within one window. Fails when none is refused with
    an envelope. Source: documented.
    """
    windows: dict[tuple[str, str, int], list[HttpExchange]] = {}
    for each in history.with_role("burst"):
        numbers = parse_limit_headers(each)
        if numbers is not None:
            windows.setdefault((each.key, each.operation, numbers[2]), []).append(each)
    for burst in windows.values():
        limit = min(numbers[0] for each in burst if (numbers := parse_limit_headers(each)))
        if len(burst) > limit:
            yield expect(
                any(each.status == 429 and each.error for each in burst),
                f"a 429 within {len(burst)} requests at a limit of {limit}",
                [each.status for each in burst],
                *burst[-3:],
            )
    yield from _count_served([history])


def _count_served(histories: Sequence[History]) -> Iterator[Observation]:
    """Require that no window serves more submissions than its limit."""
    served: dict[tuple[str, str, int], list[tuple[int, HttpExchange]]] = {}
    for each in (e for history in histories for e in history.with_operation(*SUBMISSIONS)):
        numbers = parse_limit_headers(each) if each.key != "raw" else None
        if each.accepted and numbers is not None:
            place = each.key, each.operation, numbers[2]
            served.setdefault(place, []).append((numbers[0], each))
    for found in served.values():
        limit = max(each[0] for each in found)
        yield expect(
            len(found) <= limit,
            f"at most {limit} served until one reset",
            len(found),
            *[each for _, each in found[-3:]],
        )


@check(
    "GP607",
    "X-RateLimit-Reset is a time in unix seconds, in the day after Date",
    severity="major",
    evidence="documented",
    cost="T",
    across=_follow_resets,
    why="Documented: unix seconds. A client that waits for milliseconds waits for ever, and one "
    "that is given the seconds left waits for nothing.",
    fix="Send the unix time in whole seconds, by the clock of the Date header.",
)
def resets_are_in_unix_seconds(history: History) -> Iterator[Observation]:
    """Require that Reset lies within two minutes before and a day after `Date`.

    Applies to responses with the three headers; without `Date` the time of the run counts. Fails
    on milliseconds, on the seconds left, on the time of another zone, and on the end of a window
    before the current one. Source: documented.
    """
    for _, seen in find_stale_resets([history]):
        yield seen
    for each in history.with_operation(*_LIMITED_OPERATIONS):
        numbers = parse_limit_headers(each)
        documented = 200 <= each.status < 300 or each.status == 429
        if numbers is not None and documented:
            now = int(find_time(each))
            yield expect(
                now - _MAX_PAST_RESET <= numbers[2] <= now + _MAX_RESET,
                f"a time within a day after {now}, in unix seconds",
                numbers[2],
                each,
            )


@check(
    "GP604",
    "A 429 says how long to wait, and waiting that long is enough",
    severity="major",
    evidence="seed",
    cost="R",
    why="Documented: Retry-After in seconds.",
    fix="Set Retry-After to the seconds until the window ends, rounded up.",
)
def refusals_say_how_long(history: History) -> Iterator[Observation]:
    """Require that a 429 says how long to wait, and that this wait is enough.

    Applies to refused submissions, and to the request after the wait. Fails without Retry-After or
    a future Reset, on another 429, where refusals of one window name different times, and on one
    while nothing runs and the window has room left. Source: documented.
    """
    for each in history:
        if each.status != 429 or not each.submits:
            continue
        after = each.fields.get("retry-after", "")
        reset = parse_instant(each.fields.get("x-ratelimit-reset"))
        waitable = (after.isdigit() and int(after) > 0) or (reset is not None and reset > each.at)
        yield expect(waitable, "Retry-After, or a Reset ahead", dict(each.headers), each)
        yield from _check_retry_after(each, after)
    for each in history.with_role("after-wait"):
        if not is_place_taken(history, each):
            yield expect(each.status != 429, "no 429 after the stated wait", each.status, each)
    yield from compare_retry_times(history)
    yield from _check_slots(history)
    for each in history.with_role("free-slot"):
        wanted = "no 429 when what had a slot was refused, failed or completed"
        yield expect(each.status != 429, wanted, each.status, each)


def _check_slots(history: History) -> Iterator[Observation]:
    """Require no 429 with Remaining above 0 while nothing of the key is running.

    Where videos were not looked at, looks right after the 429 say that all of them have ended.
    """
    for each in history.with_operation(*SUBMISSIONS):
        numbers = parse_limit_headers(each)
        at_once = each.step is not None and each.step.together
        if each.status != 429 or at_once or numbers is None or not numbers[1]:
            continue
        idle = history.is_settled(each)
        if idle or (each.use == "unwatched-slot" and _had_all_ended(history, each)):
            wanted = f"a place, since nothing is running and {numbers[1]} are left in the window"
            yield fail(wanted, "429", each)


def _had_all_ended(history: History, refused: HttpExchange) -> bool:
    """Whether the first look after a 429, at once, shows each earlier video as ended.

    One that was begun in the meantime may run: two at the same time are the least of any service.
    """
    begun = 0
    for name, made in history.submitted.items():
        if made.number > refused.number or made.key != refused.key:
            continue
        if made.use == refused.use:
            begun += 1
            continue
        end = history.ended.get(name)
        looks = history.polls.get((made.key, name), [])
        first = next((each for each in looks if each.number > refused.number), end)
        if end is None or first is None or first.at - refused.at > _AT_ONCE:
            return False
        if first.object.get("status") not in TERMINAL:
            return False
    return begun <= 1


def _check_retry_after(each: HttpExchange, after: str) -> Iterator[Observation]:
    """Require whole seconds, no longer than until Reset or a window, where one is used up."""
    numbers = parse_limit_headers(each)
    if numbers is None or numbers[1] or each.use == "concurrent":
        return
    left = numbers[2] - find_time(each)
    if 0 <= left <= _MAX_RESET:  # GP607 reports any other Reset
        most = max(left, WINDOW) + RETRY_LEEWAY
        good = after.isascii() and after.isdigit() and int(after) <= most
        wanted = f"Retry-After in seconds, at most {most:.0f}: {left:.0f} are left until Reset"
        yield expect(good, wanted, after or "none", each)


@check(
    "GP605",
    "A 429 creates nothing and costs nothing",
    severity="blocker",
    evidence="common-sense",
    cost="R",
    why="Clients retry a 429 by design, so each retry would be charged.",
    fix="Check the limits before anything is created or held.",
)
def refusals_do_nothing(history: History) -> Iterator[Observation]:
    """Require that a 429 creates nothing and costs nothing.

    Applies to submissions over the limit. Fails on an id, an internal effect or a changed balance.
    Source: our choice.
    """
    for each in history:
        if each.status == 429 and each.submits:
            yield expect(
                not each.generation and not each.effects,
                "a 429 creates nothing",
                each.effects or each.generation,
                each,
            )
    for span in history.settled_intervals:
        sent = [each for each in span.between if each.submits]
        if sent and all(each.status == 429 for each in sent):
            yield expect_free(history, span, "a 429 costs nothing", *sent[:3])


@check(
    "GP606",
    "Limits are by workspace and by kind; reads are not limited",
    severity="major",
    evidence="documented",
    cost="R",
    why="Documented scope; one team must not stop another.",
    fix="Key the counters by workspace and operation kind, and count submissions only.",
)
def limits_are_scoped(history: History) -> Iterator[Observation]:
    """Require limits by workspace and kind, and unlimited reads.

    Applies to other keys, the other kind and reads while one limit is used up. Fails when one of
    them gets 429. A limit that an earlier plan had used up is left out. Source: documented.
    """
    for each in history.with_role("other-key"):
        if (each.key, _find_kind(each)) not in history.full:
            yield expect(each.status != 429, "no 429 for another workspace", each.status, each)
    for each in history.with_role("other-kind"):
        if (each.key, _find_kind(each)) not in history.full:
            yield expect(each.status != 429, "no 429 for the other kind's limit", each.status, each)
    for each in history.with_role("reads-at-limit"):
        yield expect(each.status != 429, "reads are not limited", each.status, each)


def _find_kind(exchange: HttpExchange) -> str:
    """Return whose rate limit applies to a request: `images` or `videos`."""
    return "".join(exchange.path.split("/")[2:3])
