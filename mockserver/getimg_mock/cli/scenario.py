"""`getimg-mock scenario`: put scenarios in force on a running fake, and see what they hit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from getimg_mock.cli.control_client import add_actions, open_channel, print_answer
from getimg_mock.control.scenarios import describe_shipped
from getimg_mock.errors import SettingsError
from getimg_mock.world.rule_files import read_scenario_file

if TYPE_CHECKING:
    import argparse

# What every rule has; the rest is what makes it this one.
_COUNTED = ("id", "scenario", "seen", "hits")


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `scenario` and its actions."""
    add = add_actions(commands, "scenario", "put scenarios in force")
    add("list", "list the rules in force and their hits")
    add("shipped", "list the scenarios that ship")
    adding = add("add", "put a scenario or one rule in force")
    adding.add_argument(
        "words", nargs="+", metavar="NAME|FILE|KEY=VALUE", help="such as rate-limited times=2"
    )
    add("show", "show one rule").add_argument("rule", help="its id")
    removing = add("remove", "take a rule, or all of them, out of force")
    removing.add_argument("rule", help="its id, or all")


def run(arguments: argparse.Namespace) -> int:
    """Do it and print the rules."""
    action = arguments.action
    if action == "shipped":
        # The scenarios of this package: no server is needed.
        answer = describe_shipped()
        found = answer["scenarios"]
        return print_answer(
            arguments,
            answer,
            [f"{each['name']}: {_collapse_whitespace(each['summary'])}" for each in found],
        )
    asked = open_channel(arguments)
    if action == "add":
        answer = asked.call("POST", "/scenarios", parse_words(arguments.words))
    elif action == "list":
        answer = asked.call("GET", "/scenarios")
    elif arguments.rule == "all" and action == "remove":
        answer = asked.call("DELETE", "/scenarios")
    else:
        method = "GET" if action == "show" else "DELETE"
        answer = asked.call(method, f"/scenarios/{arguments.rule}")
    rules = answer.get("rules", [answer])
    return print_answer(
        arguments, answer, [_render_line(rule) for rule in rules] or ["No rules are in force."]
    )


def parse_words(words: list[str]) -> dict[str, Any]:
    """Return what `NAME key=value ...` says; a value is JSON where it can be, else text."""
    name = None if "=" in words[0] else words[0]
    values: dict[str, Any] = {}
    for word in words[1:] if name else words:
        key, equals, value = word.partition("=")
        if not equals:
            raise SettingsError(f"{word!r} is not key=value, such as times=2.")
        values[key.replace("-", "_")] = _parse_value(value)
    if name and name.endswith((".toml", ".json")):
        return values | {"rules": read_scenario_file(Path(name)).rules}
    return values | ({"name": name} if name else {})


def _parse_value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _render_line(rule: dict[str, Any]) -> str:
    source = f" ({rule['scenario']})" if rule["scenario"] else ""
    said = " ".join(
        f"{key}={value if isinstance(value, str) else json.dumps(value)}"
        for key, value in rule.items()
        if key not in _COUNTED
    )
    return f"{rule['id']}{source}  {said}  hits: {rule['hits']} of {rule['seen']}"


def _collapse_whitespace(text: str) -> str:
    return " ".join(text.split())
