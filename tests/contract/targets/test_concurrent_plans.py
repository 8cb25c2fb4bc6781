"""Plans at the same time: as many as a service has been seen to allow, their histories in order."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import pytest

from getimg_mock.contract.budget.gate import install_budget
from getimg_mock.contract.budget.spend_file import SpendRecord
from getimg_mock.contract.history import History
from getimg_mock.contract.model_choice import (
    build_small_request,
    find_cheapest,
    load_shipped_models,
)
from getimg_mock.contract.plans import Plan, get, get_balance, post
from getimg_mock.contract.provider.corpus import build_corpus
from getimg_mock.contract.steps import Poll, Ref, Send, Wait
from getimg_mock.contract.targets.concurrent_plans import (
    begin_and_leave,
    can_run_concurrently,
    count_videos,
    count_waits,
    run_concurrently,
)
from getimg_mock.contract.targets.http_target import HttpTarget
from getimg_mock.contract.targets.rate_limit_windows import RateLimitWindow
from getimg_mock.contract.targets.request_queue import DismissedError, RequestQueue
from getimg_mock.contract.targets.running_videos import RunningVideos
from getimg_mock.contract.verification.registry import PROVIDER_CHECKS
from getimg_mock.contract.verification.session import VerificationSession
from getimg_mock.serving.server import MockServer
from getimg_mock.world.clock import wall_time

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

MODELS = load_shipped_models()
VIDEO = find_cheapest(MODELS, "video")
PATIENCE = 20
"""Seconds after which a test has failed that waits for another thread."""


def order(*names: str) -> Plan:
    """Return a plan that orders videos at the same time, and polls them."""
    steps = [post("video", build_small_request(VIDEO, prompt=each), name=each) for each in names]
    polls = [Poll(of=each) for each in names]
    return Plan(name=" and ".join(names), tier="R2", concurrent=True, steps=(*steps, *polls))


@dataclass
class Stub:
    """A target whose plans do what a test says."""

    act: Callable[[Plan], object]
    load: Callable[[Plan], object] = id
    """What a plan does while it loads a file."""
    videos: RunningVideos = field(default_factory=RunningVideos)
    clock: Callable[[], datetime] = wall_time
    gate: None = None
    queue: RequestQueue = field(default_factory=RequestQueue)

    def run(
        self, plan: Plan, *, concurrent: bool, loading: AbstractContextManager[object]
    ) -> History:
        """Run a plan."""
        assert concurrent
        self.act(plan)
        with loading:
            self.load(plan)
        return History(plan=plan, exchanges=())


def run_all(stub: Stub, *plans: Plan) -> list[str]:
    """Return the names of the plans whose histories came, in order."""
    return [history.plan.name for history in run_concurrently(cast("HttpTarget", stub), plans)]


def test_plans_run_at_the_same_time_and_come_in_their_order() -> None:
    """Each of three waits for the others, so that none could end alone; the last ends first."""
    met, last = threading.Barrier(3), threading.Event()

    def act(plan: Plan) -> None:
        met.wait(PATIENCE)
        last.set() if plan.name == "c" else last.wait(PATIENCE)

    assert run_all(Stub(act), order("a"), order("b"), order("c")) == ["a", "b", "c"]


def test_no_more_videos_run_than_were_seen_to() -> None:
    """Two plans of two would need four slots; what needs more than there are runs alone."""
    running, seen = [0], []
    changed = threading.Lock()

    def act(plan: Plan) -> None:
        slots = count_videos(plan)
        with changed:
            running[0] += slots
            seen.append(running[0])
        with changed:
            running[0] -= slots

    plans = [order("a", "b"), order("c", "d"), order("e", "f", "g", "h"), order("i")]
    assert run_all(Stub(act), *plans) == [plan.name for plan in plans]
    assert max(seen) == 4  # the one of four, alone
    assert seen[0] == 4


def test_what_a_plan_raises_is_raised_and_the_others_stop() -> None:
    """As in a run of plans one after another."""
    failed, ended = threading.Event(), threading.Event()
    told: list[str] = []

    def act(plan: Plan) -> None:
        if plan.name == "a":
            raise ValueError("broken")
        failed.wait(PATIENCE)
        try:
            with stub.queue.take_turn():
                told.append("sent")
        except DismissedError:
            told.append("dismissed")
        ended.set()

    stub = Stub(act)
    with pytest.raises(ValueError, match="broken"):
        run_all(stub, order("a"), order("b"))
    failed.set()
    assert ended.wait(PATIENCE)
    assert told == ["dismissed"]


def test_plans_that_load_files_are_left_to_it() -> None:
    """The orders of all are done then; of their files, one is loaded at a time."""
    ordered, told, loading = [], [], [0]
    go = threading.Event()

    def load(plan: Plan) -> None:
        assert plan.name in ordered
        loading[0] += 1
        told.append(loading[0])
        go.wait(PATIENCE)
        loading[0] -= 1

    stub = Stub(lambda plan: ordered.append(plan.name), load)
    plans, taken = [order("a"), order("b"), order("c")], list[str]()
    histories = begin_and_leave(
        cast("HttpTarget", stub), plans, lambda history: taken.append(history.plan.name)
    )
    assert sorted(ordered) == ["a", "b", "c"]
    assert taken == []
    go.set()
    assert [history.plan.name for history in histories] == ["a", "b", "c"]
    assert sorted(taken) == ["a", "b", "c"]
    assert told == [1, 1, 1]


def test_a_plan_that_fails_before_its_files_holds_up_nothing() -> None:
    """Its error is raised where its history is wanted."""

    def act(plan: Plan) -> None:
        if plan.name == "a":
            raise ValueError("broken")

    histories = begin_and_leave(cast("HttpTarget", Stub(act)), [order("a"), order("b")])
    with pytest.raises(ValueError, match="broken"):
        next(histories)


def test_files_are_loaded_while_other_plans_run_and_come_in_the_order_of_the_plans() -> None:
    """So what follows from the order of purchases is judged as if all ran one by one."""
    wanted = {"an image and its file", "larger pictures", "images in every format"}
    wanted |= {"many equal images", "spellings of application/json"}
    corpus = build_corpus(MODELS, {"image": 9_000, "video": 9_000}, thorough=False)
    plans = [plan for plan in corpus if plan.name in wanted]
    assert [plan.ends_with_files for plan in plans] == [False, True, True, False, False]
    with MockServer(video_seconds=0, media_size="flat") as server:
        target = HttpTarget(server.url, {"a": "sk_first_key"})
        session = VerificationSession(target, plans, PROVIDER_CHECKS)
        events = [*session.run()]
    names = [plan.name for plan in plans]
    assert [history.plan.name for history in session.histories][: len(names)] == names
    assert {e["plan"] for e in events if e["event"] == "plan"} >= set(names)
    failed = {v.check.id: v.findings for v in session.verdicts if v.status in {"FAIL", "WARN"}}
    assert failed == {}


def test_images_come_before_plans_that_leave_videos_behind() -> None:
    """These may have taken all slots, and each order would be refused."""
    corpus = [plan.name for plan in build_corpus(MODELS, thorough=False)]
    images = corpus.index("images: unusual Unicode"), corpus.index("images: unknown fields")
    videos = corpus.index("videos: unusual Unicode"), corpus.index("videos: unknown fields")
    assert max(images) < min(videos)


def test_videos_are_counted_until_a_poll_sees_the_end() -> None:
    """As are the times at which a plan waits for some."""
    assert count_videos(order("a", "b", "c")) == 3
    assert count_waits(order("a", "b", "c")) == 1
    first, second = order("a"), order("b")
    both = replace(first, steps=(*first.steps, *second.steps))
    assert (count_videos(both), count_waits(both)) == (1, 2)
    reads = Plan(name="reads", steps=(get_balance(),))
    assert (count_videos(reads), count_waits(reads)) == (0, 0)


def test_images_take_one_slot_together_and_go_while_earlier_videos_may_run() -> None:
    """Videos that an earlier plan left behind have their slots until the slowest had ended."""
    image = build_small_request(find_cheapest(MODELS, "image"))
    pictures = [
        Plan(name=name, tier="R2", concurrent=True, steps=(post("image", image),))
        for name in ("one", "two")
    ]
    moments = iter([0, 0, 0, 5, 5, 5, 5, 5])
    began = wall_time()
    met = threading.Barrier(2)
    seen: list[str] = []

    def act(plan: Plan) -> None:
        seen.append(plan.name)
        if plan in pictures:
            met.wait(PATIENCE)

    stub = Stub(act, clock=lambda: began + timedelta(seconds=next(moments, 5)))
    stub.videos.slowest, stub.videos.most = 4, 4
    stub.videos.spans += [(began, None)] * 3
    assert run_all(stub, order("a", "b"), *pictures) == ["a and b", "one", "two"]
    assert seen[-1] == "a and b"


def test_limits_and_money_have_to_be_enough_for_all(tmp_path: Path) -> None:
    """Else each plan runs alone, and waits, or is left out."""
    plans = [order("a"), order("b")]
    with MockServer(video_seconds=0) as server:
        target = HttpTarget(server.url, {"a": "sk_first_key"})
        assert can_run_concurrently(target, plans)
        assert not can_run_concurrently(target, plans[:1])
        assert not can_run_concurrently(target, [plans[0], replace(plans[1], concurrent=False)])
        target.windows["Bearer sk_first_key", "videos"] = RateLimitWindow(1, 1, wall_time())
        assert not can_run_concurrently(target, plans)
        target.windows.clear()
        for ceiling, fits in ((Decimal(50), True), (Decimal("0.05"), False)):
            record = SpendRecord(tmp_path / f"{ceiling}.json")
            target.gate = install_budget(target, ceiling, record)
            assert can_run_concurrently(target, plans) is fits


def test_a_run_judges_concurrent_plans_as_it_does_one_by_one() -> None:
    """Their looks wait for each other here, so that they do run at the same time; none fails."""
    wanted = {"films with sound", "spellings of application/json", "longer videos"}
    corpus = build_corpus(MODELS, {"image": 9_000, "video": 9_000}, thorough=False)
    plans = [plan for plan in corpus if plan.name in wanted]
    names: set[int] = set()
    met = threading.Event()
    with MockServer(video_seconds=3, media_size="flat") as server:
        clock = server.app.fake.store.get_or_create("sk_first_key").clock

        def sleep(seconds: float) -> None:
            names.add(threading.get_ident())
            if len(names) == len(plans):
                met.set()
            met.wait(PATIENCE)
            clock.advance_to(clock.now() + timedelta(seconds=seconds))

        clock.freeze()
        keys = {"a": "sk_first_key"}
        target = HttpTarget(server.url, keys, sleep=sleep, clock=clock.now)
        target.videos.most = 9
        session = VerificationSession(target, plans, PROVIDER_CHECKS)
        events = [*session.run()]
    assert met.is_set()
    assert [e["plan"] for e in events if e["event"] == "plan"][:3] == [p.name for p in plans]
    assert all(history.concurrent for history in session.histories[:3])
    failed = {v.check.id: v.findings for v in session.verdicts if v.status in {"FAIL", "WARN"}}
    assert failed == {}


def test_a_service_shows_how_many_videos_it_runs_at_once() -> None:
    """Those of one key that were accepted before the end of the first was seen."""
    with MockServer(video_seconds=5) as server:
        clock = server.app.fake.store.get_or_create("sk_first_key").clock
        clock.freeze()
        target = HttpTarget(
            server.url,
            {"a": "sk_first_key"},
            sleep=lambda seconds: clock.advance_to(clock.now() + timedelta(seconds=seconds)),
            clock=clock.now,
        )
        target.run(order(*"abcdef"))
        assert target.videos.most == 6
        target.run(order("g"))
        assert target.videos.most == 6


def test_videos_and_images_are_counted_over_all_plans() -> None:
    """Those that nobody has looked at run for as long as the quickest did, at least."""
    image = post("image", build_small_request(find_cheapest(MODELS, "image")))
    left = replace(order("h", "i", "j"), steps=order("h", "i", "j").steps[:3])
    with MockServer(video_seconds=5) as server:
        clock = server.app.fake.store.get_or_create("sk_first_key").clock
        clock.freeze()

        def sleep(seconds: float) -> None:
            clock.advance_to(clock.now() + timedelta(seconds=seconds))

        keys = {"a": "sk_first_key", "b": "sk_other_key"}
        target = HttpTarget(server.url, keys, sleep=sleep, clock=clock.now)
        target.run(order("a"))
        assert (target.videos.quickest, target.videos.slowest) == (4.0, 7.2)  # it took 5
        early = order("b").steps
        look = get("/v2/videos/generations/{}", ref=Ref("b"))
        target.run(Plan(name="b", tier="R2", steps=(early[0], look, Wait(seconds=9), *early[1:])))
        assert (target.videos.quickest, target.videos.slowest) == (4.0, 9.0)  # of no close look
        target.videos.slowest = 7.2
        target.run(left)
        sleep(3)
        target.run(left)
        assert target.videos.most == 6
        target.run(Plan(name="of another", tier="R2", keys=2, steps=(replace(image, key="b"),)))
        assert target.videos.most == 6  # another key has slots of its own
        target.run(Plan(name="an image", tier="R2", steps=(image,)))
        assert target.videos.most == 7
        assert target.videos.count_open(clock.now()) == 6
        sleep(6)
        assert target.videos.count_open(clock.now()) == 3
        target.run(Plan(name="another", tier="R2", steps=(image,)))
        assert target.videos.most == 7


def test_what_may_run_concurrently_says_nothing_of_money_or_limits() -> None:
    """A balance between the charges of another plan would not be one of this plan."""
    plans = [p for p in build_corpus(MODELS, {}, thorough=False) if p.concurrent]
    assert len(plans) > 10
    for plan in plans:
        sends: list[Any] = [each for each in plan.steps if isinstance(each, Send)]
        books = [each.path for each in sends if "/billing/" in each.path]
        assert len(books) == len(set(books)), plan.name  # one look has nothing to be compared with
        assert not (books and plan.submissions), plan.name
        assert {each.key for each in sends} <= {"a", "none"}, plan.name
        assert not plan.world
        assert not plan.rules
        assert not plan.clock


def test_a_plan_beside_others_waits_for_no_earlier_work() -> None:
    """It would have the books of the gate while another, whose turn it is, waits for them."""
    with MockServer(video_seconds=0) as server:
        target = HttpTarget(server.url, {"a": "sk_first_key"}, sleep=lambda _: None)
        reads = Plan(name="reads", steps=(get_balance(),), concurrent=True)
        left = replace(order("a"), steps=order("a").steps[:1])
        sent = []
        for concurrent in (True, False):
            target.run(left)
            before = target.left
            target.run(reads, concurrent=concurrent)
            sent.append(target.left - before)
    assert sent[0] == 1
    assert sent[1] > 1
