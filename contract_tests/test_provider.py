"""One test for each check of a provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from getimg_mock.contract.campaign import finding_event, verdict_event
from getimg_mock.contract.checks import PROVIDER
from getimg_mock.contract.verdicts import judged
from getimg_mock.reports.console import block

if TYPE_CHECKING:
    from getimg_mock.contract.history import History
    from getimg_mock.contract.targets import Target
    from getimg_mock.contract.verdicts import Check


@pytest.mark.parametrize("check", PROVIDER, ids=lambda check: check.id)
def test_the_provider_keeps(
    check: Check, target: Target, histories: list[History], request: pytest.FixtureRequest
) -> None:
    """A check holds wherever it applies; where it never applies, it is skipped."""
    verdict = judged(check, histories, own=target.own)
    if verdict.status == "VOID":
        pytest.skip("nothing that was exchanged says anything about it")
    if verdict.status in {"FAIL", "WARN"}:
        failure = finding_event(check, verdict.findings[0])
        where = request.config.getoption("--getimg-target")
        again = f"pytest contract_tests -k {check.id} --getimg-target={where}"
        told = block(failure | {"verdict": verdict_event(verdict)}, replay=again)
        pytest.fail(told, pytrace=False)
