"""Verifying a provider of the getimg.ai v2 API: the fake, an address, or getimg.ai itself."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.budget.spend_file import parse_amount
from getimg_mock.contract.evidence.claims import collect_claims
from getimg_mock.contract.evidence.evidence_file import (
    STALE_AFTER,
    Evidence,
    collect_evidence,
    load_shipped_evidence,
    read_evidence,
    write_evidence,
)
from getimg_mock.contract.evidence.recorded_traffic import read_traffic
from getimg_mock.contract.targets.fake_targets import InProcessTarget
from getimg_mock.contract.targets.http_target import MAX_WAIT, REAL_API_URL
from getimg_mock.contract.verdict_events import CONTRACT_VERSION
from getimg_mock.contract.verification.commands import format_command
from getimg_mock.contract.verification.comparison import Comparison
from getimg_mock.contract.verification.dry_run import find_relevant_plans
from getimg_mock.contract.verification.preparation import ProviderOptions, prepare_run
from getimg_mock.contract.verification.provider_events import ProviderRun
from getimg_mock.contract.verification.registry import (
    ALL_BUT_CLIENT_CHECKS,
    PROVIDER_CHECKS,
    select_checks,
)
from getimg_mock.contract.verification.result import Verification
from getimg_mock.contract.verification.session import VerificationSession
from getimg_mock.contract.verification.unjudged import add_unjudged
from getimg_mock.errors import SettingsError
from getimg_mock.reports.known_failures import load_known_failures
from getimg_mock.reports.recorder import RunRecorder
from getimg_mock.user_files import require_writable
from getimg_mock.world.clock import wall_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import timedelta

    from getimg_mock.contract.budget.spend_file import Amount
    from getimg_mock.contract.history import History
    from getimg_mock.contract.plans import Tier
    from getimg_mock.contract.targets.fake_targets import Target
    from getimg_mock.contract.verdicts import Check, Verdict
    from getimg_mock.contract.verification.preparation import PreparedRun
    from getimg_mock.reports.run_events import RunEvent

_MONEY_CHECKS: Final = frozenset({"GH005", "GH009"})
"""Their verdicts are part of every run that may cost, whatever was asked for."""

_TRAFFIC: Final = "traffic"


def verify_provider(
    target: str | Target = "fake",
    *,
    key: str | None = None,
    second_key: str | None = None,
    budget: Amount | None = None,
    tier: Tier | None = None,
    only: str | Iterable[str] | None = None,
    seed: int = 0,
    random: int = 0,
    wait: float = MAX_WAIT,
    traffic: Sequence[Path | str] = (),
    evidence: Path | str | None = None,
    stale_after: timedelta = STALE_AFTER,
    known_failures: Path | str | Mapping[str, str] | None = None,
    record: Path | str | None = None,
    hold_assumptions: bool = False,
    events: Path | str | None = None,
    keep_events: bool = False,
    on_event: Callable[[RunEvent], object] | None = None,
) -> Verification:
    """Verify a provider of the API by the provider contract.

    Args:
        target: `fake` (in process), `live` (the fake on a socket), `real` (getimg.ai), or a URL.
        key: The API key; by default that of `GETIMG_API_KEY`. The fake needs none.
        second_key: A key of another workspace, to try that workspaces are isolated.
        budget: The most US dollars that may be spent on this UTC day, over all runs.
        tier: How far to go: `R0` reads only, `R1` also sends what must be refused, `R2` generates,
            `R3` uses up rate limits. By default `R3` on the fake and `R0` elsewhere.
        only: The ids of the checks to judge, or their beginnings: `"GP4,GP501"` or a list.
        seed: What random plans, and the words in plans, are drawn from.
        random: How many random plans to add.
        wait: The most seconds to wait at once where time cannot be moved.
        traffic: Files of recorded traffic to judge; then nothing is sent, and `target` is ignored.
        evidence: What was confirmed so far, as a file; with `traffic`, the file to add to.
        stale_after: How long an observation of the real service counts: 180 days.
        known_failures: Checks that are known to fail, by id with a reason, or a file of them.
        record: The file that keeps the spend of each day; by default in the state folder.
        hold_assumptions: Whether a broken assumption fails on every target, not on the fake alone.
        events: A file for the event stream, which is written as the run goes on.
        keep_events: Without `events`, keep the stream in the state folder until the next run.
        on_event: Called with each event as it happens.

    Raises:
        SettingsError: An option, file, key or target cannot be used. `UnknownNameError`, a
            subclass, names what was probably meant.
        BudgetError: `tier` can spend money there and no budget was given, or the record of what
            was spent cannot be used.
    """
    options = ProviderOptions(
        target=target,
        key=key,
        second_key=second_key,
        budget=budget,
        tier=tier,
        seed=seed,
        random=random,
        wait=wait,
        record=record,
        hold_assumptions=hold_assumptions,
    )
    words = only if only is None or isinstance(only, str) else ",".join(only)
    place = Path(evidence) if evidence is not None else None
    written = [events, place if traffic else None]
    for path in written:
        if path is not None:
            require_writable(Path(path))
    checks = select_checks(words, ALL_BUT_CLIENT_CHECKS)
    known = load_known_failures(known_failures, [check.id for check in ALL_BUT_CLIENT_CHECKS])
    if traffic:
        stream = _judge_traffic([Path(each) for each in traffic], checks, place, stale_after)
    else:
        seen = _collect_known(place, stale_after)
        stream = _run_plans(prepare_run(options, checks), checks, seen, options)
    name = f"verify-api-{_TRAFFIC if traffic else options.target_name}" if keep_events else ""
    with RunRecorder(
        Path(events) if events is not None else None, name=name, known=known, on_event=on_event
    ) as recorder:
        origin = _describe_origin(options, words, traffic)
        recorder.record(add_unjudged(_add_origin(stream, origin), words))
    outcomes = tuple(recorder.outcomes)
    gaps = tuple(gap for each in outcomes for gap in each.unjudged)
    failed = not all(each.ok for each in outcomes)
    return Verification(outcomes, status=1 if failed else 2 if gaps else 0, gaps=gaps)


def _run_plans(
    run: PreparedRun, checks: Sequence[Check], seen: Comparison, options: ProviderOptions
) -> Iterator[RunEvent]:
    session = VerificationSession(
        target=run.target,
        plans=run.plans,
        checks=run.checks,
        seed=options.seed,
        feeds=run.feeds,
        measure_feeds=find_relevant_plans,
        tier="" if run.target.own else run.tier,
        hold_assumptions=options.hold_assumptions,
        confirmed=Evidence(seen.observed).select_fresh(wall_time(), seen.stale_after),
        # Shrinking tries hundreds of plans: not where each of them costs money.
        shrink=_create_shrinker(options, run.target)
        if options.random and run.budget is None
        else None,
    )
    asked = frozenset(check.id for check in checks)
    if run.budget is not None:
        asked |= _MONEY_CHECKS
    return ProviderRun(session, run.budget, seen, asked).run()


def _create_shrinker(options: ProviderOptions, target: Target) -> Callable[[Check], Verdict | None]:
    from getimg_mock.contract.provider.plan_drawing import find_smallest_breach  # noqa: PLC0415 - few use it

    return partial(find_smallest_breach, target=target, seed=options.seed, count=options.random)


def _collect_known(place: Path | None, stale_after: timedelta) -> Comparison:
    """Return what evidence says of the service: that which ships, and that of the caller."""
    evidence = load_shipped_evidence()
    if place is not None:
        evidence = evidence.merge(read_evidence(place, PROVIDER_CHECKS))
    return Comparison(
        claims=collect_claims(evidence, PROVIDER_CHECKS),
        cited=evidence.seen,
        observed=evidence.confirmed,
        now=wall_time(),
        stale_after=stale_after,
    )


def _judge_traffic(
    paths: Sequence[Path], checks: Sequence[Check], place: Path | None, stale_after: timedelta
) -> Iterator[RunEvent]:
    """Read recorded traffic, add what it confirms to the evidence at `place`, and judge it."""
    judging = [check for check in checks if check in PROVIDER_CHECKS]
    if not judging:
        raise SettingsError("Recorded traffic is judged by GP checks: GE and GH need a run.")
    histories = [read_traffic(path) for path in paths]
    seen = _collect_known(None, stale_after)
    session = VerificationSession(
        target=replace(InProcessTarget(), name=_TRAFFIC, own=False),
        plans=(),
        checks=judging,
        confirmed=Evidence(seen.observed).select_fresh(wall_time(), seen.stale_after),
        histories=histories,
    )
    if place is not None:
        _add_evidence(place, judging, histories)
    start: RunEvent = {
        "event": "start",
        "kind": "provider",
        "contract": CONTRACT_VERSION,
        "target": _TRAFFIC,
        "seed": 0,
        "own": False,
        "plans": len(histories),
        "checks": len(judging),
    }
    return chain([start], session.judge())


def _add_evidence(place: Path, checks: Sequence[Check], histories: Sequence[History]) -> None:
    found = collect_evidence(checks, histories)
    if place.exists():
        found = read_evidence(place, PROVIDER_CHECKS).merge(found)
    write_evidence(place, found)


def _describe_origin(
    options: ProviderOptions, only: str | None, traffic: Sequence[Path | str]
) -> dict[str, object]:
    """Return the fields of a start event that say how to repeat the run."""
    budget = str(parse_amount(options.budget)) if options.budget is not None else None
    if traffic:
        again = format_command("api", {"from": traffic[0], "only": only})
        return {"again": again, "url": None, "budget": budget}
    words = {
        "target": options.target_name,
        "tier": options.tier,
        "budget": budget,
        "seed": options.seed,
        "random": options.random,
        "only": only,
        "hold": "assumptions" if options.hold_assumptions else None,
    }
    url = REAL_API_URL if options.target == "real" else options.target_name
    return {
        "again": format_command("api", words),
        "url": url if "://" in url else None,
        "budget": budget,
    }


def _add_origin(stream: Iterable[RunEvent], origin: Mapping[str, object]) -> Iterator[RunEvent]:
    """Yield the events, with `origin` in the start of the run, but not of its twin."""
    for event in stream:
        first = event["event"] == "start" and not event.get("twin")
        yield {**event, **origin} if first else event
