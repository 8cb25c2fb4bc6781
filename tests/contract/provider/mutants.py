"""Faulty providers: each is the fake with one thing wrong, named after the rule it breaks.

They were written from the catalogue's statements, a first third of them before any check existed;
a check is never changed to catch one of them only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from tests.contract.provider.wrapping import Wrap

Kind = Literal["shape", "validation", "sequence", "money", "time", "isolation", "rate", "media"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One faulty provider.

    `breaks` names the statement of the catalogue it was written from; `blocker` says that this
    statement is one whose breach loses money, data or secrets.
    """

    name: str
    kind: Kind
    breaks: str
    wrap: Wrap
    blocker: bool = False
    settings: tuple[tuple[str, Any], ...] = ()


def by_name(mutants: tuple[Mutant, ...]) -> dict[str, Mutant]:
    """Return the mutants by name; two of one name are an error."""
    found = {each.name: each for each in mutants}
    if len(found) != len(mutants):
        raise ValueError("two mutants have the same name")
    return found
