"""The order of the words of a command line: options may be before a command and its action."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Container

HELP: Final = "help"


def replace_help(words: list[str]) -> list[str]:
    """Return `COMMAND --help` for `help COMMAND`, `--help` for `help`, and else the words."""
    if words[:1] != [HELP]:
        return words
    return [*(word for word in words[1:] if not word.startswith("-")), "--help"]


def find_name(words: list[str], known: Container[str]) -> str | None:
    """Return the first word that is a known name, else the first that can be meant as one.

    That is a word that is neither an option nor follows one, as its value would.
    """
    before_end = words[: words.index("--")] if "--" in words else words
    named = next((word for word in before_end if word in known), None)
    if named is not None:
        return named
    pairs = zip(["", *before_end], before_end, strict=False)
    plain = [(word, previous.startswith("-")) for previous, word in pairs if word[:1] != "-"]
    meant = [word for word, is_value in plain if not is_value] or [word for word, _ in plain]
    return meant[0] if meant else None


def move_options(words: list[str], name: str) -> list[str]:
    """Return the words with what is before `name` moved behind the rest, before any `--`."""
    end = words.index("--") if "--" in words else len(words)
    place = words[:end].index(name)
    return [name, *words[place + 1 : end], *words[:place], *words[end:]]
