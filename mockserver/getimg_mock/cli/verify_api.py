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

from getimg_mock.cli import reporting
from getimg_mock.contract.budget.gate import install_budget, watch_spending
from getimg_mock.contract.budget.spend_file import (
    BudgetError,
    SpendRecord,
    find_default_record,
    parse_amount,
)
from getimg_mock.contract.evidence.claims import collect_claims
from getimg_mock.contract.evidence.evidence import (
    STALE_AFTER,
    Evidence,
    collect_evidence,
    load_shipped_evidence,
    read_evidence,
    write_evidence,
)
from getimg_mock.contract.evidence.recorded_traffic import read_traffic
from getimg_mock.contract.plans import TIERS, Plan
from getimg_mock.contract.prices import compute_plan_price, select_affordable
from getimg_mock.contract.provider.corpus import build_corpus
from getimg_mock.contract.targets.fake_targets import InProcessTarget
from getimg_mock.contract.targets.http_target import (
    MAX_WAIT,
    REAL_API_URL,
    HttpTarget,
    fetch_limits,
)
from getimg_mock.contract.targets.lookup import find_target
from getimg_mock.contract.verdict_events import build_verdict_event
from getimg_mock.contract.verdicts import judge_check
from getimg_mock.contract.verification import registry
from getimg_mock.contract.verification.comparison import Comparison
from getimg_mock.contract.verification.dry_run import find_relevant_plans, run_on_fake
from getimg_mock.contract.verification.registry import (
    ALL_BUT_CLIENT_CHECKS,
    PROVIDER_CHECKS,
    select_checks,
)
from getimg_mock.contract.verification.self_check import collect_self_check, explain_verdict
from getimg_mock.contract.verification.session import (
    VerificationSession,
)
from getimg_mock.errors import SettingsError
from getimg_mock.reports import console, events
from getimg_mock.reports.events import render_ndjson
from getimg_mock.reports.known_failures import read_known_failures
from getimg_mock.world.clock import wall_time

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from getimg_mock.contract.budget.gate import Budget
    from getimg_mock.contract.targets.fake_targets import Target
    from getimg_mock.contract.verdicts import Check, Verdict
    from getimg_mock.reports.events import Event

_OF_MONEY: Final = frozenset({"GH005", "GH009"})
"""What is told of every run that may cost, whatever was asked for."""


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
    add(
        "--wait",
        metavar="SECONDS",
        type=_seconds,
        default=MAX_WAIT,
        help="how long to wait at once where time is not ours (default: %(default)g)",
    )
    add("--tier", choices=TIERS, help="how far to go (default: R3 on the fake, else R0)")
    add("--only", metavar="IDS", help="checks to judge: GP4, GP407, or several with commas")
    add("--seed", type=int, default=0, metavar="N", help="what random plans are drawn from")
    add(
        "--random",
        type=_count,
        default=0,
        metavar="N",
        help="random plans to add (needs hypothesis)",
    )
    add(
        "--from",
        dest="traffic",
        action="append",
        default=[],
        metavar="FILE",
        type=Path,
        help="judge recorded traffic (HAR or NDJSON) and send nothing",
    )
    add(
        "--evidence",
        metavar="FILE",
        type=Path,
        help="with --from: add what it confirms here; else: what was confirmed so far",
    )
    add(
        "--stale-after",
        metavar="DAYS",
        type=_days,
        default=STALE_AFTER.days,
        help="how long evidence counts (default: %(default)s)",
    )
    reporting.add_options(parser)
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
    reporting.require_places(arguments, arguments.evidence if arguments.traffic else None)
    checks = select_checks(arguments.only, ALL_BUT_CLIENT_CHECKS)
    known = (
        read_known_failures(arguments.known_failures, [check.id for check in ALL_BUT_CLIENT_CHECKS])
        if arguments.known_failures
        else {}
    )
    if arguments.traffic:
        return _report(arguments, _judged_traffic(arguments, checks), known)
    return _against(arguments, _target(arguments), checks, known)


