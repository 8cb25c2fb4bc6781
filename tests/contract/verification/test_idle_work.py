"""What a run on a service does while it waits, and that its verdicts do not depend on it."""

from __future__ import annotations

import threading
from datetime import timedelta
from functools import partial

import pytest

from getimg_mock import MockServer
from getimg_mock.contract.history import History
from getimg_mock.contract.plans import Plan
from getimg_mock.contract.provider.corpus import build_corpus
from getimg_mock.contract.provider.final_looks import FINAL_PLAN
from getimg_mock.contract.targets.http_target import HttpTarget
from getimg_mock.contract.verification.comparison import Comparison
from getimg_mock.contract.verification.dry_run import FakeAhead, run_on_fake
from getimg_mock.contract.verification.idle_work import IdleWork
from getimg_mock.contract.verification.registry import PROVIDER_CHECKS
from getimg_mock.contract.verification.session import VerificationSession
from getimg_mock.world.clock import VirtualClock
from tests.contract.provider.fixed_plans import MODELS


def test_jobs_begin_while_there_is_time_for_one() -> None:
    """Each takes a fifth of a second here, and the wait a second: the fifth would end too late."""
    clock = VirtualClock(rate=0)
    work = IdleWork(clock.now)
    done: list[int] = []

    def do(number: int) -> None:
        done.append(number)
        clock.advance_to(clock.now() + timedelta(seconds=0.24))

    for number in range(9):
        work.add(partial(do, number))
    work.work(1)
    assert done == [0, 1, 2, 3]
    work.work(0)
    assert len(done) == 4


def test_only_the_thread_of_the_run_works() -> None:
    """Plans that run at the same time have others that use the time."""
    work = IdleWork(VirtualClock().now)
    done: list[int] = []
    work.add(lambda: done.append(1))
    other = threading.Thread(target=work.work, args=(1,))
    other.start()
    other.join()
    assert not done
    work.work(1)
    assert done == [1]


def run_on_service(*, idle: bool) -> tuple[VerificationSession, Comparison]:
    """Verify a fake on a socket by a few plans, with or without work in the waits."""
    wanted = {"the catalogue", "videos: wrong types", "many equal videos"}
    corpus = build_corpus(MODELS, thorough=False)
    plans = [plan for plan in corpus if plan.name in wanted or "202" in plan.name]
    with MockServer(video_seconds=3, media_size="flat") as server:
        clock = server.app.fake.store.get_or_create("sk_first_key").clock
        clock.freeze()
        target = HttpTarget(
            server.url,
            {"a": "sk_first_key"},
            clock=clock.now,
            sleep=lambda seconds: clock.advance_to(clock.now() + timedelta(seconds=seconds)),
        )
        session = VerificationSession(target, plans, PROVIDER_CHECKS)
        ahead = FakeAhead(session)
        ran: list[str] = []

        def follow(history: History) -> None:
            ran.append(history.plan.name)
            ahead.follow(history)

        if idle:
            session.follow = follow
        list(session.run())
    assert len(ran) >= 2 or not idle
    return session, run_on_fake(session, Comparison(), ahead if idle else None)[0]


@pytest.mark.slow
def test_a_comparison_is_the_same_whenever_the_fake_ran() -> None:
    """Each plan has a world of its own; what was not run in a wait is run at the end."""
    (early, early_found), (late, late_found) = (run_on_service(idle=each) for each in (True, False))
    told = [[(v.check.id, v.status) for v in each.verdicts] for each in (early, late)]
    assert told[0] == told[1]
    assert {status for _, status in told[0]} >= {"PASS", "VOID"}
    assert [each.plan for each in early_found.fake] == [each.plan for each in late_found.fake]
    assert early_found.fake_broken == late_found.fake_broken
    assert [pair.fake.status for pair in early_found.pairs] == [
        pair.fake.status for pair in late_found.pairs
    ]


def test_plans_of_the_end_are_not_run_on_the_fake() -> None:
    """They name ids of one run."""
    session = VerificationSession(HttpTarget("http://127.0.0.1:9", {"a": "sk_a"}), (), ())
    ahead = FakeAhead(session)
    session.histories.append(History(plan=Plan(name=FINAL_PLAN, steps=()), exchanges=()))
    ahead.follow(session.histories[0])
    twin, _ = ahead.run()
    assert not twin.histories


def test_a_catalogue_that_the_fake_cannot_have_is_tried_once() -> None:
    """The comparison says so at the end."""
    odd = [model | {"supported_aspect_ratios": ["?"]} for model in MODELS]
    target = HttpTarget("http://127.0.0.1:9", {"a": "sk_a"}, models=odd)
    session = VerificationSession(target, (), ())
    ahead = FakeAhead(session)
    for _ in range(2):
        ahead.follow(History(plan=Plan(name="any", steps=()), exchanges=()))
    comparison, events = run_on_fake(session, Comparison(), ahead)
    assert '"?" is not a ratio' in comparison.unlike
    assert not events
