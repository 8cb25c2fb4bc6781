"""Users' regular expressions, matched in time linear in the text.

The engine is RE2: the standard library's takes exponential time for patterns such as `(a+)+$`,
which would stop all workspaces of a server. RE2 has no look-around and no back-references.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, Final, Protocol

from getimg_mock.errors import SettingsError

LONGEST_PATTERN: Final = 1000
# Bytes of one compiled pattern, the size that RE2 itself allows by default.
_MOST_MEMORY: Final = 8 * 1024 * 1024


LONGEST_NAME: Final = 1000
"""Characters of a name that a glob is compared with."""


class Pattern(Protocol):
    """A compiled pattern."""

    def search(self, text: str, /) -> object | None:
        """Return a match anywhere in `text`, or None."""

    def fullmatch(self, text: str, /) -> object | None:
        """Return a match of all of `text`, or None."""


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> Pattern:
    """Return a compiled pattern; raises `SettingsError` if it is invalid or too large."""
    import re2  # type: ignore[import-untyped] # noqa: PLC0415 - no types; most fakes have no patterns, and cold start matters

    if len(pattern) > LONGEST_PATTERN:
        raise SettingsError(f"a pattern has at most {LONGEST_PATTERN} characters.")
    options: Any = re2.Options()
    options.log_errors = False
    options.max_mem = _MOST_MEMORY
    try:
        compiled: Pattern = re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError) as error:
        raise SettingsError(f"not a regular expression: {_explain(error)}.") from None
    return compiled


def search(pattern: str, text: str) -> bool:
    """Return whether `pattern` occurs in `text`."""
    # A lone surrogate, which JSON may contain, has no UTF-8 form.
    return compile_pattern(pattern).search(text.encode("utf-8", "replace").decode()) is not None


def matches_glob(name: str, glob: str) -> bool:
    """Return whether `glob` matches the first `LONGEST_NAME` characters of `name`.

    Each star of a glob reads the name once, so the name of a hostile request must be short.
    """
    return fnmatchcase(name[:LONGEST_NAME], glob)


def _explain(error: Exception) -> str:
    why = error.args[0] if error.args else error
    text = why.decode("utf-8", "replace") if isinstance(why, bytes) else str(why)
    return f"{text[:100]} (patterns are of RE2: no look-around, no back-references)"
