"""Which output is coloured: option, variables, and stream."""

from __future__ import annotations

import io

import pytest

from getimg_mock.cli import main
from getimg_mock.cli.colour import is_coloured, take_choice


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        """Return true."""
        return True


@pytest.mark.parametrize(
    ("words", "variables", "terminal", "coloured"),
    [
        ("", {}, True, True),
        ("", {}, False, False),
        ("", {"NO_COLOR": "1"}, True, False),
        ("", {"NO_COLOR": ""}, True, True),
        ("", {"FORCE_COLOR": "1"}, False, True),
        ("", {"FORCE_COLOR": ""}, False, False),
        ("", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ("--color always", {"NO_COLOR": "1"}, False, True),
        ("--color=never", {"FORCE_COLOR": "1"}, True, False),
        ("--color auto", {}, True, True),
    ],
)
def test_the_option_precedes_the_variables_and_they_the_stream(
    words: str,
    variables: dict[str, str],
    terminal: bool,  # noqa: FBT001 - a row of the table
    coloured: bool,  # noqa: FBT001 - a row of the table
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As no-color.org asks for: an empty variable says nothing."""
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert take_choice(["report", *words.split()]) == ["report"]
    assert is_coloured(Terminal() if terminal else io.StringIO()) is coloured
    take_choice([])


def test_words_behind_the_double_dash_are_left_alone() -> None:
    """They belong to another program, which may have the same option."""
    words = ["run", "--", "pytest", "--color", "yes"]
    assert take_choice(words) == words


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["report", "--color"], "--color needs a value: auto, always, never."),
        (["--color=red", "report"], "Unknown colour 'red'. Known: always, auto, never."),
    ],
)
def test_a_wrong_value_is_refused(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message lists the values."""
    assert main(words) == 2
    assert capsys.readouterr().err == f"getimg-mock: {said}\n"
