"""Commands that repeat a run, as they are typed."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def format_command(kind: str, options: Mapping[str, object], words: Iterable[str] = ()) -> str:
    """Return `getimg-mock verify` with those options that are set, and with further words."""
    typed = [
        f"--{name} {shlex.quote(str(value))}"
        for name, value in options.items()
        if value not in {None, "", 0}
    ]
    return " ".join(["getimg-mock verify", kind, *typed, *words])
