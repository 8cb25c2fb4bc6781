"""Plans: what is to be done to a provider, as pure data that can be printed, shrunk and replayed.

A plan is a tuple of steps. It never holds what a provider answered: a step that needs an id or a
link of an earlier answer names it by a `Ref`, which is looked up while the plan runs.
"""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final, Literal

from getimg_mock.world.operations import find_operation

if TYPE_CHECKING:
    from collections.abc import Mapping

Key = Literal["a", "b", "none", "raw"]
Tier = Literal["R0", "R1", "R2", "R3"]
Alteration = Literal["", "sig", "exp", "item", "id", "no-sig", "no-exp", "late-exp", "borrowed"]

TIERS: Final[tuple[Tier, ...]] = ("R0", "R1", "R2", "R3")
"""R0 can spend nothing whatever the provider does; R1 sends requests that must be refused; R2 makes
generations; R3 uses up rate limits."""

DAYS_PLACEHOLDER: Final = "{days}"
"""The query for the costs around a plan: from the day before it begins, 32 days."""

_MAX_PLAIN_BODY: Final = 20_000
"""How long a body may be to be written down as it is."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A value of an earlier answer: of the step called `step`, a JSON pointer or `header:name`."""

    step: str
    pointer: str = "/id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """One request.

    `path` may hold `{}` for `ref`; with `link` the whole URL is what `ref` says, altered as
    `alter` says: `borrowed` gives it expiry and signature of the link that `donor` says. `valid`
    is what the plan knows of the request by construction: True (must be accepted), False (must be
    refused; `fault` says why, `field` where) or None. Requests of one `group` differ in nothing
    that should matter; neighbours of one group that are `together` are sent at the same time where
    a target can. `use` names the part it plays in an experiment. `query`, and with the key `raw`
    headers and body, may hold `{key}`, the first key; as `DAYS_PLACEHOLDER` a query is the range of
    days around the plan.
    """

    method: str = "GET"
    path: str = ""
    query: str = ""
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    key: Key = "a"
    name: str = ""
    ref: Ref | None = None
    link: bool = False
    alter: Alteration = ""
    donor: Ref | None = None
    valid: bool | None = None
    fault: str = ""
    field: str = ""
    group: str = ""
    use: str = ""
    together: bool = False

    @property
    def operation(self) -> str:
        """The operation that this asks for."""
        return "downloads.retrieve" if self.link else find_operation(self.method, self.path)

    @property
    def submits(self) -> bool:
        """Whether a provider could make a generation of it, and charge for it.

        Any method that is not a read, with anything that a careless provider could take for a key.
        """
        if self.method in {"GET", "HEAD", "OPTIONS"}:
            return False
        keyed = self.key in {"a", "b"} or any(
            "{key}" in value or (name == "authorization" and value.partition(" ")[2].strip())
            for name, value in self.headers
        )
        return keyed or "{key}" in self.query or b"{key}" in (self.body or b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """Ask how the video `of` stands every `every` seconds until it has ended, `most` times."""

    of: str
    every: float = 5
    most: int = 200
    key: Key = "a"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Let time pass: `seconds`, or until the moment that `until` names plus `seconds`."""

    seconds: float = 0
    until: Ref | None = None


Step = Send | Poll | Wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Steps with what they are for.

    `world` are settings that only a fake can be given; with `anywhere` the plan is run without them
    where the target is no fake of ours. `clock` says that time should be in our hands: elsewhere
    the plan ends at the first pause that is longer than one may wait there.
    """

    name: str
    steps: tuple[Step, ...]
    tier: Tier = "R0"
    world: tuple[tuple[str, Any], ...] = ()
    clock: bool = False
    keys: int = 1
    rules: tuple[str, ...] = ()
    """Scenario rules (JSON texts) that only a fake can be given."""
    anywhere: bool = False
    drawn: bool = False
    """Whether it was drawn by chance, so that a smaller one may show the same."""

    @property
    def submissions(self) -> tuple[Send, ...]:
        """The steps that could make a generation."""
        return tuple(step for step in self.steps if isinstance(step, Send) and step.submits)

    def as_json(self) -> dict[str, Any]:
        """Return the plan as JSON, from which `parse_plan` makes it again."""
        return {
            "name": self.name,
            "tier": self.tier,
            "world": dict(self.world),
            "clock": self.clock,
            "keys": self.keys,
            "rules": list(self.rules),
            "anywhere": self.anywhere,
            "drawn": self.drawn,
            "steps": [_dump_step(step) for step in self.steps],
        }


@dataclass(frozen=True, slots=True)
class Price:
    """What a plan can cost at most, in US dollars as a text; None where a price is unknown."""

    worst: str | None
    submissions: int = 0
    unknown: tuple[str, ...] = field(default=())


def encode_body(value: Any) -> bytes:
    """Return a request body: compact JSON in UTF-8, lone surrogates escaped."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def post(kind: Literal["image", "video"], body: Any, **more: Any) -> Send:
    """Return the request for a generation; `body` is JSON, or bytes as they are to be sent."""
    data = body if isinstance(body, bytes) else encode_body(body)
    more.setdefault("headers", (("content-type", "application/json"),))
    return Send(method="POST", path=f"/v2/{kind}s/generations", body=data, **more)


def get(path: str, **more: Any) -> Send:
    """Return a GET."""
    return Send(path=path, **more)


def get_balance(**more: Any) -> Send:
    """Return the request for the balance."""
    return Send(path="/v2/billing/balance", **more)


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
        steps=tuple(_parse_step(step) for step in value["steps"]),
    )


def _dump_step(step: Step) -> dict[str, Any]:
    shown: dict[str, Any] = {"do": type(step).__name__.lower()}
    for each in fields(step):
        value = getattr(step, each.name)
        if value == each.default:
            continue
        if isinstance(value, bytes):
            value = _dump_bytes(value)
        elif isinstance(value, Ref):
            value = [value.step, value.pointer]
        shown[each.name] = value
    return shown


def _dump_bytes(value: bytes) -> Any:
    if len(value) > _MAX_PLAIN_BODY:
        return {"zlib": base64.b64encode(zlib.compress(value, 9)).decode()}
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def _parse_step(value: Mapping[str, Any]) -> Step:
    known = dict(value)
    kind = {"send": Send, "poll": Poll, "wait": Wait}[known.pop("do")]
    for name in ("ref", "until", "donor"):
        if known.get(name):
            known[name] = Ref(*known[name])
    if "headers" in known:
        known["headers"] = tuple((name, text) for name, text in known["headers"])
    if isinstance(known.get("body"), dict):
        ((packing, text),) = known["body"].items()
        data = base64.b64decode(text)
        known["body"] = zlib.decompress(data) if packing == "zlib" else data
    elif isinstance(known.get("body"), str):
        known["body"] = known["body"].encode()
    made: Step = kind(**known)
    return made
