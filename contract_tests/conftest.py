"""`pytest contract_tests --getimg-target=fake|live|real|URL`: the provider contract as tests.

`live` (or `socket`) is the fake on a port, `real` is getimg.ai. Every other target needs a key
(`GETIMG_API_KEY`, and `GETIMG_SECOND_API_KEY` for isolation), and a budget for anything that may
cost. With `--getimg-client=package.module:make` it is the client contract instead.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock import verify_provider
from getimg_mock.contract.targets.http_target import MAX_WAIT
from getimg_mock.contract.verification.preparation import ProviderOptions, open_target
from getimg_mock.errors import GetimgMockError

if TYPE_CHECKING:
    from getimg_mock.contract.targets.fake_targets import Target
    from getimg_mock.contract.verification.result import Verification

collect_ignore = [] if find_spec("hypothesis") else ["test_sequences.py"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add options for what is verified, and for what that may cost."""
    group = parser.getgroup("getimg-mock contract")
    group.addoption(
        "--getimg-target", default="fake", metavar="WHERE", help="fake, live, real, or a URL"
    )
    group.addoption(
        "--getimg-tier",
        default=None,
        choices=["R0", "R1", "R2", "R3"],
        help="how far to go (default: R3 on the fake, else R0)",
    )
    group.addoption(
        "--getimg-budget", default="0", metavar="USD", help="US dollars that may be spent today"
    )
    group.addoption(
        "--getimg-wait",
        default=MAX_WAIT,
        type=float,
        metavar="SECONDS",
        help="how long to wait at once where time cannot be moved",
    )
    group.addoption(
        "--getimg-client", default=None, metavar="CLIENT", help="the client: package.module:make"
    )
    group.addoption(
        "--getimg-record", default=None, metavar="FILE", help="the file that keeps each day's spend"
    )


def read_options(config: pytest.Config) -> dict[str, Any]:
    """Return the options of a provider, as `verify_provider` takes them."""
    return {
        "target": config.getoption("--getimg-target"),
        "second_key": os.environ.get("GETIMG_SECOND_API_KEY"),
        "budget": config.getoption("--getimg-budget"),
        "tier": config.getoption("--getimg-tier"),
        "wait": config.getoption("--getimg-wait"),
        "record": config.getoption("--getimg-record"),
    }


def find_selected_checks(session: pytest.Session) -> list[str]:
    """Return the ids of the checks that tests are run for."""
    parameters = [getattr(item, "callspec").params for item in session.items if _has_check(item)]  # noqa: B009 - mypy knows no callspec
    return list(dict.fromkeys(each["check"].id for each in parameters))


def _has_check(item: pytest.Item) -> bool:
    return "check" in getattr(getattr(item, "callspec", None), "params", {})


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Target:
    """Return what the contract is about, behind its budget."""
    try:
        return open_target(ProviderOptions(**read_options(request.config)))[0]
    except GetimgMockError as error:
        pytest.exit(str(error), returncode=2)


@pytest.fixture(scope="session")
def verification(request: pytest.FixtureRequest) -> Verification:
    """Return the verification of the target by the checks whose tests were selected."""
    try:
        return verify_provider(
            **read_options(request.config), only=find_selected_checks(request.session)
        )
    except GetimgMockError as error:
        pytest.exit(str(error), returncode=2)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests of the one contract that was asked for."""
    client = config.getoption("--getimg-client") is not None
    kept = [item for item in items if (item.path.name == "test_client.py") == client]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show which rules that are a SHOULD were broken: they fail no test."""
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
