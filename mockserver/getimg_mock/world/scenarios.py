"""Scenarios: rules that change how the fake answers some requests.

A rule has criteria, a behaviour and a frequency. All given criteria must match; a rule without
criteria matches every request to which its behaviour applies. Of several matching rules the one
added last wins, separately for each part of the behaviour: one may add latency while another gives
the error. A rule that adds nothing does not act, and does not use up its `first`.
"""

from __future__ import annotations

import json
import threading
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from getimg_mock import patterns
from getimg_mock.errors import SettingsError
from getimg_mock.world.behaviours import NOTHING, Behaviour
from getimg_mock.world.randomness import Stream, digest
from getimg_mock.world.rule_files import load_scenario, read_rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, MutableMapping
    from datetime import datetime

    from getimg_mock.world.generations import Status

MAX_RULES: Final = 1000
"""Rules that a workspace can have: each request is compared with all of them."""

# What `as_json` adds to what a rule was given.
_COUNTED: Final = ("id", "scenario", "seen", "hits", "added_at", "ordinals")


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of a request that criteria can test; `identity` is equal for equal requests."""

    operation: str
    key: str
    now: datetime
    identity: bytes
    model: str | None = None
    prompt: str | None = None
    state: Status | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """The requests that a rule matches.

    `on`: operations. `model`, `key`: globs. `prompt`: a regular expression (RE2), searched
    anywhere. `nth`: only the nth request that matches the other criteria. `after`, `before`:
    seconds since the rule was added. `state`: of the generation that is polled or downloaded.
    """

    on: frozenset[str]
    model: str | None = None
    prompt: str | None = None
    key: str | None = None
    nth: int | None = None
    after: float | None = None
    before: float | None = None
    state: Status | None = None

    def match(self, facts: Facts, age: float) -> bool:
        """Return whether they match, except for `nth`; `age` is the rule's age in seconds."""
        return (
            facts.operation in self.on
            and (self.model is None or patterns.matches_glob(facts.model or "", self.model))
            and (self.key is None or patterns.matches_glob(facts.key, self.key))
            and (self.prompt is None or _matches(self.prompt, facts.prompt))
            and (self.after is None or age >= self.after)
            and (self.before is None or age < self.before)
            and (self.state is None or facts.state == self.state)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Frequency:
    """How often a rule acts on the requests that it matches.

    `first`: only on the first so many. `every`: on each nth. `probability`: drawn by seed and
    request, independent of the order of requests. `seconds`: only so long after it was added.
    """

    first: int | None = None
    every: int | None = None
    probability: float | None = None
    seconds: float | None = None


@dataclass(slots=True)
class Rule:
    """An active rule, and how often it has matched (`seen`) and acted (`hits`).

    Its probability is drawn from `chance` and the request.
    """

    id: str
    criteria: Criteria
    frequency: Frequency
    behaviour: Behaviour
    added_at: datetime
    source: Mapping[str, Any]
    chance: bytes = field(repr=False)
    scenario: str | None = None
    seen: int = 0
    hits: int = 0
    ordinals: MutableMapping[bytes, int] = field(default_factory=dict, repr=False)

    def acts(self, facts: Facts, stronger: Behaviour) -> bool:
        """Return whether it adds to the `stronger` behaviour of a request, and count that."""
        age = (facts.now - self.added_at).total_seconds()
        if not self.criteria.match(facts, age):
            return False
        self.seen += 1
        often = self.frequency
        # Drawn first, so that the draws of a request do not depend on other conditions.
        happens = often.probability is None or self._happens(facts, often.probability)
        acts = (
            happens
            and (self.criteria.nth is None or self.seen == self.criteria.nth)
            and (often.seconds is None or age < often.seconds)
            and (often.first is None or self.hits < often.first)
            and (often.every is None or self.seen % often.every == 0)
            and stronger.fill_from(self.behaviour) != stronger
        )
        self.hits += acts
        return acts

    def _happens(self, facts: Facts, probability: float) -> bool:
        ordinal = self.ordinals.get(facts.identity, 0)
        self.ordinals[facts.identity] = ordinal + 1
        return Stream(self.chance, facts.identity, ordinal).happens("acts", probability)

    def as_json(self) -> dict[str, Any]:
        """Return the rule as it was given, with its id and counts.

        A copy that the caller may change: shipped scenarios share their lists.
        """
        return {
            "id": self.id,
            "scenario": self.scenario,
            **deepcopy(dict(self.source)),
            "seen": self.seen,
            "hits": self.hits,
        }


class Scenarios:
    """The rules of one workspace. Thread-safe.

    `create_ordinals` returns where the rule of an id counts equal requests.
    """

    def __init__(
        self,
        seed: bytes,
        create_ordinals: Callable[[str], MutableMapping[bytes, int]] = lambda _rule: {},
    ) -> None:
        self._seed = seed
        self._create_ordinals = create_ordinals
        self._lock = threading.Lock()
        self._rules: dict[str, Rule] = {}
        self._added = 0

    def add(self, values: Mapping[str, Any], now: datetime, *, scenario: str | None = None) -> Rule:
        """Add one rule, active from `now` on, and return it.

        Raises `SettingsError` for invalid values and `UnknownNameError` for unknown names.
        """
        rule = self._build_rule(values, now, scenario)
        with self._lock:
            self._check_room(1)
            self._added += 1
            rule.id = f"rule-{self._added}"
            rule.ordinals = self._create_ordinals(rule.id)
            self._rules[rule.id] = rule
            return rule

    @property
    def added(self) -> int:
        """How many rules were ever added: ids continue from it."""
        return self._added

    @added.setter
    def added(self, count: int) -> None:
        self._added = count

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the rules, in the order in which they were added."""
        return tuple(self._rules)

    def _check_room(self, more: int) -> None:
        if len(self._rules) + more > MAX_RULES:
            raise SettingsError(
                f"A workspace has at most {MAX_RULES:,} rules, and has {len(self._rules):,} now: "
                "remove some, or all of them by clear."
            )

    def _build_rule(self, values: Mapping[str, Any], now: datetime, scenario: str | None) -> Rule:
        read = read_rule(values)
        source = {name: value for name, value in values.items() if value is not None}
        written = json.dumps(source, sort_keys=True, default=str)
        return Rule(
            id="",
            criteria=Criteria(**read.criteria),
            frequency=Frequency(**read.frequency),
            behaviour=read.behaviour,
            added_at=now,
            source=source,
            chance=digest(self._seed, "rule", written),
            scenario=scenario,
        )

    def load(self, name: str, now: datetime, **overrides: Any) -> list[Rule]:
        """Add the rules of a shipped scenario and return them.

        `overrides` are keys that replace those of each rule; None removes a key.
        """
        return self.load_rules(load_scenario(name).rules, now, scenario=name, **overrides)

    def load_rules(
        self,
        rules: list[dict[str, Any]],
        now: datetime,
        *,
        scenario: str | None = None,
        **overrides: Any,
    ) -> list[Rule]:
        """Add several rules: all of them, or none when one is invalid."""
        if overrides.keys() & {"first", "times"}:
            # Synonyms: one that is given replaces the other.
            overrides = {"first": None, "times": None} | overrides
        self._check_room(len(rules))
        merged = [rule | overrides for rule in rules]
        for each in merged:
            read_rule(each)
        # The first rule of a file is the strongest, and the rule added last wins.
        added = [self.add(each, now, scenario=scenario) for each in reversed(merged)]
        return added[::-1]

    def get(self, rule_id: str) -> Rule | None:
        """Return the rule of that id, or None."""
        return self._rules.get(rule_id)

    def remove(self, rule_id: str) -> bool:
        """Remove a rule; returns whether there was one of that id."""
        with self._lock:
            return self._rules.pop(rule_id, None) is not None

    def clear(self) -> None:
        """Remove every rule."""
        with self._lock:
            self._rules.clear()

    def choose_behaviour(
        self, facts: Facts, special: Behaviour = NOTHING
    ) -> tuple[Behaviour, list[Rule]]:
        """Return the behaviour for a request, and the rules behind it, the strongest first.

        `special` is what the request itself asks for; it wins over all rules.
        """
        behaviour, acting = special, []
        if self._rules:
            with self._lock:
                for rule in reversed(self._rules.values()):
                    if rule.acts(facts, behaviour):
                        behaviour = behaviour.fill_from(rule.behaviour)
                        acting.append(rule)
        return behaviour, acting

    def __iter__(self) -> Iterator[Rule]:
        with self._lock:
            return iter(tuple(self._rules.values()))

    def __len__(self) -> int:
        return len(self._rules)

    def as_json(self) -> list[dict[str, Any]]:
        """Return all rules with their counts, for snapshots."""
        return [
            rule.as_json()
            | {
                "added_at": rule.added_at.isoformat(),
                "ordinals": {key.hex(): count for key, count in rule.ordinals.items()},
            }
            for rule in self
        ]

    def restore(self, rules: list[dict[str, Any]], moment: Callable[[str], datetime]) -> None:
        """Restore the rules of `as_json`; `moment` parses a date-time."""
        if len(rules) > MAX_RULES:
            raise SettingsError(f"A workspace has at most {MAX_RULES:,} rules, not {len(rules):,}.")
        restored: dict[str, Rule] = {}
        for values in rules:
            kept = {name: value for name, value in values.items() if name not in _COUNTED}
            rule = self._build_rule(kept, moment(values["added_at"]), values["scenario"])
            rule.id, rule.seen, rule.hits = values["id"], values["seen"], values["hits"]
            rule.ordinals = self._create_ordinals(rule.id)
            rule.ordinals.update(
                {bytes.fromhex(k): count for k, count in values["ordinals"].items()}
            )
            restored[rule.id] = rule
        with self._lock:
            self._rules = restored
            self._added = max([self._added, *(_parse_rule_number(rule) for rule in restored)])


def _parse_rule_number(rule_id: str) -> int:
    return int(rule_id.rpartition("-")[2])


def _matches(pattern: str, text: str | None) -> bool:
    return text is not None and patterns.search(pattern, text)
