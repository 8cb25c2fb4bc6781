"""The plugin with other plugins, other tests and other tools in one run."""

from __future__ import annotations

import pytest

from getimg_mock.testing import fixtures as _imported_once  # noqa: F401 - not by each inner run
from tests.testing.suites import run

pytest_plugins = ["pytester"]

UNITTEST = """
import unittest

class TestIt(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def fake(self, getimg_mock):
        self.fake = getimg_mock

    def test_it(self):
        self.fake.expect("models.list")
"""


@pytest.mark.parametrize("order", ["getimg_mock, httpx_mock", "httpx_mock, getimg_mock"])
def test_patches_do_not_pile_up_with_another_mock(suite: pytest.Pytester, order: str) -> None:
    """Each test leaves httpx as it found it, whichever fixture ends last."""
    pytest.importorskip("pytest_httpx")
    result = run(
        suite,
        f"""
BEFORE = httpx.HTTPTransport.handle_request, httpx.AsyncHTTPTransport.handle_async_request

@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setenv("APP_ENV", "test")

@pytest.mark.parametrize("number", range(40))
def test_many({order}):
    pass

def test_left_as_found(getimg_live):
    now = httpx.HTTPTransport.handle_request, httpx.AsyncHTTPTransport.handle_async_request
    assert now == BEFORE
    httpx.get(getimg_live.url + "/__mock__/health").raise_for_status()
""".replace("number, ", "").replace(f"({order})", f"({order}, number)"),
    )
    result.assert_outcomes(passed=41)


def test_a_timeline_shows_no_requests_of_earlier_tests(suite: pytest.Pytester) -> None:
    """The fake on a socket serves all tests of a run."""
    result = run(
        suite,
        """
def test_first(getimg_live):
    GetimgAI().models.list()
    GetimgAI(api_key="sk_of_somebody").models.list()
    httpx.get(getimg_live.url + "/v2/models")
    assert "another key" in getimg_live.timeline()
    assert "without a workspace" in getimg_live.timeline()

def test_second(getimg_live):
    GetimgAI().models.list()
    assert "another key" not in getimg_live.timeline()
    assert "without a workspace" not in getimg_live.timeline()

def test_third(getimg_live):
    GetimgAI(api_key="sk_of_somebody").models.list()
    assert "1 request(s) came with another key" in getimg_live.timeline()
""",
    )
    result.assert_outcomes(passed=3)


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("given", ["", "example.com", "*"])
def test_a_proxy_of_the_environment_is_bypassed(
    suite: pytest.Pytester, name: str, given: str
) -> None:
    """The fake listens on this machine, where no proxy leads."""
    result = run(
        suite,
        f"""
import os, urllib.request

@pytest.fixture(autouse=True)
def proxy(monkeypatch):
    monkeypatch.setenv({name!r}, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", {given!r})
    monkeypatch.delenv("no_proxy", raising=False)

def test_it(request):
    getimg_live = request.getfixturevalue("getimg_live")
    assert GetimgAI(max_retries=0).models.list()
    headers = {{"Authorization": "Bearer " + getimg_live.key}}
    url = getimg_live.url + "/v2/models"
    assert requests.get(url, headers=headers).status_code == 200
    urllib.request.urlopen(urllib.request.Request(url, headers=headers)).read()
    assert {given!r} in os.environ["NO_PROXY"]
""",
    )
    result.assert_outcomes(passed=1)


def test_hypothesis_measures_real_time(suite: pytest.Pytester) -> None:
    """Its deadline is not one of linked time."""
    result = run(
        suite,
        """
from hypothesis import HealthCheck, given, settings, strategies as st

@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=5, database=None
)
@given(st.integers(1, 600))
def test_it(getimg_mock, getimg_time, seconds):
    before = time.monotonic()
    time.sleep(seconds)
    assert time.monotonic() - before >= seconds
""",
    )
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("@pytest.mark.getimg(nonsense=1)\ndef test_it(getimg_mock): pass", "'nonsense'"),
        (
            "@pytest.mark.getimg(balance='x')\ndef test_it(getimg_live): pass",
            "'x' is not an amount",
        ),
        ("@pytest.mark.getimg(models='no.toml')\ndef test_it(getimg_mock): pass", "cannot be read"),
        ("def test_it(getimg_mock): getimg_mock.expect('models.list')", "Expected at least 1"),
        (
            UNITTEST,
            "Expected at least 1",
        ),
    ],
    ids=["name", "value", "file", "expectation", "unittest"],
)
def test_a_failure_is_printed_once(suite: pytest.Pytester, source: str, text: str) -> None:
    """One cause, one text."""
    result = run(suite, source, "--tb=short", "-r", "N")
    shown = result.stdout.str()
    assert shown.count(text) == 1
    assert "another exception" not in shown
    assert "direct cause" not in shown


def test_a_missing_respx_is_named(suite: pytest.Pytester) -> None:
    """With the command that installs it."""
    result = run(
        suite,
        """
import sys

@pytest.fixture(autouse=True)
def missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "respx", None)

def test_it(missing, request):
    request.getfixturevalue("getimg_respx")
""",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*needs respx: pip install 'getimg-mock[[]respx[]]'*"])
