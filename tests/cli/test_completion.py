"""Completion of the command line: what each shell offers, asked of the shells themselves."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from getimg_mock.cli import COMMANDS, main
from getimg_mock.cli.completion import list_levels
from getimg_mock.cli.shell_scripts import FILES, SCRIPTS
from getimg_mock.contract.verification.registry import list_checks
from getimg_mock.settings import format_option_name, list_options
from getimg_mock.world.rule_files import list_scenario_names

if TYPE_CHECKING:
    from pathlib import Path

_CASES: Final = (
    ("getimg-mock expl", ["explain"]),
    ("getimg-mock help snaps", ["snapshot"]),
    ("getimg-mock clock adv", ["advance", "advance-to"]),
    ("getimg-mock serve --scenario fl", ["flaky"]),
    ("getimg-mock scenario add rate-", ["rate-limited"]),
    ("getimg-mock serve --limits re", ["realistic"]),
    ("getimg-mock verify api --only GP80", [f"GP80{number}" for number in range(1, 10)]),
    ("getimg-mock explain GC401", ["GC401"]),
    ("getimg-mock verify api --budg", ["--budget"]),
    ("getimg-mock nothing se", ["serve", "settings"]),
)

# Each asks a shell what it offers for the words in $@, of which the last is unfinished.
_ASK: Final = {
    "bash": (
        'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _getimg_mock; '
        'printf "%s\\n" "${COMPREPLY[@]}"'
    ),
    "zsh": (
        "compdef() { :; }; compadd() { print -l -- ${(M)found:#${words[CURRENT]}*}; }; "
        '_files() { :; }; source "$0"; words=("$@"); CURRENT=$#; _getimg_mock'
    ),
    "fish": "source $argv[1]; complete -C (string join ' ' -- $argv[2..-1])",
}


@pytest.mark.parametrize("shell", sorted(SCRIPTS))
@pytest.mark.parametrize(("line", "offered"), _CASES)
def test_a_shell_offers_what_can_follow(
    shell: str, line: str, offered: list[str], tmp_path: Path
) -> None:
    """Commands, actions, options, and values: scenarios, check ids, and words of settings."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    script = tmp_path / "script"
    script.write_text(SCRIPTS[shell](list_levels()), encoding="utf-8")
    asked = subprocess.run(  # noqa: S603 - a shell that is installed, and our own script
        [program, "-c", _ASK[shell], str(script), *line.split(" ")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    assert asked.stderr == ""
    assert [each.partition("\t")[0] for each in asked.stdout.split("\n") if each] == offered


def test_every_command_option_scenario_and_check_is_offered() -> None:
    """The words come from the parsers and registries, so that none can be left out."""
    levels = {level.path: level for level in list_levels()}
    assert set(COMMANDS) < set(levels[""].words)
    assert {f"--{format_option_name(each.name)}" for each in list_options()} < set(
        levels["serve"].words
    )
    assert levels["serve"].values["--scenario"] == list_scenario_names()
    assert set(levels["explain"].words) > {check.id for check in list_checks()}
    assert levels["serve"].values["--config"] == (FILES,)


def test_an_unknown_shell_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """The message lists the shells."""
    assert main(["completion", "tcsh"]) == 2
    assert "Unknown shell 'tcsh'" in capsys.readouterr().err


@pytest.mark.parametrize("shell", sorted(SCRIPTS))
def test_the_command_prints_the_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is evaluated is all of the output."""
    assert main(["completion", shell]) == 0
    assert capsys.readouterr().out == SCRIPTS[shell](list_levels())
