"""Reads scenario rules: from JSON, TOML and keywords, from shipped files and users' files."""

from __future__ import annotations

import fnmatch
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from getimg_mock._shipped import open_folder, read_text
from getimg_mock.errors import SettingsError, UnknownNameError
from getimg_mock.patterns import LONGEST_PATTERN, compile_pattern
from getimg_mock.setting_values import Span, shorten_value
from getimg_mock.world.behaviours import BEHAVIOUR_KEYS, NOTHING, Behaviour
from getimg_mock.world.operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

_CRITERIA: Final = ("on", "model", "prompt", "key", "nth", "after", "before", "state")
_FREQUENCY: Final = ("first", "times", "every", "probability", "seconds")
RULE_KEYS: Final = _CRITERIA + _FREQUENCY + BEHAVIOUR_KEYS
_SCENARIO_KEYS: Final = ("name", "summary", "rules")
_STATES: Final = ("pending", "completed", "failed")
_MOST_OPERATIONS: Final = 100
_MOST_RULES: Final = 1000
_LONGEST_NAME: Final = 200


class ReadRule(NamedTuple):
    """A rule's three parts, read and checked."""

    criteria: dict[str, Any]
    frequency: dict[str, Any]
    behaviour: Behaviour


@dataclass(frozen=True, slots=True)
class Scenario:
    """A named set of rules; `summary` describes its purpose in a paragraph."""

    name: str
    summary: str
    rules: list[dict[str, Any]]


def read_rule(values: Mapping[str, Any]) -> ReadRule:
    """Read one rule; raises `SettingsError`, naming the nearest name where one is unknown."""
    for name in values:
        if name not in RULE_KEYS:
            raise UnknownNameError("rule key", str(name), RULE_KEYS)
    given = {name: value for name, value in values.items() if value is not None}
    behaviour = Behaviour.of({name: given[name] for name in BEHAVIOUR_KEYS if name in given})
    if behaviour == NOTHING:
        raise SettingsError(
            "A rule needs a behaviour: error, status, answer, fault, latency, oddity or transition."
        )
    criteria, frequency = _parse_criteria(given), _parse_frequency(given)
    criteria["on"] = _select_operations(given.get("on"), behaviour)
    ends = [each for each in (criteria.get("before"), frequency.get("seconds")) if each is not None]
    if ends and min(ends) <= criteria.get("after", 0):
        raise SettingsError(
            f"This rule would never act: it begins after {criteria.get('after', 0):g} s and ends "
            f" {min(ends):g} s after it was added."
        )
    return ReadRule(criteria, frequency, behaviour)


