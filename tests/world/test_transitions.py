"""Transitions: how a generation gets from pending to its end, and who has the say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from statistics import mean, median, stdev
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getimg_mock.errors import GetimgMockError, Refusal, SettingsError, UnknownNameError
from getimg_mock.setting_values import MAX_SECONDS, Span
from getimg_mock.world.randomness import Stream
from getimg_mock.world.transitions import (
    FAILURES,
    MAX_RULES,
    OPEN,
    Failure,
    TransitionRule,
    Transitions,
    draw_seconds,
)
from tests.world.worlds import START, image, made, video, workspace

TIMED_OUT = "Upstream provider request timed out."


def test_a_video_ends_after_its_time() -> None:
    """To the microsecond, and not before."""
    world = workspace()
    one = made(world, {"seconds": 600})
    world.clock.advance_to(START + timedelta(seconds=600, microseconds=-1))
    assert world.find_state(one.id).status == "pending"
    world.clock.advance_to(START + timedelta(seconds=600))
    assert world.find_state(one.id).status == "completed"


def test_a_video_of_no_time_ends_at_once() -> None:
    """It is submitted as pending all the same, and charged when it is looked at."""
    world = workspace()
    one = made(world, {"seconds": 0})
    assert world.poll(one.id).status == "completed"
    assert world.ledger.charged == one.product.total_cost


def test_a_video_ends_at_its_last_poll() -> None:
    """Neither before nor by time; looking at it in another way is no poll."""
    world = workspace()
    one = made(world, {"polls": 3})
    world.advance(10**6)
    assert [world.poll(one.id).status for _ in range(2)] == ["pending"] * 2
    assert world.find_state(one.id).status == "pending"
    ended = world.poll(one.id)
    assert ended.status == "completed"
    assert ended.generation.ending is not None
    assert ended.generation.ending.at == world.clock.now()


@pytest.mark.parametrize(("wait", "polls", "status"), [(99, 2, "completed"), (100, 1, "completed")])
def test_with_both_whichever_comes_first_ends_it(wait: int, polls: int, status: str) -> None:
    """Time and polls do not cannot be combined."""
    world = workspace()
    one = made(world, {"polls": 2, "seconds": 100})
    world.advance(wait)
    assert [world.poll(one.id).status for _ in range(polls)][-1] == status


def test_a_video_on_hold_ends_only_by_hand() -> None:
    """Stuck for ever, as long as nobody helps."""
    world = workspace()
    one = made(world, {"hold": True})
    world.advance(10**8)
    for _ in range(10):
        assert world.poll(one.id).status == "pending"
    world.complete(one.id)
    assert world.poll(one.id).status == "completed"


def test_hold_stops_one_that_was_on_its_way() -> None:
    """Its time and its polls no longer count."""
    world = workspace()
    timed, polled = made(world, {"seconds": 10}), made(world, {"polls": 1}, prompt="b")
    world.hold(timed.id)
    world.hold(polled.id)
    world.advance(10**6)
    assert {world.poll(each.id).status for each in (timed, polled)} == {"pending"}
    assert world.ledger.held == timed.product.total_cost * 2


@pytest.mark.parametrize("code", FAILURES)
def test_a_documented_failure_goes_by_its_name(code: str) -> None:
    """Its message comes with it; the money comes back."""
    world = workspace()
    one = made(world, {"seconds": 1, "failed": code})
    world.advance(1)
    state = world.find_state(one.id)
    assert state.status == "failed"
    assert state.generation.ending is not None
    assert state.generation.ending.failure == Failure(code, FAILURES[code])
    assert world.ledger.charged == world.ledger.held == 0


def test_any_other_failure_needs_its_message() -> None:
    """A misspelt code would otherwise pass for one of getimg.ai's own."""
    with pytest.raises(UnknownNameError, match=r"Did you mean 'server_error'\?"):
        TransitionRule.of({"failed": "server_eror"})
    rule = TransitionRule.of({"failed": "out_of_cheese", "message": "Redo from start."})
    assert rule.failure == Failure("out_of_cheese", "Redo from start.")


def test_failed_true_is_the_documented_failure() -> None:
    """The one code that the documentation shows, with its words."""
    assert TransitionRule.of({"failed": True}).failure == Failure("server_error", TIMED_OUT)
    assert TransitionRule.of({"failed": False}) == OPEN