def _against(
    arguments: argparse.Namespace, target: Target, checks: Sequence[Check], known: dict[str, str]
) -> int:
    tier = arguments.tier or ("R3" if target.own else "R0")
    budget = None
    if isinstance(target, HttpTarget) and not target.own:
        record = SpendRecord(arguments.record or find_default_record())
        budget = install_budget(target, _ceiling(arguments, tier), record)
    limits = None
    if isinstance(target, HttpTarget) and not target.own and tier >= "R3":
        limits = fetch_limits(target, paid=not arguments.dry_run)
    plans = [plan for plan in build_corpus(target.models, limits) if plan.tier <= tier]
    plans += _random(arguments, target.models) if tier >= "R2" else []
    # What compares or examines a run looks at the verdicts of every check, on every plan.
    judging = checks if set(checks) <= set(PROVIDER_CHECKS) else PROVIDER_CHECKS
    fed = {} if target.own else find_relevant_plans(judging, plans, target.models)
    if fed and judging is checks:
        wanted = frozenset().union(*fed.values())
        plans = [plan for plan in plans if plan.name in wanted]
    if arguments.dry_run:
        return _shown(plans, target, budget)
    seen = _known_of_the_service(arguments)
    campaign = VerificationSession(
        target=target,
        plans=plans,
        checks=judging,
        seed=arguments.seed,
        feeds=fed,
        confirmed=Evidence(seen.observed).select_fresh(wall_time(), seen.stale_after),
        # Shrinking tries hundreds of plans: not where each of them costs money.
        shrink=_shrinking(arguments, target) if arguments.random and budget is None else None,
    )
    asked = {check.id for check in checks} | (_OF_MONEY if budget is not None else set())
    return _report(arguments, _with_budget(campaign, budget, target, seen, asked), known)


def _known_of_the_service(arguments: argparse.Namespace) -> Comparison:
    """Return what evidence there is, of what ships and of what the caller gives."""
    evidence = load_shipped_evidence()
    if arguments.evidence and not arguments.traffic:
        evidence = evidence.merge(read_evidence(arguments.evidence, PROVIDER_CHECKS))
    days = timedelta(days=arguments.stale_after)
    return Comparison(
        claims=collect_claims(evidence, PROVIDER_CHECKS),
        cited=evidence.seen,
        observed=evidence.confirmed,
        now=wall_time(),
        stale_after=days,
    )


def _compared(
    campaign: VerificationSession, seen: Comparison, twin: list[Event]
) -> Iterator[Verdict]:
    """Run the same plans on the fake, too (its events go to `twin`), and judge the two together."""
    comparison, events_of_twin = run_on_fake(campaign, seen)
    twin += events_of_twin
    for check in registry.EQUIVALENCE:
        yield explain_verdict(judge_check(check, [comparison], own=True), alone=not events_of_twin)


def _examined(
    campaign: VerificationSession, budget: Budget | None, told: Sequence[Event]
) -> Iterator[Verdict]:
    """Let the harness judge itself, as far as one run tells; `told` is what it has said so far."""
    text = "".join(render_ndjson([*told, campaign.build_end_event()]))
    outcomes = events.read(events.parsed(text))
    kinds = {kind: render(outcomes) for kind, render in reporting.REPORTS.items()}
    shown = {"the console": "".join(console.rendered(each) for each in outcomes)}
    examination = collect_self_check(
        campaign, budget, artefacts={"the event stream": text} | kinds | shown
    )
    for check in registry.HARNESS:
        yield explain_verdict(judge_check(check, [examination], own=True))


def _with_budget(
    campaign: VerificationSession,
    budget: Budget | None,
    target: Target,
    seen: Comparison,
    asked: AbstractSet[str],
) -> Iterator[Event]:
    """Yield the events of a run, and of its verdicts those that were asked for, by id."""
    told: list[Event] = []
    twin: list[Event] = []
    watch = (
        watch_spending(target, budget)
        if budget and isinstance(target, HttpTarget)
        else nullcontext()
    )
    with watch:
        for event in campaign.run():
            if event["event"] != "end":
                told.append(event)
                yield from _asked([event], asked)
    more: list[Verdict] = []
    if asked & {check.id for check in registry.EQUIVALENCE}:
        more += _compared(campaign, seen, twin)
    told += [build_verdict_event(each, campaign.seed) for each in more]
    if asked & {check.id for check in registry.HARNESS}:
        more += _examined(campaign, budget, told)
    yield from _asked([build_verdict_event(each, campaign.seed) for each in more], asked)
    if budget is not None:
        yield budget.as_event()
    yield campaign.build_end_event()
    for event in twin:
        if event["event"] == "start":
            yield event | {"twin": True}
        elif event["event"] in {"verdict", "end"}:
            yield from _asked([event], asked)


