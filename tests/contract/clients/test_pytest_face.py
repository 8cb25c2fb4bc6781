"""`pytest contract_tests --getimg-client=...`: one test a check, on the fake and elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from getimg_mock._shipped import open_folder
from getimg_mock.serving.server import MockServer

if TYPE_CHECKING:
    from _pytest.pytester import RunResult

pytestmark = pytest.mark.slow

pytest_plugins = ["pytester"]

KEY = "sk_pytest_face"
REFERENCE = "--getimg-client=tests.contract.clients.reference:make"


def run(pytester: pytest.Pytester, *words: str) -> RunResult:
    """Run the shipped tests with nothing of this project's own settings."""
    ini = pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    place = str(open_folder("contract_tests").joinpath("test_client.py"))
    return pytester.runpytest_inprocess(
        place, "-c", str(ini), "-p", "no:cacheprovider", "-p", "no:randomly", "-rs", *words
    )


def test_a_failure_shows_the_requests_and_a_should_is_not_overlooked(
    pytester: pytest.Pytester,
) -> None:
    """FAIL has its block, and WARN passes but is told at the end."""
    result = run(pytester, "--getimg-client=httpx", "-k", "GC105 or GC214 or GC103")
    result.assert_outcomes(passed=2, failed=1, deselected=102)
    shown = result.stdout.str()
    assert "FAIL  GC105" in shown
    assert "GET /v2/videos" in shown
    assert "rules that should hold and do not: 1" in shown
    assert "WARN  GC214" in shown


@pytest.mark.parametrize(
    ("client", "told"),
    [
        ("htpx", "Did you mean 'httpx'"),
        ("json:nothing_here", "It defines"),
        ("tests.isolation.test_local_only:Leaving", "--program"),
    ],
)
def test_a_wrong_adapter_ends_the_run_with_one_sentence(
    pytester: pytest.Pytester, client: str, told: str
) -> None:
    """No trace of ours, ninety times over."""
    result = run(pytester, f"--getimg-client={client}", "-k", "GC103 or GC107")
    assert result.ret == 2
    assert told in result.stdout.str() + result.stderr.str()
    assert "Traceback" not in result.stdout.str()


def test_a_client_that_was_hardly_tried_fails(pytester: pytest.Pytester) -> None:
    """All skipped is no success."""
    client = "--getimg-client=tests.contract.clients.test_run_validity:Todo"
    result = run(pytester, client, "-k", "GC101 or tried")
    result.assert_outcomes(failed=1, skipped=1, deselected=103)
    result.stdout.fnmatch_lines(["*It sent no request*NotImplementedError: todo*"])


def test_a_target_is_put_to_the_client_beside_the_fake(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The option is obeyed: requests arrive there, and both verdicts are told."""
    monkeypatch.setenv("GETIMG_API_KEY", KEY)
    with MockServer(video_seconds=0) as server:
        result = run(
            pytester,
            REFERENCE,
            f"--getimg-target={server.url}",
            "--getimg-budget=2",
            "-v",
            "-k",
            "GC410 or GC601",
        )
        url, taken = server.url, server.app.fake.store.get_or_create(KEY).ledger.charged
    result.assert_outcomes(passed=4, deselected=result.parseoutcomes()["deselected"])
    shown = result.stdout.str()
    assert "GC410-fake" in shown
    assert f"GC410-{url}" in shown
    assert 0 < taken <= 2


def test_a_target_without_key_answer_or_sense_ends_the_run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is never judged on the fake instead."""
    monkeypatch.delenv("GETIMG_API_KEY", raising=False)
    for target, told in (
        ("http://127.0.0.1:9", "set GETIMG_API_KEY"),
        ("socket", "Unknown target"),
    ):
        result = run(pytester, REFERENCE, f"--getimg-target={target}", "-k", "GC410")
        assert result.ret == 2
        assert told in result.stdout.str() + result.stderr.str()
    monkeypatch.setenv("GETIMG_API_KEY", KEY)
    result = run(pytester, REFERENCE, "--getimg-target=http://127.0.0.1:9", "-k", "GC410")
    assert result.ret == 2
    assert "does not answer" in result.stdout.str() + result.stderr.str()
