"""`pytest contract_tests --getimg-target=fake|live|real|URL`: the provider contract as tests.

`live` (or `socket`) is the fake on a port, `real` is getimg.ai. Whatever is not the fake needs a
key (`GETIMG_API_KEY`, and `GETIMG_SECOND_API_KEY` for isolation), and a budget for anything that
may cost. With `--getimg-client=package.module:make` it is the client contract instead.
"""

from __future__ import annotations

import os
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from getimg_mock.contract.budget.gate import Budget, install_budget, watch_spending
from getimg_mock.contract.budget.spend_file import SpendRecord, find_default_record, parse_amount
from getimg_mock.contract.evidence.claims import collect_claims
from getimg_mock.contract.evidence.evidence import load_shipped_evidence
from getimg_mock.contract.provider.corpus import build_corpus
from getimg_mock.contract.targets.http_target import MAX_WAIT, HttpTarget, fetch_limits
from getimg_mock.contract.targets.lookup import find_target
from getimg_mock.contract.verification.comparison import Comparison
from getimg_mock.contract.verification.dry_run import run_on_fake
from getimg_mock.contract.verification.registry import PROVIDER_CHECKS
from getimg_mock.contract.verification.self_check import collect_self_check
from getimg_mock.contract.verification.session import VerificationSession
from getimg_mock.errors import GetimgMockError
from getimg_mock.world.clock import wall_time

if TYPE_CHECKING:
    from getimg_mock.contract.history import History
    from getimg_mock.contract.targets.fake_targets import Target
    from getimg_mock.contract.verification.self_check import SelfCheck

collect_ignore = [] if find_spec("hypothesis") else ["test_sequences.py"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what the contract is held against, and what it may cost."""
    group = parser.getgroup("getimg-mock contract")
    group.addoption("--getimg-target", default="fake", help="fake, live, real, or a URL")
    group.addoption("--getimg-tier", default=None, choices=["R0", "R1", "R2", "R3"])
    group.addoption("--getimg-budget", default="0", help="US dollars that may be spent today")
    group.addoption(
        "--getimg-wait",
        default=MAX_WAIT,
        type=float,
        metavar="SECONDS",
        help="how long to wait at once where time is not ours",
    )
    group.addoption("--getimg-client", default=None, help="the client: package.module:make")
    group.addoption("--getimg-record", default=None, help="where the spend of each day is kept")


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Target:
    """Return what the contract is held against, behind its budget."""
    option = request.config.getoption
    record = option("--getimg-record")
    try:
        found = find_target(
            option("--getimg-target"),
            key=os.environ.get("GETIMG_API_KEY"),
            second_key=os.environ.get("GETIMG_SECOND_API_KEY"),
            wait=option("--getimg-wait"),
        )
        if isinstance(found, HttpTarget):
            budget = parse_amount(option("--getimg-budget"))
            install_budget(
                found, budget, SpendRecord(Path(record) if record else find_default_record())
            )
    except GetimgMockError as error:
        pytest.exit(str(error), returncode=2)
    return found


@pytest.fixture(scope="session")
def address(request: pytest.FixtureRequest) -> HttpTarget:
    """Return the service beside the fake that a client is put to, behind its budget."""
    found = request.getfixturevalue("target")
    if not isinstance(found, HttpTarget):
        where = request.config.getoption("--getimg-target")
        pytest.exit(
            f"--getimg-target={where}: a client is put to the fake alone, or to real or a URL "
            "beside it.",
            returncode=2,
        )
    return found


def budget_of(target: Target) -> Budget | None:
    """Return the budget that a target is behind, or None."""
    gate = target.gate if isinstance(target, HttpTarget) else None
    return gate if isinstance(gate, Budget) else None


@pytest.fixture(scope="session")
def tier(request: pytest.FixtureRequest, target: Target) -> str:
    """Return how far to go."""
    return str(request.config.getoption("--getimg-tier") or ("R3" if target.own else "R0"))


@pytest.fixture(scope="session")
def campaign(target: Target, tier: str) -> VerificationSession:
    """Return the run of every plan that the target can be given, and that can be paid."""
    budget = budget_of(target)
    address = target if isinstance(target, HttpTarget) else None
    with watch_spending(address, budget) if address and budget else nullcontext():
        limits = fetch_limits(address, paid=True) if address and tier == "R3" else None
        plans = [plan for plan in build_corpus(target.models, limits) if plan.tier <= tier]
        found = VerificationSession(target=target, plans=plans, checks=PROVIDER_CHECKS)
        for _ in found.run():
            pass
    return found


@pytest.fixture(scope="session")
def histories(campaign: VerificationSession) -> list[History]:
    """Return what the target answered."""
    return campaign.histories


@pytest.fixture(scope="session")
def comparison(campaign: VerificationSession) -> Comparison:
    """Return what the target and the fake answered, side by side."""
    evidence = load_shipped_evidence()
    seen = Comparison(
        claims=collect_claims(evidence, PROVIDER_CHECKS),
        cited=evidence.seen,
        observed=evidence.confirmed,
        now=wall_time(),
    )
    return run_on_fake(campaign, seen)[0]


@pytest.fixture(scope="session")
def examination(campaign: VerificationSession) -> SelfCheck:
    """Return what the run lets the harness judge of itself."""
    return collect_self_check(campaign, budget_of(campaign.target))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests of the one contract that is asked for."""
    client = config.getoption("--getimg-client") is not None
    kept = [item for item in items if (item.path.name == "test_client.py") == client]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what breaks a SHOULD: it fails nothing, and is not to be overlooked."""
    found = [
        text
        for report in terminalreporter.getreports("passed")
        for name, text in report.user_properties
        if name == "getimg-warning"
    ]
    if found:
        terminalreporter.section(f"rules that should hold and do not: {len(found)}")
        for text in found:
            terminalreporter.write_line(text)
            terminalreporter.write_line("")
