"""The client contract, one test a check: `--getimg-client=package.module:make`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from getimg_mock.contract.clients.checking import verdict_of
from getimg_mock.contract.clients.loading import loaded
from getimg_mock.contract.clients.suite import CHECKS, cases

if TYPE_CHECKING:
    from getimg_mock.contract.clients.checking import ClientCheck
    from getimg_mock.contract.clients.drivers import PythonDriver
    from getimg_mock.contract.clients.history import ClientHistory


@pytest.fixture(scope="session")
def driver(request: pytest.FixtureRequest) -> PythonDriver:
    """Return what moves the client."""
    return loaded(request.config.getoption("--getimg-client"))


@pytest.fixture(scope="session")
def tried() -> dict[str, ClientHistory]:
    """Return the cases that were run already: several checks look at one."""
    return {}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_the_client_keeps(
    check: ClientCheck, driver: PythonDriver, tried: dict[str, ClientHistory]
) -> None:
    """The rule's statement stands in the failure."""
    for case in cases():
        if check.wants(case.name) and case.name not in tried:
            tried[case.name] = driver.run(case)
    verdict = verdict_of(check, [tried[name] for name in tried if check.wants(name)])
    if verdict.status in {"SKIP", "VOID"}:
        pytest.skip(verdict.reason)
    found = [
        f"{each.history.plan.name}: expected {each.observation.expected}, "
        f"got {each.observation.actual}"
        for each in verdict.findings
    ]
    if verdict.status == "FAIL":
        pytest.fail("\n".join([f"{check.id}: {check.statement}", *found, check.fix]), pytrace=False)
