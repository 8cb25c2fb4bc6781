"""Tables of the checks, as the registries declare them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.checks.message_variants import coverage_table
from getimg_mock.contract.evidence.claims import compute_mark
from getimg_mock.contract.evidence.evidence_file import load_shipped_evidence
from getimg_mock.contract.verification.registry import (
    CLIENT_CHECKS,
    EQUIVALENCE,
    HARNESS,
    PROVIDER_CHECKS,
    find_check,
)
from tests.docs.markdown_tables import DOCS, render_table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from getimg_mock.contract.verdicts import Check

EVIDENCE_WORDS: Final = {
    "documented": "documented",
    "seed": "inferred",
    "assumption": "assumption",
    "standard": "standard",
    "choice": "our choice",
}
"""What the tables say of each kind of evidence; a kind that is missing is shown by its name."""

COST_WORDS: Final = {
    "0": "free",
    "T": "free, on all traffic",
    "1": "a paid generation",
    "R": "a used-up rate limit",
    "fake": "only on a fake",
}
_MEASURED: Final = re.compile(
    r"^\| (?P<id>\**(?P<name>GC\d{3})\**) \|(?P<rest>.*)\|$", re.MULTILINE
)


def format_level(check: Check) -> str:
    """Return the level of a check, and whether it is a blocker."""
    return f"{check.level}, blocker" if check.severity == "blocker" else check.level


def render_evidence() -> str:
    """Return the checks of a provider with what is known of each claim now."""
    evidence = load_shipped_evidence()
    return render_table(
        ("check", "what it claims", "level", "evidence now"),
        (
            (each.id, each.statement, each.level, compute_mark(each, evidence))
            for each in PROVIDER_CHECKS
        ),
    )


def render_provider_checks() -> str:
    """Return the checks of a provider."""
    return render_table(
        ("check", "what it demands", "level", "evidence", "cost"),
        (
            (
                each.id,
                each.statement,
                format_level(each),
                EVIDENCE_WORDS.get(each.evidence, each.evidence),
                COST_WORDS[each.cost],
            )
            for each in PROVIDER_CHECKS
        ),
    )


def render_equivalence_checks() -> str:
    """Return the checks that compare the fake with another provider."""
    return _render_run_checks(EQUIVALENCE)


def render_harness_checks() -> str:
    """Return the checks that a run makes of itself."""
    return _render_run_checks(HARNESS)


def _render_run_checks(checks: Iterable[Check]) -> str:
    return render_table(
        ("check", "what it demands", "level"),
        ((each.id, each.statement, format_level(each)) for each in checks),
    )


def render_client_checks() -> str:
    """Return the checks of a client."""
    return render_table(
        ("check", "what it demands", "level", "evidence", "with `--observe`"),
        (
            (
                each.id,
                each.statement,
                format_level(each),
                each.source or EVIDENCE_WORDS.get(each.evidence, each.evidence),
                "yes" if each.observable else "-",
            )
            for each in CLIENT_CHECKS
        ),
    )


def render_coverage() -> str:
    """Return which keywords of schemas clients are tried with."""
    return coverage_table()


def render_measured_clients() -> str:
    """Return the measured verdicts of docs/clients.md, with the statements that checks have now."""
    page = DOCS.joinpath("clients.md").read_text(encoding="utf-8")
    rows = []
    for found in _MEASURED.finditer(page):
        cells = [cell.strip() for cell in found["rest"].split("|")]
        if len(cells) == 5:
            rows.append((found["id"], find_check(found["name"]).statement, *cells[1:]))
    return render_table(
        ("check", "what it asks", "0.4.0", "0.4.0 async", "0.1.0", "plain httpx"), rows
    )
