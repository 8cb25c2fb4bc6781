"""GC411 to GC414: how long a client waits where the server says how long."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    VIDEO,
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
from getimg_mock.contract.clients.checks.own_requests import find_own_requests, measure_gaps
from getimg_mock.contract.clients.checks.retries import LIMIT
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from getimg_mock.contract.clients.cases.client_history import CallOutcome, ClientHistory
    from getimg_mock.contract.clients.cases.wire_script import WireAnswer
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultContext
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

_MOST_LATE: Final = 600.0
_MOST_HELD: Final = 5.0
"""How many seconds a call may take that has nothing to wait for: clients space their requests."""
_NOT_ALLOWED: Final = "not allowed"
_SHORTEST_WAIT: Final = 0.03
"""What the longest of three or more pauses reaches, also where they are random."""
_SPELLINGS: Final = ("retry-after", "RETRY-AFTER")
"""The case of a header's name has no meaning: HTTP/2 and proxies change it."""
_ODD_RESETS: Final = ("0", "1577836800", "soon", "-1", "1e400", "")
"""Resets that are long over, or none."""
_OVER: Final = (
    ("20", "0", "1577836800"),
    ("20", "0", 0.0),
    (None, None, "1577836800.5"),
    ("0", "-3", "0"),
)
"""Limit, remaining and reset of limits that are over: a text, seconds from now, or no header."""
_ODD_LIMITS: Final = (
    *_OVER,
    ("20", "0", None),
    ("20", None, "soon"),
    (None, "0", "9" * 25),
    ("20", "0", 1.2),
)
_ODD_WAITS: Final = (
    "-5",
    "soon",
    "NaN",
    "1000000000000",
    "Wed, 01 Jan 2020 00:00:00 GMT",
    "",
    "1e3",
    "inf",
)


def cases(_: Stream) -> Iterator[Case]:
    """Yield a case for each way to say how long to wait."""
    yield _build_rate_limit_case("wait-5", _ask_for("5", "retry-after"), patience=7, early=True)
    yield _build_rate_limit_case("wait-17", _ask_for(" 17 ", "retry-after"), patience=None)
    for place, text in enumerate(_ODD_RESETS):
        # Often enough that one pause is no accident of a client whose pauses are random.
        yield _build_rate_limit_case(
            f"odd-wait-reset-{place}", _ask_oddly(text), patience=None, times=4
        )
    yield from _build_other_cases()
    yield _build_spent_limit_case()
    yield _build_rate_limit_case(
        "odd-wait-limits", _ask_by_odd_limits, patience=4, times=len(_ODD_LIMITS)
    )
    for text, name in zip(("60", "61", "120", "900"), _SPELLINGS * 2, strict=True):
        yield _build_rate_limit_case(
            f"long-wait-{text}", _ask_for(text, name), patience=2, early=True
        )
    yield _build_rate_limit_case("date-wait-30", _ask_by_date, patience=2, early=True)
    yield _build_rate_limit_case("reset-wait-45", _ask_by_reset, patience=2, early=True)
    for place, text in enumerate(_ODD_WAITS):
        yield _build_rate_limit_case(f"odd-wait-{place}", _ask_for(text), patience=4, times=3)


def _build_other_cases() -> Iterator[Case]:
    """Yield the cases of reads that are limited, and of orders while the service is down."""
    reads = (models(), balance().instead_of("models"))
    for name, status, seconds, calls, on, patience in (
        ("reads", 429, 2, reads, ("models.list", "billing.balance"), 6.0),
        ("down", 503, 5, (image(), video()), ("images.generate", "videos.create"), None),
    ):
        act = fault_actions.refuse_with_wait(status, _ask_for(str(seconds)))
        rules = (
            FaultRule(on=each, do=act, label=f"{status}: {seconds} s", nth=(1,), must=place == 0)
            for place, each in enumerate(on)
        )
        yield Case(
            name=f"wait-{name}-{seconds}",
            calls=calls,
            rules=tuple(rules),
            limit=LIMIT,
            settings={"video_seconds": 1},
            patience=patience,
        )


