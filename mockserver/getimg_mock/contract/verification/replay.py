"""Replaying a recorded failure: the same plan or case, against the same target, judged again."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.budget.gate import install_budget
from getimg_mock.contract.budget.spend_file import SpendRecord, find_default_record, parse_amount
from getimg_mock.contract.clients import fault_schedules, suite
from getimg_mock.contract.clients.cases.client_check import compute_verdict
from getimg_mock.contract.clients.drivers.driver_lookup import find_source
from getimg_mock.contract.plans import parse_plan
from getimg_mock.contract.targets.fake_targets import InProcessTarget, SocketTarget
from getimg_mock.contract.targets.http_target import HttpTarget
from getimg_mock.contract.verdicts import Verdict, judge_check
from getimg_mock.contract.verification.registry import find_check
from getimg_mock.errors import SettingsError, UnknownNameError
from getimg_mock.reports.replays import explain_unrepeatable, find_url, is_loopback_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from getimg_mock.contract.budget.spend_file import Amount
    from getimg_mock.contract.clients.cases.case_rules import Case
    from getimg_mock.contract.plans import Plan
    from getimg_mock.contract.targets.fake_targets import Target
    from getimg_mock.reports.run_events import Outcome, RunEvent

_KEY: Final = "sk_replay_key"
_SECOND_KEY: Final = "sk_replay_second_key"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """How to replay: `times` is how often.

    `target` is `fake`, `socket` or a URL; by default what the failure was seen on. A service that
    is not on this machine needs a `key` (by default that of `GETIMG_API_KEY`) and a `budget`.
    """

    times: int = 1
    target: str | None = None
    key: str | None = None
    second_key: str | None = None
    budget: Amount | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """How often a failure showed again, of how often it could be tried.

    `verdict` is the first that shows it. `reason` says why it could not be tried.
    """

    again: int = 0
    tried: int = 0
    verdict: Verdict | None = None
    reason: str = ""


def replay_failure(outcome: Outcome, failure: RunEvent, options: ReplayOptions) -> Replay:
    """Try a failure of a recorded run again.

    Raises `SettingsError` for a target, a key or a client that cannot be used, and `BudgetError`
    for an unusable budget.
    """
    reason = explain_unrepeatable(outcome, failure)
    if reason:
        return Replay(reason=reason)
    if "client" in failure:
        upstream = find_url(outcome)
        target = _open_address(upstream, outcome, options) if upstream else None
        return _summarize(_replay_client(failure, options.times, target))
    provider = _find_target(outcome, options)
    plan = parse_plan(failure["plan"])
    obstacle = provider.find_obstacle(plan)
    if obstacle:
        return Replay(reason=obstacle)
    return _summarize(_replay_provider(plan, failure["id"], provider, options.times))


def _summarize(verdicts: Iterable[Verdict]) -> Replay:
    again = tried = 0
    first: Verdict | None = None
    reason = ""
    for verdict in verdicts:
        if verdict.status in {"VOID", "SKIP"}:
            reason = verdict.reason or "nothing that was exchanged says anything about it"
            continue
        tried += 1
        again += verdict.broken
        first = first or (verdict if verdict.broken else None)
    return Replay(again=again, tried=tried, verdict=first, reason=reason)


def _replay_provider(plan: Plan, name: str, target: Target, times: int) -> Iterator[Verdict]:
    check = find_check(name)
    for _ in range(times):
        history = target.run(plan)
        if history.exchanges and all(each.status == 0 for each in history):
            yield Verdict(check=check, status="VOID", reason=f"{target.name} does not answer")
            continue
        yield judge_check(check, [history], own=target.own)


def _replay_client(failure: RunEvent, times: int, target: HttpTarget | None) -> Iterator[Verdict]:
    """Put the client through the case of its failure; to `target` where it is not the fake's."""
    client = failure["client"]
    (check,) = suite.choose_checks([failure["id"]])
    case = _find_case(client["case"], client["seed"])
    source = find_source(client["adapter"])
    driver = source.create_driver() if target is None else source.create_upstream_driver(target)
    try:
        for _ in range(times):
            history = driver.run(case, seed=client["seed"])
            if check.wants(case.name):
                yield compute_verdict(check, [history])
            else:  # a schedule: it is judged by what it has lost
                yield judge_check(check, [history])
    finally:
        driver.close()


def _find_case(name: str, seed: str) -> Case:
    """Return the case of a name, drawn schedules included; raises `UnknownNameError`."""
    every = {each.name: each for each in suite.cases(seed)}
    case = every.get(name) or fault_schedules.parse_name(name)
    if case is None:
        raise UnknownNameError("case", name, every)
    return case


def _find_target(outcome: Outcome, options: ReplayOptions) -> Target:
    """Return the target that the options name, else that on which the failure was seen."""
    seed = str(outcome.start["seed"])
    where = options.target or find_url(outcome) or outcome.target
    if "://" in where:
        return _open_address(where, outcome, options)
    if where == "socket":
        return SocketTarget(seed=seed)
    if where == "fake" or (options.target is None and outcome.start["own"]):
        return InProcessTarget(seed=seed)
    raise SettingsError(f"Unknown target {where!r}. Use --target fake, socket, or a URL.")


def _open_address(url: str, outcome: Outcome, options: ReplayOptions) -> HttpTarget:
    """Return an address: on this machine without a budget, elsewhere behind one."""
    own = is_loopback_url(url)
    key = options.key or os.environ.get("GETIMG_API_KEY") or (_KEY if own else None)
    if key is None:
        raise SettingsError("A target needs a key: give --key, or set GETIMG_API_KEY.")
    second = options.second_key or (_SECOND_KEY if own else None)
    keys = {"a": key} | ({"b": second} if second else {})
    target = HttpTarget(url, keys, name=url)
    if options.budget is not None:
        install_budget(
            target,
            parse_amount(options.budget),
            SpendRecord(find_default_record(*target.record_scope)),
        )
    elif not own:
        raise SettingsError(
            f"{url} is not on this machine: set the most that a replay of {outcome.target} may "
            "cost (--budget USD)."
        )
    return target
