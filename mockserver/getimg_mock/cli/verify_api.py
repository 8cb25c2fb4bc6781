"""`getimg-mock verify api`: hold a provider to its contract."""

from __future__ import annotations

import math
import os
import sys
from argparse import ArgumentTypeError
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.addresses import LONGEST_WAIT, Address, limits_of
from getimg_mock.contract.budget import guarded, watching
from getimg_mock.contract.campaign import Campaign, verdict_event, written
from getimg_mock.contract.checks import PROVIDER, chosen, equivalence, harness
from getimg_mock.contract.comparison import Comparison
from getimg_mock.contract.corpus import corpus
from getimg_mock.contract.evidence import (
    STALE_AFTER,
    Evidence,
    claims,
    evidence_of,
    read_evidence,
    read_known,
    read_traffic,
    shipped_evidence,
    write_evidence,
)
from getimg_mock.contract.examination import examined
from getimg_mock.contract.places import target_of
from getimg_mock.contract.plans import TIERS, Plan
from getimg_mock.contract.prices import affordable, price_of_plan
from getimg_mock.contract.record import BudgetError, Record, amount_of, default_record
from getimg_mock.contract.rehearsal import beside, feeds
from getimg_mock.contract.targets import InProcess
from getimg_mock.contract.verdicts import judged
from getimg_mock.errors import SettingsError, UnknownNameError
from getimg_mock.reports import console, documents, events, matrix
from getimg_mock.world.clock import wall_time

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from getimg_mock.contract.budget import Budget
    from getimg_mock.contract.targets import Target
    from getimg_mock.contract.verdicts import Check, Verdict
    from getimg_mock.reports.events import Event, Outcome

REPORTS: Final[dict[str, Callable[[Sequence[Outcome]], str]]] = {
    ".json": documents.as_json, ".xml": documents.as_junit, ".sarif": documents.as_sarif,
    ".md": documents.as_markdown, ".html": matrix.as_html,
}  # fmt: skip


def add_command(kinds: argparse._SubParsersAction[Any]) -> None:
    """Add `verify api`."""
    parser = kinds.add_parser(
        "api",
        help="hold a provider to the contract: the fake, any address, or getimg.ai",
        description="Hold a provider to the contract. Without --target it is the fake, in process.",
        epilog="R0 reads only, R1 also sends what must be refused, R2 generates, R3 uses up rate "
        "limits. Against anything but the fake R1 and up need --budget.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "--target",
        default="fake",
        metavar="WHERE",
        help="fake, live (the fake on a socket), real (getimg.ai), or a URL",
    )
    add("--key", metavar="KEY", help="API key (default: GETIMG_API_KEY)")
    add("--second-key", metavar="KEY", help="a key of another workspace, for isolation")
    add("--budget", metavar="USD", help="the most that may be spent today, over all runs")
    add("--wait", metavar="SECONDS", type=_seconds, default=LONGEST_WAIT,
        help="how long to wait at once where time is not ours (default: %(default)g)")  # fmt: skip
    add("--tier", choices=TIERS, help="how far to go (default: R3 on the fake, else R0)")
    add("--only", metavar="IDS", help="checks to judge: GP4, GP407, or several with commas")
    add("--seed", type=int, default=0, metavar="N", help="what random plans are drawn from")
    add("--random", type=_count, default=0, metavar="N",
        help="random plans to add (needs hypothesis)")  # fmt: skip
    add("--from", dest="traffic", action="append", default=[], metavar="FILE", type=Path,
        help="judge recorded traffic (HAR or NDJSON) and send nothing")  # fmt: skip
    add("--evidence", metavar="FILE", type=Path,
        help="with --from: add what it confirms here; else: what was confirmed so far")  # fmt: skip
    add("--stale-after", metavar="DAYS", type=_days, default=STALE_AFTER.days,
        help="how long evidence counts (default: %(default)s)")  # fmt: skip
    add("--events", metavar="FILE", type=Path, help="write the event stream here (NDJSON)")
    add("--report", action="append", default=[], metavar="FILE", type=Path,
        help="write a report; the ending says which: " + " ".join(REPORTS))  # fmt: skip
    add("--known-failures", metavar="FILE", type=Path, help="checks known to fail, one a line")
    add("--record", metavar="FILE", type=Path, help="where the spend of each day is kept")
    add("--dry-run", action="store_true", help="show the plans and their prices, send nothing")


