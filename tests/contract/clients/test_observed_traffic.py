"""The verdict on observed requests: what was sent off the map, refused, or paid for in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from getimg_mock.cli import main
from getimg_mock.contract.clients import observed_traffic, run_validity, scorecard
from getimg_mock.contract.clients.observed_traffic import ObservedCommand
from getimg_mock.serving.server import MockServer
from getimg_mock.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.suite import Result
    from getimg_mock.contract.verdicts import Verdict

_KEY = {"Authorization": "Bearer sk_seen"}
_IMAGE = {"model": "seedream-5-lite", "prompt": "A harbour"}


@pytest.fixture
def server() -> Iterator[MockServer]:
    """Return a fake on a port."""
    with MockServer(quiet=True) as running:
        yield running


def post_image(server: MockServer, **fields: Any) -> None:
    """Order an image."""
    httpx.post(f"{server.url}/v2/images/generations", json=_IMAGE | fields, headers=_KEY)


def judge(server: MockServer) -> tuple[Result, Verdict]:
    """Return the result, and the verdict of GC101."""
    server.finish_answers()
    result = observed_traffic.judge_traffic(server.app.fake)
    return result, next(each for each in result.verdicts if each.check.id == "GC101")


@pytest.mark.parametrize(
    ("method", "path", "hint"),
    [
        ("POST", "/v1/images/generations", "begin with /v2"),
        ("POST", "/v2/image/generations", "did you mean /v2/images/generations?"),
        ("GET", "/v2/videos/generations", "generations cannot be listed"),
    ],
)
def test_requests_off_the_map_fail_with_the_hint_of_the_fake(
    server: MockServer, method: str, path: str, hint: str
) -> None:
    """An unknown path, a wrong method and the older API's paths are no documented requests."""
    httpx.request(method, f"{server.url}{path}", headers=_KEY)
    _, verdict = judge(server)
    assert verdict.status == "FAIL"
    assert hint in verdict.findings[0].observation.actual


@pytest.mark.parametrize("headers", [{"Authorization": "sk_seen"}, {"X-API-Key": "sk_seen"}, {}])
def test_a_key_that_is_not_sent_as_bearer_fails(
    server: MockServer, headers: dict[str, str]
) -> None:
    """Such a request belongs to no workspace, and to the verdict all the same."""
    httpx.get(f"{server.url}/v2/models", headers=headers)
    result, verdict = judge(server)
    assert verdict.status == "FAIL"
    assert result.remark == "1 of 1 other requests were refused: 401 invalid_api_key (1)"
    assert "every request was refused" in "".join(run_validity.find_gaps(result))


def test_a_request_that_a_test_expects_to_be_refused_does_not_fail(server: MockServer) -> None:
    """A suite that tries an empty prompt is warned, and its refusals are counted."""
    post_image(server)
    post_image(server, prompt="")
    result, verdict = judge(server)
    assert verdict.status == "WARN"
    assert result.remark == "1 of 2 submissions were refused: 400 invalid_parameter (1)"
    assert scorecard.render_line(result).endswith(f"; {result.remark}")
    assert not list(run_validity.find_gaps(result))


def test_undocumented_fields_that_were_paid_for_are_named(server: MockServer) -> None:
    """They are accepted and ignored, so that nothing else tells that the picture is another."""
    post_image(server, width=1024, negative_prompt="blur")
    _, verdict = judge(server)
    assert verdict.status == "WARN"
    assert verdict.findings[0].observation.actual.startswith("width, negative_prompt: accepted")


def test_one_request_counts_once(server: MockServer) -> None:
    """It belongs to the history of all requests, and to that of its submission."""
    post_image(server)
    assert judge(server)[0].exchanges == 1


def test_what_browsers_ask_of_any_server_is_no_request_of_a_client(server: MockServer) -> None:
    """The page of the fake may be open meanwhile."""
    httpx.get(f"{server.url}/favicon.ico")
    result, verdict = judge(server)
    assert (result.exchanges, verdict.status) == (0, "VOID")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--port", "8000", "httpx"), "--port is for the fake of --observe -- COMMAND"),
        (("--scenario", "lost-response", "httpx"), "--scenario is for the fake of --observe"),
        (("--observe", "--store", "memory", "--", "true"), "Leave out --store"),
    ],
)
def test_options_of_the_fake_are_for_an_observed_run_alone(
    words: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A client that is driven meets the fault server, which has none of them."""
    assert main(["verify", "client", *words]) == 2
    assert sentence in capsys.readouterr().err


def test_an_observed_command_meets_a_fake_with_the_settings_that_were_given() -> None:
    """So a container can be told the port; the command to repeat the run has the options."""
    settings = Settings.of(port=0, quiet=True, balance="7", scenario=("lost-response",))
    observed = ObservedCommand(["true"], ["lost-response"], settings, ["--balance", "7"])
    server = observed.create_server()
    assert server.settings.balance == 7
    assert server.settings.scenario == ("lost-response",)
    assert observed.words == "--scenario lost-response --balance 7 --observe -- true"
