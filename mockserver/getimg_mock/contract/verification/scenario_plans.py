"""Plans for every fault and variation that a shipped scenario can produce.

Each plan activates one rule of a scenario for one operation, without its probability or frequency,
so that the plan always meets it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Protocol

from getimg_mock.contract.model_choice import build_small_request, find_cheapest
from getimg_mock.contract.plans import Plan, get, get_balance, post
from getimg_mock.contract.steps import Poll, Ref, Send
from getimg_mock.contract.targets.fake_targets import InProcessTarget, SocketTarget
from getimg_mock.world.rule_files import list_scenario_names, load_scenario, read_rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.history import History
    from getimg_mock.contract.model_choice import ModelJson
    from getimg_mock.contract.steps import Step

_CONNECTION_FAULTS: Final = (
    "reset",
    "close",
    "truncate",
    "drip",
    "hang",
    "hang_body",
    "wrong_length",
)
"""Faults of the connection: only a socket shows them."""

_FEW_LOOKS: Final = 12
"""How often a video is polled whose every poll breaks: it would never be seen to end."""

_MADE: Final = "made"
_PROMPT: Final = "A forbidden place on a borderline"
_COSTS: Final = "start=2026-03-01T00:00:00Z&end=2026-03-02T00:00:00Z"


def build_scenario_plans(models: Sequence[ModelJson]) -> Iterator[Plan]:
    """Yield a plan for each rule of each shipped scenario and each operation that it reaches."""
    for name in list_scenario_names():
        for number, rule in enumerate(load_scenario(name).rules, 1):
            for operation in sorted(read_rule(rule).criteria["on"]):
                certain = {
                    key: value for key, value in rule.items() if key not in {"probability", "every"}
                }
                text = json.dumps(certain | {"on": operation})
                breaks = operation == "videos.retrieve" and _needs_socket(text)
                looks = Poll(of=_MADE, most=_FEW_LOOKS) if breaks else Poll(of=_MADE)
                yield Plan(
                    name=f"scenario {name}, rule {number}: {operation}",
                    tier="R2",
                    rules=(text,),
                    steps=(*_build_steps(operation, models, looks),),
                )


def _needs_socket(rule: str) -> bool:
    return json.loads(rule).get("fault") in _CONNECTION_FAULTS


def run_scenario_plans(models: Sequence[ModelJson], seed: str = "0") -> Iterator[History]:
    """Run each of the plans against the fake, on a socket where its fault needs one."""
    inside, outside = InProcessTarget(seed=seed), SocketTarget(seed=seed)
    for plan in build_scenario_plans(models):
        yield (outside if _needs_socket(plan.rules[0]) else inside).run(plan)


class ScenarioRun(Protocol):
    """A run that keeps the histories of the scenario plans, once they have run."""

    @property
    def models(self) -> Sequence[ModelJson]:
        """The catalogue that plans are made from."""

    @property
    def seed(self) -> int:
        """What plans are drawn from."""

    scenarios: tuple[History, ...] | None


def run_scenarios_once(run: ScenarioRun) -> tuple[History, ...]:
    """Run the plans for a run, which keeps the histories: two parts of it judge them."""
    if run.scenarios is None:
        run.scenarios = tuple(run_scenario_plans(run.models, str(run.seed)))
    return run.scenarios


def _build_steps(operation: str, models: Sequence[ModelJson], looks: Poll) -> Iterator[Step]:
    """Yield the steps that send a request for an operation; `looks` follows a video."""
    image, video = find_cheapest(models, "image"), find_cheapest(models, "video")
    direct: dict[str, Send] = {
        "models.list": get("/v2/models"),
        "models.retrieve": get(f"/v2/models/{image['id']}"),
        "billing.balance": get_balance(),
        "billing.costs": get("/v2/billing/costs", query=_COSTS),
    }
    if operation in direct:
        yield direct[operation]
    elif operation.startswith("videos."):
        yield post("video", _build_body(video), name=_MADE)
        yield get("/v2/videos/generations/{}", ref=Ref(_MADE))
        yield looks
    else:
        yield post("image", _build_body(image), name=_MADE)
        yield Send(link=True, ref=Ref(_MADE, "/data/0/url"), key="none")


def _build_body(model: ModelJson) -> dict[str, Any]:
    return build_small_request(model, prompt=_PROMPT)
