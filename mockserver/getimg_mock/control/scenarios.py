"""Commands on scenario rules, and on the shipped scenarios."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from getimg_mock.control.command import Command
from getimg_mock.control.fields import objects, text
from getimg_mock.errors import SettingsError, UnknownNameError
from getimg_mock.world.behaviours import (
    ERRORS,
    ODDITIES,
    REPLACEMENT_FAULTS,
    RESPONSE_FAULTS,
    SOCKET_FAULTS,
)
from getimg_mock.world.operations import OPERATIONS
from getimg_mock.world.rule_files import RULE_KEYS, list_scenario_names, load_scenario
from getimg_mock.world.transitions import FAILURES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from getimg_mock.fake import Fake
    from getimg_mock.schemas import Json
    from getimg_mock.world.scenarios import Rule
    from getimg_mock.world.workspaces import Workspace

RULE: Final = "rule"


def list_rules(_fake: Fake, workspace: Workspace, _values: Json) -> Json:
    """Return the active rules and how often each acted."""
    return _describe_rule(workspace.scenarios)


def list_shipped(_fake: Fake, _workspace: Workspace, _values: Json) -> Json:
    """Return the named scenarios with their summaries."""
    return describe_shipped()


def describe_shipped() -> Json:
    """Return names and summaries of the scenarios that the package ships."""
    found = [load_scenario(name) for name in list_scenario_names()]
    return {"scenarios": [{"name": each.name, "summary": each.summary} for each in found]}


def list_words(_fake: Fake, _workspace: Workspace, _values: Json) -> Json:
    """Return the words that rules and failures are made of: what a form offers."""
    return {
        "operations": list(OPERATIONS),
        "errors": list(ERRORS),
        "faults": [*REPLACEMENT_FAULTS, *RESPONSE_FAULTS],
        "oddities": list(ODDITIES),
        "failures": list(FAILURES),
        "keys": list(RULE_KEYS),
    }


def add(_fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Add a named scenario, the given rules, or one rule made of the other values."""
    name, rules = values.pop("name", None), values.pop("rules", None)
    if name is not None and rules is not None:
        raise SettingsError("Give name or rules, not both.")
    for each in values:
        if each not in RULE_KEYS:
            raise UnknownNameError("rule key", each[:80], (*RULE_KEYS, "name", "rules"))
    given = [{}] if rules is None else rules
    with workspace.lock:
        now = workspace.settle()
        if name is not None:
            return _describe_rule(workspace.scenarios.load(name, now, **values))
        return _describe_rule(workspace.scenarios.load_rules(given, now, **values))


def refuse_socket_faults(payload: Json, reason: str) -> None:
    """Raise `SettingsError` for rules, also those of a snapshot, whose fault needs the socket."""
    name = payload.get("name")
    left: list[Any] = [payload]
    if name in list_scenario_names():
        left += load_scenario(name).rules
    found: set[str] = set()
    while left:
        value = left.pop()
        if isinstance(value, dict):
            fault = value.get("fault")
            found |= {fault} if isinstance(fault, str) else set()
            left += value.values()
        elif isinstance(value, list):
            left += value
    for fault in SOCKET_FAULTS:
        if fault in found:
            raise SettingsError(f"fault: {fault!r} cannot happen on this server. {reason}")


def show(_fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Return one rule."""
    return _find_rule(workspace, values[RULE]).as_json()


def remove(_fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Remove one rule and return its final state."""
    with workspace.lock:
        rule = _find_rule(workspace, values[RULE])
        workspace.scenarios.remove(rule.id)
        return rule.as_json()


def clear(_fake: Fake, workspace: Workspace, _values: Json) -> Json:
    """Remove every rule."""
    workspace.scenarios.clear()
    return _describe_rule(workspace.scenarios)


def _find_rule(workspace: Workspace, rule_id: str) -> Rule:
    found = workspace.scenarios.get(rule_id)
    if found is None:
        raise UnknownNameError(RULE, rule_id[:80], [rule.id for rule in workspace.scenarios])
    return found


def _describe_rule(rules: Iterable[Rule]) -> Json:
    return {"rules": [rule.as_json() for rule in rules]}


RULE_SUMMARY: Final = "the rule, with how often it matched (seen) and acted (hits)"
RULES_SUMMARY: Final = "rules, each with how often it matched (seen) and acted (hits)"
_ID: Final = text(RULE, "the rule's id", required=True, longest=80)

COMMANDS: Final = (
    Command(
        "scenarios",
        "GET",
        "/scenarios",
        "List the active rules",
        list_rules,
        answer=RULES_SUMMARY,
    ),
    Command(
        "scenarios.shipped",
        "GET",
        "/scenarios/shipped",
        "List the shipped scenarios",
        list_shipped,
        answer="names with their summaries",
    ),
    Command(
        "scenarios.words",
        "GET",
        "/scenarios/words",
        "List the words that a rule is made of",
        list_words,
        answer="operations, errors, faults, oddities and the keys of a rule",
    ),
    Command(
        "scenarios.add",
        "POST",
        "/scenarios",
        "Add a named scenario, a list of rules, or one rule made of the other fields",
        add,
        (
            text("name", "a shipped scenario; other fields change its rules", longest=200),
            objects("rules", "your own rules; other fields change them"),
        ),
        free=True,
        answer=RULES_SUMMARY,
    ),
    Command(
        "scenarios.show",
        "GET",
        "/scenarios/{rule}",
        "Show a rule",
        show,
        (_ID,),
        answer=RULE_SUMMARY,
    ),
    Command(
        "scenarios.remove",
        "DELETE",
        "/scenarios/{rule}",
        "Remove a rule",
        remove,
        (_ID,),
        answer=RULE_SUMMARY,
    ),
    Command(
        "scenarios.clear",
        "DELETE",
        "/scenarios",
        "Remove every rule",
        clear,
        answer="no rules",
    ),
)
