"""The order of words on the command line, `help`, and names that are nearly right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from getimg_mock.cli import COMMANDS, main
from getimg_mock.cli.setting_groups import SETTING_GROUPS
from getimg_mock.settings import list_options

if TYPE_CHECKING:
    from tests.cli.conftest import Run
    from tests.control.client import Client


@pytest.mark.parametrize(
    "line",
    [
        "--url {url} --key {key} ledger show",
        "ledger --url {url} --key {key} show",
        "ledger show --url {url} --key {key}",
        "--url={url} ledger --key {key} show --json",
    ],
)
def test_options_may_be_before_and_after_commands_and_actions(
    line: str, run: Run, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a user types again with another action stays where it was."""
    for name in ("GETIMG_MOCK_URL", "GETIMG_MOCK_KEY"):
        monkeypatch.delenv(name)
    assert "100" in run(*line.format(url=client.url, key=client.key).split())


def test_what_is_behind_the_double_dash_stays_there(capsys: pytest.CaptureFixture[str]) -> None:
    """A program that is run has options and arguments of its own."""
    assert main(["--isolatd", "run", "--", "verify", "--port"]) == 2
    assert "Unknown option '--isolatd'. Did you mean '--isolated'?" in capsys.readouterr().err


@pytest.mark.parametrize("line", ["help", "--help"])
def test_help_lists_the_commands(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The first word that comes to mind works."""
    with pytest.raises(SystemExit) as ended:
        main([line])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert all(f"    {command}" in shown for command in COMMANDS)


@pytest.mark.parametrize("line", ["clock", "clock advance", "verify api"])
def test_help_on_a_command_is_its_own(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`help COMMAND` prints what `COMMAND --help` prints."""
    shown = []
    for words in (["help", *line.split()], [*line.split(), "--help"]):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 0
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1]
    assert shown[0].startswith(f"usage: getimg-mock {line}")


@pytest.mark.parametrize("word", ["start", "stop", "status", "test", "check", "list", "info"])
def test_a_command_that_is_not_near_any_other_is_not_taken_for_one(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong guess misleads; the list of all commands does not."""
    assert main([word]) == 2
    said = capsys.readouterr().err
    assert f"Unknown command '{word}'. Known: " in said
    assert "Did you mean" not in said


def test_the_word_that_is_wrong_is_named_and_not_the_value_before_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The value of an option is not the command."""
    assert main(["--url", "http://127.0.0.1:9", "clok", "now"]) == 2
    assert "Unknown command 'clok'. Did you mean 'clock'?" in capsys.readouterr().err


def test_the_help_of_serve_has_headings(capsys: pytest.CaptureFixture[str]) -> None:
    """Fifty options in one list are not read."""
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    shown = capsys.readouterr().out
    assert all(f"\n{title}:\n" in shown for title in SETTING_GROUPS)


def test_a_setting_is_under_one_heading_at_most_and_exists() -> None:
    """A name that was changed would leave its setting without a heading."""
    grouped = [name for names in SETTING_GROUPS.values() for name in names]
    assert len(grouped) == len(set(grouped))
    assert set(grouped) <= {each.name for each in list_options()}
