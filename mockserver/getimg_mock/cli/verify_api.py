"""`getimg-mock verify api`: hold a provider to its contract."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.cli import reporting
from getimg_mock.contract.addresses import Address
from getimg_mock.contract.budget import (
    BudgetError,
    Record,
    affordable,
    amount_of,
    default_record,
    guarded,
    price_of_plan,
)
from getimg_mock.contract.campaign import Campaign, balance_now, verdict_event, written
from getimg_mock.contract.checks import EVERY, PROVIDER, chosen, equivalence, harness
from getimg_mock.contract.claims import claims
from getimg_mock.contract.comparison import Comparison
from getimg_mock.contract.corpus import corpus
from getimg_mock.contract.evidence import (
    STALE_AFTER,
    Evidence,
    evidence_of,
    read_evidence,
    read_known,
    shipped_evidence,
    write_evidence,
)
from getimg_mock.contract.examination import examination_of, explained
from getimg_mock.contract.exchanges import decimal
from getimg_mock.contract.oddities import met
from getimg_mock.contract.plans import TIERS, Plan, balance, get
from getimg_mock.contract.targets import InProcess, OnSocket
from getimg_mock.contract.traffic import REAL, read_traffic
from getimg_mock.contract.verdicts import judged
from getimg_mock.errors import SettingsError, UnknownNameError
from getimg_mock.reports import console, events
from getimg_mock.world.clock import wall_time

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from getimg_mock.contract.budget import Budget
    from getimg_mock.contract.targets import Target
    from getimg_mock.contract.verdicts import Check, Verdict
    from getimg_mock.reports.events import Event

_ACCOUNT: Final = Plan(name="the account", steps=(get("/v2/models"), balance()))


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
    add("--target", default="fake", metavar="WHERE", help="fake, socket, real, or a URL")
    add("--key", metavar="KEY", help="API key (default: GETIMG_API_KEY)")
    add("--second-key", metavar="KEY", help="a key of another workspace, for isolation")
    add("--budget", metavar="USD", help="the most that may be spent today, over all runs")
    add("--tier", choices=TIERS, help="how far to go (default: R3 on the fake, else R0)")
    add("--only", metavar="IDS", help="checks to judge: GP4, GP407, or several with commas")
    add("--seed", type=int, default=0, metavar="N", help="what random plans are drawn from")
    add("--random", type=int, default=0, metavar="N", help="random plans to add (needs hypothesis)")
    add("--from", dest="traffic", action="append", default=[], metavar="FILE", type=Path,
        help="judge recorded traffic (HAR or NDJSON) and send nothing")  # fmt: skip
    add("--evidence", metavar="FILE", type=Path,
        help="with --from: add what it confirms here; else: what was confirmed so far")  # fmt: skip
    add("--stale-after", metavar="DAYS", type=int, default=STALE_AFTER.days,
        help="how long evidence counts (default: %(default)s)")  # fmt: skip
    reporting.add_options(parser)
    add("--record", metavar="FILE", type=Path, help="where the spend of each day is kept")
    add("--dry-run", action="store_true", help="show the plans and their prices, send nothing")


def run(arguments: argparse.Namespace) -> int:
    """Judge; returns 0 when the contract holds, else 1."""
    reporting.require_places(arguments, arguments.evidence if arguments.traffic else None)
    checks = chosen(arguments.only, EVERY)
    known = read_known(arguments.known_failures, EVERY) if arguments.known_failures else {}
    if arguments.traffic:
        return _report(arguments, _judged_traffic(arguments, checks, known), known)
    return _against(arguments, _target(arguments), checks, known)


def _against(
    arguments: argparse.Namespace, target: Target, checks: Sequence[Check], known: dict[str, str]
) -> int:
    tier = arguments.tier or ("R3" if target.own else "R0")
    budget = None
    if isinstance(target, Address) and not target.own:
        record = Record(arguments.record or default_record())
        budget = guarded(target, _ceiling(arguments, tier), record)
    plans = [plan for plan in corpus(target.models) if plan.tier <= tier]
    plans += _random(arguments, target.models) if tier >= "R2" else []
    if arguments.dry_run:
        return _shown(plans, target, budget)
    seen = _known_of_the_service(arguments)
    provider = tuple(check for check in checks if check in PROVIDER)
    campaign = Campaign(
        # What compares or examines a run looks at the verdicts of every check.
        target=target, plans=plans, checks=provider if provider == tuple(checks) else PROVIDER,
        seed=arguments.seed, known=known,
        confirmed=Evidence(seen.observed).fresh(wall_time(), seen.stale_after),
        # Shrinking tries hundreds of plans: not where each of them costs money.
        shrink=_shrinking(arguments, target) if arguments.random and budget is None else None,
    )  # fmt: skip
    asked = {check.id for check in checks}
    return _report(arguments, _with_budget(campaign, budget, target, seen, asked), known)


def _known_of_the_service(arguments: argparse.Namespace) -> Comparison:
    """Return what evidence there is, of what ships and of what the caller gives."""
    evidence = shipped_evidence()
    if arguments.evidence and not arguments.traffic:
        evidence = evidence.merged(read_evidence(arguments.evidence))
    days = timedelta(days=arguments.stale_after)
    return Comparison(
        claims=claims(evidence), cited=evidence.seen, observed=evidence.confirmed, now=wall_time(),
        stale_after=days,
    )  # fmt: skip


def _compared(campaign: Campaign, seen: Comparison, beside: list[Event]) -> Iterator[Verdict]:
    """Run the same plans on the fake, too (its events go `beside`), and judge the two together."""
    tried = tuple(met(campaign.target.models, str(campaign.seed)))
    alone = isinstance(campaign.target, InProcess)
    twin = campaign
    if not alone:
        fake = InProcess(seed=str(campaign.seed), models=list(campaign.target.models))
        plans = [history.plan for history in campaign.histories]
        twin = Campaign(target=fake, plans=plans, checks=PROVIDER)
        beside.extend(twin.events())
        seen = replace(
            seen,
            other=tuple(campaign.histories),
            fake_broken={each.check.id: each.broken for each in twin.verdicts if each.applied},
            other_broken={each.check.id: each.broken for each in campaign.verdicts if each.applied},
        )
    seen = replace(seen, fake=(*twin.histories, *tried))
    for check in equivalence.CHECKS:
        yield explained(judged(check, [seen], own=True), alone=alone)


def _examined(
    campaign: Campaign, budget: Budget | None, told: Sequence[Event]
) -> Iterator[Verdict]:
    """Let the harness judge itself, as far as one run tells; `told` is what it has said so far."""
    text = "".join(written([*told, campaign.end()]))
    outcomes = events.read(events.parsed(text))
    kinds = {kind: render(outcomes) for kind, render in reporting.REPORTS.items()}
    shown = {"the console": "".join(console.rendered(each) for each in outcomes)}
    examination = examination_of(
        campaign,
        free=budget is None,
        gate=(budget.sent, budget.requests) if budget is not None else None,
        spends=((budget.record.today, budget.ceiling),) if budget is not None else (),
        artefacts={"the event stream": text} | kinds | shown,
    )
    for check in harness.CHECKS:
        yield explained(judged(check, [examination], own=True))


def _with_budget(
    campaign: Campaign, budget: Budget | None, target: Target, seen: Comparison,
    asked: AbstractSet[str],
) -> Iterator[Event]:  # fmt: skip
    """Yield the events of a run, and of its verdicts those that were asked for, by id."""
    before = balance_now(target.run(_ACCOUNT)) if budget is not None else None
    told: list[Event] = []
    beside: list[Event] = []
    for event in campaign.events():
        if event["event"] != "end":
            told.append(event)
            yield from _asked([event], asked)
    if not asked <= {check.id for check in PROVIDER}:
        more = [verdict_event(each, campaign.seed) for each in _compared(campaign, seen, beside)]
        told += more
        more += [verdict_event(each, campaign.seed) for each in _examined(campaign, budget, told)]
        yield from _asked(more, asked)
    if budget is not None:
        yield _reconciled(budget, target, before)
    yield campaign.end()
    for event in beside:
        if event["event"] == "start":
            yield event | {"twin": True}
        elif event["event"] in {"verdict", "end"}:
            yield from _asked([event], asked)


def _asked(told: Iterable[Event], asked: AbstractSet[str]) -> Iterator[Event]:
    """Yield the events, but of verdicts only those that were asked for, by id."""
    yield from (each for each in told if each.get("id", "") in {"", *asked})


def _reconciled(budget: Budget, target: Target, before: str | None) -> Event:
    beyond = budget.reconcile(decimal(before), decimal(balance_now(target.run(_ACCOUNT))))
    return {
        "event": "budget", "ceiling": str(budget.ceiling), "spent": str(budget.spent),
        "today": str(budget.record.today), "requests": budget.requests,
        "beyond": None if beyond is None else str(beyond),
    }  # fmt: skip


def _target(arguments: argparse.Namespace) -> Target:
    if arguments.target == "fake":
        return InProcess(seed=str(arguments.seed))
    if arguments.target == "socket":
        return OnSocket(seed=str(arguments.seed))
    url = REAL if arguments.target == "real" else arguments.target
    if not url.startswith(("https://", "http://")):
        raise UnknownNameError(
            "target", url, ("fake", "socket", "real", "https://...", "http://...")
        )
    key = arguments.key or os.environ.get("GETIMG_API_KEY")
    if not key:
        raise SettingsError("A target needs a key: give --key, or set GETIMG_API_KEY.")
    keys = {"a": key} | ({"b": arguments.second_key} if arguments.second_key else {})
    return Address(url, keys, name="real" if url == REAL else url)


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
    checks = [check for check in checks if check in PROVIDER]
    if not checks:
        raise SettingsError("Recorded traffic is judged by GP checks: GE and GH need a run.")
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
    yield {"event": "start", "kind": "provider", "contract": "1", "target": "traffic", "seed": 0,
           "own": False, "plans": len(campaign.histories), "checks": len(checks)}  # fmt: skip
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
    sys.stdout.write(
        f"\n{len(chosen_plans)} plans; those that generate cost at most {total} USD. "
        "Nothing was sent.\n"
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
    url = REAL if arguments.target == "real" else arguments.target
    options = {
        "target": arguments.target, "tier": arguments.tier, "budget": arguments.budget,
        "seed": arguments.seed, "random": arguments.random, "only": arguments.only,
    }  # fmt: skip
    if arguments.traffic:
        options = {"from": arguments.traffic[0], "only": arguments.only}
    return event | {
        "again": "getimg-mock verify api" + reporting.words_of(options),
        "url": url if "://" in url and not arguments.traffic else None,
        "budget": arguments.budget,
    }
