"""The register of variants: what each differs in, and what is expected of a verdict."""

from __future__ import annotations

import inspect
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
# The first variants of each subject are the first batch, and the others the second.
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
    before = sum(1 for row in ROWS.values() if row.subject == subject)
    ROWS[name] = Row(
        name=name,
        batch=1 if before < (FIRST_LEGAL if severity is None else FIRST_FAULTS) else 2,
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
