"""The client contract, one test a check: `--getimg-client=package.module:make`.

With `--getimg-target=real` or a URL, and `--getimg-budget`, the client is also put to that service,
and to the fake, in the cases that need no faults.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from getimg_mock import verify_client
from getimg_mock.contract.clients.drivers.upstream_driver import FAULT_FREE_CASES
from getimg_mock.contract.clients.suite import CHECKS
from getimg_mock.errors import GetimgMockError

if TYPE_CHECKING:
    from collections.abc import Callable

    from getimg_mock.contract.clients.cases.client_check import ClientCheck
    from getimg_mock.contract.verification.result import Verification

FAKE = "fake"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each check, on each service that it can be tried on."""
    where = metafunc.config.getoption("--getimg-target")
    sides = (FAKE,) if where == FAKE else (FAKE, where)
    if "check" in metafunc.fixturenames:
        faultless = [each for each in CHECKS if any(each.wants(name) for name in FAULT_FREE_CASES)]
        among = CHECKS if where == FAKE else faultless
        pairs = [(check, side) for check in among for side in sides]
        ids = [check.id if where == FAKE else f"{check.id}-{side}" for check, side in pairs]
        metafunc.parametrize(("check", "where"), pairs, ids=ids)
    else:
        metafunc.parametrize("where", sides)


def find_selected_checks(session: pytest.Session) -> list[str] | None:
    """Return the ids of the checks that tests are run for; None where all are needed."""
    found = []
    for item in session.items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        if "check" not in parameters:
            return None
        found.append(parameters["check"].id)
    return list(dict.fromkeys(found))


@pytest.fixture(scope="session")
def verification(request: pytest.FixtureRequest) -> Verification:
    """Return the verification of the client by the checks whose tests were selected."""
    option = request.config.getoption
    try:
        return verify_client(
            option("--getimg-client"),
            only=find_selected_checks(request.session),
            target=option("--getimg-target"),
            budget=option("--getimg-budget"),
            record=option("--getimg-record"),
        )
    except GetimgMockError as error:
        pytest.exit(str(error), returncode=2)


def get_target_name(where: str, config: pytest.Config) -> str:
    """Return what the verification calls the client on a service."""
    name: str = config.getoption("--getimg-client")
    if config.getoption("--getimg-target") == FAKE:
        return name
    return f"{name} on the fake" if where == FAKE else f"{name} on {where}"


def test_the_client_keeps(
    check: ClientCheck,
    where: str,
    verification: Verification,
    pytestconfig: pytest.Config,
    record_property: Callable[[str, object], None],
) -> None:
    """A broken rule is shown with the requests."""
    target = get_target_name(where, pytestconfig)
    (result,) = (
        each for each in verification.verdicts if (each.id, each.target) == (check.id, target)
    )
    if result.status in {"SKIP", "VOID"}:
        pytest.skip(f"{result.status}: {result.reason}")
    client = pytestconfig.getoption("--getimg-client")
    again = f"pytest contract_tests -k {check.id} --getimg-client={client}"
    if result.status == "FAIL":
        pytest.fail(result.render(replay=again), pytrace=False)
    if result.status == "WARN":
        record_property("getimg-warning", result.render(replay=again))


def test_the_client_was_tried(
    where: str, verification: Verification, pytestconfig: pytest.Config
) -> None:
    """A run in which the client sent next to nothing is no success."""
    target = get_target_name(where, pytestconfig)
    found = [gap for gap in verification.gaps if gap.startswith(f"{target}: ")]
    if found:
        pytest.fail("\n".join(found), pytrace=False)
