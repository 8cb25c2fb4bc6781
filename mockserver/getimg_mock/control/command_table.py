"""Finds and runs control commands, for HTTP and Python alike."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from getimg_mock.control import (
    accounts,
    clock,
    file_rules,
    generations,
    journal,
    models,
    scenarios,
    workspaces,
)
from getimg_mock.control.step_recording import record_step
from getimg_mock.errors import ControlError, GetimgMockError, SettingsError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from getimg_mock.control.command import Command, CommandResult
    from getimg_mock.fake import Fake
    from getimg_mock.schemas import Json

VERSION: Final = "1"

COMMANDS: Final[tuple[Command, ...]] = (
    *workspaces.COMMANDS,
    *clock.COMMANDS,
    *generations.COMMANDS,
    *models.COMMANDS,
    *scenarios.COMMANDS,
    *file_rules.COMMANDS,
    *accounts.COMMANDS,
    *journal.COMMANDS,
)

OTHER_PATHS: Final = {
    "/": "GET",
    "/health": "GET",
    "/openapi.json": "GET",
    "/control.json": "GET",
    "/journal/tail": "GET",
    "/changes": "GET",
    "/verdict": "GET",
    "/requests": "POST",
    "/session": "POST",
}
"""The method of each path that is not a command: the surface answers it."""


class CommandMatch(NamedTuple):
    """A command, with the values of its path parameters."""

    command: Command
    values: dict[str, str]


def find(method: str, path: str) -> CommandMatch:
    """Return the command at a path below the prefix; raises `ControlError` if there is none."""
    allowed = [OTHER_PATHS[path]] if path in OTHER_PATHS else []
    for command, pattern in _compile_patterns():
        match = pattern.fullmatch(path)
        if match:
            if command.method == method:
                return CommandMatch(command, match.groupdict())
            allowed.append(command.method)
    if allowed:
        raise ControlError(
            "method_not_allowed",
            f"{method[:20]} is not allowed here; use {' or '.join(allowed)}.",
            status=405,
        )
    known = UnknownNameError("path", path[:200], [*{each.path for each in COMMANDS}, *OTHER_PATHS])
    hint = f" Did you mean {known.nearest}?" if known.nearest else ""
    raise ControlError(
        "not_found", f"Unknown path {path[:200]}.{hint}", status=404, nearest=known.nearest
    )


def run(
    fake: Fake, key: str | None, found: CommandMatch, payload: Mapping[str, Any]
) -> CommandResult:
    """Run a command on the workspace of `key`, which commands on the fake as a whole do not need.

    A command that changes the workspace is kept in the journal's steps. Raises `SettingsError` for
    invalid values, `ControlError` for what the state does not allow.
    """
    for name in found.values:
        if name in payload:
            raise SettingsError(f"{name} is given by the path already.")
    command, values = found.command, found.command.read({**payload, **found.values})
    try:
        with fake.store.batch():
            if command.run_keyless is not None:
                return command.run_keyless(fake, values)
            return _run_on_workspace(fake, key, command, values)
    except (SettingsError, ControlError):
        raise
    except GetimgMockError as error:
        raise ControlError("conflict", str(error), status=409) from None


def _run_on_workspace(fake: Fake, key: str | None, command: Command, values: Json) -> CommandResult:
    if command.run is None or key is None:
        raise ControlError("invalid_api_key", "This command needs a key.", status=401)
    workspace = fake.store.get_or_create(key)
    if command.method == "GET":
        return command.run(fake, workspace, values)
    with record_step(fake, workspace, command.name, values):
        return command.run(fake, workspace, values)


@cache
def _compile_patterns() -> tuple[tuple[Command, re.Pattern[str]], ...]:
    patterns = []
    # Fixed paths first: /scenarios/shipped does not name a rule.
    for command in sorted(COMMANDS, key=lambda each: "{" in each.path):
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(command.path))
        patterns.append((command, re.compile(pattern)))
    return tuple(patterns)