def _build_spent_limit_case() -> Case:
    """Return the case of calls that need no order, or have got theirs, while none is left.

    The order that is refused comes last: a client may wait for the next window before it.
    """
    return Case(
        name="spent-limit",
        calls=(
            image(),
            download(),
            balance(),
            models(),
            ClientCall(op="submit_video", args=VIDEO).instead_of("generate_image"),
            video().instead_of("generate_image", "submit_video"),
            image(prompt=_NOT_ALLOWED),
        ),
        settings={"video_seconds": 1},
        limit=LIMIT,
        rules=(
            FaultRule(
                on="images.generate",
                do=_refuse_at_limit,
                label="422, no order left",
                when=lambda asked: _NOT_ALLOWED.encode() in asked.body,
                must=False,
            ),
            FaultRule(on="*", do=fault_actions.exhaust_limit, label="no further order"),
        ),
    )


def _refuse_at_limit(turn: FaultContext) -> WireAnswer:
    spent = fault_actions.list_spent_limit(turn)
    return build_error(422, "content_policy_violation", "The prompt failed our checks.", *spent)


def _ask_oddly(text: str) -> Callable[[FaultContext], tuple[tuple[str, str], ...]]:
    """Return headers by which a limit is reset at a moment that cannot be waited for."""
    return lambda _: (("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", text))


def _ask_by_odd_limits(turn: FaultContext) -> tuple[tuple[str, str], ...]:
    """Return the headers of the next odd limit for each call."""
    return build_limit_headers(turn, *_ODD_LIMITS[turn.adversary.call % len(_ODD_LIMITS)])


def build_limit_headers(
    turn: FaultContext, limit: str | None, remaining: str | None, reset: str | float | None
) -> tuple[tuple[str, str], ...]:
    """Return headers of a rate limit; a number of `reset` is one of seconds from now."""
    if isinstance(reset, float):
        at = turn.adversary.later(reset).timestamp()
        reset = f"{at:.3f}" if reset else str(int(at))
    named = {"Limit": limit, "Remaining": remaining, "Reset": reset}
    return tuple((f"X-RateLimit-{name}", text) for name, text in named.items() if text is not None)


def _ask_for(
    text: str, name: str = "Retry-After"
) -> Callable[[FaultContext], tuple[tuple[str, str], ...]]:
    return lambda _: ((name, text),)


def _ask_by_date(turn: FaultContext) -> tuple[tuple[str, str], ...]:
    return (("Retry-After", fault_actions.format_http_date(turn, 30)),)


def _ask_by_reset(turn: FaultContext) -> tuple[tuple[str, str], ...]:
    at = int(turn.adversary.later(45).timestamp()) + 1
    return (
        ("X-RateLimit-Limit", "20"),
        ("X-RateLimit-Remaining", "0"),
        ("X-RateLimit-Reset", str(at)),
    )


def _build_rate_limit_case(
    name: str,
    headers: Callable[[FaultContext], tuple[tuple[str, str], ...]],
    *,
    times: int = 1,
    **more: Any,
) -> Case:
    """Return a case of `times` calls in which every other request is limited."""
    nth = tuple(range(1, 2 * times, 2))
    rules = tuple(
        FaultRule(
            on=on, do=fault_actions.refuse_with_wait(429, headers), label=f"429 {name}", nth=nth
        )
        for on in ("images.generate", "videos.create")
    )
    calls = (*(image(),) * times, *(video().instead_of("generate_image"),) * times)
    return Case(
        name=name, calls=calls, rules=rules, limit=LIMIT, settings={"video_seconds": 1}, **more
    )


