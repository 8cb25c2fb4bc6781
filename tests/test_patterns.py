"""Users' patterns: linear time, bounded size, and errors that say what would work."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getimg_mock.errors import SettingsError, UnknownNameError
from getimg_mock.patterns import LONGEST_PATTERN, compile_pattern, matches_glob, search
from getimg_mock.world.rule_files import read_rule

# Each takes exponential or at least cubic time in engines that backtrack.
EXPLOSIVE = (
    "(a+)+$",
    "(a|aa)+$",
    "(a|a?)+$",
    "(.*a){20}b",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
    "(x+x+)+y",
    "a*a*a*a*a*a*a*b",
)


@pytest.mark.parametrize("pattern", EXPLOSIVE)
def test_no_pattern_takes_more_than_linear_time(pattern: str) -> None:
    """One rule of one workspace must not stop all others; a backtracking engine never returns."""
    for text in ("a" * 4096 + "!", "x" * 4096 + "!", "ab" * 2048 + "!"):
        search(pattern, text)


@given(text=st.text(), part=st.text(min_size=1))
def test_any_text_can_be_searched(text: str, part: str) -> None:
    """Also one with lone surrogates, which JSON may contain."""
    assert search("", text)
    assert search("^.?", part)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", "not a regular expression"),
        ("a**", "not a regular expression"),
        ("(?<=x)y", "no look-around"),
        (r"(a)\1", "back-references"),
        ("a{2000}", "not a regular expression"),
        ("((a{100}){100}){100}", "not a regular expression"),
        ("[" * 900, "not a regular expression"),
        ("(" * 999, "not a regular expression"),
        ("\ud800", "not a regular expression"),
        ("a" * (LONGEST_PATTERN + 1), "at most 1000 characters"),
    ],
)
def test_what_cannot_run_is_refused_when_it_is_written(pattern: str, reason: str) -> None:
    """With the cause, and not by the first request that it meets."""
    with pytest.raises(SettingsError, match=reason):
        compile_pattern(pattern)
    with pytest.raises(SettingsError, match="prompt: "):
        read_rule({"prompt": pattern, "error": "rate_limit"})


@pytest.mark.parametrize("size", [201, 20_000, 5_000_000])
@pytest.mark.parametrize("letter", ["[", "*", "a", "\x00", "\N{PILE OF POO}", "\ud800"])
@pytest.mark.parametrize(
    "place", ["on", "model", "key", "prompt", "state", "error", "nth", "probability", "seconds"]
)
def test_hostile_values_of_a_rule_are_refused_in_a_short_message(
    place: str, letter: str, size: int
) -> None:
    """None is compiled, compared or shown in full, whatever field it is in."""
    rule = {"error": "rate_limit", place: letter * size}
    if size <= LONGEST_PATTERN and place in {"model", "key", "prompt"}:
        return
    with pytest.raises(SettingsError) as caught:
        read_rule(rule)
    assert len(str(caught.value)) < 4000


@pytest.mark.parametrize("value", [["*"] * 101, [], {}, 7, [["["] * 200], [None]])
def test_on_is_a_short_list_of_operations(value: object) -> None:
    """A nested or endless list is neither."""
    with pytest.raises(SettingsError):
        read_rule({"error": "rate_limit", "on": value})


def test_an_unknown_name_is_cut() -> None:
    """What a client sends is not sent back many times as long."""
    assert len(str(UnknownNameError("model", "\x00" * 5_000_000, ["seedream-4"]))) < 2000


def test_a_glob_is_compared_with_the_beginning_of_a_long_name() -> None:
    """Each star reads the name once, and a hostile request has a name of megabytes."""
    name = "seedream-" + "a" * 5_000_000
    assert matches_glob(name, "seedream-*")
    assert not matches_glob(name, "*" + "a*" * 400 + "b")
    assert matches_glob("seedream-5-lite", "*-lite")
