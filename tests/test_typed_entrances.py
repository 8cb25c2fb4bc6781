"""The settings as typed keywords: complete, true to what is accepted, and checked by mypy."""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Sequence
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from mypy import api

from getimg_mock.control.workspaces import CHANGEABLE
from getimg_mock.errors import SettingsError
from getimg_mock.setting_values import Span
from getimg_mock.settings import Settings
from getimg_mock.settings_options import ChangeableOptions, SettingsOptions
from getimg_mock.testing.mark_options import MarkOptions
from getimg_mock.testing.options import list_known_names
from tests.test_settings import WRITTEN

SETTINGS = get_type_hints(Settings)
OPTIONS = get_type_hints(SettingsOptions)
MARK = get_type_hints(MarkOptions)
ROOT = Path(__file__).parents[1]
LATENCY = Path(__file__).parent / "latency.json"

# Of each accepted type, a value that is valid for most settings of that type.
SAMPLES: dict[Any, Any] = {
    int: 403,
    float: 0.25,
    bool: True,
    Decimal: Decimal("0.5"),
    Path: Path("models.json"),
    Span: Span(1, 2),
    Sequence[str]: ["outage"],
    type(None): None,
}


def list_types(annotation: Any) -> set[Any]:
    """Return the members of a union, the words of a literal, or the one type."""
    if get_origin(annotation) in {Union, types.UnionType}:
        return {each for part in get_args(annotation) for each in list_types(part)}
    return set(get_args(annotation)) if get_origin(annotation) is Literal else {annotation}


def list_samples(name: str) -> list[Any]:
    """Return one value for each type, or word, that a setting's option names."""
    return [
        each
        if isinstance(each, str)
        else WRITTEN[name][0]
        if each is str
        else WRITTEN[name][1]
        if each is type(WRITTEN[name][1])
        else LATENCY
        if each is Path and name.endswith("_seconds")
        else SAMPLES[each]
        for each in list_types(OPTIONS[name])
    ]


def test_every_setting_is_an_option_and_the_other_way_round() -> None:
    """An editor completes all settings, and a type checker knows no other."""
    assert set(OPTIONS) == {each.name for each in fields(Settings)}


@pytest.mark.parametrize("name", OPTIONS)
def test_every_type_that_an_option_names_is_accepted(name: str) -> None:
    """What type-checks runs, and is read as the type that the setting has."""
    read = list_types(SETTINGS[name])
    for value in list_samples(name):
        found = getattr(Settings.of(**{name: value}), name)
        if get_origin(SETTINGS[name]) is Literal:
            assert found in read
        elif name in {"scenario", "tls_host", "media", "replay_ignore"}:
            assert isinstance(found, tuple)
        else:
            assert isinstance(found, tuple(read))


@pytest.mark.parametrize("name", OPTIONS)
def test_what_a_setting_holds_type_checks_as_its_option(name: str) -> None:
    """`Settings.of(port=other.port)` needs no conversion: every word and type is among them."""
    held = {tuple[str, ...]: Sequence[str]}
    assert {held.get(each, each) for each in list_types(SETTINGS[name])} <= list_types(
        OPTIONS[name]
    )


def test_the_changeable_options_are_those_that_configure_takes() -> None:
    """`Workspace.configure` is typed by them."""
    assert set(get_type_hints(ChangeableOptions)) == set(CHANGEABLE)


def test_the_mark_takes_what_the_plugin_knows() -> None:
    """Every name that the mark and `getimg_settings` take is typed, and no other."""
    assert set(MARK) == set(list_known_names())


def test_a_word_that_the_types_exclude_is_refused() -> None:
    """The literals are complete: the runtime knows no word that the types do not."""
    for name, annotation in OPTIONS.items():
        if get_origin(annotation) is Literal:
            unknown: Any = "-"
            with pytest.raises(SettingsError, match="Unknown value '-'") as caught:
                Settings.of(**{name: unknown})
            _, _, known_words = str(caught.value).partition("Known: ")
            assert set(known_words.strip(".").split(", ")) == list_types(annotation)


MISTAKES = """
from getimg_mock import MockServer, Settings, connect, create_app
from getimg_mock.testing import MarkOptions, mark

MockServer(video_second=1)  # wrong
MockServer(video_seconds="20..60", balance=5, scenario=["flaky"], settings=None)
create_app(balanse="25")  # wrong
create_app(limits="realistc")  # wrong
create_app(limits="realistic")
Settings.of(port="4010")  # wrong
Settings.of(port=4010, clock="x60")
connect("http://127.0.0.1:1", "sk_x").configure(retenton=1)  # wrong
connect("http://127.0.0.1:1", "sk_x").configure(retention=1)
mark(sceanrio="flaky")  # wrong
mark(port=1)  # wrong
mark(scenario="flaky", clock="linked", limits={"image_rpm": 7}, verdict="error")

def getimg_settings() -> MarkOptions:
    return {"balanse": 5}  # wrong

def other_settings() -> MarkOptions:
    return {"balance": 5, "key": "sk_mine"}
"""


@pytest.mark.slow
def test_a_typing_error_is_one_for_mypy(tmp_path: Path) -> None:
    """A misspelt option fails the type check of a user's code, where it is written."""
    file = tmp_path / "typing_errors.py"
    file.write_text(MISTAKES, encoding="utf-8")
    # With the project's own settings and cache, it has little to do.
    config = str(ROOT / "pyproject.toml")
    cache = str(ROOT / ".mypy_cache")
    limit = sys.getrecursionlimit()
    try:
        output, errors, _ = api.run(["--config-file", config, "--cache-dir", cache, str(file)])
    finally:
        sys.setrecursionlimit(limit)  # mypy raises it for the whole process
    assert errors == ""
    found = {int(line) for line in re.findall(r"typing_errors\.py:(\d+): error:", output)}
    expected = {
        number for number, line in enumerate(MISTAKES.splitlines(), 1) if line.endswith("# wrong")
    }
    assert found == expected, output
