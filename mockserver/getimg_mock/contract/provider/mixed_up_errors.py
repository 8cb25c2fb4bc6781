"""Errors that are about another request of the same moment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.verdicts import OK, fail_as

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation

_NEIGHBOUR: Final = "neighbour"


def find_mistaken_models(history: History) -> Iterator[Observation]:
    """GP106: an error names no model, or value, of a neighbour in the place of its own."""
    seen = history.with_role(_NEIGHBOUR)
    for each in seen:
        message = str(each.error.get("message"))
        for name in ("model", "resolution"):
            own = str(each.asked.get(name))
            others = {str(other.asked.get(name)) for other in seen} - {own}
            told = [other for other in others if _names(message, other)]
            if told and not _names(message, own):
                yield fail_as("FAIL", f"an error about {own}", message[:160], each)
            else:
                yield OK


def _names(message: str, word: str) -> bool:
    """Whether a message has a word that is not a part of a longer one."""
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", message) is not None
