"""GC415: how often a client tries again, and how its waits grow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    HOUR,
    IMAGE,
    NO_RETRIES,
    RANGE,
    Case,
    ClientCall,
    balance,
    download,
    image,
    models,
    video,
)
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.wire_script import build_error
from getimg_mock.contract.clients.checks.carried_over import judge_first_waits
from getimg_mock.contract.clients.checks.later_waits import (
    THRICE,
    build_thrice_case,
    judge_later_waits,
)
from getimg_mock.contract.clients.checks.own_requests import find_own_requests, measure_gaps
from getimg_mock.contract.clients.checks.retries import LIMIT, READS
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect, warn_unless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import (
        CallOutcome,
        ClientExchange,
        ClientHistory,
    )
    from getimg_mock.contract.clients.cases.wire_script import WireAnswer
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultContext
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

_SERIES: Final = 12
"""How many calls fail one after another: enough to see how waits grow in spite of jitter."""
_LONGEST_WAIT: Final = 300.0
_LONGEST_CALL: Final = 1800.0
_MAX_TRIES: Final = 12
_SHORTEST_WAIT: Final = 0.02
"""What the longest of several waits before a further try reaches at least, in seconds."""
_VIDEO: Final = "req-GREASE0000003"
_COUNTS: Final = {"no-retries": 0, "one-retry": 1, "five-retries": 5, "twelve-retries": 12}
_LONGEST_END: Final = 1.0
"""How long a call may go on after the answer to its last attempt, in seconds."""


_MOST_LIMITED: Final = 100
"""How often a call may be tried whose number of retries cannot be set."""
_READS_APART: Final = tuple(f"get-{call.op}" for _, call in READS)
"""The cases of calls that each fail once, one after another."""
_LONG_FIRST: Final = 4.0
"""The shortest first wait, in seconds, that may show a state of earlier calls."""


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases."""
    yield from _build_limited_cases()
    down = fault_actions.answer_instead(fault_actions.UNAVAILABLE)
    rules = tuple(
        FaultRule(on=on, do=down, label="503 for ever") for on in ("models.list", "billing.balance")
    )
    calls = (models(), balance().instead_of("models"))
    yield Case(
        name="down",
        calls=tuple(call for call in calls for _ in range(_SERIES)),
        rules=rules,
        limit=4 * LIMIT,
        patience=None,
    )
    for name, count in _COUNTS.items():
        yield Case(
            name=f"down-{name}",
            calls=calls,
            rules=rules,
            limit=LIMIT,
            options={"max_retries": count},
            needs=("max_retries", "retries") if count else ("max_retries",),
            patience=8 if count < 2 else None,
            early=count == 0,
        )
    yield from _build_single_tries()
    yield build_thrice_case()


def _build_single_tries() -> Iterator[Case]:
    """Yield the cases in which a client that is not to try again meets each kind of failure.

    Each operation has a case of its own: who tries again in one may do so for most of a minute.
    """
    down, busy = (
        fault_actions.answer_instead(fault_actions.UNAVAILABLE),
        fault_actions.answer_instead(build_error(429, "rate_limit", "Too many requests.")),
    )
    for name, on, call, act in (
        ("balance", "billing.balance", balance(), down),
        ("costs", "billing.costs", ClientCall(op="costs", args=RANGE), down),
        ("model", "models.retrieve", ClientCall(op="model", args={"id": IMAGE["model"]}), down),
        ("look", "videos.retrieve", ClientCall(op="retrieve_video", args={"id": _VIDEO}), down),
        ("file", "downloads.retrieve", download(), down),
        ("limited", "models.list", models(), busy),
    ):
        yield Case(
            name=f"down-once-{name}",
            calls=(image(), call) if name == "file" else (call,),
            rules=(FaultRule(on=on, do=act, label=f"down: {name}", must=False),),
            limit=LIMIT,
            options=NO_RETRIES,
            needs=("max_retries",),
            patience=8,
            early=True,
        )


def _build_limited_cases() -> Iterator[Case]:
    """Yield the cases of limits without an end, and that of failures with good calls in between."""
    limited = fault_actions.refuse_with_wait(429, lambda _: (("Retry-After", "1"),))
    yield Case(
        name="limited-always",
        calls=(image(), models(), balance(), video().instead_of("generate_image")),
        rules=(FaultRule(on="*", do=limited, label="429 for ever"),),
        options={"max_retries": 3},
        limit=LIMIT,
        patience=None,
    )
    yield Case(
        name="limited-always-real",
        calls=(image(), video().instead_of("generate_image")),
        rules=(FaultRule(on="*", do=limited, label="429 for ever"),),
        options={"max_retries": 1},
        needs=("max_retries",),
        limit=LIMIT,
        patience=6,
    )
    yield _build_case_of_calls_between()


