"""What time brings about: in order, each once, however the clock gets there."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getimg_mock.errors import GetimgMockError
from getimg_mock.world.transitions import Failure
from tests.api.driver import START as API_START
from tests.api.driver import Driver
from tests.world.worlds import START, image, made, workspace

if TYPE_CHECKING:
    from getimg_mock.world.events import Event

SECOND = timedelta(seconds=1)


def told(events: Any) -> list[tuple[int, str]]:
    """Return events as seconds after the start with their kind."""
    return [(round((each.at - START).total_seconds()), each.kind) for each in events]


def test_an_advance_says_what_happened_in_order() -> None:
    """Endings, windows, links; the end of the advance is part of it, its beginning is not."""
    world = workspace(retention=100)
    made(world, {"seconds": 30})
    made(world, {"seconds": 20, "failed": True}, prompt="b")
    advance = world.advance(130)
    assert advance.now == START + 130 * SECOND
    assert told(advance.events) == [
        (20, "generation.failed"),
        (30, "generation.completed"),
        (60, "window.reset"),
        (130, "link.expired"),
    ]
    assert world.advance(0).events == ()
    assert told(world.advance(1000).events) == []


def test_an_advance_has_settled_when_it_returns() -> None:
    """Money and slots are as they are at the new time, without anybody looking."""
    world = workspace(concurrent=1)
    one = made(world, {"seconds": 30})
    world.advance(30)
    assert world.ledger.held == 0
    assert world.ledger.charged == one.product.total_cost
    assert not world.is_running(one.id)


def test_the_next_event_is_the_next() -> None:
    """One moment at a time; when nothing comes any more, nothing happens."""
    world = workspace(retention=100)
    made(world, {"seconds": 30})
    seen = []
    while (advance := world.advance_to_next_event()).events:
        seen += told(advance.events)
    assert seen == [
        (30, "generation.completed"),
        (60, "window.reset"),
        (130, "link.expired"),
    ]
    assert advance.now == world.clock.now() == START + 130 * SECOND


def test_events_of_one_moment_come_together() -> None:
    """In an order that does not depend on chance."""
    world = workspace()
    ids = {made(world, {"seconds": 30}, prompt=each).id for each in "abc"}
    advance = world.advance_to_next_event()
    assert [each.generation for each in advance.events] == sorted(ids)


def test_what_never_ends_brings_no_event() -> None:
    """Held ones, and those that wait for polls."""
    world = workspace()
    made(world, {"hold": True})
    made(world, {"polls": 2}, prompt="b")
    assert told(world.advance(10**6).events) == [(60, "window.reset")]


def test_an_ending_by_hand_is_an_event_of_its_moment() -> None:
    """Its link expires a retention later, at a whole second."""
    world = workspace(retention=100)
    one = made(world, {"hold": True})
    world.clock.advance_to(START + timedelta(seconds=70, milliseconds=500))
    world.complete(one.id)
    assert told(world.advance(1000).events) == [(171, "link.expired")]
    assert told(world.list_events(START + 61 * SECOND, START + 100 * SECOND)) == [
        (70, "generation.completed")
    ]


def test_run_until_stops_at_the_very_moment() -> None:
    """And stays where it is when the status is there already."""
    world = workspace()
    one = made(world, {"seconds": 31.5})
    assert world.run_until(one.id, "completed").now == START + timedelta(seconds=31.5)
    assert world.run_until(one.id, "completed").events == ()


@pytest.mark.parametrize(
    ("rule", "status", "said"),
    [
        ({"hold": True}, "completed", "complete.. or fail"),
        ({"polls": 2}, "completed", "polls"),
        ({"seconds": 5}, "failed", "will not be failed: it is completed at"),
        ({"seconds": 5, "failed": True}, "completed", "will not be completed"),
    ],
)
def test_run_until_says_why_it_would_run_for_ever(
    rule: dict[str, Any], status: Any, said: str
) -> None:
    """The clock stays where it is."""
    world = workspace()
    one = made(world, rule)
    with pytest.raises(GetimgMockError, match=said):
        world.run_until(one.id, status)
    assert world.clock.now() == START


@pytest.mark.parametrize("seconds", [-1, -1e-9, float("nan"), float("-inf")])
def test_time_never_goes_backwards(seconds: float) -> None:
    """It says so, and nothing changes."""
    world = workspace()
    with pytest.raises(GetimgMockError, match="cannot go backwards"):
        world.advance(seconds)
    with pytest.raises(GetimgMockError, match="cannot go backwards"):
        world.advance_to(START - SECOND)
    assert world.clock.now() == START


@pytest.mark.parametrize("seconds", [1e12, 1e300, float("inf")])
def test_time_has_an_end(seconds: float) -> None:
    """The calendar has: an error of ours, not of Python's."""
    with pytest.raises(GetimgMockError, match="cannot reach the year"):
        workspace().advance(seconds)


