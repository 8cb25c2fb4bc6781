"""docs/control.md, docs/time.md and docs/journal.md: they name what there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from getimg_mock.cli import COMMANDS as CLI
from getimg_mock.control import handle, handles
from getimg_mock.control.command_table import COMMANDS, OTHER_PATHS
from getimg_mock.control.journal import CRITERIA
from getimg_mock.control.journal_entries import ExchangeHandle
from getimg_mock.control.workspaces import CHANGEABLE
from getimg_mock.world.transitions import TransitionRule

if TYPE_CHECKING:
    from getimg_mock.control.command import Command

DOCS: Final = Path(__file__).parents[2] / "docs"
CONTROL, TIME, JOURNAL = (
    DOCS.joinpath(f"{name}.md").read_text(encoding="utf-8")
    for name in ("control", "time", "journal")
)


def public(*classes: type) -> set[str]:
    """Return the public names of classes."""
    return {name for each in classes for name in vars(each) if not name.startswith("_")}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_path_of_the_surface_stands_on_the_page(command: Command) -> None:
    """In full, or after the first of its family."""
    end = command.path.replace("{generation}", "{id}").rpartition("/")[2]
    assert re.search(rf"/{re.escape(end)}\b|/{re.escape(end)}`", CONTROL)
    assert command.method in CONTROL


def test_the_paths_that_need_no_key_stand_on_the_page() -> None:
    """They are what one asks first."""
    for path in set(OTHER_PATHS) - {"/", "/journal/tail"}:
        assert f"`{path}`" in CONTROL or f" {path}`" in CONTROL


def test_everything_that_a_handle_can_do_stands_on_a_page() -> None:
    """What is not written down is not found."""
    named = set(re.findall(r"\w+", CONTROL + TIME + JOURNAL))
    assert public(handle.WorkspaceHandle) - {"key"} <= named
    assert public(
        handle.ClockHandle, handle.TransitionsHandle, handle.LedgerHandle, handle.LimitsHandle
    ) <= named | {"rate"}
    assert public(handles.Generations, handles.ScenariosHandle, handles.JournalHandle) <= named
    assert {"complete", "fail", "hold", "hits", "seen", "remove"} <= named


def test_every_criterion_setting_transition_key_and_field_stands_on_its_page() -> None:
    """As it is written in code."""
    assert all(f"`{each.name}`" in JOURNAL for each in CRITERIA)
    assert all(f"`{name}`" in CONTROL for name in CHANGEABLE)
    assert all(f"`{name}" in JOURNAL for name in ExchangeHandle.__dataclass_fields__)
    assert all(
        name.replace("failure", "failed") in TIME for name in TransitionRule.__dataclass_fields__
    )


def test_every_control_command_of_the_command_line_is_shown() -> None:
    """By an example that is run."""
    shown = set(re.findall(r"^getimg-mock (\w+)", CONTROL + TIME + JOURNAL, re.MULTILINE))
    assert (
        set(CLI)
        & {
            "clock",
            "scenario",
            "generations",
            "ledger",
            "limits",
            "transitions",
            "settings",
            "workspaces",
            "request",
            "verdict",
            "fork",
            "journal",
            "reset",
            "snapshot",
            "restore",
        }
        <= shown
    )