def _asked(told: Iterable[Event], asked: AbstractSet[str]) -> Iterator[Event]:
    """Yield the events, but of verdicts only those that were asked for, by id."""
    yield from (each for each in told if each.get("id", "") in {"", *asked})


def _target(arguments: argparse.Namespace) -> Target:
    return find_target(
        arguments.target,
        key=arguments.key or os.environ.get("GETIMG_API_KEY"),
        second_key=arguments.second_key,
        seed=str(arguments.seed),
        wait=arguments.wait,
    )


def _ceiling(arguments: argparse.Namespace, tier: str) -> Decimal:
    if arguments.budget is not None:
        return parse_amount(arguments.budget)
    if tier == "R0":
        return Decimal(0)
    raise BudgetError(
        f"Tier {tier} can spend money there: say how much with --budget, or use --tier R0."
    )


def _random(arguments: argparse.Namespace, models: Sequence[dict[str, Any]]) -> list[Plan]:
    if not arguments.random:
        return []
    try:
        from getimg_mock.contract.provider.strategies import draw_plans  # noqa: PLC0415 - optional
    except ModuleNotFoundError:
        raise SettingsError(
            "Random plans need hypothesis: pip install 'getimg-mock[verify]'."
        ) from None
    return draw_plans(models, seed=arguments.seed, count=arguments.random)


def _shrinking(arguments: argparse.Namespace, target: Target) -> Callable[[Check], Verdict | None]:
    from getimg_mock.contract.provider.strategies import find_smallest_breach  # noqa: PLC0415 - optional

    return partial(find_smallest_breach, target=target, seed=arguments.seed, count=arguments.random)


def _judged_traffic(arguments: argparse.Namespace, checks: Sequence[Check]) -> Iterator[Event]:
    checks = [check for check in checks if check in PROVIDER_CHECKS]
    if not checks:
        raise SettingsError("Recorded traffic is judged by GP checks: GE and GH need a run.")
    target = replace(InProcessTarget(), name="traffic", own=False)
    seen = _known_of_the_service(arguments)
    confirmed = Evidence(seen.observed).select_fresh(wall_time(), seen.stale_after)
    campaign = VerificationSession(target=target, plans=(), checks=checks, confirmed=confirmed)
    campaign.histories = [read_traffic(path) for path in arguments.traffic]
    if arguments.evidence:
        found = collect_evidence(checks, campaign.histories)
        if arguments.evidence.exists():
            found = read_evidence(arguments.evidence, PROVIDER_CHECKS).merge(found)
        write_evidence(arguments.evidence, found)
    yield {
        "event": "start",
        "kind": "provider",
        "contract": "1",
        "target": "traffic",
        "seed": 0,
        "own": False,
        "plans": len(campaign.histories),
        "checks": len(checks),
    }
    yield from campaign.judge()


def _shown(plans: Sequence[Plan], target: Target, budget: Budget | None) -> int:
    """Show what would be run and what it could cost; nothing that costs is sent."""
    left = budget.ceiling - budget.record.today if budget is not None else Decimal("Infinity")
    runnable = [plan for plan in plans if not target.find_obstacle(plan)]
    chosen_plans, skipped = select_affordable(runnable, target.models, left)
    reasons = {plan.name: target.find_obstacle(plan) for plan in plans}
    reasons |= {plan.name: why for plan, why in skipped}
    total = Decimal(0)
    for plan in plans:
        price = compute_plan_price(plan, target.models)
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


def _report(arguments: argparse.Namespace, stream: Iterable[Event], known: dict[str, str]) -> int:
    name = "traffic" if arguments.traffic else arguments.target
    with reporting.Keeper(arguments, f"verify-api-{name}", known) as keeper:
        keeper.take(_told(arguments, event) for event in stream)
        return keeper.report()


def _told(arguments: argparse.Namespace, event: Event) -> Event:
    """Return an event; with a start stands what is needed to make the run again."""
    if event["event"] != "start" or event.get("twin"):
        return event
    url = REAL_API_URL if arguments.target == "real" else arguments.target
    options = {
        "target": arguments.target,
        "tier": arguments.tier,
        "budget": arguments.budget,
        "seed": arguments.seed,
        "random": arguments.random,
        "only": arguments.only,
    }
    if arguments.traffic:
        options = {"from": arguments.traffic[0], "only": arguments.only}
    return event | {
        "again": "getimg-mock verify api" + reporting.words_of(options),
        "url": url if "://" in url and not arguments.traffic else None,
        "budget": arguments.budget,
    }
