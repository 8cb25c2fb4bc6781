"""What earlier plans of a run left behind must not be held against a later plan."""

from __future__ import annotations

from dataclasses import replace

import pytest

from getimg_mock.contract.plans import Plan, get, get_balance
from getimg_mock.contract.targets.earlier_work import EarlierWork
from getimg_mock.contract.targets.fake_targets import InProcessTarget
from getimg_mock.contract.verdicts import judge_check
from getimg_mock.contract.verification.registry import find_check
from tests.contract.provider.fixed_plans import run_plan

LIFE = "a video from 202 to its file"
MONEY = Plan(name="money", steps=(get_balance(), get("/v2/models"), get_balance()))


def test_a_video_is_remembered_until_it_was_seen_to_end() -> None:
    """A plan that submits a video and looks no more leaves it to the next plan."""
    whole = run_plan(LIFE)
    cut = replace(whole, exchanges=tuple(each for each in whole if not each.completed))
    work = EarlierWork()
    work.note(cut)
    assert work.keys == {"a"}
    work.note(whole)
    assert work.keys == frozenset()


@pytest.mark.parametrize("name", ["GP504", "GP505", "GP507"])
def test_charges_of_earlier_videos_are_not_those_of_a_later_plan(name: str) -> None:
    """GP5: while a video of an earlier plan runs, a balance says nothing about this plan."""
    history = run_plan("images: missing fields", None)
    assert history.settled_intervals
    assert replace(history, carried=frozenset({"a"})).settled_intervals == ()
    assert not judge_check(
        find_check(name), [replace(history, carried=frozenset({"a"}), own=False)]
    ).broken


def test_earlier_videos_are_polled_before_balances_are_read() -> None:
    """The session waits for what may still be charged, and gives up at its bound."""
    whole = run_plan(LIFE)
    cut = replace(whole, exchanges=tuple(each for each in whole if not each.completed))
    work = EarlierWork()
    work.note(cut)
    with InProcessTarget().open_session(MONEY) as session:
        waits: list[float] = []
        bounded = _Bounded(session, waits)
        work.settle(MONEY, bounded, ())  # type: ignore[arg-type]  # a session with a bound
        assert len(waits) <= 3
        assert work.unending == set(work.unfinished) != set()
        before = len(waits)
        work.settle(MONEY, bounded, ())  # type: ignore[arg-type]  # a session with a bound
        assert len(waits) == before


def test_a_video_that_its_plan_has_given_up_is_not_waited_for_again() -> None:
    """Each plan behind it would wait for as long as it may."""
    whole = run_plan(LIFE)
    seen = [each for each in whole if not each.completed]
    last = next(each for each in reversed(seen) if each.use.endswith("poll"))
    assert last.step is not None
    given_up = replace(last, step=replace(last.step, use="poll-given-up"))
    work = EarlierWork()
    work.note(replace(whole, exchanges=tuple(given_up if each is last else each for each in seen)))
    assert work.keys == {"a"}
    assert work.unending == {last.path.rpartition("/")[2]}


def test_a_video_that_is_gone_is_not_waited_for() -> None:
    """Where a service forgets what it began, each plan would wait for as long as it may."""
    whole = run_plan(LIFE)
    cut = replace(whole, exchanges=tuple(each for each in whole if not each.completed))
    work = EarlierWork()
    work.note(cut)
    with InProcessTarget().open_session(MONEY) as session:  # it knows no video
        waits: list[float] = []
        bounded = _Bounded(session, waits)
        bounded.patience = 60
        work.settle(MONEY, bounded, ())  # type: ignore[arg-type]  # a session with a bound
    assert len(waits) == 2
    assert work.keys == {"a"}


class _Books:
    """A gate whose balance shows what was bought after so many reads."""

    def __init__(self, reads: int) -> None:
        self.reads = reads

    def is_owed(self) -> bool:
        """Return whether something is not shown yet."""
        self.reads -= 1
        return self.reads > 0


@pytest.mark.parametrize(("reads", "waited"), [(1, 0), (3, 2), (100, 8)])
def test_a_service_that_books_late_is_given_time_between_plans(reads: int, waited: int) -> None:
    """GP504: what an earlier plan bought is no charge of the next one; it is awaited once."""
    work, gate = EarlierWork(), _Books(reads)
    with InProcessTarget().open_session(MONEY) as session:
        waits: list[float] = []
        for _ in range(2):
            work.settle(MONEY, _Bounded(session, waits), (), gate)  # type: ignore[arg-type]
        assert len(waits) == waited
    assert work.unpaid == (reads == 100)


class _Bounded:
    """A session that waits at most three times."""

    def __init__(self, session: object, waits: list[float]) -> None:
        self.patience = 3.0
        self._session, self._waits = session, waits

    def wait(self, seconds: float) -> bool:
        """Record a wait."""
        self._waits.append(seconds)
        return True

    def __getattr__(self, name: str) -> object:
        return getattr(self._session, name)


def test_a_limit_that_an_earlier_plan_used_up_is_not_one_of_another_kind() -> None:
    """GP606: the 429 of a window that was full before the plan says nothing of its scope."""
    history = run_plan("more images than the limit")
    refused = tuple(
        replace(each, status=429) if each.use == "other-kind" else each for each in history
    )
    spoiled = replace(history, exchanges=refused)
    assert judge_check(find_check("GP606"), [spoiled]).broken
    full = replace(spoiled, full=frozenset({("a", "videos")}))
    assert not judge_check(find_check("GP606"), [full]).broken