@pytest.mark.parametrize("call", ["complete", "hold", "fail"])
@pytest.mark.parametrize("ended", ["completed", "failed"])
def test_an_ending_is_final(call: str, ended: str) -> None:
    """Documented: both ends are terminal; a try to change one says so and changes nothing."""
    world = workspace()
    one = made(world, {"seconds": 1} | ({"failed": True} if ended == "failed" else {}))
    world.advance(1)
    before = (world.find_state(one.id), world.ledger.charged, world.ledger.held)
    arguments = (Failure.from_code("server_error"),) if call == "fail" else ()
    with pytest.raises(GetimgMockError, match=f"is {ended} already"):
        getattr(world, call)(one.id, *arguments)
    assert (world.find_state(one.id), world.ledger.charged, world.ledger.held) == before


# Precedence -------------------------------------------------------------------------------------

# The levels, the strongest first. Each is told to say how a video ends, by a message of its own.
LEVELS = ("next", "request", "magic", "scenario", "model", "workspace", "settings")


def ended_by(levels: set[str], **said: Any) -> Any:
    """Return the generation made when these levels each say something of their own."""
    index = {level: number for number, level in enumerate(LEVELS)}

    def rule(level: str) -> dict[str, Any]:
        given = {"failed": level, "message": level, "seconds": 1000 + index[level]}
        return {name: given[name] for name in said.get(level, given) if name in given}

    world = workspace(
        video_seconds=1000 + index["settings"], fail_rate=1 if "settings" in levels else 0
    )
    if "workspace" in levels:
        world.transitions.set(TransitionRule.of(rule("workspace")))
    if "model" in levels:
        world.transitions.set(TransitionRule.of(rule("model")), model="seedance-*")
    if "next" in levels:
        world.transitions.next(TransitionRule.of(rule("next")))
    # What reaches `submit` is merged from header, prompt and scenarios: tests/api/test_precedence.
    return made(world, *[rule(each) for each in ("request", "magic", "scenario") if each in levels])


@pytest.mark.parametrize(("stronger", "weaker"), list(pairwise(LEVELS)))
def test_each_level_wins_over_the_next(stronger: str, weaker: str) -> None:
    """The one documented order of precedence."""
    one = ended_by({stronger, weaker})
    assert one.transition.failure is not None
    assert one.transition.failure.code == stronger
    assert one.transition.seconds == 1000 + LEVELS.index(stronger)


@given(st.sets(st.sampled_from(LEVELS), min_size=1))
def test_the_strongest_of_any_levels_wins(levels: set[str]) -> None:
    """Not only of two neighbours."""
    strongest = min(levels, key=LEVELS.index)
    one = ended_by(levels)
    code = "server_error" if strongest == "settings" else strongest
    assert one.transition.failure is not None
    assert one.transition.failure.code == code
    assert one.transition.seconds == 1000 + LEVELS.index(strongest)


@given(st.permutations(LEVELS[:-1]), st.integers(1, 5))
def test_when_and_how_are_filled_in_each_by_itself(levels: list[str], split: int) -> None:
    """A level that says only when leaves how to those below, and the other way round."""
    said = {
        level: ("seconds",) if at < split else ("failed", "message")
        for at, level in enumerate(levels)
    }
    one = ended_by(set(levels), **said)
    assert one.transition.failure is not None
    assert one.transition.failure.code == min(levels[split:], key=LEVELS.index)
    assert one.transition.seconds == 1000 + min(map(LEVELS.index, levels[:split]))


def test_by_hand_wins_over_everything() -> None:
    """Even over what was asked for this one generation."""
    world = workspace()
    world.transitions.next(TransitionRule.of({"hold": True, "failed": True}))
    one = made(world, {"seconds": 600})
    world.complete(one.id)
    assert world.find_state(one.id).status == "completed"


def test_the_next_generation_is_the_next_alone() -> None:
    """Several of them are used in the order in which they were said; the rest is as before."""
    world = workspace(video_seconds=30)
    for seconds in (1, 2):
        world.transitions.next(TransitionRule.of({"seconds": seconds}))
    times = [made(world, prompt=prompt).transition.seconds for prompt in "abc"]
    assert times == [1, 2, 30]


