"""Plans: steps against a provider, as pure data that can be printed, shrunk and replayed.

A plan holds no answers. A step that needs an id or a link of an earlier answer names it by a `Ref`,
which the executor resolves while the plan runs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from getimg_mock.contract.steps import Send, dump_step, parse_step
from getimg_mock.world.operations import find_operation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from getimg_mock.contract.steps import Step

Tier = Literal["R0", "R1", "R2", "R3"]

TIERS: Final[tuple[Tier, ...]] = ("R0", "R1", "R2", "R3")
"""R0 cannot cost anything, whatever the provider does. R1 sends requests that must be refused. R2
makes generations. R3 uses up rate limits."""

_BALANCE: Final = "/v2/billing/balance"


def find_step_operation(step: Send) -> str:
    """Return the operation of a step, or an empty text."""
    return "downloads.retrieve" if step.link else find_operation(step.method, step.path)


def begins_video(step: Step) -> bool:
    """Return whether a step orders a video."""
    return isinstance(step, Send) and step.submits and find_step_operation(step) == "videos.create"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Steps, and the conditions under which they run.

    `world` holds settings for a fake. With `anywhere`, other targets run the plan without them;
    else they skip it. `clock` says that the plan waits: where the clock of a target cannot be
    moved, the plan ends at the first wait that is longer than the target allows.
    """

    name: str
    steps: tuple[Step, ...]
    tier: Tier = "R0"
    world: tuple[tuple[str, Any], ...] = ()
    clock: bool = False
    keys: int = 1
    rules: tuple[str, ...] = ()
    """Scenario rules as JSON texts; a target that is not a fake skips a plan with rules."""
    anywhere: bool = False
    drawn: bool = False
    """Whether it was drawn by Hypothesis, so that a smaller plan may show the same."""
    concurrent: bool = False
    """Whether it says nothing of money, limits and time, so that others may run with it."""

    @property
    def reads_balance(self) -> bool:
        """Whether it reads a balance, so that it may compare it with an earlier one."""
        return any(isinstance(step, Send) and step.path == _BALANCE for step in self.steps)

    @property
    def ends_with_files(self) -> bool:
        """Whether it makes images, and then does nothing but load files: no service counts that."""
        links = [isinstance(step, Send) and step.link for step in self.steps]
        waits = not all(isinstance(step, Send) for step in self.steps)
        videos = any(map(begins_video, self.steps))
        return any(links) and links == sorted(links) and not waits and not videos

    @property
    def submissions(self) -> tuple[Send, ...]:
        """The steps that could make a generation."""
        return tuple(step for step in self.steps if isinstance(step, Send) and step.submits)

    def as_json(self) -> dict[str, Any]:
        """Return the plan as JSON, which `parse_plan` reads."""
        return {
            "name": self.name,
            "tier": self.tier,
            "world": dict(self.world),
            "clock": self.clock,
            "keys": self.keys,
            "rules": list(self.rules),
            "anywhere": self.anywhere,
            "drawn": self.drawn,
            **({"concurrent": True} if self.concurrent else {}),
            "steps": [dump_step(step) for step in self.steps],
        }


@dataclass(frozen=True, slots=True)
class Price:
    """The most that a plan can cost, in US dollars as a text; None where a price is unknown."""

    worst: str | None
    submissions: int = 0
    unknown: tuple[str, ...] = field(default=())


def encode_body(value: Any) -> bytes:
    """Return a value as a request body: compact JSON in UTF-8, lone surrogates escaped."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def post(kind: Literal["image", "video"], body: Any, **more: Any) -> Send:
    """Return a step that requests a generation; `body` is a JSON value, or bytes."""
    data = body if isinstance(body, bytes) else encode_body(body)
    more.setdefault("headers", (("content-type", "application/json"),))
    return Send(method="POST", path=f"/v2/{kind}s/generations", body=data, **more)


def get(path: str, **more: Any) -> Send:
    """Return a step that sends a GET request."""
    return Send(path=path, **more)


def get_balance(**more: Any) -> Send:
    """Return a step that reads the balance."""
    return Send(path=_BALANCE, **more)


def parse_plan(value: Mapping[str, Any]) -> Plan:
    """Return the plan that `Plan.as_json` wrote."""
    return Plan(
        name=value["name"],
        tier=value["tier"],
        world=tuple(value["world"].items()),
        clock=value["clock"],
        keys=value["keys"],
        rules=tuple(value.get("rules", ())),
        anywhere=value.get("anywhere", False),
        drawn=value.get("drawn", False),
        concurrent=value.get("concurrent", False),
        steps=tuple(parse_step(step) for step in value["steps"]),
    )
