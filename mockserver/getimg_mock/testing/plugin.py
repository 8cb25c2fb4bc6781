"""The pytest plugin: fixtures, mark and options. Imports only pytest until they are used.

So an installed getimg-mock costs other test suites only the import of this module.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    import respx

    from getimg_mock.testing.live import ExternalServer, OwnServer
    from getimg_mock.testing.mark_options import MarkOptions
    from getimg_mock.testing.workspace import GetimgMock
    from getimg_mock.virtual_time.linked_time import Link

# As in options.py, which is imported where it is needed.
_FIXTURES = frozenset(
    f"getimg_{kind}{scope}" for kind in ("mock", "live") for scope in ("", "_module", "_session")
)

# Set by `verify client --observe`: as in options.py, which is imported where it is needed.
_OBSERVED = "GETIMG_OBSERVED_TRAFFIC"

_INI: tuple[tuple[str, str, str, Any], ...] = (
    ("getimg_server", "URL of a running fake, for getimg_live", "string", ""),
    ("getimg_seed", "seed of ids, times and pictures", "string", ""),
    (
        "getimg_clock",
        "virtual, linked, real, x60, or the moment at which it is frozen",
        "string",
        "",
    ),
    ("getimg_models", "models file, relative to the root folder", "string", ""),
    ("getimg_balance", "opening balance in US dollars", "string", ""),
    ("getimg_limits", "generous or realistic", "string", ""),
    ("getimg_key", "API key of the workspace of every test", "string", ""),
    ("getimg_scenario", "scenarios active in every test", "args", []),
    ("getimg_policies", "policies of every test, such as no-pending-videos", "args", []),
    (
        "getimg_patience",
        "real seconds for which linked time waits for real work that is silent",
        "string",
        "5",
    ),
    ("getimg_guard", "refuse connections to the real API in every test", "bool", False),
    ("getimg_hosts", "further hosts of the fake, in addition to api.getimg.ai", "args", []),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("getimg", "getimg-mock")
    group.addoption(
        "--getimg-server",
        metavar="URL",
        help="URL of a running fake, for getimg_live (default: one is started)",
    )
    group.addoption("--getimg-token", metavar="TEXT", help="the control token of that fake")
    for name, text, kind, default in _INI:
        parser.addini(name, text, type=kind, default=default)  # type: ignore[arg-type]


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark."""
    config.addinivalue_line(
        "markers",
        "getimg(seed, scenario, clock, models, balance, limits, key, policies, verdict, "
        "cassette, on_miss, ...): the "
        "options of this test's fake; all settings of getimg-mock but those of the server.",
    )


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Guard the import of test files, if the ini file asks for it."""
    if not session.config.getini("getimg_guard"):
        return (yield)
    from getimg_mock.testing.guarding import guard_run  # noqa: PLC0415 - as late as possible

    with guard_run(session.config):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Guard a test that has the mark, or every test, if the ini file asks for it.

    In a run that is observed, say when each test ran.
    """
    try:
        if _OBSERVED not in os.environ:
            return (yield from _guard(item))
        from getimg_mock.testing.observed_run import record_span  # noqa: PLC0415 - where observed

        with record_span(item):
            return (yield from _guard(item))
    finally:
        if _FIXTURES.intersection(getattr(item, "fixturenames", ())):
            from getimg_mock.testing.fixtures import forget  # noqa: PLC0415 - imported by the fixture

            forget(item)


def _guard(item: pytest.Item) -> Generator[None, object, object]:
    if item.get_closest_marker("getimg") is None and not item.config.getini("getimg_guard"):
        return (yield)
    from getimg_mock.testing.guarding import guard_test  # noqa: PLC0415 - as late as possible

    has_fixture = bool(_FIXTURES.intersection(getattr(item, "fixturenames", ())))
    with guard_test(item, has_fixture=has_fixture):
        return (yield)


@pytest.fixture(scope="session")
def getimg_settings() -> MarkOptions:
    """Return the options of the fakes of these tests, as the mark takes them: override it.

    An override has the scope of the widest fixture that it is for.
    """
    return {}


