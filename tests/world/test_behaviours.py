"""Behaviours: one vocabulary for rules, magic prompts and the request header."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getimg_mock.errors import SettingsError, UnknownNameError
from getimg_mock.setting_values import Span
from getimg_mock.world.behaviours import (
    ERRORS,
    NOTHING,
    ODDITIES,
    REPLACEMENT_FAULTS,
    RESPONSE_FAULTS,
    Behaviour,
    CannedAnswer,
)
from getimg_mock.world.error_codes import STATUSES
from getimg_mock.world.operations import OPERATIONS

DOCUMENTED = {
    "invalid_api_key": 401,
    "parameter_missing": 400,
    "invalid_parameter": 400,
    "quota_exceeded": 402,
    "not_found": 404,
    "content_policy_violation": 422,
    "rate_limit": 429,
    "server_error": 500,
}


def error_of(values: dict[str, Any]) -> Any:
    """Return the error that these values give."""
    found = Behaviour.of(values).error
    assert found is not None
    return found


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_by_name_is_the_one_of_the_api(name: str) -> None:
    """Its status is the one that belongs to its code wherever that is documented."""
    error = error_of({"error": name})
    assert error.message
    if name in DOCUMENTED:
        assert (error.code, error.status) == (name, DOCUMENTED[name])


def test_every_documented_error_can_be_had_by_name() -> None:
    """And the two that are no code of their own: 429 concurrency and 503."""
    assert DOCUMENTED.items() <= STATUSES.items()
    assert set(ERRORS) == set(DOCUMENTED) | {"concurrency", "unavailable"}
    assert error_of({"error": "concurrency"}).retry_after is None
    assert error_of({"error": "rate_limit"}).retry_after == "60"
    assert error_of({"error": "unavailable"}).status == 503


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ({"status": 500}, (500, "server_error", None)),
        ({"status": 503}, (503, "server_error", None)),
        ({"status": 429}, (429, "rate_limit", "60")),
        ({"status": 429.0}, (429, "rate_limit", "60")),
        ({"status": 402}, (402, "quota_exceeded", None)),
        ({"status": 418}, (418, "invalid_parameter", None)),
        ({"status": 599}, (599, "server_error", None)),
        ({"error": "rate_limit", "status": 420}, (420, "rate_limit", "60")),
        ({"error": "rate_limit", "retry_after": 2}, (429, "rate_limit", "2")),
        ({"error": "rate_limit", "retry_after": "soon"}, (429, "rate_limit", "soon")),
        ({"status": 500, "code": "teapot"}, (500, "teapot", None)),
    ],
)
def test_an_error_by_status_is_the_nearest_of_the_api(
    values: dict[str, Any], shown: tuple[Any, ...]
) -> None:
    """Each part of it can be set by itself."""
    error = error_of(values)
    assert (error.status, error.code, error.retry_after) == shown


def test_an_answer_can_be_given_word_for_word() -> None:
    """For whatever the vocabulary does not foresee; header names in lower case."""
    said = {"status": 200, "headers": {"X-Odd": "1"}, "body": {"a": [None]}}
    assert Behaviour.of({"answer": said}).answer == CannedAnswer(
        200, (("x-odd", "1"),), {"a": [None]}
    )
    assert Behaviour.of({"answer": {"text": "<html>"}}).answer == CannedAnswer(text="<html>")


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"error": "rate_limit"}, "429 rate_limit"),
        ({"status": 500, "after_commit": True}, "500 server_error after commit"),
        ({"answer": {"status": 201}}, "canned 201"),
        ({"fault": "close", "after_commit": True}, "close after commit"),
        ({"fault": "truncate"}, "truncate"),
        ({"oddity": ["nulls", "long_strings"]}, "nulls long_strings"),
        ({"latency": 3}, None),
        ({"transition": {"hold": True}}, None),
    ],
)
def test_a_behaviour_has_a_name_for_the_journal(values: dict[str, Any], name: str | None) -> None:
    """None where the right answer goes out unharmed."""
    assert Behaviour.of(values).name == name


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"eror": "rate_limit"}, "Did you mean 'error'?"),
        ({"error": "rate_limits"}, "Did you mean 'rate_limit'?"),
        ({"error": 3}, "Unknown error '3'"),
        ({"error": ["rate_limit"]}, "Unknown error"),
        ({"fault": "resett"}, "Did you mean 'reset'?"),
        ({"oddity": "null"}, "Did you mean 'nulls'?"),
        ({"oddity": ["nulls", 3]}, "Unknown oddity"),
        ({"oddity": []}, "neither a name nor a list"),
        ({"oddity": 3}, "neither a name nor a list"),
        ({"status": 199}, "from 200 to 599"),
        ({"status": 600}, "from 200 to 599"),
        ({"status": "503"}, "from 200 to 599"),
        ({"status": True}, "from 200 to 599"),
        ({"status": 500.5}, "from 200 to 599"),
        ({"status": 500, "code": 3}, "code: 3 is not a string"),
        ({"status": 500, "message": ["a"]}, "is not a string"),
        ({"status": 429, "retry_after": True}, "neither a number nor a header value"),
        ({"status": 429, "retry_after": "1\r\nX: y"}, "neither a number nor a header value"),
        ({"code": "teapot"}, "needs an error"),
        ({"retry_after": 3}, "needs an error"),
        ({"error": "rate_limit", "fault": "reset"}, "cannot be combined"),
        ({"status": 500, "answer": {}}, "cannot be combined"),
        ({"answer": {}, "fault": "reset"}, "cannot be combined"),
        ({"answer": []}, "use a table"),
        ({"answer": {"statu": 200}}, "Did you mean 'status'?"),
        ({"answer": {"text": 3}}, "is not a string"),
        ({"answer": {"headers": []}}, "use a table"),
        ({"answer": {"headers": {"Content-Length": "3"}}}, "use the fault"),
        ({"answer": {"headers": {"x": "a\nb"}}}, "not a header value"),
        ({"answer": {"headers": {"x y": "a"}}}, "cannot be set"),
        ({"after_commit": True}, "needs something that replaces"),
        ({"fault": "truncate", "after_commit": True}, "needs something that replaces"),
        ({"error": "server_error", "after_commit": 1}, "neither true nor false"),
        ({"latency": "long"}, "not a time in seconds"),
        ({"transition": 30}, "use a table"),
        ({"transition": {}}, "needs when"),
        ({"transition": {"hold": False}}, "needs when"),
        ({"transition": {"second": 3}}, "Did you mean 'seconds'?"),
    ],
)
def test_a_behaviour_that_cannot_be_is_refused(values: dict[str, Any], said: str) -> None:
    """With what is wrong, and the nearest where a name is unknown."""
    with pytest.raises(SettingsError) as caught:
        Behaviour.of(values)
    assert said in str(caught.value)
    if "Did you mean" in said:
        assert isinstance(caught.value, UnknownNameError)


@pytest.mark.parametrize("fault", REPLACEMENT_FAULTS + RESPONSE_FAULTS)
def test_every_fault_can_be_done_to_something(fault: str) -> None:
    """No fault is a mere word."""
    behaviour = Behaviour.of({"fault": fault})
    assert any(behaviour.reaches(each) for each in OPERATIONS)
    assert behaviour.replaces == (fault in REPLACEMENT_FAULTS)


parts = st.fixed_dictionaries(
    {},
    optional={
        "latency": st.integers(0, 5),
        "oddity": st.sampled_from(ODDITIES),
        "transition": st.sampled_from([{"seconds": 1}, {"failed": True}, {"polls": 2}]),
    },
)
answers = st.one_of(
    st.just({}),
    st.builds(lambda name: {"error": name}, st.sampled_from(sorted(ERRORS))),
    st.builds(lambda name: {"fault": name}, st.sampled_from(REPLACEMENT_FAULTS + RESPONSE_FAULTS)),
    st.builds(
        lambda name: {"fault": name, "after_commit": True}, st.sampled_from(REPLACEMENT_FAULTS)
    ),
    st.builds(lambda status: {"answer": {"status": status}}, st.integers(200, 599)),
)
behaviours = st.builds(lambda one, other: Behaviour.of({**one, **other}), parts, answers)


@given(behaviours, behaviours, behaviours)
def test_a_stronger_behaviour_is_only_added_to(
    strong: Behaviour, middle: Behaviour, weak: Behaviour
) -> None:
    """Nothing that it says is changed, merging is associative, and nothing is its neutral."""
    merged = strong.fill_from(weak)
    for name in ("latency", "error", "answer", "fault", "oddity"):
        said = getattr(strong, name)
        assert not said or getattr(merged, name) == said
    assert strong.fill_from(middle).fill_from(weak) == strong.fill_from(middle.fill_from(weak))
    assert NOTHING.fill_from(weak) == weak == weak.fill_from(NOTHING)
    assert merged.fill_from(weak) == merged


def test_latency_is_a_time_like_any_other() -> None:
    """Fixed, between two, or from a distribution."""
    assert Behaviour.of({"latency": "normal(4, 1)"}).latency == Span(4, 1, "normal")