def test_a_refused_request_uses_up_no_rule_for_the_next() -> None:
    """It was no generation."""
    world = workspace(balance="0.1")
    world.transitions.next(TransitionRule.of({"seconds": 1}))
    with pytest.raises(Refusal, match="Insufficient balance"):
        made(world, model="seedance-v1-5-pro", duration=12, resolution="1080p", sound=True)
    assert len(world.transitions.upcoming) == 1


def test_of_two_rules_that_fit_a_model_the_one_set_last_wins() -> None:
    """Also when one of them was there before and is set anew."""
    world = workspace()
    for model, seconds in (("seedance-*", 1), ("*-pro", 2), ("seedance-*", 3), ("veo-*", 4)):
        world.transitions.set(TransitionRule.of({"seconds": seconds}), model=model)
    assert made(world).transition.seconds == 3
    world.transitions.clear()
    world.transitions.set(TransitionRule.of({"seconds": 5}))
    assert made(world).transition.seconds == 5


# Images -----------------------------------------------------------------------------------------


def test_an_image_takes_the_time_that_is_said() -> None:
    """Latency by settings, or by any rule."""
    world = workspace(image_seconds=30)
    assert world.submit(image()).transition.seconds == 30
    world.transitions.set(TransitionRule.of({"seconds": 5}), model="seedream-*")
    assert world.submit(image()).transition.seconds == 5


def test_an_image_is_not_polled_so_polls_do_not_end_it() -> None:
    """A rule that was meant for videos must not leave a picture waiting for ever."""
    world = workspace(image_seconds=7)
    world.transitions.set(TransitionRule.of({"polls": 3}))
    one = world.submit(image())
    assert (one.transition.seconds, one.transition.polls) == (7, None)
    assert world.submit(video()).transition.polls == 3


def test_an_image_fails_as_it_is_told() -> None:
    """422 moderation and 500 after the work: nothing is charged."""
    world = workspace()
    failed = TransitionRule.of({"failed": "content_policy_violation"})
    one = world.submit(image(), [failed])
    assert world.find_state(one.id).status == "failed"
    assert world.ledger.available == world.ledger.credited


# Distributions ----------------------------------------------------------------------------------


RECORDED = "quantiles(p0=20, p50=25, p90=40, p100=60)"


@pytest.mark.parametrize(
    "span",
    ["30", "20..60", "normal(40, 10)", "exponential(40)", "lognormal(28, 35)", RECORDED],
)
def test_a_time_is_drawn_by_seed(span: str) -> None:
    """The same for ever, another for another request, and never below zero."""
    seconds = [draw_seconds(Span.parse(span), Stream("seed", number)) for number in range(2000)]
    assert seconds == [
        draw_seconds(Span.parse(span), Stream("seed", number)) for number in range(2000)
    ]
    assert min(seconds) >= 0
    assert len(set(seconds)) == (1 if span == "30" else 2000)


def test_times_are_distributed_as_they_say() -> None:
    """Roughly: two thousand draws are enough to tell the shapes apart."""

    def draws(span: str) -> list[float]:
        return [draw_seconds(Span.parse(span), Stream("shape", number)) for number in range(2000)]

    even, bell, tail = draws("20..60"), draws("normal(40, 10)"), draws("exponential(40)")
    assert (min(even) >= 20, max(even) <= 60) == (True, True)
    assert mean(even) == pytest.approx(40, abs=1)
    assert mean(bell) == pytest.approx(40, abs=1)
    assert stdev(bell) == pytest.approx(10, abs=1)
    assert mean(tail) == pytest.approx(40, abs=3)
    assert median(tail) == pytest.approx(27.7, abs=3)
    latency, recorded = draws("lognormal(28, 56)"), draws(RECORDED)
    assert median(latency) == pytest.approx(28, abs=1)
    assert sum(each > 56 for each in latency) == pytest.approx(20, abs=12)
    assert (min(recorded) >= 20, max(recorded) <= 60) == (True, True)
    assert median(recorded) == pytest.approx(25, abs=1)
    assert sum(each > 40 for each in recorded) == pytest.approx(200, abs=50)


@pytest.mark.parametrize(
    "span",
    [
        Span(5, 0, "normal"),
        Span(7, 7, "lognormal"),
        Span(1e-300, MAX_SECONDS, "lognormal"),
        Span(MAX_SECONDS, MAX_SECONDS, "exponential"),
        Span.from_quantiles([(50, 3)]),
    ],
)
def test_every_time_that_can_be_written_can_be_drawn(span: Span) -> None:
    """No distribution gives a time outside the calendar, nor an error, at its ends either."""
    for number in range(200):
        assert 0 <= draw_seconds(span, Stream("ends", number)) <= MAX_SECONDS


