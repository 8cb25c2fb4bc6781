"""Plans of a service that wait for their videos together."""

from __future__ import annotations

from dataclasses import replace

from getimg_mock.contract.model_choice import build_small_request, find_cheapest
from getimg_mock.contract.plans import Plan, get, get_balance, post
from getimg_mock.contract.provider.corpus import build_corpus
from getimg_mock.contract.provider.corpus.file_steps import request_file
from getimg_mock.contract.provider.corpus.shared_waits import share_waits
from getimg_mock.contract.steps import Poll, Ref, Send, Step, Wait
from getimg_mock.contract.targets.fake_targets import InProcessTarget
from tests.contract.provider.fixed_plans import MODELS

ORDER = build_small_request(find_cheapest(MODELS, "video"))
COSTS = "/v2/billing/costs"


def wait_for(name: str, *more: Step, videos: int = 1) -> Plan:
    """Return a plan that reads the balance, orders videos, polls them, and reads it again."""
    names = ["video", *(f"video {n}" for n in range(1, videos))]
    orders = [post("video", ORDER, valid=True, name=each, group="g") for each in names]
    polls = [Poll(of=each) for each in names]
    end = [*more, get("/v2/videos/generations/{}", ref=Ref("video")), get_balance()]
    return Plan(name=name, tier="R2", steps=(get_balance(), *orders, *polls, *end))


def test_three_videos_are_begun_before_the_first_wait() -> None:
    """No service allows fewer at the same time; a fourth waits with those that come later."""
    plans = [wait_for("one"), wait_for("two", videos=2), wait_for("three"), wait_for("four")]
    shared = share_waits(plans)
    assert [plan.name for plan in shared] == ["one; two", "three; four"]
    waiting = [n for n, step in enumerate(shared[0].steps) if isinstance(step, Poll)]
    assert len(waiting) == 3
    assert waiting == [*range(waiting[0], waiting[-1] + 1)]
    before = shared[0].steps[: waiting[0]]
    assert sum(isinstance(step, Send) and step.submits for step in before) == 3


def test_each_part_looks_at_its_own_videos() -> None:
    """Names, groups and references are those of one part: all looks find a result."""
    file = request_file("video.now")
    (plan,) = share_waits([wait_for("one", file), wait_for("two", file), wait_for("three", file)])
    history = InProcessTarget().run(plan)
    assert history.unresolved == ()
    assert len(history.submitted) == 3
    looks = [each for each in history if each.operation == "videos.retrieve"]
    assert {each.path.rpartition("/")[2] for each in looks} == {*history.submitted}
    assert len(history.downloads) == len({each.path for each, _, _ in history.downloads}) == 3
    assert {len(each) for each in history.groups.values()} == {1}


def test_an_experiment_with_costs_is_made_once_in_a_plan() -> None:
    """What is read before and after would be that of another part."""
    before = get(COSTS, use="costs-before")
    plans = [wait_for(name) for name in ("one", "two", "three")]
    first, second, third = plans
    measured = [replace(each, steps=(before, *each.steps)) for each in (first, second)]
    shared = share_waits([*measured, third])
    assert [plan.name for plan in shared] == ["one; three", "two"]


def test_what_waits_for_more_or_has_conditions_stays_alone() -> None:
    """A fake with settings of its own, a second key, time that passes, and videos left behind."""
    plan = wait_for("one")
    alone = [
        replace(plan, world=(("fail_rate", 1.0),)),
        replace(plan, keys=2),
        replace(plan, concurrent=True),
        replace(plan, tier="R3"),
        replace(plan, steps=(*plan.steps, Wait(seconds=1))),
        replace(plan, steps=plan.steps[:2]),
    ]
    assert share_waits([*alone, *alone]) == (*alone, *alone)


def test_only_a_service_has_plans_that_wait_together() -> None:
    """The fake in process does not wait, and a finding about it names one experiment."""
    of_fake = build_corpus(MODELS, thorough=True)
    of_service = build_corpus(MODELS, thorough=False)
    assert not [plan.name for plan in of_fake if "; " in plan.name]
    shared = [plan.name for plan in of_service if "; " in plan.name]
    assert len(shared) >= 3
    parts = {part for name in shared for part in name.split("; ")}
    assert parts <= {plan.name for plan in of_fake}


def test_videos_that_are_left_behind_keep_no_balance_waiting() -> None:
    """Their plans come after those that compare balances, which would wait for their end."""
    plans = [p for p in build_corpus(MODELS, thorough=False) if p.tier == "R2" and not p.concurrent]
    reads = [
        any(isinstance(step, Send) and step.path.endswith("/balance") for step in plan.steps)
        for plan in plans
    ]
    last = max(n for n, plan in enumerate(plans) if reads[n] and plan.keys == 1)
    left = [plan.name for plan in plans[:last] if _leaves_videos(plan)]
    assert left == []


def _leaves_videos(plan: Plan) -> bool:
    videos = [step for step in plan.submissions if "/videos/" in step.path and step.valid]
    return bool(videos) and not any(isinstance(step, Poll) for step in plan.steps)
