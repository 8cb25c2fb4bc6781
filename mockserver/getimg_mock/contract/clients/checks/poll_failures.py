"""GC504, GC505 and GC507: polls that fail, or contradict an earlier one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import video
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.wire_script import build_error
from getimg_mock.contract.clients.checks.message_variants import VIDEO_ANSWER
from getimg_mock.contract.clients.checks.own_requests import names_generation
from getimg_mock.contract.clients.checks.poll_outages import (
    build_later_failure,
    judge_outages,
    then_fail,
)
from getimg_mock.contract.clients.checks.polling import (
    SLOW_VIDEO,
    WAIT_OPTIONS,
    build_later_slow_answers,
    build_real_wait_case,
    build_wait_case,
)
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.case_rules import Case
    from getimg_mock.contract.clients.cases.client_history import (
        ClientHistory,
    )
    from getimg_mock.contract.clients.cases.wire_script import WireAnswer
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultAction, FaultContext
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

_UNAVAILABLE: Final = fault_actions.answer_instead(
    build_error(503, "server_error", "Something went wrong on our end")
)
_SOON: Final = fault_actions.refuse_with_wait(503, lambda _: (("Retry-After", "2"),))
_AT_ONCE: Final = fault_actions.refuse_with_wait(503, lambda _: (("Retry-After", "0"),))
_BUSY: Final = fault_actions.answer_instead(
    build_error(429, "rate_limit", "Too many requests.", ("Retry-After", "12"))
)
_NOT_FOUND: Final = fault_actions.answer_instead(build_error(404, "not_found", "Not found."))
_PROXY_PAGE: Final = fault_actions.answer_instead(fault_actions.build_page(502))
_PENDING_AGAIN: Final = fault_actions.change_json(lambda v: {"id": v["id"], "status": "pending"})
_REGRESS: Final = (
    FaultRule(
        on="videos.create",
        label="completed at once",
        do=fault_actions.change_json(fault_actions.merge_fields({"status": "completed"})),
        legal=False,
    ),
    FaultRule(on="videos.retrieve", label="pending again", must=False, do=_PENDING_AGAIN),
)


_WITHOUT_MODELS: Final = "shaky-models"


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases."""
    for name, act in (
        ("503", _UNAVAILABLE),
        ("reset", fault_actions.end_before_work("reset")),
        ("429", _BUSY),
        ("html", _PROXY_PAGE),
    ):
        rule = _build_poll_rule(act, f"poll: {name}", nth=(2,), legal=name != "html")
        yield build_wait_case(f"shaky-{name}", settings=SLOW_VIDEO, rules=(rule,))
    yield from _build_odd_answer_cases()
    # The second video fails: what the client says of that must not be said of an outage.
    calls = (video(), video())
    for name, nth, act in (
        ("30", tuple(range(2, 5)), _UNAVAILABLE),
        ("reset", (), fault_actions.end_before_work("reset")),
    ):
        rule = _build_poll_rule(then_fail(act), f"polls fail: {name}", nth=nth)
        eager = _build_poll_rule(then_fail(_AT_ONCE), "polls fail, 0 s", nth=tuple(range(5, 10)))
        rules = (*([eager] if nth else []), rule, build_later_failure())
        yield build_wait_case(f"outage-{name}", settings=SLOW_VIDEO, calls=calls, rules=rules)
    missing = _build_poll_rule(_NOT_FOUND, "404", nth=(1, 2))
    yield build_wait_case("late-404", settings=SLOW_VIDEO, rules=(missing,))
    for_good = _build_poll_rule(_NOT_FOUND, "404", nth=tuple(range(1, 200)))
    lost = WAIT_OPTIONS | {"wait_timeout": 100}
    yield build_wait_case("late-404-for-good", options=lost, rules=(for_good,))
    regress = (build_later_slow_answers(_PENDING_AGAIN), *_REGRESS)
    soon = WAIT_OPTIONS | {"wait_timeout": 200}
    yield build_wait_case("regress", settings={"video_seconds": 3}, options=soon, rules=regress)
    yield from _build_real_cases()
    yield from (_build_incomplete_case(), _build_case_without_models())


def _build_case_without_models() -> Case:
    """Return the case in which nothing is answered of models: a video needs none of that."""
    rule = FaultRule(on="models.*", do=_UNAVAILABLE, label="503 of models", must=False)
    return build_wait_case(_WITHOUT_MODELS, settings={"video_seconds": 3}, rules=(rule,))


def _build_odd_answer_cases() -> Iterator[Case]:
    """Yield the cases of one poll whose answer is none, or cannot be read."""
    page = fault_actions.build_page(200)
    odd = fault_actions.change_json(lambda v: {"id": v["id"], "status": 7})
    told = fault_actions.refuse_with_wait(503, lambda _: (("Retry-After", "12"),))
    for name, act, legal in (
        ("page", fault_actions.answer_instead(page), False),
        ("mistyped", odd, False),
        ("cut", fault_actions.truncate, True),
        ("silent", fault_actions.end_before_work("hang"), True),
        ("told", told, True),
    ):
        # Two that are silent take so long that several more would have been due.
        nth = (2, 3) if name == "silent" else (2,)
        rule = _build_poll_rule(act, f"poll: {name}", nth=nth, legal=legal)
        options = WAIT_OPTIONS | {"timeout": 10}
        yield build_wait_case(f"shaky-{name}", settings=SLOW_VIDEO, options=options, rules=(rule,))


