"""Every fault and oddity that a shipped scenario can produce, one plan for each.

The rule of a scenario is put in force for one operation, and made certain: what it does by chance
or now and then it does each time, so that the plan meets it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.model_choice import cheapest, small
from getimg_mock.contract.plans import Plan, Poll, Ref, Send, balance, get, post
from getimg_mock.contract.targets.fake_targets import InProcess, OnSocket
from getimg_mock.world.rule_files import named_scenario, read_rule, scenario_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.history import History
    from getimg_mock.contract.model_choice import Model
    from getimg_mock.contract.plans import Step

_ON_THE_WIRE: Final = ("reset", "close", "truncate", "drip", "hang", "hang_body", "wrong_length")
"""Faults of the connection: only a socket shows them."""

_PROMPT: Final = "A forbidden place on a borderline"
_COSTS: Final = "start=2026-03-01T00:00:00Z&end=2026-03-02T00:00:00Z"


def oddity_plans(models: Sequence[Model]) -> Iterator[Plan]:
    """Yield a plan for each rule of each shipped scenario and each operation that it reaches."""
    for name in scenario_names():
        for number, rule in enumerate(named_scenario(name).rules, 1):
            for operation in sorted(read_rule(rule).criteria["on"]):
                certain = {
                    key: value for key, value in rule.items() if key not in {"probability", "every"}
                }
                text = json.dumps(certain | {"on": operation})
                yield Plan(
                    name=f"scenario {name}, rule {number}: {operation}",
                    tier="R2",
                    rules=(text,),
                    steps=(*_reaching(operation, models),),
                )


def met(models: Sequence[Model], seed: str = "0") -> Iterator[History]:
    """Run each of the plans against the fake: in process, or where needed on a socket."""
    inside, outside = InProcess(seed=seed), OnSocket(seed=seed)
    for plan in oddity_plans(models):
        target = outside if json.loads(plan.rules[0]).get("fault") in _ON_THE_WIRE else inside
        yield target.run(plan)


def _reaching(operation: str, models: Sequence[Model]) -> Iterator[Step]:
    """Yield what it takes to send a request for an operation."""
    image, video = cheapest(models, "image"), cheapest(models, "video")
    direct: dict[str, Send] = {
        "models.list": get("/v2/models"),
        "models.retrieve": get(f"/v2/models/{image['id']}"),
        "billing.balance": balance(),
        "billing.costs": get("/v2/billing/costs", query=_COSTS),
    }
    if operation in direct:
        yield direct[operation]
    elif operation.startswith("videos."):
        yield post("video", _asking(video), name="made")
        yield get("/v2/videos/generations/{}", ref=Ref("made"))
        yield Poll(of="made")
    else:
        yield post("image", _asking(image), name="made")
        yield Send(link=True, ref=Ref("made", "/data/0/url"), key="none")


def _asking(model: Model) -> dict[str, Any]:
    return small(model, prompt=_PROMPT)
