"""Exact money: over any sequence of requests, polls and clock steps nothing is lost or made."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from getimg_mock.errors import GetimgMockError, Refusal
from getimg_mock.world.transitions import Failure, TransitionRule
from tests.world.worlds import image, video, workspace

if TYPE_CHECKING:
    from getimg_mock.world.generations import Generation
    from getimg_mock.world.workspaces import Workspace

ZERO = Decimal(0)
OPENING = Decimal("0.5")

rules = st.fixed_dictionaries(
    {},
    optional={
        "seconds": st.sampled_from([0, 0.001, 1, 30, 100_000, "1..50"]),
        "polls": st.integers(1, 3),
        "fail_rate": st.sampled_from([0, 0.5, 1]),
    },
)
models = st.sampled_from(
    [("z-image-turbo", "1K"), ("seedream-5-lite", "3K"), ("gpt-image-2", "4K")]
)


class Books(RuleBasedStateMachine):
    """One workspace, and a model of its money that looks at nothing but its generations."""

    world: Workspace
    charge_at = "completion"

    def __init__(self) -> None:
        super().__init__()
        self.credited = OPENING
        self.made: list[str] = []

    @initialize(
        fail_rate=st.sampled_from([0, 0.5, 1]),
        concurrent=st.integers(1, 6),
        rpm=st.integers(1, 6),
        image_seconds=st.sampled_from([0, 10]),
    )
    def open(self, **values: Any) -> None:
        """Open the workspace with little money and tight limits."""
        self.world = workspace(
            balance=OPENING,
            charge_at=self.charge_at,
            image_rpm=values.pop("rpm"),
            **values,
        )

    @rule(model=models)
    def ask_for_an_image(self, model: tuple[str, str]) -> None:
        """Ask for a picture, which is paid for or refused."""
        request = image(model=model[0], resolution=model[1])
        self._submitted(lambda: self.world.submit(request))

    @rule(special=rules, hold=st.booleans(), duration=st.integers(4, 12), sound=st.booleans())
    def ask_for_a_video(
        self, special: dict[str, Any], *, hold: bool, duration: int, sound: bool
    ) -> None:
        """Ask for a video under a transition rule of its own."""
        asked = TransitionRule.of(special | ({"hold": True} if hold else {}))
        request = video(duration=duration, sound=sound)
        self._submitted(lambda: self.world.submit(request, [asked]))

    def _submitted(self, submit: Any) -> None:
        before = (
            self.world.compute_balance(),
            self.world.compute_costs(),
            len(self.world.generations),
        )
        counted = self.world.limiter.get_counts()
        try:
            self.made.append(submit().id)
        except Refusal as refusal:
            assert refusal.code in {"quota_exceeded", "rate_limit"}  # noqa: PT017 - either may come
            assert before == (
                self.world.compute_balance(),
                self.world.compute_costs(),
                len(self.world.generations),
            )
            assert counted == self.world.limiter.get_counts()

    @rule(seconds=st.sampled_from([0, 0.001, 1, 29.999, 60, 3600, 86_400, 10**7]))
    def let_time_pass(self, seconds: float) -> None:
        """Book whatever ends meanwhile at its own moment."""
        self.world.advance(seconds)

    @precondition(lambda self: self.made)
    @rule(data=st.data())
    def poll(self, data: st.DataObject) -> None:
        """Look at a video, which may end it."""
        video_id = data.draw(st.sampled_from(self.made))
        if self.world.generations[video_id].product.kind == "video":
            self.world.poll(video_id)

    @precondition(lambda self: self.made)
    @rule(data=st.data(), how=st.sampled_from(["complete", "fail", "hold"]))
    def end_by_hand(self, data: st.DataObject, how: str) -> None:
        """Complete, fail or hold; endings are final."""
        video_id = data.draw(st.sampled_from(self.made))
        was = self.world.find_state(video_id)
        try:
            if how == "fail":
                self.world.fail(video_id, Failure.from_code("server_error"))
            else:
                getattr(self.world, how)(video_id)
        except GetimgMockError:
            assert was.status != "pending"
            assert self.world.find_state(video_id) == was
        else:
            assert was.status == "pending"

    @rule(amount=st.sampled_from([Decimal("0.01"), Decimal(1), Decimal("-0.03")]))
    def top_up(self, amount: Decimal) -> None:
        """Take money in from outside, or give it back."""
        self.credited += amount
        self.world.credit(amount)

    @invariant()
    def nothing_is_lost_or_made(self) -> None:
        """Hold to available + charged + held == credited."""
        self.world.settle()
        ledger = self.world.ledger
        assert ledger.available + ledger.charged + ledger.held == self.credited
        assert ledger.credited == self.credited
        assert self.world.compute_balance() == ledger.available

    @invariant()
    def the_books_are_what_the_generations_say(self) -> None:
        """Hold what is pending, charge what was completed, on the right dates."""
        now = self.world.settle()
        held, by_date = ZERO, defaultdict[date, Decimal](Decimal)
        for generation in self.world.generations.values():
            status, cost = generation.at(now), generation.product.total_cost
            if status == "pending" and self.charge_at == "completion":
                held += cost
            elif status == "completed" or (status == "pending" and self.charge_at == "submission"):
                by_date[self._booked_on(generation)] += cost
        ledger = self.world.ledger
        assert ledger.held == held
        assert ledger.charged == sum(by_date.values(), ZERO)
        assert {day: cost for day, cost in self.world.compute_costs().items() if cost} == by_date

    def _booked_on(self, generation: Generation) -> date:
        at = generation.created_at
        if self.charge_at == "completion":
            assert generation.ending is not None
            at = generation.ending.at
        return at.astimezone(UTC).date()

    @invariant()
    def as_many_run_as_are_pending(self) -> None:
        """Hold a slot for each pending generation and for nothing else."""
        now = self.world.settle()
        for generation in self.world.generations.values():
            is_pending = generation.at(now) == "pending"
            assert self.world.is_running(generation.id) == is_pending

    @invariant()
    def the_entries_add_up(self) -> None:
        """Say the same in the entries that people read."""
        totals = dict.fromkeys(("credit", "hold", "charge", "release", "refund"), ZERO)
        for entry in self.world.ledger.entries:
            assert entry.amount is not None
            totals[entry.what] += entry.amount
        ledger = self.world.ledger
        assert totals["credit"] == ledger.credited
        assert totals["hold"] - totals["charge"] - totals["release"] == ledger.held
        assert totals["charge"] - totals["refund"] == ledger.charged


class ChargedAtSubmission(Books):
    """The same under `--charge-at submission`."""

    charge_at = "submission"


@pytest.mark.slow
@pytest.mark.parametrize("machine", [Books, ChargedAtSubmission])
def test_money_is_exact_over_any_sequence(machine: type[Books]) -> None:
    """Available + charged + held == credited, and costs are the sum of charges."""
    run_state_machine_as_test(
        machine, settings=settings(max_examples=60, stateful_step_count=30, deadline=None)
    )


def test_a_fall_below_zero_stops_the_next_request() -> None:
    """A correction may overdraw a workspace; what runs then still ends, nothing new begins."""
    world = workspace(balance=1, video_seconds=30)
    running = world.submit(video())
    world.credit(Decimal("-0.95"))
    assert world.compute_balance() == Decimal("-0.07")
    with pytest.raises(Refusal) as caught:
        world.submit(image())
    assert caught.value.code == "quota_exceeded"
    world.advance(30)
    assert world.find_state(running.id).status == "completed"
    assert world.compute_balance() == Decimal("-0.07")


def test_a_free_model_needs_no_money() -> None:
    """What costs nothing is not refused for want of money."""
    world = workspace(balance=0)
    assert world.ledger.available == 0
    world.ledger.require(ZERO)
    assert world.ledger.entries == type(world.ledger.entries)()
