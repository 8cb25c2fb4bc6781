"""Snapshots: a workspace as JSON and back, which then does what it would have done."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getimg_mock import schemas
from getimg_mock.errors import GetimgMockError, Refusal
from getimg_mock.settings import Settings
from getimg_mock.world.snapshots import restore_workspace, take_lazy_snapshot, take_snapshot
from getimg_mock.world.transitions import Failure, TransitionRule
from tests.world.worlds import KEY, START, facts, image, made, video, workspace

if TYPE_CHECKING:
    from getimg_mock.world.workspaces import Workspace

SETTINGS: dict[str, Any] = {"limits": "realistic", "retention": 200, "balance": "50"}


def through_json(world: Workspace, key: str = KEY) -> Workspace:
    """Return the workspace after a journey through JSON."""
    written = json.dumps(take_snapshot(world))
    return restore_workspace(key, json.loads(written), Settings.of(**SETTINGS))


def eventful() -> Workspace:
    """Return a workspace in which everything has happened that can."""
    world = workspace(**SETTINGS)
    world.transitions.set(TransitionRule.of({"seconds": "20..60"}))
    world.transitions.set(TransitionRule.of({"polls": 3}), model="seedance-v1-pro")
    world.scenarios.add({"error": "server_error", "probability": 0.5}, START)
    world.scenarios.add({"latency": 2, "every": 3}, START)
    world.scenarios.add({"oddity": "nulls", "first": 3}, START)
    world.scenarios.remove("rule-2")
    timed, polled = made(world), made(world, model="seedance-v1-pro")
    held, failing = made(world, {"hold": True}), made(world, {"seconds": 10, "failed": True})
    world.submit(image())
    world.advance(15)
    world.poll(polled.id)
    for number in range(5):
        world.scenarios.choose_behaviour(
            facts(now=world.clock.now(), identity=b"%d" % (number % 2))
        )
    world.hold(timed.id)
    world.complete(held.id)
    world.credit(Decimal("1.5"))
    world.transitions.next(TransitionRule.of({"failed": "content_policy_violation"}))
    assert world.find_state(failing.id).status == "failed"
    return world


def future(world: Workspace) -> list[Any]:
    """Return what a workspace does from now on, under everything that its state decides."""
    seen: list[Any] = [
        world.clock.now(),
        world.compute_balance(),
        world.compute_costs(),
        world.compute_allowance("video"),
    ]
    for number in range(4):
        treated = world.scenarios.choose_behaviour(
            facts(now=world.clock.now(), identity=b"%d" % number)
        )
        seen.append((treated[0], [rule.id for rule in treated[1]]))
        try:
            seen.append(world.submit(video(prompt=f"{number // 2}")))
        except Refusal as refusal:
            seen.append((refusal.code, refusal.retry_after))
        seen.append(world.advance(20))
    for generation_id in list(world.generations):
        seen += [
            world.poll(generation_id)
            for _ in range(3)
            if world.generations[generation_id].product.kind == "video"
        ]
    while (advance := world.advance_to_next_event()).events:
        seen.append(advance)
    return [*seen, world.compute_balance(), world.compute_costs(), list(world.ledger.entries)]


def test_a_restored_workspace_goes_on_as_if_nothing_had_been() -> None:
    """Clock, money, limits, generations, transitions, rules, draws: all of it."""
    world = eventful()
    assert future(through_json(world)) == future(world)


def test_a_snapshot_of_a_restored_workspace_is_the_same_snapshot() -> None:
    """Nothing is lost and nothing comes to it."""
    world = eventful()
    assert take_snapshot(through_json(world)) == take_snapshot(world)


def test_a_snapshot_is_a_value() -> None:
    """It does not change with the workspace that it was taken of."""
    world = eventful()
    taken = take_snapshot(world)
    before = deepcopy(taken)
    future(world)
    assert taken == before


def test_a_lazy_snapshot_is_that_of_its_moment() -> None:
    """Generations that end while it is read are in it as they were."""
    world = eventful()
    before = take_snapshot(world)
    lazy = take_lazy_snapshot(world)
    future(world)
    assert lazy | {"generations": list(lazy["generations"])} == before


def test_a_snapshot_can_be_restored_more_than_once() -> None:
    """The restored ones know nothing of each other."""
    taken = take_snapshot(eventful())
    one, other = (restore_workspace(KEY, taken, Settings.of(**SETTINGS)) for _ in range(2))
    future(one)
    assert other.clock.now() == START + timedelta(seconds=15)
    assert future(other) == future(restore_workspace(KEY, taken, Settings.of(**SETTINGS)))


def test_a_snapshot_matches_its_schema() -> None:
    """Whoever edits one by hand can be told what is wrong with it."""
    assert schemas.violations("own/snapshot", take_snapshot(eventful())) == []
    assert schemas.violations("own/snapshot", take_snapshot(workspace())) == []


def test_a_fork_has_everything_and_draws_its_own() -> None:
    """Under another key ids and draws differ from now on; what was made stays as it was."""
    world = eventful()
    fork = through_json(world, "sk_fork")
    assert fork.generations == world.generations
    assert fork.compute_balance() == world.compute_balance()
    assert made(fork, prompt="new").id != made(world, prompt="new").id
    first = next(iter(world.generations))
    assert fork.sign_link(first, 0, 1) != world.sign_link(first, 0, 1)


def test_the_journal_is_no_part_of_it() -> None:
    """It is a record of what happened, not of what will."""
    assert "journal" not in take_snapshot(eventful())


@given(st.sampled_from(["completion", "submission"]), st.integers(0, 100))
def test_money_stays_exact_across_a_restore(charge_at: str, seconds: int) -> None:
    """What was opened equals what is free, held and charged, now and later."""
    world = workspace(charge_at=charge_at)
    for number in range(4):
        made(world, {"seconds": 25 * number, "failed": bool(number % 2)}, prompt=f"{number}")
    world.advance(seconds)
    again = restore_workspace(KEY, json.loads(json.dumps(take_snapshot(world))), world.settings)
    for each in (world, again):
        each.advance(1000)
        books = each.ledger
        assert books.available + books.held + books.charged == books.credited
        assert books.held == 0
    assert again.compute_costs() == world.compute_costs()


@pytest.mark.parametrize(
    "spoil",
    [
        {"format": 2},
        {"now": "yesterday"},
        {"ledger": {}},
        {"generations": [{}]},
        {"generations": 3},
        {"transitions": {"workspace": {"seconds": "x"}, "models": {}, "next": []}},
        {"scenarios": [{"error": "nonsense"}]},
        {"rate": -1},
        {"limits": {"image": 3}},
        {"polls": {"a": "x"}},
        {"ordinals": {"zz": 1}},
    ],
)
def test_what_is_no_snapshot_is_refused(spoil: dict[str, Any]) -> None:
    """With an error of ours."""
    with pytest.raises(GetimgMockError):
        restore_workspace(KEY, take_snapshot(eventful()) | spoil, Settings.of(**SETTINGS))


def test_a_failure_by_hand_survives() -> None:
    """Its code and words, too, which are nobody's default."""
    world = workspace()
    one = made(world)
    world.fail(one.id, Failure("gone_fishing", "Back at noon."))
    state = through_json(world).find_state(one.id)
    assert state.generation.ending is not None
    assert state.generation.ending.failure == Failure("gone_fishing", "Back at noon.")