def _seconds(text: str) -> float:
    with suppress(ValueError):
        if 0 <= float(text) < math.inf:
            return float(text)
    raise ArgumentTypeError(f"{text!r} is no number of seconds")


def _count(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 7:
        return int(text)
    raise ArgumentTypeError(f"{text!r} is no number of plans: at most 999999")


def _days(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 6:
        return int(text)
    raise ArgumentTypeError(f"{text!r} is no number of days: at most 99999")


def run(arguments: argparse.Namespace) -> int:
    """Judge; returns 0 when the contract holds, else 1."""
    for report in arguments.report:
        if report.suffix not in REPORTS:
            raise UnknownNameError("kind of report", report.suffix or report.name, REPORTS)
    checks = chosen(arguments.only, PROVIDER)
    known = read_known(arguments.known_failures) if arguments.known_failures else {}
    if arguments.traffic:
        return _report(arguments, _judged_traffic(arguments, checks, known))
    return _against(arguments, _target(arguments), checks, known)


def _against(
    arguments: argparse.Namespace, target: Target, checks: Sequence[Check], known: dict[str, str]
) -> int:
    tier = arguments.tier or ("R3" if target.own else "R0")
    budget = None
    if isinstance(target, Address) and not target.own:
        record = Record(arguments.record or default_record())
        budget = guarded(target, _ceiling(arguments, tier), record)
    limits = None
    if isinstance(target, Address) and not target.own and tier >= "R3":
        limits = limits_of(target, paid=not arguments.dry_run)
    plans = [plan for plan in corpus(target.models, limits) if plan.tier <= tier]
    plans += _random(arguments, target.models) if tier >= "R2" else []
    fed = {} if target.own else feeds(checks, plans, target.models)
    if fed and arguments.only:
        wanted = frozenset().union(*fed.values())
        plans = [plan for plan in plans if plan.name in wanted]
    if arguments.dry_run:
        return _shown(plans, target, budget)
    seen = _known_of_the_service(arguments)
    campaign = Campaign(
        target=target, plans=plans, checks=checks, seed=arguments.seed, known=known, feeds=fed,
        confirmed=Evidence(seen.observed).fresh(wall_time(), seen.stale_after),
        # Shrinking tries hundreds of plans: not where each of them costs money.
        shrink=_shrinking(arguments, target) if arguments.random and budget is None else None,
    )  # fmt: skip
    stream = _with_budget(campaign, budget, target, seen=None if arguments.only else seen)
    return _report(arguments, stream)


def _known_of_the_service(arguments: argparse.Namespace) -> Comparison:
    """Return what evidence there is, of what ships and of what the caller gives."""
    evidence = shipped_evidence()
    if arguments.evidence and not arguments.traffic:
        evidence = evidence.merged(read_evidence(arguments.evidence))
    days = timedelta(days=arguments.stale_after)
    return Comparison(observed=evidence.confirmed, now=wall_time(), stale_after=days)


def _compared(campaign: Campaign, seen: Comparison) -> Iterator[Event]:
    """Run the same plans on the fake, too, and judge the two side by side."""
    comparison, _ = beside(campaign, replace(seen, claims=claims()))
    for check in equivalence.CHECKS:
        yield verdict_event(judged(check, [comparison], own=True), campaign.seed)


def _examined(campaign: Campaign, budget: Budget | None) -> Iterator[Event]:
    """Let the harness judge itself, as far as one run tells."""
    examination = examined(campaign, budget)
    for check in harness.CHECKS:
        verdict = judged(check, [examination], own=True)
        if verdict.status != "VOID":
            yield verdict_event(verdict, campaign.seed)


def _with_budget(
    campaign: Campaign, budget: Budget | None, target: Target, *, seen: Comparison | None
) -> Iterator[Event]:
    watch = watching(target, budget) if budget and isinstance(target, Address) else nullcontext()
    with watch:
        *judged_events, end = campaign.events()
    yield from judged_events
    if seen is not None:
        if not isinstance(target, InProcess):
            yield from _compared(campaign, seen)
        elif seen.observed:
            (fresh,) = chosen("GE908", equivalence.CHECKS)
            yield verdict_event(judged(fresh, [seen], own=True), campaign.seed)
    if seen is not None or budget is not None:
        yield from _examined(campaign, budget)
    yield end
    if budget is not None:
        yield budget.as_event()


def _target(arguments: argparse.Namespace) -> Target:
    return target_of(
        arguments.target,
        key=arguments.key or os.environ.get("GETIMG_API_KEY"),
        second_key=arguments.second_key,
        seed=str(arguments.seed),
        wait=arguments.wait,
    )


def _ceiling(arguments: argparse.Namespace, tier: str) -> Decimal:
    if arguments.budget is not None:
        return amount_of(arguments.budget)
    if tier == "R0":
        return Decimal(0)
    raise BudgetError(
        f"Tier {tier} can spend money there: say how much with --budget, or use --tier R0."
    )


def _random(arguments: argparse.Namespace, models: Sequence[dict[str, Any]]) -> list[Plan]:
    if not arguments.random:
        return []
    try:
        from getimg_mock.contract.strategies import drawn_plans  # noqa: PLC0415 - optional
    except ModuleNotFoundError:
        raise SettingsError(
            "Random plans need hypothesis: pip install 'getimg-mock[verify]'."
        ) from None
    return drawn_plans(models, seed=arguments.seed, count=arguments.random)


def _shrinking(arguments: argparse.Namespace, target: Target) -> Callable[[Check], Verdict | None]:
    from getimg_mock.contract.strategies import smallest  # noqa: PLC0415 - optional

    return partial(smallest, target=target, seed=arguments.seed, count=arguments.random)


def _judged_traffic(
    arguments: argparse.Namespace, checks: Sequence[Check], known: dict[str, str]
) -> Iterator[Event]:
    target = replace(InProcess(), name="traffic", own=False)
    seen = _known_of_the_service(arguments)
    confirmed = Evidence(seen.observed).fresh(wall_time(), seen.stale_after)
    campaign = Campaign(target=target, plans=(), checks=checks, known=known, confirmed=confirmed)
    campaign.histories = [read_traffic(path) for path in arguments.traffic]
    if arguments.evidence:
        found = evidence_of(checks, campaign.histories)
        if arguments.evidence.exists():
            found = read_evidence(arguments.evidence).merged(found)
        write_evidence(arguments.evidence, found)
    yield {"event": "start", "contract": "1", "target": "traffic", "seed": 0, "own": False,
           "plans": len(campaign.histories), "checks": len(checks)}  # fmt: skip
    yield from campaign.judge()


def _shown(plans: Sequence[Plan], target: Target, budget: Budget | None) -> int:
    """Show what would be run and what it could cost; nothing that costs is sent."""
    left = budget.ceiling - budget.record.today if budget is not None else Decimal("Infinity")
    runnable = [plan for plan in plans if not target.lacks(plan)]
    chosen_plans, skipped = affordable(runnable, target.models, left)
    reasons = {plan.name: target.lacks(plan) for plan in plans}
    reasons |= {plan.name: why for plan, why in skipped}
    total = Decimal(0)
    for plan in plans:
        price = price_of_plan(plan, target.models)
        worst = "free" if not price.submissions else f"at most {price.worst} USD"
        why = reasons[plan.name]
        total += Decimal(price.worst or 0) if plan in chosen_plans and plan.tier >= "R2" else 0
        tail = f"   left out: {why}" if why else ""
        sys.stdout.write(
            f"{plan.tier}  {worst:<20} {len(plan.steps):>4} steps  {plan.name}{tail}\n"
        )
    sent = "Nothing was sent."
    if budget is not None:
        sent = f"Only {budget.requests} reads were sent, to learn of models and limits."
    sys.stdout.write(
        f"\n{len(chosen_plans)} plans; those that generate cost at most {total} USD. {sent}\n"
    )
    return 0


def _report(arguments: argparse.Namespace, stream: Iterable[Event]) -> int:
    kept: list[Event] = []
    lines = []
    for event in stream:
        kept.append(event)
        lines.append(event)
    text = "".join(written(lines))
    if arguments.events:
        arguments.events.write_text(text, encoding="utf-8")
    outcomes = events.read(kept)
    for report in arguments.report:
        report.write_text(REPORTS[report.suffix](outcomes), encoding="utf-8")
    for outcome in outcomes:
        sys.stdout.write(console.rendered(outcome, colour=sys.stdout.isatty()))
    return 0 if all(outcome.ok for outcome in outcomes) else 1
