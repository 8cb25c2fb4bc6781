"""Magic inputs over the API: in prompts, keys and the header, and how to turn them off."""

from __future__ import annotations

from typing import Any

import pytest

from getimg_mock import MockServer, schemas
from getimg_mock.cli import main
from getimg_mock.settings import Settings
from tests.api.driver import IMAGE, START, VIDEO, Driver

HEADER = "x-mock-behaviour"


def test_a_prompt_decides_how_a_video_ends() -> None:
    """With nothing but what one can type."""
    api = Driver.of(video_seconds=30)
    video = api.video(prompt="Waves mock:fail=content_policy_violation").json["id"]
    api.advance(30)
    assert api.poll(video).json["error"]["code"] == "content_policy_violation"
    polled = api.video(prompt="Waves mock:polls=2").json["id"]
    assert [api.poll(polled).json["status"] for _ in range(2)] == ["pending", "completed"]
    held = api.video(prompt="Waves mock:hold").json["id"]
    api.advance(10**6)
    assert api.poll(held).json["status"] == "pending"


def test_a_prompt_decides_what_a_picture_gets() -> None:
    """An error before the work, a failure after it, time, or the answer lost."""
    api = Driver.of()
    assert api.image(prompt="mock:error=quota_exceeded").status == 402
    assert api.image(prompt="mock:status=503").status == 503
    assert api.image(prompt="mock:fail=content_policy_violation").status == 422
    assert api.image(prompt="mock:fail=server_error").status == 500
    assert api.balance() == "100.00"
    lost = api.image(prompt="mock:error=server_error mock:after_commit")
    assert (lost.status, api.balance()) == (500, "99.96")
    api.workspace().clock.autojump = True
    assert api.image(prompt="mock:latency=3 mock:seconds=4").status == 200
    assert (api.workspace().clock.now() - START).total_seconds() == 7


@pytest.mark.parametrize("path", ["images", "videos"])
def test_an_unknown_word_is_a_400_about_the_prompt(path: str) -> None:
    """In getimg's envelope, naming the nearest; nothing is made."""
    api = Driver.of()
    body: dict[str, Any] = {**(IMAGE if path == "images" else VIDEO)}
    body["prompt"] = "mock:fial=server_error"
    reply = api.post(f"/v2/{path}/generations", body)
    assert (reply.status, reply.error["param"]) == (400, "prompt")
    assert "Did you mean 'fail'?" in reply.error["message"]
    assert "--no-magic" in str(reply.header("x-mock-hint"))
    assert schemas.violations("error", reply.json) == []
    assert api.books().generations == 0


def test_a_prompt_about_mocks_is_prose() -> None:
    """A colon and a space make no magic."""
    assert Driver.of().image(prompt="A mock: a bird, mocking; hammock:hold").status == 200


@pytest.mark.parametrize(
    "target",
    [
        "/v2/models",
        "/v2/models/z-image-turbo",
        "/v2/billing/balance",
        "/v2/videos/generations/req-none",
    ],
)
def test_the_header_works_on_every_operation(target: str) -> None:
    """Also on those without a prompt."""
    api = Driver.of()
    reply = api.get(target, headers=[(HEADER, "status=503")])
    assert (reply.status, reply.error["code"]) == (503, "server_error")
    assert api.get(target, headers=[(HEADER, "stats=503")]).status == 400


def test_the_header_works_on_downloads() -> None:
    """Which have no key."""
    api = Driver.of()
    url = api.image(model="z-image-turbo").json["data"][0]["url"]
    assert api.download(url, headers=[(HEADER, "error=not_found")]).status == 404
    assert api.download(url).status == 200


# Keys -------------------------------------------------------------------------------------------


def test_the_invalid_key_gets_the_documented_401() -> None:
    """As a revoked one would."""
    api = Driver.of()
    for key in ("sk_mock_invalid", "sk_mock_invalid_2"):
        reply = api.get("/v2/models", key=key)
        assert (reply.status, reply.error["code"]) == (401, "invalid_api_key")


def test_the_broke_key_has_no_money() -> None:
    """And everything else works."""
    api = Driver.of()
    reply = api.post("/v2/images/generations", IMAGE, key="sk_mock_broke")
    assert (reply.status, reply.error["code"]) == (402, "quota_exceeded")
    assert api.get("/v2/billing/balance", key="sk_mock_broke_b").json["balance"] == "0.00"


def test_the_limited_key_meets_the_limiter_at_its_second_request() -> None:
    """A limit of one of each."""
    api = Driver.of()
    seen = [api.post("/v2/images/generations", IMAGE, key="sk_mock_limited") for _ in range(2)]
    assert [reply.status for reply in seen] == [200, 429]
    assert seen[1].header("retry-after") is not None


