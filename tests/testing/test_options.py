"""What a test asks for: by ini options, the fixture `getimg_settings` and the mark."""

from __future__ import annotations

import json

import pytest

from getimg_mock.testing import fixtures as _imported_once  # noqa: F401 - not by each inner run
from tests.testing.suites import INI, run

pytest_plugins = ["pytester"]


@pytest.mark.parametrize(
    ("mark", "text"),
    [
        ("sceanrio='flaky'", "*Unknown argument of pytest.mark.getimg 'sceanrio'*'scenario'*"),
        ("scenario='flakey'", "*Unknown scenario 'flakey'. Did you mean 'flaky'*"),
        ("'flaky'", "*takes its arguments by name*"),
        ("policies='no-pending-video'", "*Unknown policy*'no-pending-videos'*"),
        ("limits={'image_rmp': 3}", "*Unknown limit 'image_rmp'. Did you mean 'image_rpm'*"),
        ("clock='slow'", "*clock: Unknown clock 'slow'. Use virtual, linked, real*"),
        ("clock='2026-05-01T12:00:00'", "*has no time zone*"),
        ("balance='plenty'", "*balance: 'plenty' is not an amount*"),
        ("models='nowhere.json'", "*nowhere.json: cannot be read*"),
        ("port=80", "*Unknown argument of pytest.mark.getimg 'port'*"),
    ],
)
@pytest.mark.parametrize("fixture", ["getimg_mock", "getimg_live"])
def test_a_wrong_argument_is_refused(
    suite: pytest.Pytester, mark: str, text: str, fixture: str
) -> None:
    """A misspelt argument that is ignored is a test that tests nothing."""
    result = run(suite, f"@pytest.mark.getimg({mark})\ndef test_it({fixture}): pass\n")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([text])


def test_mark_settings_and_ini_say_what_the_fake_is_like(suite: pytest.Pytester) -> None:
    """The nearer wins: the mark over the class's, over the fixture, over the ini file."""
    suite.makeini(
        INI + "getimg_balance = 1\ngetimg_seed = ini\ngetimg_scenario = flaky\n"
        "getimg_hosts = images.example.com\n"
    )
    result = run(
        suite,
        """
from datetime import datetime, timezone
from decimal import Decimal

@pytest.fixture
def getimg_settings():
    return {"balance": 2, "video_seconds": 30, "scenario": ()}

def test_fixture_over_ini(getimg_mock):
    assert getimg_mock.ledger.balance == 2
    assert getimg_mock.settings["video_seconds"] == "30"
    assert getimg_mock.scenarios.rules() == []

@pytest.mark.getimg(balance="3", limits="realistic", scenario="lost-response")
class TestMarked:
    def test_class_over_fixture(self, getimg_mock):
        assert getimg_mock.ledger.balance == 3
        assert getimg_mock.limits.get()["concurrent"] == 5
        assert len(getimg_mock.scenarios.rules()) == 1

    @pytest.mark.getimg(balance=4, limits={"image_rpm": 7}, clock="2026-05-01T12:00:00Z")
    def test_function_over_class(self, getimg_mock):
        assert getimg_mock.ledger.balance == 4
        assert getimg_mock.limits.get()["image_rpm"] == 7
        assert getimg_mock.clock.now() == datetime(2026, 5, 1, 12, tzinfo=timezone.utc)
        getimg_mock.clock.advance(minutes=1)
        getimg_mock.reset()
        assert getimg_mock.ledger.balance == 4
        assert getimg_mock.clock.now() == datetime(2026, 5, 1, 12, tzinfo=timezone.utc)

def test_hosts(getimg_mock):
    url = "https://images.example.com/v2/models"
    assert httpx.get(url, headers={"Authorization": "Bearer " + getimg_mock.key}).status_code == 200

def test_models(getimg_mock):
    assert getimg_mock.models["seedream-5-lite"]["type"] == "image"

@pytest.mark.getimg(clock="x60")
def test_rate(getimg_mock):
    assert getimg_mock.clock.rate == 60

@pytest.mark.getimg(clock="linked")
def test_linked(getimg_mock):
    time.sleep(3600)
    assert getimg_mock.link.slept == 3600

@pytest.mark.getimg(clock="linked")
def test_linked_twice(getimg_mock, getimg_time):
    assert getimg_mock.link is getimg_time
""",
    )
    result.assert_outcomes(passed=8)


def test_a_models_file_is_found_from_the_root(suite: pytest.Pytester) -> None:
    """Tests are run from any folder."""
    (suite.path / "models.json").write_text(
        json.dumps({"extends": True, "models": [], "remove": ["seedream-5-lite"]})
    )
    result = run(
        suite,
        """
@pytest.mark.getimg(models="models.json")
def test_it(getimg_mock, monkeypatch, tmp_path):
    assert "seedream-5-lite" not in getimg_mock.models

@pytest.mark.getimg(models="models.json")
def test_live(getimg_live, monkeypatch, tmp_path):
    assert "seedream-5-lite" not in {model.id for model in GetimgAI().models.list()}
""",
    )
    result.assert_outcomes(passed=2)
