"""Magic inputs: words in prompts and keys, for applications that one can only type into."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getimg_mock.errors import Refusal, UnknownNameError
from getimg_mock.fake import open_workspace
from getimg_mock.settings import Settings
from getimg_mock.world.behaviours import NOTHING, Behaviour
from getimg_mock.world.clock import VirtualClock
from getimg_mock.world.magic import (
    INVALID_KEY,
    KEYS,
    SCENARIO_KEY,
    WORDS,
    is_invalid_key,
    parse_header,
    parse_key_magic,
    parse_prompt,
)
from getimg_mock.world.rule_files import list_scenario_names
from tests.world.worlds import START

if TYPE_CHECKING:
    from getimg_mock.world.workspaces import Workspace

# Every word with what it means in the vocabulary of rules.
MEANING: dict[str, dict[str, Any]] = {
    "fail=content_policy_violation": {"transition": {"failed": "content_policy_violation"}},
    "complete": {"transition": {"completed": True}},
    "seconds=600": {"transition": {"seconds": 600}},
    "seconds=20..60": {"transition": {"seconds": "20..60"}},
    "seconds=normal(40,10)": {"transition": {"seconds": "normal(40,10)"}},
    "polls=3": {"transition": {"polls": 3}},
    "hold": {"transition": {"hold": True}},
    "error=rate_limit": {"error": "rate_limit"},
    "status=503": {"status": 503},
    "error=rate_limit mock:retry_after=2": {"error": "rate_limit", "retry_after": "2"},
    "status=500 mock:after_commit": {"status": 500, "after_commit": True},
    "latency=3": {"latency": 3},
    "latency=0.5": {"latency": 0.5},
    "fault=reset": {"fault": "reset"},
    "oddity=nulls": {"oddity": "nulls"},
    "oddity=nulls mock:oddity=long_strings": {"oddity": ["nulls", "long_strings"]},
    "lost": {"fault": "close", "after_commit": True},
}


@pytest.mark.parametrize(("said", "meant"), MEANING.items())
def test_a_magic_word_means_what_a_rule_would_say(said: str, meant: dict[str, Any]) -> None:
    """One vocabulary; in the header the same words stand without mock:."""
    assert parse_prompt(f"A bird, mock:{said}") == Behaviour.of(meant)
    assert parse_header(said.replace("mock:", "")) == Behaviour.of(meant)


def test_every_word_is_tried() -> None:
    """Or the table would promise what nobody checks."""
    assert {part.partition("=")[0] for said in MEANING for part in said.split(" mock:")} == set(
        WORDS
    )


@pytest.mark.parametrize(
    "prompt",
    [
        "mock:latency=3",
        "mock:latency=3.",
        "A bird (mock:latency=3) on a tree.",
        '"mock:latency=3"',
        "`mock:latency=3`",
        "\u201emock:latency=3\u201c",
        "[mock:latency=3]",
        "<b>mock:latency=3</b>",
        "Look:\nmock:latency=3, please!",
        "mock:latency=3; and a bird",
        "Is it mock:latency=3?",
    ],
)
def test_a_word_ends_where_prose_goes_on(prompt: str) -> None:
    """Punctuation, brackets and quotes around it are not part of it."""
    assert parse_prompt(prompt) == Behaviour.of({"latency": 3})


@pytest.mark.parametrize(
    "prompt",
    [
        "A mock: a bird that laughs at others",
        "mock:",
        "mock: fail=server_error",
        "mock:=3",
        "hammock:hold",
        "a_mock:hold",
        "::mock:hold",
        "mock:3",
        "http://mock:8080/hold",
        "Mock:hold",
        "MOCK:hold",
        "mock hold",
        "",
    ],
)
def test_prose_is_not_magic(prompt: str) -> None:
    """Only mock: in small letters, at the start of a word, with a letter right behind it."""
    assert parse_prompt(prompt) == NOTHING


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("mock:fial=server_error", "Did you mean 'fail'?"),
        ("mock:fail=server_eror", "Did you mean 'server_error'?"),
        ("mock:error=ratelimit", "Did you mean 'rate_limit'?"),
        ("mock:fault=rest", "Did you mean 'reset'?"),
        ("mock:oddity=null", "Did you mean 'nulls'?"),
        ("mock:fail", "needs a value"),
        ("mock:latency=", "needs a value"),
        ("mock:hold=yes", "takes no value"),
        ("mock:latency=soon", "not a time in seconds"),
        ("mock:status=999", "from 200 to 599"),
        ("mock:status=" + "9" * 5000, "from 200 to 599"),
        ("mock:polls=many", "not a whole number"),
        ("mock:after_commit", "needs something that replaces"),
        ("mock:error=rate_limit mock:fault=reset", "cannot be combined"),
        ("mock:complete mock:fail=server_error", "cannot be combined"),
        ("mock:bird", "Unknown magic word mock: 'bird'"),
    ],
)
def test_a_word_that_does_not_exist_is_refused(prompt: str, said: str) -> None:
    """A 400 that names the nearest: magic that silently does nothing would mislead."""
    with pytest.raises(Refusal) as caught:
        parse_prompt(prompt)
    assert said in caught.value.message
    assert (caught.value.code, caught.value.param) == ("invalid_parameter", "prompt")
    assert "--no-magic" in (caught.value.hint or "")


@pytest.mark.parametrize("header", ["fial=server_error", "mock:hold", "hold=yes", "%%%"])
def test_the_header_knows_no_other_words_either(header: str) -> None:
    """Here nothing is prose: each word must be one."""
    with pytest.raises(Refusal) as caught:
        parse_header(header)
    assert caught.value.param is None


@pytest.mark.parametrize("header", [None, "", " ", ","])
def test_an_empty_header_asks_for_nothing(header: str | None) -> None:
    """As none at all."""
    assert parse_header(header) == NOTHING


@given(st.text() | st.text(alphabet="mock:=lenygt 3.,()").map("mock:".__add__))
def test_any_prompt_is_understood_or_refused(prompt: str) -> None:
    """Nothing that anybody can type breaks it."""
    for read in (parse_prompt, parse_header):
        with suppress(Refusal):
            assert isinstance(read(prompt), Behaviour)


def test_a_prompt_of_megabytes_is_not_looked_through() -> None:
    """It is refused for its length soon enough."""
    assert parse_prompt("mock:hold " * 1000) == Behaviour.of({"transition": {"hold": True}})
    assert parse_prompt("x" * 10**7 + " mock:hold") == NOTHING


# Keys -------------------------------------------------------------------------------------------


def open_(key: str) -> Workspace:
    """Return the workspace of a key as a fake opens it."""
    return open_workspace(key, Settings.of(), VirtualClock(start=START, rate=0))


@pytest.mark.parametrize("key", ["sk_mock_broke", "sk_mock_broke_2", "sk_mock_broke_team_a"])
def test_a_magic_key_may_go_on(key: str) -> None:
    """So that parallel tests each have a broke workspace of their own."""
    assert parse_key_magic(key) == KEYS["sk_mock_broke"]
    assert open_(key).compute_balance() == 0


def test_the_keys_open_what_they_promise() -> None:
    """Broke, limited, failing."""
    limits = open_("sk_mock_limited").limiter.limits
    assert (limits.image_rpm, limits.video_rpm, limits.concurrent) == (1, 1, 1)
    assert open_("sk_mock_failing").settings.fail_rate == 1


@pytest.mark.parametrize("name", list_scenario_names())
def test_every_scenario_has_a_key(name: str) -> None:
    """With underscores; the key may go on as well."""
    key = SCENARIO_KEY + name.replace("-", "_")
    for each in (key, f"{key}_2"):
        workspace = open_(each)
        assert {rule.scenario for rule in workspace.scenarios} == {name}


@pytest.mark.parametrize("key", ["sk_mock_invalid", "sk_mock_invalid_2"])
def test_the_invalid_key_is_invalid(key: str) -> None:
    """By its name; it opens no workspace over the API."""
    assert is_invalid_key(key)
    assert not is_invalid_key("sk_mock_invalidate")


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("sk_mock_brok", "sk_mock_broke"),
        ("sk_mock_limitted", "sk_mock_limited"),
        ("sk_mock_invalld", INVALID_KEY),
        ("sk_mock_in_outages", "outage"),
        ("sk_mock_in_flakey", "flaky"),
    ],
)
def test_a_key_that_is_nearly_magic_is_refused(key: str, nearest: str) -> None:
    """With the nearest that is."""
    with pytest.raises(UnknownNameError) as caught:
        parse_key_magic(key)
    assert caught.value.nearest == nearest


@pytest.mark.parametrize("key", ["sk_mock_example", "sk_mock_1", "sk_mockingbird", "sk_x", "sk_"])
def test_any_other_key_is_ordinary(key: str) -> None:
    """Also those that begin like the one in the greeting."""
    assert parse_key_magic(key) is None
    assert not is_invalid_key(key)
