"""docs/magic.md: its tables are those of the code, word for word."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from getimg_mock.world.magic import INVALID_KEY, KEYS, SCENARIO_KEY, WORDS
from getimg_mock.world.transitions import FAILURES

PAGE: Final = (Path(__file__).parents[2] / "docs" / "magic.md").read_text(encoding="utf-8")
ROW: Final = re.compile(r"^\| `mock:(\w+)(?:=\w+)?` \| (.+) \|$", re.MULTILINE)
KEY: Final = re.compile(r"^\| `(sk_\w+)` \| (.+) \|$", re.MULTILINE)


def test_the_words_of_the_page_are_the_words_of_the_code() -> None:
    """In the same order, with the same explanations, which are those of the error messages."""
    assert ROW.findall(PAGE) == list(WORDS.items())


def test_a_word_shows_whether_it_takes_a_value() -> None:
    """Those that do not are refused one."""
    alone = set(re.findall(r"^\| `mock:(\w+)` \|", PAGE, re.MULTILINE))
    assert alone == {"complete", "hold", "after_commit", "lost"}


def test_the_keys_of_the_page_are_the_keys_of_the_code() -> None:
    """And each says what it opens."""
    found = dict(KEY.findall(PAGE))
    assert set(found) == {*KEYS, INVALID_KEY, f"{SCENARIO_KEY}NAME"}
    assert all(found.values())


def test_the_failures_of_the_page_are_those_that_need_no_message() -> None:
    """A prompt has no room for one."""
    assert all(f"`{code}`" in PAGE for code in FAILURES)
