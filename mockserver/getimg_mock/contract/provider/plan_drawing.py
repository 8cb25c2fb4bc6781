"""Drawn plans: valid requests, requests with one known fault, and sequences of both.

What is drawn depends on the catalogue and on the choices alone, never on the responses of a
provider. A plan that breaks a check is drawn again from fewer and smaller numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.model_choice import choose_few_pixels, select_fewest_pixels
from getimg_mock.contract.plans import Plan, find_step_operation, get, get_balance, post
from getimg_mock.contract.provider.choices import NumberedChoices
from getimg_mock.contract.provider.faulty_requests import build_faulty
from getimg_mock.contract.provider.number_shrinking import shrink_numbers
from getimg_mock.contract.provider.valid_requests import build_valid_body
from getimg_mock.contract.steps import DAYS_PLACEHOLDER, Poll, Ref, Send, Wait
from getimg_mock.contract.verdicts import judge_check

if TYPE_CHECKING:
    from collections.abc import Sequence

    from getimg_mock.contract.model_choice import ModelJson
    from getimg_mock.contract.provider.choices import Choices
    from getimg_mock.contract.steps import Step
    from getimg_mock.contract.targets.fake_targets import Target
    from getimg_mock.contract.verdicts import Check, Verdict

_PAUSES: Final = (0.001, 1, 30, 90, 3600)
_ACTIONS: Final = ("good", "good", "bad", "look", "wait", "money", "picture", "file")
_KEYS: Final = ("a", "a", "b")
_MOST_TURNS: Final = 8
_GOES_ON: Final = (False, *[True] * 5)
"""Whether a plan has a further turn: five times of six."""


def build_submission(choices: Choices, models: Sequence[ModelJson]) -> Send:
    """Return a request for a generation that must be accepted."""
    model = choices.choose(models)
    return post(model["type"], build_valid_body(choices, model), valid=True)


def build_refusal(choices: Choices, models: Sequence[ModelJson]) -> Send:
    """Return a request with exactly one known fault, which must be refused."""
    return build_faulty(choices, choices.choose(models))


def build_small_image(choices: Choices, models: Sequence[ModelJson]) -> Send:
    """Return a request for an image of the fewest pixels, whose file costs little to look into."""
    images = select_fewest_pixels([model for model in models if model["type"] == "image"])
    model = choices.choose(images)
    body = build_valid_body(choices, model) | choose_few_pixels(model)
    return post("image", body, valid=True)


@dataclass(slots=True)
class _Turns:
    """The turns of a plan that is being built."""

    choices: Choices
    models: Sequence[ModelJson]
    steps: list[Step] = field(default_factory=list)
    videos: list[tuple[str, Any]] = field(default_factory=list)
    images: list[str] = field(default_factory=list)

    def add(self, turn: int) -> None:
        """Add what one turn does."""
        choices = self.choices
        key: Any = choices.choose(_KEYS)
        what = choices.choose(_ACTIONS)
        if what == "good":
            step = build_submission(choices, self.models)
            name = f"{find_step_operation(step)} {turn}"
            if name.startswith("videos.create"):
                self.videos.append((name, key))
            self.steps.append(replace(step, name=name, key=key))
        elif what == "bad":
            self.steps.append(replace(build_refusal(choices, self.models), key=key))
        elif what == "look" and self.videos:
            self.steps += _poll_with_both_keys(*choices.choose(self.videos))
        elif what == "picture":
            self.images.append(f"picture {turn}")
            step = build_small_image(choices, self.models)
            self.steps.append(replace(step, name=self.images[-1], key=key))
        elif what == "file" and self.images:
            link = Ref(choices.choose(self.images), "/data/0/url")
            self.steps.append(Send(link=True, ref=link, key="none"))
        elif what == "wait":
            self.steps.append(Wait(seconds=choices.choose(_PAUSES)))
        else:
            self.steps.append(get_balance(key=key))


def build_plan(choices: Choices, models: Sequence[ModelJson], name: str = "drawn") -> Plan:
    """Return a sequence: submissions good and bad by two keys, polls, downloads, steps of time."""
    turns = _Turns(choices, models, _read_money("costs-before"))
    turns.add(0)
    for turn in range(1, _MOST_TURNS):
        if not choices.choose(_GOES_ON):
            break
        turns.add(turn)
    polls = [Poll(of=video, key=key, every=20) for video, key in turns.videos]
    steps = (*turns.steps, *polls, *_read_money("costs-after"))
    return Plan(name=name, tier="R2", steps=steps, keys=2, clock=True, drawn=True)


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
    return [
        build_plan(NumberedChoices(seed=seed, number=number), models, f"drawn {number}")
        for number in range(1, count + 1)
    ]


def find_smallest_breach(
    check: Check, target: Target, *, seed: int = 0, count: int = 200
) -> Verdict | None:
    """Return the verdict on the smallest plan like those that `draw_plans` draws from a seed.

    The smallest is that which shrinking the first one that breaks `check` ends with. It is run and
    judged once more, so the verdict is its own; None when none of them breaks the check.
    """

    def judge(choices: NumberedChoices, name: str = "drawn") -> Verdict:
        history = target.run(build_plan(choices, target.models, name))
        return judge_check(check, [history], own=target.own)

    def try_numbers(numbers: Sequence[int]) -> list[int] | None:
        choices = NumberedChoices(numbers)
        return choices.taken if judge(choices).broken else None

    for number in range(1, count + 1):
        choices = NumberedChoices(seed=seed, number=number)
        if judge(choices).broken:
            smallest = shrink_numbers(choices.taken, try_numbers)
            return judge(NumberedChoices(smallest), "drawn, the smallest")
    return None
