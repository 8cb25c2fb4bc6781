"""The client contract, one test a check: `--getimg-client=package.module:make`.

With `--getimg-target=real` or a URL, and `--getimg-budget`, what needs no adversary is put to the
client there and on the fake, side by side.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from getimg_mock.contract.clients import run_validity, scorecard
from getimg_mock.contract.clients.cases.client_check import compute_verdict
from getimg_mock.contract.clients.drivers.adapter_loading import load_maker
from getimg_mock.contract.clients.drivers.python_driver import PythonDriver
from getimg_mock.contract.clients.drivers.upstream_driver import FAULT_FREE_CASES, UpstreamDriver
from getimg_mock.contract.clients.suite import CHECKS, Result, cases
from getimg_mock.errors import SettingsError
from getimg_mock.reports.console import block

if TYPE_CHECKING:
    from collections.abc import Callable

    from getimg_mock.contract.clients.cases.client_check import ClientCheck
    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.targets.http_target import HttpTarget
    from getimg_mock.contract.verdicts import Verdict

FAKE = "fake"


@dataclass
class Side:
    """The client on one service, and the cases that it went through there already."""

    client: str
    driver: PythonDriver
    among: frozenset[str] | None = None
    tried: dict[str, ClientHistory] = field(default_factory=dict)

    def verdict(self, check: ClientCheck) -> Verdict:
        """Return the verdict, having run what it is based on."""
        for case in cases():
            wanted = check.wants(case.name) and (self.among is None or case.name in self.among)
            if wanted and case.name not in self.tried:
                try:
                    self.tried[case.name] = self.driver.run(case)
                except SettingsError as error:
                    pytest.exit(str(error), returncode=2)
        return compute_verdict(
            check, [each for name, each in self.tried.items() if check.wants(name)]
        )

    def result(self, *verdicts: Verdict) -> Result:
        """Return verdicts with all that they are based on."""
        return Result(self.driver.name, "0", verdicts, tuple(self.tried.values()))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each check, on each service that it can be tried on."""
    where = metafunc.config.getoption("--getimg-target")
    sides = (FAKE,) if where == FAKE else (FAKE, where)
    if "check" in metafunc.fixturenames:
        peaceful = [each for each in CHECKS if any(each.wants(name) for name in FAULT_FREE_CASES)]
        among = CHECKS if where == FAKE else peaceful
        pairs = [(check, side) for check in among for side in sides]
        ids = [check.id if where == FAKE else f"{check.id}-{side}" for check, side in pairs]
        metafunc.parametrize(("check", "where"), pairs, ids=ids)
    else:
        metafunc.parametrize("where", sides)


@pytest.fixture(scope="session")
def side_of(request: pytest.FixtureRequest) -> Callable[[str], Side]:
    """Return what gives the client on a service; it is made when it is first asked for."""
    name = request.config.getoption("--getimg-client")
    among = None if request.config.getoption("--getimg-target") == FAKE else FAULT_FREE_CASES
    made: dict[str, Side] = {}

    def side(where: str) -> Side:
        if where not in made:
            try:
                if where == FAKE:
                    driver = PythonDriver(load_maker(name), f"{name} on the fake")
                else:
                    target: HttpTarget = request.getfixturevalue("address")
                    driver = UpstreamDriver(load_maker(name), f"{name} on {where}", address=target)
            except SettingsError as error:
                pytest.exit(str(error), returncode=2)
            made[where] = Side(name, driver, among)
        return made[where]

    return side


def test_the_client_keeps(
    check: ClientCheck,
    where: str,
    side_of: Callable[[str], Side],
    record_property: Callable[[str, object], None],
) -> None:
    """What a check found wrong stands in the failure, with the requests."""
    side = side_of(where)
    verdict = side.verdict(check)
    if verdict.status in {"SKIP", "VOID"}:
        pytest.skip(f"{verdict.status}: {verdict.reason}")
    if verdict.status not in {"FAIL", "WARN"}:
        return
    told = scorecard.events(side.result(verdict), adapter=side.client)
    (event,) = (each for each in told if each["event"] == "verdict")
    shown = block(event["failures"][0] | {"verdict": event})
    if verdict.status == "FAIL":
        pytest.fail(shown, pytrace=False)
    record_property("getimg-warning", shown)


def test_the_client_was_tried(where: str, side_of: Callable[[str], Side]) -> None:
    """A run in which the client sent next to nothing is no success."""
    side = side_of(where)
    verdicts = [side.verdict(check) for check in CHECKS]
    result = side.result(*verdicts)
    hollow = run_validity.explain_nothing_judged(result)
    found = [hollow] if hollow else list(run_validity.find_gaps(result))
    if found:
        pytest.fail("\n".join(found), pytrace=False)