@cache
def list_scenario_names() -> tuple[str, ...]:
    """Return the names of the scenarios that ship."""
    folder = open_folder("fixtures").joinpath("scenarios")
    names = (entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return tuple(sorted(name.removesuffix(".toml") for name in names))


@cache
def load_scenario(name: str) -> Scenario:
    """Return the shipped scenario of that name; raises `UnknownNameError`."""
    if name not in list_scenario_names():
        raise UnknownNameError("scenario", name, list_scenario_names())
    return _build_scenario(_parse_toml(read_text("fixtures", f"scenarios/{name}.toml")), name)


def _parse_toml(text: str) -> dict[str, Any]:
    import tomllib  # noqa: PLC0415 - few fakes have scenarios, and cold start matters

    return tomllib.loads(text)


def read_scenario_file(path: Path) -> Scenario:
    """Return the scenario of a user's TOML or JSON file; raises `SettingsError`."""
    try:
        text = path.read_text(encoding="utf-8")
        loaded = json.loads(text) if path.suffix == ".json" else _parse_toml(text)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        kind = "JSON" if path.suffix == ".json" else "TOML"
        raise SettingsError(f"{path} is not valid {kind}: {error}.") from None
    return _build_scenario(loaded, str(path))


def resolve_scenario(name_or_path: str) -> Scenario:
    """Return the scenario of that name, or of the file at that path (`.toml` or `.json`)."""
    if name_or_path.endswith((".toml", ".json")):
        return read_scenario_file(Path(name_or_path))
    return load_scenario(name_or_path)


def _build_scenario(loaded: Any, place: str) -> Scenario:
    if not isinstance(loaded, dict):
        raise SettingsError(f"{place}: a scenario must be a table with summary and rules.")
    for name in loaded:
        if name not in _SCENARIO_KEYS and name != "$schema":  # editors find the schema by it
            raise UnknownNameError(f"key in {place}:", name, _SCENARIO_KEYS)
    for name in ("name", "summary"):
        if not isinstance(loaded.get(name, ""), str):
            raise SettingsError(f"{place}: {name}: {shorten_value(loaded[name])} is not a string.")
    rules = loaded.get("rules")
    if not isinstance(rules, list) or not rules:
        raise SettingsError(f"{place}: rules: a scenario needs at least one rule.")
    if len(rules) > _MOST_RULES:
        raise SettingsError(f"{place}: rules: a scenario has at most {_MOST_RULES} rules.")
    _check_rules(rules, place)
    return Scenario(loaded.get("name") or place, loaded.get("summary", "").strip(), rules)


def _check_rules(rules: list[Any], place: str) -> None:
    for index, rule in enumerate(rules):
        if not isinstance(rule, dict):
            raise SettingsError(f"{place}: rules[{index}]: a rule must be a table.")
        try:
            read_rule(rule)
        except SettingsError as error:
            raise SettingsError(f"{place}: rules[{index}]: {error}") from None


def _parse_criteria(given: Mapping[str, Any]) -> dict[str, Any]:
    criteria: dict[str, Any] = {
        name: _parse_pattern(name, given[name])
        for name in ("model", "prompt", "key")
        if name in given
    }
    if "nth" in given:
        criteria["nth"] = _parse_count("nth", given["nth"])
    for name in ("after", "before"):
        if name in given:
            criteria[name] = _parse_seconds(name, given[name])
    if "state" in given:
        if given["state"] not in _STATES:
            raise UnknownNameError("state", str(given["state"]), _STATES)
        criteria["state"] = given["state"]
    return criteria


def _parse_pattern(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_PATTERN:
        raise SettingsError(
            f"{name}: {shorten_value(value)} is not a string of at most 1000 characters."
        )
    if name == "prompt":
        try:
            compile_pattern(value)
        except SettingsError as error:
            raise SettingsError(f"prompt: {error}") from None
    return value


def _select_operations(on: Any, behaviour: Behaviour) -> frozenset[str]:
    """Return the operations that `on` names and to which the behaviour applies."""
    named = _match_operations(on) if on is not None else OPERATIONS
    found = frozenset(each for each in named if behaviour.reaches(each))
    if not found:
        possible = ", ".join(each for each in OPERATIONS if behaviour.reaches(each))
        raise SettingsError(f"on: this behaviour applies to {possible} only.")
    return found


def _match_operations(value: Any) -> list[str]:
    globs = [value] if isinstance(value, str) else value
    if not isinstance(globs, (list, tuple)) or not globs:
        raise SettingsError(
            f"on: {shorten_value(value)} is neither an operation nor a list of operations."
        )
    if len(globs) > _MOST_OPERATIONS:
        raise SettingsError(f"on: a list has at most {_MOST_OPERATIONS} operations.")
    found: list[str] = []
    for each in globs:
        if len(str(each)) > _LONGEST_NAME:
            raise UnknownNameError("operation", str(each)[:_LONGEST_NAME], OPERATIONS)
        matching = fnmatch.filter(OPERATIONS, each) if isinstance(each, str) else []
        if not matching:
            raise UnknownNameError("operation", str(each), OPERATIONS)
        found += matching
    return found


def _parse_frequency(given: Mapping[str, Any]) -> dict[str, Any]:
    if "first" in given and "times" in given:
        raise SettingsError("first and times are the same option: use one.")
    frequency: dict[str, Any] = {}
    first = given.get("first", given.get("times"))
    if first is not None:
        frequency["first"] = _parse_count("first", first)
    if "every" in given:
        frequency["every"] = _parse_count("every", given["every"])
    if "seconds" in given:
        frequency["seconds"] = _parse_seconds("seconds", given["seconds"])
    if "probability" in given:
        value = given["probability"]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
            raise SettingsError(f"probability: {shorten_value(value)} is not a number from 0 to 1.")
        frequency["probability"] = float(value)
    return frequency


def _parse_count(name: str, value: Any) -> int:
    number = int(value) if isinstance(value, float) and value.is_integer() else value
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise SettingsError(f"{name}: {shorten_value(value)} is not a whole number of at least 1.")
    return number


def _parse_seconds(name: str, value: Any) -> float:
    try:
        span = Span.parse(value)
    except SettingsError as error:
        raise SettingsError(f"{name}: {error}") from None
    if span.low != span.high or span.shape != "uniform":
        raise SettingsError(f"{name}: use one number of seconds, not a range.")
    return span.low
