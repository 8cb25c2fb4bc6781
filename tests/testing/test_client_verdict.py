"""The client contract in a test suite: what its client did wrong, by the requests alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from getimg_mock.application import create_app
from getimg_mock.contract.clients.observed_traffic import judge_traffic
from getimg_mock.contract.clients.traffic_spool import SPOOL_VARIABLE, TrafficSpool
from getimg_mock.testing import fixtures as _imported_once  # noqa: F401 - not by each inner run

if TYPE_CHECKING:
    import pytest

pytest_plugins = ["pytester"]

INI = """[pytest]
asyncio_default_fixture_loop_scope = function
filterwarnings = error
addopts = -p no:cacheprovider -p no:schemathesis
"""

SUITE = """
import httpx, pytest

URL = "https://api.getimg.ai/v2/images/generations"
IMAGE = {"model": "seedream-5-lite", "prompt": "A lighthouse"}
LOST = dict(scenario="lost-response", clock="linked")

def post(key, tries):
    for _ in range(tries):
        try:
            return httpx.post(URL, json=IMAGE, headers={"Authorization": f"Bearer {key}"})
        except httpx.TransportError:
            pass

@pytest.mark.getimg(verdict="error", **LOST)
def test_pays_twice(getimg_mock):
    post(getimg_mock.key, 2)

@pytest.mark.getimg(verdict="error", **LOST)
def test_pays_once(getimg_mock):
    post(getimg_mock.key, 1)

@pytest.mark.getimg(**LOST)
def test_as_a_value(getimg_mock):
    post(getimg_mock.key, 2)
    assert getimg_mock.verdict().blockers

@pytest.mark.getimg(verdict="eror")
def test_misspelt(getimg_mock):
    pass
"""


def test_a_breach_of_the_client_contract_fails_a_test_that_asks_for_it(
    pytester: pytest.Pytester,
) -> None:
    """Who pays twice for one picture is told in the test suite, and only who asked for it."""
    pytester.makeini(INI)
    pytester.makepyfile(SUITE)
    result = pytester.runpytest_inprocess("-p", "no:randomly")
    result.assert_outcomes(failed=1, passed=2, errors=1)
    result.stdout.fnmatch_lines(["The client contract:*", "FAIL  GC40*", "*2 generations*"])
    result.stdout.fnmatch_lines(["*Unknown verdict*'error'*"])


def test_requests_off_the_map_belong_to_the_verdict_of_their_test(
    pytester: pytest.Pytester,
) -> None:
    """They reach no workspace; `verdict="error"` and the policy see them, in their own test."""
    pytester.makeini(INI)
    pytester.makepyfile(
        """
        import httpx
        import pytest

        @pytest.mark.getimg(verdict="error")
        def test_verdict(getimg_live):
            httpx.get(f"{getimg_live.url}/v1/images")

        def test_policy(getimg_live):
            getimg_live.require("no-unexpected-calls")
            httpx.get(f"{getimg_live.url}/v1/images")

        @pytest.mark.getimg(verdict="error")
        def test_innocent(getimg_live):
            getimg_live.require("no-unexpected-calls")
        """
    )
    result = pytester.runpytest("-p", "no:randomly")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["*GC101*", "*GET /v1/images 401 was not expected*"])


OBSERVED_SUITE = """
import httpx, pytest

IMAGE = {"model": "seedream-5-lite", "prompt": "A lighthouse"}

def post(url, key, tries=1, path="/v2/images/generations"):
    for _ in range(tries):
        try:
            return httpx.post(url + path, json=IMAGE, headers={"Authorization": f"Bearer {key}"})
        except httpx.TransportError:
            pass

@pytest.mark.getimg(scenario="lost-response", clock="linked")
def test_pays_twice(getimg_mock):
    post("https://api.getimg.ai", getimg_mock.key, 2)

def test_old_path(getimg_live):
    post(getimg_live.url, getimg_live.key, path="/v1/images/generations")
"""


def test_an_observed_suite_is_judged_by_the_fakes_of_its_own_tests(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In process and on a socket, each request is judged, and each finding names its test.

    It names the line that has made the request, too.
    """
    spool = pytester.mkdir("spool")
    monkeypatch.setenv(SPOOL_VARIABLE, str(spool))
    pytester.makeini(INI)
    suite = pytester.makepyfile(OBSERVED_SUITE).name
    pytester.runpytest_inprocess("-p", "no:randomly").assert_outcomes(passed=2)
    result = judge_traffic(create_app().fake, handed=TrafficSpool(spool).read())
    senders = {
        each.check.id: finding.history.find_senders(finding.observation.exchanges)
        for each in result.of("FAIL")
        for finding in each.findings
    }
    assert senders["GC402"] == [f"{suite}::test_pays_twice"]
    assert senders["GC101"] == [f"{suite}::test_old_path"]
    named = [
        finding.history.find_call_sites(finding.observation.exchanges)
        for each in result.of("FAIL")
        for finding in each.findings
    ]
    lines = pytester.path.joinpath(suite).read_text(encoding="utf-8").splitlines()
    (number,) = [at for at, line in enumerate(lines, 1) if "httpx.post" in line]
    assert named == [[f"{suite}:{number}"]] * len(named)
