"""The register of variants: what each differs in, and what is expected of a verdict."""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.contract.written_by_others.provider import Provider

Subject = Literal[
    "files",
    "links",
    "inputs",
    "costs",
    "money",
    "life",
    "catalogue",
    "errors",
    "limits",
    "http",
    "keys",
    "isolation",
]
Severity = Literal["blocker", "major", "minor"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A variant. `because` names the fact that is broken, or why the difference is legal."""

    name: str
    batch: int
    provider: type[Provider]
    says: str
    because: str
    subject: Subject | Literal["legal"]
    severity: Severity | None

    @property
    def expected(self) -> str:
        """`pass` or `fail`."""
        return "pass" if self.severity is None else "fail"


ROWS: Final[dict[str, Row]] = {}
# The first variants of each subject are the first batch, and the others the second. Modules of
# later batches say theirs by a constant of the name BATCH.
FIRST_LATER: Final = 3
FIRST_FAULTS: Final = 6
FIRST_LEGAL: Final = 22


def _spell(name: str) -> str:
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in name).removeprefix("-")


def _add(
    provider: type[Provider],
    because: str,
    subject: Subject | Literal["legal"],
    severity: Severity | None,
) -> None:
    name = _spell(provider.__name__)
    if name in ROWS:
        raise ValueError(f"There are two variants of the name {name}.")
    before = sum(1 for row in ROWS.values() if row.subject == subject and row.batch < FIRST_LATER)
    early = 1 if before < (FIRST_LEGAL if severity is None else FIRST_FAULTS) else 2
    ROWS[name] = Row(
        name=name,
        batch=getattr(sys.modules[provider.__module__], "BATCH", early),
        provider=provider,
        says=inspect.getdoc(provider) or "",
        because=because,
        subject=subject,
        severity=severity,
    )


def faulty(
    subject: Subject, severity: Severity, fact: str
) -> Callable[[type[Provider]], type[Provider]]:
    """Register a provider with one fault; its docstring says what is wrong."""

    def register(provider: type[Provider]) -> type[Provider]:
        _add(provider, fact, subject, severity)
        return provider

    return register


def legal(because: str) -> Callable[[type[Provider]], type[Provider]]:
    """Register a provider that differs and is right; its docstring says in what."""

    def register(provider: type[Provider]) -> type[Provider]:
        _add(provider, because, "legal", None)
        return provider

    return register


def list_changes(provider: type[Provider]) -> set[str]:
    """Return the names that a variant defines anew."""
    kept = {"__module__", "__doc__", "__qualname__", "__firstlineno__", "__static_attributes__"}
    return set(vars(provider)) - kept


def combine(name: str, right: type[Provider]) -> type[Provider]:
    """Return the provider of a name; `one+two` has the differences of both.

    Only variants that change different methods can be combined. `right` is the one without any.
    """
    if name == "right":
        return right
    parts = [ROWS[each].provider for each in name.split("+")]
    changed: set[str] = set()
    for part in parts:
        if both := changed & list_changes(part):
            raise ValueError(f"{name} cannot be combined: several change {', '.join(both)}.")
        changed |= list_changes(part)
    return type(name, tuple(parts), {})


def list_sets(names: list[str], size: int) -> list[str]:
    """Return sets of variants for a run each: different subjects and methods, or all legal."""
    sets: list[list[Row]] = []
    for name in names:
        row = ROWS[name]
        for each in sets:
            if len(each) < size and all(_go_together(row, other) for other in each):
                each.append(row)
                break
        else:
            sets.append([row])
    return ["+".join(row.name for row in each) for each in sets]


# A run ends early over wrong money, and is slow over limits: these faults have runs of their own.
ALONE: Final = {"money", "limits"}


def _go_together(one: Row, other: Row) -> bool:
    if one.subject in ALONE or other.subject in ALONE:
        return False
    if (one.severity is None) != (other.severity is None):
        return False
    if one.subject == other.subject != "legal":
        return False
    return not list_changes(one.provider) & list_changes(other.provider)
