"""`pytest contract_tests --getimg-target=fake|socket|real|URL`: the provider contract as tests.

With `--getimg-client=package.module:make` it is the client contract instead, put to that client.

A target other than the fake needs a key (`GETIMG_API_KEY`), and a budget for anything that may
cost.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from getimg_mock.contract.addresses import Address
from getimg_mock.contract.budget import Record, amount_of, guarded
from getimg_mock.contract.corpus import corpus
from getimg_mock.contract.targets import InProcess, OnSocket
from getimg_mock.errors import GetimgMockError

if TYPE_CHECKING:
    from getimg_mock.contract.history import History
    from getimg_mock.contract.targets import Target

REAL = "https://api.getimg.ai"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what the contract is held against, and what it may cost."""
    group = parser.getgroup("getimg-mock contract")
    group.addoption("--getimg-target", default="fake", help="fake, socket, real (live), or a URL")
    group.addoption("--getimg-tier", default=None, choices=["R0", "R1", "R2", "R3"])
    group.addoption("--getimg-budget", default="0", help="US dollars that may be spent today")
    group.addoption("--getimg-client", default=None, help="the client: package.module:make")
    group.addoption("--getimg-record", default=None, help="where the spend of each day is kept")


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Target:
    """Return what the contract is held against."""
    where = request.config.getoption("--getimg-target")
    if where == "fake":
        return InProcess()
    if where == "socket":
        return OnSocket()
    found: Address = request.getfixturevalue("address")
    return found


@pytest.fixture(scope="session")
def address(request: pytest.FixtureRequest) -> Address:
    """Return a service that is not ours, behind the budget."""
    where = request.config.getoption("--getimg-target")
    url = REAL if where in {"real", "live"} else where
    if not url.startswith(("https://", "http://")):
        pytest.exit(f"--getimg-target={where}: write fake, real or a URL.", returncode=2)
    key = os.environ.get("GETIMG_API_KEY")
    if not key:
        pytest.exit("A target needs a key: set GETIMG_API_KEY.", returncode=2)
    found = Address(url, {"a": key}, name=where)
    record = request.config.getoption("--getimg-record")
    kept = Record(Path(record) if record else None)
    try:
        guarded(found, amount_of(request.config.getoption("--getimg-budget")), kept)
    except GetimgMockError as error:
        pytest.exit(str(error), returncode=2)
    return found


@pytest.fixture(scope="session")
def histories(request: pytest.FixtureRequest, target: Target) -> list[History]:
    """Return what the target answered to every plan that can be run against it and paid."""
    tier = request.config.getoption("--getimg-tier") or ("R3" if target.own else "R0")
    plans = [plan for plan in corpus(target.models) if plan.tier <= tier]
    return [target.run(plan) for plan in plans if not target.lacks(plan)]


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