def test_a_share_of_the_generations_fails() -> None:
    """Drawn by request, so that the same ones fail again."""

    def failed() -> list[bool]:
        world = workspace()
        world.transitions.set(TransitionRule.of({"fail_rate": 0.3}))
        return [made(world, prompt=f"{n}").transition.failure is not None for n in range(500)]

    first = failed()
    assert first == failed()
    assert 100 < sum(first) < 200


# Reading ----------------------------------------------------------------------------------------

codes = st.sampled_from(sorted(FAILURES)) | st.text(min_size=1)
rules = st.builds(
    TransitionRule,
    seconds=st.none() | st.builds(Span.parse, st.integers(0, 10**6) | st.floats(0, 10**6)),
    polls=st.none() | st.integers(1, 10**6),
    hold=st.booleans(),
    failure=st.none() | st.builds(Failure, codes, st.text()),
    fail_rate=st.none() | st.floats(0, 1),
).map(lambda rule: replace(rule, completed=rule.failure is None and bool(rule.polls)))


@given(rules)
def test_a_rule_can_be_written_and_read_again(rule: TransitionRule) -> None:
    """Snapshots and control answers lose nothing."""
    assert TransitionRule.of(rule.as_json()) == rule


@pytest.mark.slow
@given(rules, st.dictionaries(st.text(min_size=1), rules), st.lists(rules))
def test_all_rules_of_a_workspace_can_be_written_and_read_again(
    rule: TransitionRule, models: dict[str, TransitionRule], upcoming: list[TransitionRule]
) -> None:
    """In their order, which decides."""
    transitions = Transitions(rule)
    for model, each in models.items():
        transitions.set(each, model=model)
    for each in upcoming:
        transitions.next(each)
    restored = Transitions.from_json(transitions.as_json())
    assert restored == transitions
    assert list(restored.models) == list(models)


@given(rules, rules, rules)
def test_filling_in_is_associative(
    strong: TransitionRule, middle: TransitionRule, weak: TransitionRule
) -> None:
    """It does not matter in which order the levels are merged."""
    assert strong.fill_from(middle).fill_from(weak) == strong.fill_from(middle.fill_from(weak))
    assert strong.fill_from(strong) == strong
    assert OPEN.fill_from(weak) == weak.fill_from(OPEN)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"second": 3}, "Did you mean 'seconds'?"),
        ({"seconds": "soon"}, "not a time in seconds"),
        ({"seconds": -1}, "not a time in seconds"),
        ({"seconds": True}, "not a time in seconds"),
        ({"seconds": "60..20"}, "use 20..60"),
        ({"polls": 0}, "not a whole number"),
        ({"polls": 1.5}, "not a whole number"),
        ({"polls": True}, "not a whole number"),
        ({"hold": "yes"}, "neither true nor false"),
        ({"fail_rate": 1.1}, "not a number from 0 to 1"),
        ({"fail_rate": True}, "not a number from 0 to 1"),
        ({"message": "Oh."}, "add failed"),
        ({"failed": True, "message": 3}, "not a string"),
        ({"failed": 5, "message": "Oh."}, "neither a code nor true"),
        ({"failed": True, "completed": True}, "cannot be combined"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused(values: dict[str, Any], said: str) -> None:
    """With what is wrong and what would work."""
    with pytest.raises(SettingsError) as caught:
        TransitionRule.of(values)
    assert said in str(caught.value)


def test_the_rules_of_a_workspace_are_bounded() -> None:
    """Those for models and those for the next generations; one model's can be replaced."""
    transitions = Transitions()
    rule = TransitionRule.of({"seconds": 3})
    for number in range(MAX_RULES):
        transitions.set(rule, model=f"model-{number}")
        transitions.next(rule)
    transitions.set(rule, model="model-0")
    with pytest.raises(SettingsError, match=r"at most 1,000 transition rules.*clear"):
        transitions.set(rule, model="another")
    with pytest.raises(SettingsError, match="at most 1,000 transition rules"):
        transitions.next(rule)
    values = transitions.as_json()
    values["next"] *= 2
    with pytest.raises(SettingsError, match="at most 1,000 transition rules"):
        Transitions.from_json(values)
