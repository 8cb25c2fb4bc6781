"""Errors on their way over HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.control.error_bodies import build_error, build_problem
from getimg_mock.errors import ControlError, SettingsError, UnknownNameError, WaitError

if TYPE_CHECKING:
    from getimg_mock import GetimgMockError


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "x",
        {},
        {"error": "not found"},
        {"error": {}},
        {"error": {"message": "No."}},
        {"detail": "Not Found"},
    ],
)
def test_another_servers_error_is_not_taken_for_ours(body: Any) -> None:
    """A wrong port is more likely than a new error of ours."""
    error = build_error(404, body)
    assert isinstance(error, ControlError)
    assert (error.code, error.status) == ("not_ours", 404)


@pytest.mark.parametrize(
    "error",
    [
        SettingsError("n: 3 is wrong."),
        UnknownNameError("rule", "rule-1", ["rule-2"]),
        UnknownNameError("field", "x", ["alpha", "beta"]),
        WaitError("Nothing came."),
        ControlError("conflict", "Not now.", status=409, nearest="then"),
    ],
)
def test_an_error_survives_the_way_over_http(error: GetimgMockError) -> None:
    """Class, words and what programs look at."""
    status, body = build_problem(error)
    again = build_error(status, json.loads(json.dumps(body)))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert build_problem(again) == (status, body)