def _build_case_of_calls_between() -> Case:
    """Return the case of failures with good calls in between, and one more an hour later."""
    calls = (models(), balance().instead_of("models"))
    often = tuple(call for call in calls for _ in range(_SERIES))
    later = tuple(each for call in calls for each in (replace(call, after=HOUR), *(call,) * 3))

    def fail_now_and_then(turn: FaultContext) -> WireAnswer:
        place = turn.adversary.call
        # An hour later, three calls go well, after which nothing is left of what was before.
        fails = place % 2 == 0 if place < len(often) else (place - len(often)) % 4 == 3
        return fault_actions.UNAVAILABLE if fails else turn.proceed()

    rules = (
        FaultRule(on=on, do=fail_now_and_then, label="503 now and then", must=False)
        for on in ("models.list", "billing.balance")
    )
    return Case(
        name="well-between",
        calls=(*often, *later),
        rules=tuple(rules),
        options={"max_retries": 3},
        limit=4 * LIMIT,
        patience=None,
    )


@client_check(
    "GC415",
    "Back-off grows, has jitter and a cap; tries are bounded and can be turned off",
    severity="major",
    evidence="documented",
    why="The documentation asks to retry 5xx with back-off.",
    fix="Use exponential back-off with full jitter, a maximum wait and a maximum number of tries.",
    cases=(
        "down",
        "down-*",
        "errors-retried",
        "ordered-500-*",
        "limited-always*",
        "well-between",
        THRICE,
        *_READS_APART,
    ),
)
def back_off_is_sound(history: ClientHistory) -> Iterator[Observation]:
    """Demands that waits between attempts grow, differ between calls, and have a maximum.

    The server answers 503 throughout, 429 for ever, or 429 and 500 without a word on when to come
    back. Fails on more than a dozen attempts, on a wait or call without an end, on equal waits or
    none, and on later tries that follow at once in each call. Fails on a number of attempts that
    `max_retries` does not allow, orders included, on waits that begin as long as earlier ones have
    ended, although the service was well, and where an hour later nothing is tried again any more.
    To wait once more after the last attempt is a warning.
    """
    own = {
        "errors-retried": _waits_are_made,
        **dict.fromkeys(("limited-always", "limited-always-real"), _limits_end),
        "well-between": _waits_begin_anew,
        THRICE: judge_later_waits,
        **dict.fromkeys(_READS_APART, judge_first_waits),
    }
    if history.case in own:
        yield from own[history.case](history)
        return
    if history.case.startswith("ordered-500"):
        yield from _orders_are_tried_once(history)
        return
    if "max_retries" in history.options and history.case != "down":
        yield from _counts_are_kept(history, int(history.options["max_retries"]))
        return
    yield from _waits_are_sound(history)


def _waits_are_sound(history: ClientHistory) -> Iterator[Observation]:
    """Judge calls that fail throughout, one after another."""
    series: list[list[float]] = []
    for outcome in history.calls():
        sent = find_own_requests(history, outcome)
        series.append(measure_gaps(sent))
        yield from _tries_are_bounded(outcome, sent)
    yield from _waits_grow_and_differ(series)


def _limits_end(history: ClientHistory) -> Iterator[Observation]:
    """Judge calls that are limited again and again, each time for a second."""
    most = int(history.options.get("max_retries", _MOST_LIMITED - 1)) + 1
    for outcome in history.calls():
        sent = find_own_requests(history, outcome)
        yield expect(
            outcome.kind == "error" and len(sent) <= most,
            f"an error after {most} tries at most",
            f"{outcome.kind}, {len(sent)} tries",
            *sent[:3],
        )


def _waits_begin_anew(history: ClientHistory) -> Iterator[Observation]:
    """Judge the first wait of each call that fails: in between, all was well.

    The last one fails much later: how often it is tried does not depend on earlier failures.
    """
    for op in ("models", "balance"):
        failed = [each for each in history.calls(op) if each.kind == "error"]
        tries = [find_own_requests(history, each) for each in failed]
        if len(tries) > 1 and len(tries[0]) > 1:
            yield expect(
                len(tries[-1]) > 1,
                "further tries, as in the first call that failed",
                f"{len(tries[-1])}, an hour after {len(tries) - 1} calls that failed",
                *tries[-1],
            )
    gaps = [measure_gaps(find_own_requests(history, each)) for each in history.calls()]
    first = [each[0] for each in gaps if each]
    if len(first) > 2:
        yield expect(
            min(first[1:]) < max(_LONG_FIRST, 4 * first[0]),
            "a first wait as short as that of an earlier call",
            f"{_format_gaps(first)} in {len(first)} calls",
            *history.requests[:2],
        )


