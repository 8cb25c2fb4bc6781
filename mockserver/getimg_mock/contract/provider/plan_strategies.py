"""Hypothesis strategies for plans: valid requests, requests with one known fault, sequences.

What is drawn depends on the catalogue and on the drawing alone, never on the responses of a
provider. A drawn plan is plain data, so Hypothesis can shrink it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from getimg_mock.contract.model_choice import choose_few_pixels, select_fewest_pixels
from getimg_mock.contract.plans import Plan, find_step_operation, get, get_balance, post
from getimg_mock.contract.provider import faulty_requests
from getimg_mock.contract.provider.faulty_requests import between, sampled
from getimg_mock.contract.provider.request_strategies import valid_bodies
from getimg_mock.contract.steps import DAYS_PLACEHOLDER, Poll, Ref, Send, Wait
from getimg_mock.contract.verdicts import judge_check

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from getimg_mock.contract.model_choice import ModelJson
    from getimg_mock.contract.steps import Step
    from getimg_mock.contract.targets.fake_targets import Target
    from getimg_mock.contract.verdicts import Check, Verdict

_PAUSES: Final = (0.001, 1, 30, 90, 3600)
_ACTIONS: Final = ("good", "good", "bad", "look", "wait", "money", "picture", "file")


def submissions(models: Sequence[ModelJson]) -> st.SearchStrategy[Send]:
    """Draw a request for a generation that must be accepted."""
    return st.one_of([_submission(model) for model in models])


def _submission(model: ModelJson, **fixed: Any) -> st.SearchStrategy[Send]:
    kind = model["type"]
    return valid_bodies(model).map(lambda body: post(kind, body | fixed, valid=True))


def _small_images(models: Sequence[ModelJson]) -> st.SearchStrategy[Send]:
    """Draw a request for an image of the fewest pixels, whose file costs little to look into."""
    images = select_fewest_pixels([model for model in models if model["type"] == "image"])
    return st.one_of([_submission(model, **choose_few_pixels(model)) for model in images])


def faulty(models: Sequence[ModelJson]) -> st.SearchStrategy[Send]:
    """Draw a request with exactly one known fault, which must be refused."""
    return st.one_of([faulty_requests.faulty(model, valid_bodies(model)) for model in models])


def plans(models: Sequence[ModelJson]) -> st.SearchStrategy[Plan]:
    """Draw a sequence: submissions good and bad by two keys, polls, downloads and steps of time."""
    return _plans(submissions(models), faulty(models), _small_images(models))


@st.composite
def _plans(
    draw: st.DrawFn,
    good: st.SearchStrategy[Send],
    bad: st.SearchStrategy[Send],
    small: st.SearchStrategy[Send],
) -> Plan:
    steps = _read_money("costs-before")
    videos: list[tuple[str, Any]] = []
    images: list[str] = []
    for turn in range(draw(between(1, 8))):
        key: Any = draw(sampled(("a", "a", "b")))
        what = draw(sampled(_ACTIONS))
        if what == "good":
            step = draw(good)
            name = f"{find_step_operation(step)} {turn}"
            if name.startswith("videos.create"):
                videos.append((name, key))
            steps.append(replace(step, name=name, key=key))
        elif what == "bad":
            steps.append(replace(draw(bad), key=key))
        elif what == "look" and videos:
            steps += _poll_with_both_keys(*draw(sampled(tuple(videos))))
        elif what == "picture":
            images.append(f"picture {turn}")
            steps.append(replace(draw(small), name=images[-1], key=key))
        elif what == "file" and images:
            link = Ref(draw(sampled(tuple(images))), "/data/0/url")
            steps.append(Send(link=True, ref=link, key="none"))
        else:
            waits = what == "wait"
            steps.append(Wait(seconds=draw(sampled(_PAUSES))) if waits else get_balance(key=key))
    steps += [Poll(of=name, key=key, every=20) for name, key in videos]
    steps += _read_money("costs-after")
    return Plan(name="drawn", tier="R2", steps=tuple(steps), keys=2, clock=True, drawn=True)


def _read_money(use: str) -> list[Step]:
    """Return reads of the balances of both keys, and of the costs in this role."""
    return [
        get_balance(),
        get_balance(key="b"),
        get("/v2/billing/costs", query=DAYS_PLACEHOLDER, use=use),
    ]


def _poll_with_both_keys(name: str, owner: Any) -> list[Step]:
    """Return a poll of the video of step `name` by its owner, and one with the other key."""
    path, other = "/v2/videos/generations/{}", "b" if owner == "a" else "a"
    return [
        get(path, ref=Ref(name), key=owner),
        get(path, ref=Ref(name), key=other, use="foreign"),
    ]


def draw_plans(models: Sequence[ModelJson], *, seed: int = 0, count: int = 50) -> list[Plan]:
    """Return `count` drawn plans; the same for the same seed."""
    found: list[Plan] = []

    @_use_seed(seed, count, Phase.generate)
    @given(plans(models))
    def collect(plan: Plan) -> None:
        found.append(replace(plan, name=f"drawn {len(found) + 1}"))

    collect()
    return found


def _use_seed(number: int, count: int, *phases: Phase) -> Callable[[Any], Any]:
    configured = settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )

    def decorate(test: Any) -> Any:
        return seed(number)(configured(test))

    return decorate


def find_smallest_breach(
    check: Check, target: Target, *, seed: int = 0, count: int = 200
) -> Verdict | None:
    """Return the verdict on the smallest plan like those that `draw_plans` draws from a seed.

    The smallest is that which shrinking the first one that breaks `check` ends with. It is run and
    judged once more, so the verdict is its own; None when none of them breaks the check.
    """
    last: list[Plan] = []

    @_use_seed(seed, count, Phase.generate, Phase.shrink)
    @given(plans(target.models))
    def holds(plan: Plan) -> None:
        if judge_check(check, [target.run(plan)], own=target.own).broken:
            last.append(plan)
            raise _BrokenError

    try:
        holds()
    except _BrokenError:
        return judge_check(
            check, [target.run(replace(last[-1], name="drawn, the smallest"))], own=target.own
        )
    return None


class _BrokenError(Exception):
    """A plan breaks the check."""