def test_images_have_events_too() -> None:
    """Those that take their time."""
    world = workspace(image_seconds=25, retention=100)
    world.submit(image())
    assert told(world.advance(200).events) == [
        (25, "generation.completed"),
        (60, "window.reset"),
        (125, "link.expired"),
    ]


def test_another_window_is_counted_anew() -> None:
    """The number of a window of another length means another moment."""
    world = workspace()
    made(world, {"hold": True})
    world.set_limits(world.limiter.limits.__class__(20, 20, 5, window=3600))
    assert told(world.advance(10**6).events) == [(3600, "window.reset")]
    assert world.compute_allowance("video").remaining == 20


# Two ways to the same time ---------------------------------------------------------------------

plans = st.lists(
    st.tuples(
        st.sampled_from(["video", "image", "broke"]),
        st.fixed_dictionaries(
            {},
            optional={
                "seconds": st.integers(0, 300) | st.just("20..90"),
                "polls": st.integers(1, 2),
                "failed": st.sampled_from([True, "content_policy_violation"]),
            },
        ),
    ),
    max_size=6,
)


def world_of(plan: list[tuple[str, dict[str, Any]]]) -> tuple[Driver, list[str]]:
    """Return a fake with the videos of a plan, and their ids."""
    api = Driver.of(retention=120, limits="realistic", rate_window=30)
    ids = []
    for number, (kind, rule) in enumerate(plan):
        said = " ".join(
            f"{'fail' if name == 'failed' else name}={value}"
            for name, value in rule.items()
            if value is not True
        )
        header = [("x-mock-behaviour", said)] if said else []
        if kind == "image":
            made_ = api.post("/v2/images/generations", {"model": "seedream-5-lite", "prompt": "x"})
        else:
            body = {"model": "seedance-v1-pro", "prompt": f"{number}", "duration": 5}
            made_ = api.post("/v2/videos/generations", body, headers=header)
        if made_.status == 202:
            ids.append(made_.json["id"])
    return api, ids


def everything(api: Driver, ids: list[str]) -> list[Any]:
    """Return what a client sees of it all, bytes and headers included."""
    day = "?start=2026-08-30T00:00:00Z&end=2026-09-30T00:00:00Z"
    replies = [api.poll(each) for each in ids]
    replies += [api.get("/v2/billing/balance"), api.get(f"/v2/billing/costs{day}"), api.image()]
    return [(reply.status, reply.headers, reply.body) for reply in replies]


@given(plans, st.lists(st.integers(0, 120_000), min_size=1, max_size=5))
def test_many_small_steps_are_one_large_one(
    plan: list[tuple[str, dict[str, Any]]], steps: list[int]
) -> None:
    """advance(a); advance(b) is advance(a + b): events, states, money, headers."""
    (one, ids), (other, same) = world_of(plan), world_of(plan)
    assert ids == same
    split = [one.workspace().advance(step / 1000).events for step in steps]
    whole = other.workspace().advance(sum(steps) / 1000)
    assert tuple(event for part in split for event in part) == whole.events
    assert one.workspace().clock.now() == whole.now
    assert list(one.workspace().ledger.entries) == list(other.workspace().ledger.entries)
    assert everything(one, ids) == everything(other, ids)


@given(plans)
def test_stepping_through_the_events_misses_none(plan: list[tuple[str, dict[str, Any]]]) -> None:
    """Event by event or at one go: the same events."""
    (one, _), (other, _) = world_of(plan), world_of(plan)
    stepped: list[Event] = []
    while (advance := one.workspace().advance_to_next_event()).events:
        stepped += advance.events
    assert tuple(stepped) == other.workspace().advance(10**6).events


def test_both_fakes_of_these_tests_begin_at_the_same_time() -> None:
    """Or comparing them would mean nothing."""
    assert API_START == START


def test_a_failure_by_hand_is_told_as_one() -> None:
    """At the moment at which somebody said so."""
    world = workspace()
    one = made(world, {"hold": True})
    world.advance(10)
    world.fail(one.id, Failure.from_code("server_error"))
    assert told(world.list_events(START, START + 20 * SECOND)) == [(10, "generation.failed")]
