"""Tables of the checks, as the registries declare them."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.checks.message_variants import coverage_table
from getimg_mock.contract.clients.suite import cases
from getimg_mock.contract.evidence.claims import compute_mark
from getimg_mock.contract.evidence.evidence_file import load_shipped_evidence
from getimg_mock.contract.verification.registry import (
    ALL_BUT_CLIENT_CHECKS,
    CLIENT_CHECKS,
    EQUIVALENCE,
    HARNESS,
    PROVIDER_CHECKS,
    find_check,
)
from tests.docs.markdown_tables import DOCS, render_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from getimg_mock.contract.verdicts import Check

EVIDENCE_WORDS: Final = {
    "documented": "documented",
    "seed": "inferred",
    "assumption": "assumption",
    "common-sense": "common sense",
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
TOPICS: Final = {
    "GP1": "wire format and schemas",
    "GP2": "which requests are accepted and which are refused",
    "GP3": "the life of a generation",
    "GP4": "files and signed links",
    "GP5": "money, in exact decimals",
    "GP6": "rate limits",
    "GP7": "keys and isolation",
    "GP8": "the catalogue of models",
    "GE9": "the fake compared with another target, step by step",
    "GH0": "the run itself",
    "GC1": "requests: what the client sends",
    "GC2": "responses: what the client reads, and how it treats odd ones",
    "GC3": "errors: what reaches the caller",
    "GC4": "money: retries, lost responses, idempotency",
    "GC5": "waiting for a video",
    "GC6": "downloads and files",
    "GC7": "secrets and redirects",
    "GC8": "transport: timeouts, connections, threads",
}
"""What the checks of each topic are about."""

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


def render_provider_topics() -> str:
    """Return the topics of a run against a provider, with the number of their checks."""
    return _render_topics(ALL_BUT_CLIENT_CHECKS)


def render_client_topics() -> str:
    """Return the topics of the client contract, with the number of their checks."""
    return _render_topics(CLIENT_CHECKS, f"{len(cases())} cases")


def _render_topics(checks: Sequence[Check], total: str = "-") -> str:
    sizes = Counter(each.topic for each in checks)
    rows = [(topic, TOPICS[topic], str(size)) for topic, size in sizes.items()]
    return render_table(("ids", "about", "checks"), [*rows, ("all", total, str(len(checks)))])


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
