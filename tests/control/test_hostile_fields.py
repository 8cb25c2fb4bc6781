"""Hostile values in the fields of every control command: none is compared or echoed in full."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from getimg_mock import GetimgMockError, UnknownNameError
from getimg_mock.application import create_app
from getimg_mock.control.command import DeferredAnswer, StreamedAnswer
from getimg_mock.control.command_table import COMMANDS, CommandMatch, run
from getimg_mock.control.error_bodies import build_problem
from getimg_mock.world.rule_files import RULE_KEYS

if TYPE_CHECKING:
    from getimg_mock.control.command import Command
    from getimg_mock.fake import Fake

LONG: Final = 20_000
HOSTILE: Final[tuple[Any, ...]] = (
    "x" * 1_000_000,
    "[" * LONG,
    "*" * LONG,
    "9" * LONG,
    "\ud800" * LONG,
    10**4000,
    -1,
    float("inf"),
    True,
    ["x" * LONG] * 3,
    [["["] * LONG],
    {"x" * LONG: "x" * LONG},
    [{"x" * LONG: 1}],
)
# Names of the keys of rules, which are commands' values without fields of their own.
FREE: Final = (*RULE_KEYS, "polls", "hold", "failed", "message", "completed", "fail_rate")


def run_command(fake: Fake, command: Command, values: dict[str, Any]) -> str:
    """Return the JSON of what a command answers to `values`, be it a refusal."""
    try:
        answer: Any = run(fake, "sk_hostile", CommandMatch(command, {}), values)
    except GetimgMockError as error:
        return json.dumps(build_problem(error))
    if isinstance(answer, StreamedAnswer):
        return "".join(answer.pieces)
    return "" if isinstance(answer, DeferredAnswer) else repr(answer)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: each.name)
def test_no_command_echoes_a_hostile_value(command: Command) -> None:
    """Whatever field it is in; a command that accepts it shows a bounded part of it."""
    fake = create_app(quiet=True).fake
    names = [*(each.name for each in command.fields), "no_field"]
    for name in (*names, *(FREE if command.free else ())):
        for value in HOSTILE:
            answer = run_command(fake, command, {name: value})
            assert len(answer) < 10_000, (name, answer[:300])


@pytest.mark.parametrize("name", ["journal", "journal.wait", "journal.export"])
def test_the_glob_of_an_operation_is_bounded(name: str) -> None:
    """A glob is translated in quadratic time, and a star more changes nothing."""
    command = next(each for each in COMMANDS if each.name == name)
    with pytest.raises(UnknownNameError, match="operation"):
        command.read({"operation": "*" * 201})