@client_check(
    "GC411",
    "Retry-After in seconds is honoured",
    severity="major",
    evidence="documented",
    why="The documentation names Retry-After for 429.",
    fix="Wait at least as long as Retry-After says.",
    cases=("wait-*", "shaky-429", "shaky-told", "shaky-real"),
)
@client_check(
    "GC412",
    "Retry-After as a date, or beyond a minute, is waited for or given up on",
    severity="major",
    evidence="standard",
    why="An early attempt uses up the next window as well.",
    fix="Parse both forms; raise when the wait is longer than your limit.",
    source="RFC 9110, section 10.2.3",
    cases=("long-wait-*", "date-wait-*"),
)
@client_check(
    "GC413",
    "X-RateLimit-Reset alone is waited for, or given up on, and delays nothing else",
    severity="major",
    evidence="documented",
    why="A 429 for concurrency has no Retry-After. A result that is there is paid, and reads and "
    "downloads take nothing from the limit.",
    fix="Use X-RateLimit-Reset after a 429 without Retry-After, or before a further order.",
    cases=("reset-wait-*", "spent-limit"),
)
def waits_as_asked(history: ClientHistory) -> Iterator[Observation]:
    """Demands that a submission is not sent again before the time that a 429 names.

    The case decides how it is named: as seconds, as a date, or by the rate limit's reset; reads get
    one too, and a 503 may name one. Fails on an earlier request, and on one that is ten minutes
    late. A client that gives up has to raise an error, and one that waits has to come back. A poll
    that gets a 429 is no exception. Where an answer says that no order is left, a result or refusal
    that has come has to be handed out all the same, and reads and downloads must not wait.
    """
    if history.case == "spent-limit":
        yield from _nothing_else_waits(history)
        return
    if history.case.startswith("shaky-"):
        yield from _polls_wait_as_asked(history)
        return
    asked = float(history.case.rpartition("-")[2])
    # A date has whole seconds: what is left of one may be gone. Else, clocks may be a little off.
    slack = 1.0 if history.case.startswith("date-") else 0.05
    for outcome in history.calls():
        sent = find_own_requests(history, outcome)
        sent = [each for each in sent if each.operation != "videos.retrieve"]
        for first, second in itertools.pairwise(sent):
            gap = second.elapsed - first.elapsed
            yield expect(
                gap >= asked - slack,
                f"no request within {asked:g} s",
                f"again after {gap:.2f} s",
                first,
                second,
            )
            yield expect(
                gap <= asked + _MOST_LATE,
                f"a request {asked:g} s later, or soon after",
                f"again after {gap:.0f} s",
                first,
                second,
            )
        if len(sent) == 1:
            # In real time, a call is ended sooner than a client may wait.
            waits = outcome.kind == "abandoned" and not history.virtual
            given_up = waits or outcome.clear
            yield expect(given_up, "to wait or to give up", outcome.shown, *sent)


def _nothing_else_waits(history: ClientHistory) -> Iterator[Observation]:
    """Judge how long each call took, and an order from its answer on: before it, it may wait."""
    for outcome in history.calls():
        sent = find_own_requests(history, outcome)
        orders = [each for each in sent if each.submits]
        if outcome.op in {"generate_image", "submit_video", "generate_video"} and not orders:
            continue
        since = sent[-1].elapsed if orders else outcome.began
        yield expect(
            outcome.ended - since <= _MOST_HELD,
            "an end at once: nothing is left to wait for",
            f"{outcome.shown} after {outcome.ended - since:.0f} s",
            *sent[-1:],
        )


def _polls_wait_as_asked(history: ClientHistory) -> Iterator[Observation]:
    """Judge the poll that follows one which was refused with Retry-After."""
    for first, second in itertools.pairwise(history.poll_requests):
        if first.status in {429, 503}:
            asked = float(first.fields["Retry-After"])
            gap = second.elapsed - first.elapsed
            yield expect(
                gap >= asked - 0.05, f"no poll within {asked:g} s", f"{gap:.2f} s", first, second
            )


@client_check(
    "GC414",
    "A malformed Retry-After neither crashes the client nor makes it spin",
    severity="major",
    evidence="choice",
    why="Proxies send malformed values.",
    fix="Treat a value that cannot be parsed as absent.",
    cases=("odd-wait-*",),
)
def odd_waits_do_no_harm(history: ClientHistory) -> Iterator[Observation]:
    """Demands a result or a clear error when Retry-After cannot be read as a time to wait.

    So it does for a reset of the rate limit that is none, or is over, and where headers of the
    limit are missing. Fails on another error, and when none of the pauses before a further
    attempt reaches 0.03 s.
    """
    outcomes = history.calls()
    over = len(_OVER) if history.case == "odd-wait-limits" else len(outcomes)
    for part in (outcomes[:over], outcomes[over:]):
        yield from _odd_waits_are_made(history, part)


def _odd_waits_are_made(
    history: ClientHistory, outcomes: list[CallOutcome]
) -> Iterator[Observation]:
    """Judge calls that were asked oddly to wait: random pauses may be short, but not all."""
    pauses, again = [], []
    for outcome in outcomes:
        sent = find_own_requests(history, outcome)
        if outcome.kind == "abandoned" and not history.virtual:
            yield expect(True, "", "")  # noqa: FBT003 - it waits longer than real time allows
            continue
        yield expect(
            outcome.kind == "value" or outcome.clear,
            "a result or a clear error",
            outcome.shown,
            *sent[:4],
        )
        tries = [each for each in sent if each.submits]
        pauses += measure_gaps(tries)
        again += tries[:2]
    yield expect(
        not pauses or max(pauses) >= _SHORTEST_WAIT,
        "a pause before the next try",
        f"at most {max(pauses, default=0):.3f} s",
        *again[:4],
    )