def test_the_failing_key_fails_every_video() -> None:
    """Later, as failures do."""
    api = Driver.of(video_seconds=0)
    made = api.post("/v2/videos/generations", VIDEO, key="sk_mock_failing").json["id"]
    reply = api.get(f"/v2/videos/generations/{made}", key="sk_mock_failing")
    assert reply.json["status"] == "failed"


def test_a_key_can_name_a_scenario() -> None:
    """It is in force from the first request on."""
    api = Driver.of()
    seen = [
        api.post("/v2/images/generations", IMAGE, key="sk_mock_in_rate_limited").status
        for _ in range(3)
    ]
    assert seen == [200, 200, 429]


@pytest.mark.parametrize("key", ["sk_mock_brokee", "sk_mock_in_nothing", "sk_mock_in_"])
def test_a_key_that_is_nearly_magic_is_a_401(key: str) -> None:
    """With a hint; it would otherwise be an ordinary key that surprises."""
    reply = Driver.of().get("/v2/models", key=key)
    assert reply.status == 401
    assert "Unknown" in str(reply.header("x-mock-hint"))


# Off, and lenient -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"body": {"prompt": "mock:error=rate_limit"}}, 200),
        ({"body": {"prompt": "mock:nonsense"}}, 200),
        ({"headers": [(HEADER, "error=rate_limit")]}, 200),
        ({"headers": [(HEADER, "nonsense")]}, 200),
        ({"key": "sk_mock_invalid"}, 200),
        ({"key": "sk_mock_broke"}, 200),
        ({"key": "sk_mock_brokee"}, 200),
        ({"key": "sk_mock_in_outage"}, 200),
        ({"key": "sk_mock_in_nothing"}, 200),
    ],
    ids=str,
)
def test_without_magic_all_of_it_is_ordinary(options: dict[str, Any], status: int) -> None:
    """For whoever wants to draw the words themselves."""
    api = Driver.of(magic=False)
    asked = dict(options)
    body = IMAGE | asked.pop("body", {})
    assert api.post("/v2/images/generations", body, **asked).status == status


@pytest.mark.parametrize(
    ("prompt", "status"), [("mock:error=rate_limit", 429), ("mock:nonsense", 400), ("x", 200)]
)
def test_magic_works_where_the_fake_is_lenient(prompt: str, status: int) -> None:
    """It has nothing to do with how strictly requests are judged."""
    api = Driver.of(strictness="schema")
    assert api.post("/v2/images/generations", IMAGE | {"prompt": prompt}).status == status
    assert api.get("/v2/models", key="sk_mock_invalid").status == 401
    assert api.get("/v2/models", key="My API Key").status == 200


def test_magic_words_are_obeyed_before_anything_else_is_judged() -> None:
    """A body that is wrong in other ways gets the error that it asked for."""
    api = Driver.of()
    reply = api.post("/v2/images/generations", {"prompt": "mock:error=rate_limit"})
    assert reply.status == 429
    # What cannot be read asks for nothing.
    assert api.request("POST", "/v2/images/generations", body=b"mock:hold {").status == 400
    assert api.post("/v2/images/generations", ["mock:hold"]).status == 400
    assert api.post("/v2/images/generations", {"prompt": ["mock:hold"]}).status == 400


# The command line -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--scenario", "flakey"], "Did you mean 'flaky'?"),
        (["--scenario", "flaky,no_such"], "no_such"),
        (["--scenario", "/no/such.toml"], "cannot be read"),
        (["--clock", "fast"], "real, virtual"),
        (["--clock", "x0"], "real, virtual"),
        (["--clock", "x1000001"], "real, virtual"),
        (["--clock", "60"], "real, virtual"),
        (["--no-magik"], "magi"),
    ],
)
def test_an_option_that_cannot_be_used_is_refused_before_the_port_is_taken(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line that says what would work, and no server."""
    try:
        code = main(["serve", "--port", "0", *arguments])
    except SystemExit as refused:
        code = int(str(refused.code))
    assert code != 0
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "rate"), [("real", 1), ("virtual", 0), ("x60", 60), ("x0.5", 0.5)]
)
def test_the_clock_of_every_workspace_is_what_was_asked_for(given: str, rate: float) -> None:
    """For each key its own."""
    with MockServer(clock=given) as server:
        for key in ("sk_a", "sk_b"):
            assert server.app.fake.store.get_or_create(key).clock.rate == rate


def test_scenarios_of_the_settings_are_in_force_in_every_workspace() -> None:
    """Several of them, names or files; the last is the strongest."""
    api = Driver.of(scenario="moderation,out-of-credit")
    for key in ("sk_a", "sk_b"):
        reply = api.post("/v2/images/generations", IMAGE | {"prompt": "forbidden"}, key=key)
        assert reply.status == 402
        assert len(api.workspace(key).scenarios) == 3
    assert Settings.of(scenario=["flaky", "greasy"]).scenario == ("flaky", "greasy")
