"""Whether output is coloured: `--color`, then NO_COLOR and FORCE_COLOR, then the stream."""

from __future__ import annotations

import os
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from getimg_mock.errors import SettingsError, UnknownNameError

if TYPE_CHECKING:
    from typing import TextIO

OPTION: Final = "--color"
CHOICES: Final = ("auto", "always", "never")

_choice: ContextVar[str] = ContextVar("colour", default="auto")


def take_choice(words: list[str]) -> list[str]:
    """Return the words of a command line without `--color`, whose value is kept.

    It may be anywhere before `--`. Raises `SettingsError` without a value, and `UnknownNameError`
    for an unknown one.
    """
    end = words.index("--") if "--" in words else len(words)
    rest, choice = [], "auto"
    ours = iter(words[:end])
    for word in ours:
        name, equals, value = word.partition("=")
        if name != OPTION:
            rest.append(word)
            continue
        choice = value if equals else next(ours, "")
        if not choice:
            raise SettingsError(f"{OPTION} needs a value: {', '.join(CHOICES)}.")
        if choice not in CHOICES:
            raise UnknownNameError("colour", choice, CHOICES)
    _choice.set(choice)
    return rest + words[end:]


def is_coloured(stream: TextIO) -> bool:
    """Return whether to write colours to a stream.

    `--color always` and `never` decide first. NO_COLOR, then FORCE_COLOR, decide if they are not
    empty, and else whether the stream is a terminal.
    """
    choice = _choice.get()
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()