def _build_real_cases() -> Iterator[Case]:
    for name, act, label, nth in (
        ("shaky-real", _SOON, "503", 2),
        ("late-404-real", _NOT_FOUND, "404", 1),
    ):
        rule = _build_poll_rule(act, label, nth=(nth,))
        yield build_real_wait_case(name, patience=15, seconds=3, wait_timeout=10, rules=(rule,))
    down = _build_poll_rule(then_fail(_AT_ONCE), "polls fail", nth=(1, 2, 3, 4))
    rules = (down, build_later_failure())
    yield build_real_wait_case(
        "outage-real", patience=15, wait_timeout=8, seconds=3, rules=rules
    ).with_changes(calls=(video(), video()))
    yield build_real_wait_case(
        "regress-real",
        patience=12,
        seconds=1,
        wait_timeout=4,
        needs=("wait_timeout",),
        rules=_REGRESS,
    )


def _build_incomplete_case() -> Case:
    """Return the case of videos that are completed, and lack their file."""
    rule = _build_poll_rule(_take_the_file_away, "completed without a file", nth=(), legal=False)
    return build_real_wait_case(
        "shaky-incomplete",
        patience=12,
        seconds=0.5,
        wait_timeout=2,
        needs=("wait_timeout",),
        rules=(rule,),
    ).with_changes(calls=(video(),) * 3, options={"poll_interval": 0.5, "wait_timeout": 2})


def _take_the_file_away(turn: FaultContext) -> WireAnswer:
    """Answer that a video is completed, without its data, with no items, or without the link."""
    answer = turn.proceed()
    if answer.json is None or answer.status >= 300:
        return answer
    linkless = {name: each for name, each in VIDEO_ANSWER["data"][0].items() if name != "url"}
    less: dict[str, Any] = ({}, {"data": []}, {"data": [linkless]})[turn.adversary.call % 3]
    kept = {name: each for name, each in VIDEO_ANSWER.items() if name != "data"}
    return answer.with_json(kept | less | {"id": answer.json["id"]})


def _build_poll_rule(
    act: FaultAction, label: str, *, nth: tuple[int, ...], legal: bool = True
) -> FaultRule:
    return FaultRule(on="videos.retrieve", do=act, label=label, nth=nth, legal=legal)


@client_check(
    "GC504",
    "A failing poll does not lose the job",
    severity="blocker",
    evidence="choice",
    why="The job continues and is paid, whatever a single poll returns.",
    fix="Poll again, or raise an error with the id.",
    cases=("shaky-*", "outage-*", "refusal-of-polls-*"),
)
@client_check(
    "GC505",
    "A 404 right after submission is tolerated, or surfaced with the id",
    severity="minor",
    evidence="assumption",
    why="A read may reach a replica before the write does.",
    fix="Tolerate a 404 in the first seconds after the submission.",
    cases=("late-404*",),
)
def shaky_polls_lose_nothing(history: ClientHistory) -> Iterator[Observation]:
    """Demands the result, or an error that names the generation, when polls fail.

    The case decides how they fail: a status, a reset, HTML, a 404 at first, for half a minute, or
    for good; or the completed video lacks its file, or no models can be had. Fails on an error
    without the id of the paid generation, and where an outage is said to be the failure of the
    video: by the error that a failed video has, or as 404, which nobody has answered.
    """
    if history.case.startswith("outage-"):
        yield from judge_outages(history)
    for outcome in history.calls("generate_video"):
        sent = history.during(outcome)
        if history.case == _WITHOUT_MODELS and not any(each.submits for each in sent):
            continue  # one that looks before it orders has nothing to lose
        kept = outcome.kind == "value" or (outcome.clear and names_generation(outcome, sent))
        yield expect(
            kept,
            "the result, or an error that names the generation",
            outcome.shown,
            *sent[:1],
            *sent[-2:],
        )


@client_check(
    "GC507",
    "A generation that goes back to pending is reported, not polled for ever",
    severity="minor",
    evidence="assumption",
    why="By the documentation, completed and failed are final.",
    fix="Remember the last status; bound the wait.",
    cases=("regress*",),
)
def regress_does_not_loop(history: ClientHistory) -> Iterator[Observation]:
    """Demands an error when a completed generation is reported as pending again.

    Fails when the call returns a value, polls without an end, or raises an error such as KeyError.
    """
    for outcome in history.calls("generate_video"):
        sent = history.during(outcome)
        yield expect(
            outcome.kind == "error" and not outcome.raw,
            "an error: it was completed before",
            outcome.shown,
            *sent[:3],
        )
