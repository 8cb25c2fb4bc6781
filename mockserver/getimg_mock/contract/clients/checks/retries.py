"""GC408 to GC415: what is tried again, when, and how often."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    RANGE,
    Case,
    ClientCall,
    balance,
    image,
    models,
    video,
)
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.wire_script import build_error, build_json_answer
from getimg_mock.contract.clients.checks.own_requests import find_own_requests
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect, fail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from getimg_mock.contract.clients.cases.client_history import ClientExchange, ClientHistory
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultContext
    from getimg_mock.contract.verdicts import Observation

HOURS: Final = 3 * 3600
KINDS: Final = (("image", "images.generate", image()), ("video", "videos.create", video()))

_NOT_DONE: Final = build_error(
    503, "server_error", "Down for a moment; nothing was done.", ("Retry-After", "2")
)
_FINAL_STATUSES: Final = (400, 401, 402, 403, 404, 413, 422)
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
READS: Final = (
    ("models.list", models()),
    ("billing.balance", balance()),
    ("models.retrieve", ClientCall(op="model", args={"id": "seedream-5-lite"})),
    ("billing.costs", ClientCall(op="costs", args=RANGE)),
    ("videos.retrieve", ClientCall(op="retrieve_video", args={"id": "req-GREASE0000002"})),
)
_PENDING: Final = build_json_answer(200, {"id": "req-GREASE0000002", "status": "pending"})
_TRANSIENT_FAILURES: Final = (
    (
        "502",
        fault_actions.answer_instead(
            fault_actions.build_text_answer(502, "text/html", fault_actions.HTML)
        ),
    ),
    (
        "503",
        fault_actions.answer_instead(
            fault_actions.build_text_answer(503, "text/html", fault_actions.HTML)
        ),
    ),
    (
        "504",
        fault_actions.answer_instead(
            fault_actions.build_text_answer(504, "text/html", fault_actions.HTML)
        ),
    ),
    ("reset", fault_actions.end_before_work("reset")),
)
_SERIES: Final = 12
"""How many calls fail one after another: chance does not hide in so many how waits grow."""
_LONGEST_WAIT: Final = 300.0
_LONGEST_CALL: Final = 1800.0
_MAX_TRIES: Final = 12


def cases() -> Iterator[Case]:
    """Yield the cases."""
    yield from _build_early_failure_cases()
    yield from _build_read_cases()
    yield from _build_refusal_cases()
    yield from _build_wait_cases()
    yield from _build_outage_cases()


def _build_early_failure_cases() -> Iterator[Case]:
    limited = fault_actions.refuse_with_wait(429, lambda _: (("Retry-After", "2"),))
    for kind, on, call in KINDS:
        for name, rule in (
            (
                "503",
                FaultRule(
                    on=on,
                    do=fault_actions.answer_instead(_NOT_DONE),
                    label="503, not done",
                    nth=(1,),
                ),
            ),
            ("429", FaultRule(on=on, do=limited, label="429", nth=(1,))),
            ("refused", FaultRule(on="connect", do="refused", label="refused", nth=(1,))),
        ):
            yield Case(
                name=f"early-{name}-{kind}",
                calls=(call,),
                rules=(rule,),
                limit=HOURS,
                settings={"video_seconds": 1},
                patience=None if name == "refused" else 12,
            )


def _build_read_cases() -> Iterator[Case]:
    """Yield a case for each read: every other request fails, so that who tries again is served."""
    for on, call in READS:
        rules = [
            FaultRule(
                on=on,
                do=act,
                label=label,
                nth=(2 * place + 1,),
                must=place == 0,
                legal=label == "reset",
            )
            for place, (label, act) in enumerate(_TRANSIENT_FAILURES)
        ]
        if call.op == "retrieve_video":  # the fake knows of no such video
            rules.append(
                FaultRule(
                    on=on,
                    do=fault_actions.answer_instead(_PENDING),
                    label="pending",
                    nth=(2, 4, 6, 8),
                    must=False,
                )
            )
        yield Case(
            name=f"get-{call.op}",
            calls=(call,) * len(_TRANSIENT_FAILURES),
            needs=("retries",),
            limit=HOURS,
            rules=tuple(rules),
        )


def _build_refusal_cases() -> Iterator[Case]:
    for status in _FINAL_STATUSES:
        refusal = fault_actions.answer_instead(build_error(status, "refused", "Refused."))
        yield Case(
            name=f"refusal-{status}",
            calls=(image(), models(), video()),
            limit=HOURS,
            rules=tuple(
                FaultRule(on=on, do=refusal, label=f"{status}")
                for on in ("images.generate", "models.list", "videos.create")
            ),
        )


def _build_rate_limit_case(
    name: str,
    headers: Callable[[FaultContext], tuple[tuple[str, str], ...]],
    *,
    times: int = 1,
    **more: Any,
) -> Case:
    """Return a case of so many calls: every other request is limited."""
    nth = tuple(range(1, 2 * times, 2))
    rules = tuple(
        FaultRule(
            on=on, do=fault_actions.refuse_with_wait(429, headers), label=f"429 {name}", nth=nth
        )
        for on in ("images.generate", "videos.create")
    )
    calls = (*(image(),) * times, *(video().instead_of("generate_image"),) * times)
    return Case(
        name=name, calls=calls, rules=rules, limit=HOURS, settings={"video_seconds": 1}, **more
    )


def _build_wait_cases() -> Iterator[Case]:
    def seconds(text: str) -> Callable[[FaultContext], tuple[tuple[str, str], ...]]:
        return lambda _: (("Retry-After", text),)

    yield _build_rate_limit_case("wait-5", seconds("5"), patience=7)
    yield _build_rate_limit_case("wait-17", seconds("17"))
    for text in ("60", "61", "120", "900"):
        yield _build_rate_limit_case(f"long-wait-{text}", seconds(text), patience=4)
    yield _build_rate_limit_case(
        "date-wait-30",
        lambda turn: (("Retry-After", fault_actions.format_http_date(turn, 30)),),
        patience=4,
    )

    def reset(turn: FaultContext) -> tuple[tuple[str, str], ...]:
        at = int(turn.adversary.later(45).timestamp()) + 1
        return (
            ("X-RateLimit-Limit", "20"),
            ("X-RateLimit-Remaining", "0"),
            ("X-RateLimit-Reset", str(at)),
        )

    yield _build_rate_limit_case("reset-wait-45", reset, patience=4)
    for place, text in enumerate(_ODD_WAITS):
        yield _build_rate_limit_case(f"odd-wait-{place}", seconds(text), patience=4, times=4)


def _build_outage_cases() -> Iterator[Case]:
    rules = tuple(
        FaultRule(
            on=on, do=fault_actions.answer_instead(fault_actions.UNAVAILABLE), label="503 for ever"
        )
        for on in ("models.list", "billing.balance")
    )
    calls = (models(), balance().instead_of("models"))
    yield Case(
        name="down",
        calls=tuple(call for call in calls for _ in range(_SERIES)),
        rules=rules,
        limit=4 * HOURS,
        patience=None,
    )
    for name, count in (("no-retries", 0), ("one-retry", 1), ("five-retries", 5)):
        yield Case(
            name=f"down-{name}",
            calls=calls,
            rules=rules,
            limit=HOURS,
            options={"max_retries": count},
            needs=("max_retries",),
            patience=8 if count < 2 else None,
        )


@client_check(
    "GC408",
    "Failures before any effect end in one generation or in a clear error",
    severity="major",
    evidence="documented",
    why="A refused connection, a 429 or a 503 with Retry-After is safe to try again.",
    fix="Retry what cannot have had an effect.",
    cases=("early-*",),
)
def early_failures_do_no_harm(history: ClientHistory) -> Iterator[Observation]:
    """GC408."""
    for outcome in history.calls():
        sent = history.during(outcome)
        paid = [each for each in sent if each.paid]
        again = len([each for each in sent if each.submits]) > 1
        if outcome.kind == "value":
            yield expect(len(paid) == 1, "one generation", f"{len(paid)}", *sent[:4])
        elif again:
            yield fail("a result: the second try was served", outcome.shown, *sent[:4])
        else:
            yield expect(outcome.clear, "a result, or a clear error", outcome.shown, *sent[:4])


@client_check(
    "GC409",
    "Reads are tried again after 502, 503, 504 and a reset",
    severity="major",
    evidence="standard",
    why="A read costs nothing; a passing failure should not reach the caller.",
    fix="Retry GETs a few times with back-off.",
    source="RFC 9110, section 9.2.2",
    cases=("get-*",),
)
def reads_are_retried(history: ClientHistory) -> Iterator[Observation]:
    """GC409."""
    for outcome in history.calls():
        yield expect(
            outcome.kind == "value",
            "the value: the next try was served",
            outcome.shown,
            *find_own_requests(history, outcome)[:4],
        )


@client_check(
    "GC410",
    "400, 401, 402, 403, 404, 413 and 422 are never tried again",
    severity="major",
    evidence="documented",
    why="The documentation calls them not retryable.",
    fix="Retry 429 and 5xx only, and only where it is safe.",
    cases=("refusal-*", "free-errors", "bad-key", "observed-refusals"),
    observable=True,
)
def refusals_are_final(history: ClientHistory) -> Iterator[Observation]:
    """GC410."""
    for outcome in history.calls():
        sent = find_own_requests(history, outcome)
        if sent:
            yield expect(
                len(sent) == 1,
                f"no second request after {sent[0].status}",
                f"{len(sent)} requests",
                *sent[:4],
            )


@client_check(
    "GC411",
    "Retry-After in seconds is honoured",
    severity="major",
    evidence="documented",
    why="Documented for 429.",
    fix="Wait at least that long.",
    cases=("wait-*",),
)
@client_check(
    "GC412",
    "Retry-After as a date, or beyond a minute, is waited for or given up on",
    severity="major",
    evidence="standard",
    why="Trying early burns the next window too.",
    fix="Read both forms; raise when it is longer than you will wait.",
    source="RFC 9110, section 10.2.3",
    cases=("long-wait-*", "date-wait-*"),
)
@client_check(
    "GC413",
    "With X-RateLimit-Reset alone, the client waits for it or gives up",
    severity="major",
    evidence="documented",
    why="A 429 for concurrency has no Retry-After.",
    fix="Fall back to the reset when there is no Retry-After.",
    cases=("reset-wait-*",),
)
def waits_as_asked(history: ClientHistory) -> Iterator[Observation]:
    """GC411, 412, 413: never again before the time that the server named."""
    asked = float(history.case.rpartition("-")[2])
    # A date has whole seconds: what is left of one may be gone. Else, clocks may be a little off.
    slack = 1.0 if history.case.startswith("date-") else 0.05
    for outcome in history.calls():
        sent = [each for each in history.during(outcome) if each.submits]
        for first, second in itertools.pairwise(sent):
            gap = second.elapsed - first.elapsed
            yield expect(
                gap >= asked - slack,
                f"no request within {asked:g} s",
                f"again after {gap:.2f} s",
                first,
                second,
            )
        if len(sent) == 1:
            given_up = outcome.kind in {"error", "abandoned"} and not outcome.raw
            yield expect(given_up, "to wait or to give up", outcome.shown, *sent)


@client_check(
    "GC414",
    "A malformed Retry-After neither crashes the client nor makes it spin",
    severity="major",
    evidence="choice",
    why="Proxies write all sorts of things there.",
    fix="Treat what you cannot read as absent.",
    cases=("odd-wait-*",),
)
def odd_waits_do_no_harm(history: ClientHistory) -> Iterator[Observation]:
    """GC414: of several pauses one at least is there to be seen, with full jitter too."""
    pauses, again = [], []
    for outcome in history.calls():
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
        pauses += _gaps(tries)
        again += tries[:2]
    yield expect(
        not pauses or max(pauses) >= 0.05,
        "a pause before the next try",
        f"at most {max(pauses, default=0):.3f} s",
        *again[:4],
    )


@client_check(
    "GC415",
    "Back-off grows, has jitter and a cap; tries are bounded and can be turned off",
    severity="major",
    evidence="documented",
    why="Documented: retry 5xx with back-off.",
    fix="Exponential back-off with full jitter and a maximum.",
    cases=("down", "down-*"),
)
def back_off_is_sound(history: ClientHistory) -> Iterator[Observation]:
    """GC415."""
    if "max_retries" in history.options and history.case != "down":
        yield from _counts_are_kept(history, int(history.options["max_retries"]))
        return
    series: list[list[float]] = []
    for outcome in history.calls():
        sent = find_own_requests(history, outcome)
        gaps = _gaps(sent)
        series.append(gaps)
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
        yield expect(
            max(gaps, default=0) <= _LONGEST_WAIT, "waits with a cap", _format_gaps(gaps), *sent[:4]
        )
    yield from _waits_grow([each for each in series if len(each) >= 2])
    if len(series) > 1 and series[0]:
        same = all(
            [round(gap, 3) for gap in each] == [round(gap, 3) for gap in series[0]]
            for each in series
        )
        yield expect(
            not same, "waits with jitter", f"the same every time: {_format_gaps(series[0])}"
        )


def _waits_grow(series: list[list[float]]) -> Iterator[Observation]:
    """Judge the bounds: with full jitter a later wait may be the shorter one, its bound is not."""
    if series:
        first, last = max(each[0] for each in series), max(each[-1] for each in series)
        yield expect(
            last > 1.1 * first,
            "waits that grow",
            f"in {len(series)} calls at most {first:.1f} s at first and {last:.1f} s at the end",
        )


def _counts_are_kept(history: ClientHistory, count: int) -> Iterator[Observation]:
    for outcome in history.calls():
        sent = find_own_requests(history, outcome)
        right = min(count, 1) < len(sent) <= count + 1
        few = "one request" if count == 0 else f"2 to {count + 1} requests"
        yield expect(right, f"{few} with max_retries={count}", f"{len(sent)}", *sent[:4])


def _format_gaps(gaps: list[float]) -> str:
    return " ".join(f"{gap:.1f}" for gap in gaps[:8]) + " s"


def _gaps(sent: list[ClientExchange]) -> list[float]:
    return [b.elapsed - a.elapsed for a, b in itertools.pairwise(sent)]