@pytest.fixture
def getimg_mock(
    request: pytest.FixtureRequest, getimg_settings: MarkOptions
) -> Iterator[GetimgMock]:
    """Return a workspace for this test, in process: https://api.getimg.ai is the fake."""
    from getimg_mock.testing.fixtures import open_in_process  # noqa: PLC0415 - as late as possible

    yield from open_in_process(request, getimg_settings)


@pytest.fixture(scope="session")
def getimg_server(
    pytestconfig: pytest.Config,
) -> Iterator[OwnServer | ExternalServer]:
    """Run a fake on a socket for all tests of this process; `url` is its address."""
    from getimg_mock.testing.fixtures import run_session_server  # noqa: PLC0415 - as late as possible

    yield from run_session_server(pytestconfig)


@pytest.fixture
def getimg_live(
    request: pytest.FixtureRequest,
    getimg_settings: MarkOptions,
    getimg_server: OwnServer | ExternalServer,
) -> Iterator[GetimgMock]:
    """Return a workspace for this test on a real socket, for any client in any process."""
    from getimg_mock.testing.fixtures import open_live  # noqa: PLC0415 - as late as possible

    yield from open_live(request, getimg_settings, getimg_server)


def _open_mock(
    request: pytest.FixtureRequest, getimg_settings: MarkOptions
) -> Iterator[GetimgMock]:
    """Return a workspace that the tests of a module or session share, in process."""
    from getimg_mock.testing.fixtures import open_in_process  # noqa: PLC0415 - as late as possible

    yield from open_in_process(request, getimg_settings)


def _open_live(
    request: pytest.FixtureRequest,
    getimg_settings: MarkOptions,
    getimg_server: OwnServer | ExternalServer,
) -> Iterator[GetimgMock]:
    """Return a workspace that the tests of a module or session share, on a real socket."""
    from getimg_mock.testing.fixtures import open_live  # noqa: PLC0415 - as late as possible

    yield from open_live(request, getimg_settings, getimg_server)


getimg_mock_module = pytest.fixture(scope="module", name="getimg_mock_module")(_open_mock)
getimg_mock_session = pytest.fixture(scope="session", name="getimg_mock_session")(_open_mock)
getimg_live_module = pytest.fixture(scope="module", name="getimg_live_module")(_open_live)
getimg_live_session = pytest.fixture(scope="session", name="getimg_live_session")(_open_live)


@pytest.fixture
def getimg_time(request: pytest.FixtureRequest) -> Iterator[Link]:
    """Link the test's time to the clock of its workspace: sleeping costs no real time."""
    from getimg_mock.testing.fixtures import link_nearest  # noqa: PLC0415 - as late as possible

    yield from link_nearest(request)


@pytest.fixture
def getimg_respx(
    request: pytest.FixtureRequest, getimg_mock: GetimgMock
) -> Iterator[respx.MockRouter]:
    """Mount the fake on a respx router, which may have routes of other services too."""
    from getimg_mock.testing.fixtures import route_respx  # noqa: PLC0415 - as late as possible

    yield from route_respx(request, getimg_mock)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Check what the client did, after the test itself has passed."""
    result = yield
    if _FIXTURES.intersection(getattr(item, "fixturenames", ())):
        from getimg_mock.testing.fixtures import judge  # noqa: PLC0415 - imported by the fixture

        judge(item)
    guarding = sys.modules.get("getimg_mock.testing.guarding")
    if guarding is not None:
        guarding.judge_guard(item)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None, object, object]:
    """Restore what another fixture has put back after it had ended, such as a linked sleep."""
    try:
        return (yield)
    finally:
        patches = sys.modules.get("getimg_mock.patches")
        if patches is not None:
            patches.restore_late()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the timeline of the workspace to the report of a failed test."""
    del call
    report = yield
    if report.failed and _FIXTURES.intersection(getattr(item, "fixturenames", ())):
        from getimg_mock.testing.fixtures import build_sections  # noqa: PLC0415 - imported by the fixture

        report.sections.extend(build_sections(item))
    return report