@pytest.mark.parametrize(
    "amount", ["-1", "-0.000000000001", "NaN", "Infinity", "-Infinity", "1E+30", "1000000000000001"]
)
@pytest.mark.parametrize("place", ["credited", "held", "charged"])
def test_money_below_zero_is_refused(place: str, amount: str) -> None:
    """A ledger that no history can lead to."""
    values = take_snapshot(eventful())
    values["ledger"][place] = amount
    with pytest.raises(GetimgMockError, match="not an amount"):
        restore_workspace(KEY, values, Settings.of(**SETTINGS))


@pytest.mark.parametrize("place", ["unit_price", "total_cost"])
def test_a_price_below_zero_is_refused(place: str) -> None:
    """A generation that would pay its client."""
    values = take_snapshot(eventful())
    values["generations"][0]["product"][place] = "-1"
    with pytest.raises(GetimgMockError, match="not an amount"):
        restore_workspace(KEY, values, Settings.of(**SETTINGS))


@pytest.mark.parametrize(
    ("charge_at", "spoil"),
    [
        ("completion", {"credited": "-0"}),
        ("completion", {"held": "100"}),
        ("completion", {"charged": "100"}),
        ("completion", {"held": "0"}),
        ("submission", {"charged": "0"}),
        ("submission", {"by_date": {}}),
        ("submission", {"by_date": {"2026-01-01": "100"}}),
    ],
)
def test_books_that_do_not_add_up_are_refused(charge_at: str, spoil: dict[str, Any]) -> None:
    """Their balance would fall below zero, or the ending of a generation could not be booked."""
    changed: dict[str, Any] = {**SETTINGS, "charge_at": charge_at, "video_seconds": 60}
    settings, world = Settings.of(**changed), workspace(**changed)
    made(world)
    values = take_snapshot(world)
    assert restore_workspace(KEY, values, settings).running == 1
    values["ledger"] |= spoil
    with pytest.raises(GetimgMockError, match="does not add up"):
        restore_workspace(KEY, values, settings)


@pytest.mark.parametrize("amount", ["1E+30", "-1E+30", "NaN"])
def test_an_entry_of_a_hostile_amount_is_refused(amount: str) -> None:
    """It is shown, and summed by those who read it."""
    values = take_snapshot(eventful())
    values["ledger"]["entries"][0]["amount"] = amount
    with pytest.raises(GetimgMockError, match="snapshot is invalid"):
        restore_workspace(KEY, values, Settings.of(**SETTINGS))