def _waits_are_made(history: ClientHistory) -> Iterator[Observation]:
    """Judge the waits after 429 and after 500: jitter may make one short, and not all."""
    gaps: dict[int, list[float]] = {}
    for outcome in history.calls():
        sent = find_own_requests(history, outcome)
        if sent:
            gaps.setdefault(sent[0].status, []).extend(measure_gaps(sent))
    for status, found in gaps.items():
        yield expect(
            not found or max(found) >= _SHORTEST_WAIT,
            f"waits before further tries after {status}",
            _format_gaps(found),
            *history.requests[:2],
        )


def _orders_are_tried_once(history: ClientHistory) -> Iterator[Observation]:
    """Judge orders that are refused with 500 where retries are off."""
    if history.options.get("max_retries") != 0:
        return
    for outcome in history.calls("generate_image", "generate_video"):
        sent = [each for each in history.during(outcome) if each.submits]
        yield expect(len(sent) <= 1, "one order with max_retries=0", f"{len(sent)}", *sent[:3])


def _tries_are_bounded(outcome: CallOutcome, sent: list[ClientExchange]) -> Iterator[Observation]:
    yield expect(
        outcome.kind == "error" and len(sent) <= _MAX_TRIES,
        "at most a dozen tries, then an error",
        f"{outcome.kind}, {len(sent)} tries",
        *sent[:4],
    )
    yield expect(
        outcome.seconds <= _LONGEST_CALL,
        f"an error within {_LONGEST_CALL:g} s",
        f"{outcome.seconds:.0f} s",
        *sent[:2],
        *sent[-1:],
    )
    yield _waits_have_a_cap(sent)
    yield _ends_at_once(outcome, sent)


def _ends_at_once(outcome: CallOutcome, sent: list[ClientExchange]) -> Observation:
    """Judge the end of a call: a wait after the last attempt is for nothing."""
    more = outcome.ended - sent[-1].elapsed if sent else 0.0
    return warn_unless(
        more <= _LONGEST_END, "an error after the last attempt", f"{more:.1f} s later", *sent[-1:]
    )


def _waits_have_a_cap(sent: list[ClientExchange]) -> Observation:
    gaps = measure_gaps(sent)
    longest = max(gaps, default=0)
    return expect(
        longest <= _LONGEST_WAIT,
        f"waits of {_LONGEST_WAIT:g} s at most",
        f"{longest:.0f} s: {_format_gaps(gaps)}",
        *sent[:4],
    )


def _waits_grow_and_differ(series: list[list[float]]) -> Iterator[Observation]:
    yield from _waits_grow([each for each in series if len(each) >= 2])
    yield from _waits_differ(series)


def _waits_grow(series: list[list[float]]) -> Iterator[Observation]:
    """Compare the longest waits: with full jitter, a single later wait may be shorter."""
    if series:
        first, last = max(each[0] for each in series), max(each[-1] for each in series)
        yield expect(
            last > 1.1 * first,
            "waits that grow",
            f"in {len(series)} calls at most {first:.1f} s at first and {last:.1f} s at the end",
        )


def _waits_differ(series: list[list[float]]) -> Iterator[Observation]:
    if len(series) > 1 and series[0]:
        rounded = [[round(gap, 3) for gap in each] for each in series]
        yield expect(
            any(each != rounded[0] for each in rounded),
            "waits with jitter",
            f"the same every time: {_format_gaps(series[0])}",
        )


def _counts_are_kept(history: ClientHistory, count: int) -> Iterator[Observation]:
    for outcome in history.calls():
        sent = find_own_requests(history, outcome)
        right = (min(count, 1) < len(sent) <= count + 1) or not (sent or count)
        few = "one request" if count == 0 else f"2 to {count + 1} requests"
        yield expect(right, f"{few} with max_retries={count}", f"{len(sent)}", *sent[:4])
        yield _waits_have_a_cap(sent)


def _format_gaps(gaps: list[float]) -> str:
    return " ".join(f"{gap:.1f}" for gap in gaps[:8]) + " s"
