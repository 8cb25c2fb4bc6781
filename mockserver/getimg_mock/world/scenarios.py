"""Scenarios: rules that say which requests get something other than the usual, and what.

A rule is criteria x behaviour x how often. Every criterion that is given must fit; a rule without
any fits every request to which its behaviour can be done. Of several rules that fit, the one added
last decides, kind of behaviour by kind of behaviour: one may add latency where another gives the
error. A rule that has nothing left to decide does not act, and keeps its `first` for later.
"""

from __future__ import annotations

import json
import re
import threading
from copy import deepcopy
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.world.behaviours import NOTHING, Behaviour
from getimg_mock.world.randomness import Stream, digest
from getimg_mock.world.rule_files import named_scenario, read_rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from getimg_mock.world.generations import Status

# What `as_json` adds to what a rule was given.
_COUNTED: Final = ("id", "scenario", "seen", "hits", "added_at", "ordinals")


@dataclass(frozen=True, slots=True)
class Facts:
    """What criteria can ask about a request. `identity` tells equal requests from others."""

    operation: str
    key: str
    now: datetime
    identity: bytes
    model: str | None = None
    prompt: str | None = None
    state: Status | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """Which requests a rule is about.

    `on`: operations. `model`, `key`: globs. `prompt`: a regular expression that is found
    anywhere. `nth`: only the nth request that the other criteria fit. `after`, `before`: seconds
    since the rule was added. `state`: of the generation that is polled or downloaded.
    """

    on: frozenset[str]
    model: str | None = None
    prompt: str | None = None
    key: str | None = None
    nth: int | None = None
    after: float | None = None
    before: float | None = None
    state: Status | None = None

    def fit(self, facts: Facts, age: float) -> bool:
        """Return whether they fit a request, but for `nth`; `age` is the rule's, in seconds."""
        return (
            facts.operation in self.on
            and (self.model is None or fnmatchcase(facts.model or "", self.model))
            and (self.key is None or fnmatchcase(facts.key, self.key))
            and (self.prompt is None or _found(self.prompt, facts.prompt))
            and (self.after is None or age >= self.after)
            and (self.before is None or age < self.before)
            and (self.state is None or facts.state == self.state)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Frequency:
    """How often a rule acts on the requests that it fits.

    `first`: only on so many. `every`: on each nth. `probability`: drawn by seed and request, so
    that the order of requests does not matter. `seconds`: so long after the rule was added.
    """

    first: int | None = None
    every: int | None = None
    probability: float | None = None
    seconds: float | None = None


@dataclass(slots=True)
class Rule:
    """A rule in force: what it says, and how often it has fitted (`seen`) and acted (`hits`).

    `chance` is what its probability is drawn from, with the request.
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
    ordinals: dict[bytes, int] = field(default_factory=dict, repr=False)

    def acts(self, facts: Facts, stronger: Behaviour) -> bool:
        """Return whether it acts on this request beside what is `stronger`, and count that."""
        age = (facts.now - self.added_at).total_seconds()
        if not self.criteria.fit(facts, age):
            return False
        self.seen += 1
        often = self.frequency
        # Drawn before anything else is asked, so that the draws of a request are its own.
        happens = often.probability is None or self._happens(facts, often.probability)
        acts = (
            happens
            and (self.criteria.nth is None or self.seen == self.criteria.nth)
            and (often.seconds is None or age < often.seconds)
            and (often.first is None or self.hits < often.first)
            and (often.every is None or self.seen % often.every == 0)
            and stronger.over(self.behaviour) != stronger
        )
        self.hits += acts
        return acts

    def _happens(self, facts: Facts, probability: float) -> bool:
        ordinal = self.ordinals.get(facts.identity, 0)
        self.ordinals[facts.identity] = ordinal + 1
        return Stream(self.chance, facts.identity, ordinal).happens("acts", probability)

    def as_json(self) -> dict[str, Any]:
        """Return the rule as it was given, with its id and counts.

        It is the caller's to change: the lists of a shipped scenario are everybody's.
        """
        return {
            "id": self.id,
            "scenario": self.scenario,
            **deepcopy(dict(self.source)),
            "seen": self.seen,
            "hits": self.hits,
        }


class Scenarios:
    """The rules of one workspace. Safe to use from several threads."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._lock = threading.Lock()
        self._rules: dict[str, Rule] = {}
        self._added = 0

    def add(self, values: Mapping[str, Any], now: datetime, *, scenario: str | None = None) -> Rule:
        """Put one rule in force from `now` on and return it.

        Raises `SettingsError` for values that cannot be used and `UnknownNameError` for names
        that do not exist.
        """
        rule = self._made(values, now, scenario)
        with self._lock:
            self._added += 1
            rule.id = f"rule-{self._added}"
            self._rules[rule.id] = rule
            return rule

    def _made(self, values: Mapping[str, Any], now: datetime, scenario: str | None) -> Rule:
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
        """Put a shipped scenario in force and return its rules.

        `overrides` are keys of a rule that win over those of each of its rules; None takes one out.
        """
        return self.load_rules(named_scenario(name).rules, now, scenario=name, **overrides)

    def load_rules(
        self,
        rules: list[dict[str, Any]],
        now: datetime,
        *,
        scenario: str | None = None,
        **overrides: Any,
    ) -> list[Rule]:
        """Put several rules in force: all of them, or, when one is wrong, none."""
        if overrides.keys() & {"first", "times"}:
            # Two words for one thing: whichever is given replaces whichever is there.
            overrides = {"first": None, "times": None} | overrides
        merged = [rule | overrides for rule in rules]
        for each in merged:
            read_rule(each)
        # The first rule of a file is the strongest, and what is added last wins.
        added = [self.add(each, now, scenario=scenario) for each in reversed(merged)]
        return added[::-1]

    def get(self, rule_id: str) -> Rule | None:
        """Return the rule of that id, or None."""
        return self._rules.get(rule_id)

    def remove(self, rule_id: str) -> bool:
        """Take a rule out of force; returns whether there was one of that id."""
        with self._lock:
            return self._rules.pop(rule_id, None) is not None

    def clear(self) -> None:
        """Take every rule out of force."""
        with self._lock:
            self._rules.clear()

    def treatment(self, facts: Facts, special: Behaviour = NOTHING) -> tuple[Behaviour, list[Rule]]:
        """Return what is done to a request, and the rules that say so, the strongest first.

        `special` is what the request itself asks for, which wins over all of them.
        """
        behaviour, acting = special, []
        if self._rules:
            with self._lock:
                for rule in reversed(self._rules.values()):
                    if rule.acts(facts, behaviour):
                        behaviour = behaviour.over(rule.behaviour)
                        acting.append(rule)
        return behaviour, acting

    def __iter__(self) -> Iterator[Rule]:
        with self._lock:
            return iter(tuple(self._rules.values()))

    def __len__(self) -> int:
        return len(self._rules)

    def as_json(self) -> list[dict[str, Any]]:
        """Return all rules with what they have counted, for snapshots."""
        return [
            rule.as_json()
            | {
                "added_at": rule.added_at.isoformat(),
                "ordinals": {key.hex(): count for key, count in rule.ordinals.items()},
            }
            for rule in self
        ]

    def restore(self, rules: list[dict[str, Any]], moment: Callable[[str], datetime]) -> None:
        """Put the rules of `as_json` in force again; `moment` reads a date-time."""
        restored: dict[str, Rule] = {}
        for values in rules:
            kept = {name: value for name, value in values.items() if name not in _COUNTED}
            rule = self._made(kept, moment(values["added_at"]), values["scenario"])
            rule.id, rule.seen, rule.hits = values["id"], values["seen"], values["hits"]
            rule.ordinals = {bytes.fromhex(k): count for k, count in values["ordinals"].items()}
            restored[rule.id] = rule
        with self._lock:
            self._rules = restored
            self._added = max([self._added, *(_numbered(rule) for rule in restored)])


def _numbered(rule_id: str) -> int:
    return int(rule_id.rpartition("-")[2])


def _found(pattern: str, text: str | None) -> bool:
    return text is not None and re.search(pattern, text) is not None
