"""Fixtures that the tests of a module or a session share, for fixtures of users' own."""

from __future__ import annotations

import re

import pytest

from getimg_mock.testing import fixtures as _imported_once  # noqa: F401 - not by each inner run
from getimg_mock.testing import options, plugin
from tests.testing.suites import run

pytestmark = pytest.mark.slow

pytest_plugins = ["pytester"]

SHARED = """
pytestmark = pytest.mark.getimg(balance=5, limits={"image_rpm": 50})

@pytest.fixture(scope="module")
def gallery(KIND_module):
    return GetimgAI().images.generate(**IMAGE)

@pytest.fixture(scope="session")
def models(KIND_session):
    return GetimgAI(base_url=KIND_session.url, api_key=KIND_session.key).models.list()

def test_first(gallery, KIND_module):
    assert str(KIND_module.ledger.balance) == "4.96"
    GetimgAI().images.generate(**IMAGE)

def test_second(gallery, models, KIND_module, KIND_session):
    assert KIND_session.ledger.balance == 100
    assert [each.operation for each in KIND_session.journal] == ["models.list"]
    GetimgAI().images.generate(**IMAGE)
    assert len(KIND_module.generations) == 3

@pytest.mark.getimg(balance=7)
def test_of_its_own(gallery, KIND, KIND_module):
    GetimgAI().images.generate(**IMAGE)
    assert str(KIND.ledger.balance) == "6.96"
    assert len(KIND_module.generations) == 3

def test_linked(KIND_module, getimg_time):
    before = KIND_module.clock.now()
    time.sleep(600)
    assert (KIND_module.clock.now() - before).total_seconds() == 600
"""


@pytest.mark.parametrize("kind", ["getimg_mock", "getimg_live"])
def test_fixtures_of_a_module_and_a_session_use_the_fake(suite: pytest.Pytester, kind: str) -> None:
    """Each scope has a workspace; the nearest one has the environment, and a test keeps its own."""
    run(suite, SHARED.replace("KIND", kind)).assert_outcomes(passed=4)


def test_expectations_of_a_module_are_judged_at_its_end(suite: pytest.Pytester) -> None:
    """No test of it fails for what a later one may still do; a failed test shows the timeline."""
    result = run(
        suite,
        """
@pytest.fixture(scope="module", autouse=True)
def expected(getimg_mock_module):
    getimg_mock_module.expect("images.generate").times(2)

def test_one(getimg_mock_module):
    GetimgAI().images.generate(**IMAGE)

def test_failing(getimg_mock_module):
    assert False

def test_last():
    pass
""",
    )
    result.assert_outcomes(passed=2, failed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["*Expected exactly 2 images.generate, but there was 1*", "*getimg timeline of the module*"]
    )


def test_hypothesis_takes_the_workspace_of_a_module_as_it_is(suite: pytest.Pytester) -> None:
    """No health check is suppressed, and the deadline of examples does not count linked time."""
    result = run(
        suite,
        """
from hypothesis import given, settings, strategies as st

@settings(max_examples=5, database=None)
@given(seconds=st.integers(1, 600))
def test_it(getimg_mock_module, seconds):
    getimg_mock_module.reset()
    with getimg_mock_module.link_time() as link:
        GetimgAI().models.list()
        time.sleep(seconds)
    assert link.slept == seconds
    assert getimg_mock_module.journal.count() == 1
""",
    )
    result.assert_outcomes(passed=1)


def test_linked_time_and_options_of_a_test_are_refused_for_a_module(
    suite: pytest.Pytester,
) -> None:
    """One sentence says what works: getimg_time, and an override of the same scope."""
    result = run(
        suite,
        """
pytestmark = pytest.mark.getimg(clock="linked")

@pytest.fixture
def getimg_settings():
    return {"balance": 5}

def test_it(getimg_mock_module):
    pass
""",
    )
    result.assert_outcomes(errors=1)
    assert re.search(r"ScopeMismatch[^\n]*getimg_settings", result.stdout.str(), re.DOTALL)
    result = run(
        suite,
        """
pytestmark = pytest.mark.getimg(clock="linked")

def test_it(getimg_mock_module):
    pass
""",
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(['*clock="linked" is for the workspace of one test.*getimg_time*'])


def test_the_plugin_knows_all_fixtures_that_open_a_workspace() -> None:
    """It lists them by itself, since it must not import the package."""
    assert frozenset(options.FIXTURES) == plugin._FIXTURES
