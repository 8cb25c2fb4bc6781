"""`getimg_mock.strategies`: requests that are right or wrong for a known reason, and responses."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings

from getimg_mock import UnknownNameError, strategies
from getimg_mock.contract.model_choice import load_shipped_models
from getimg_mock.contract.plans import Plan, post
from getimg_mock.contract.targets.fake_targets import InProcessTarget
from getimg_mock.schemas import names, violations
from getimg_mock.world.operations import ANSWER_SCHEMAS

FAKE = InProcessTarget()
FEW = load_shipped_models()[:1]


def submit(kind: Any, body: Any) -> int:
    """Return the status of a submission to a new world."""
    (seen,) = FAKE.run(Plan(name="one", steps=(post(kind, body),))).exchanges
    return seen.status


@settings(max_examples=25, deadline=None)
@given(body=strategies.image_requests())
def test_requests_for_images_are_accepted(body: dict[str, Any]) -> None:
    """A refusal of one of these is a bug of the provider."""
    assert violations("image-request", body) == []
    assert submit("image", body) == 200


@settings(max_examples=25, deadline=None)
@given(body=strategies.video_requests())
def test_requests_for_videos_are_accepted(body: dict[str, Any]) -> None:
    """A refusal of one of these is a bug of the provider."""
    assert violations("video-request", body) == []
    assert submit("video", body) == 202


@settings(max_examples=50, deadline=None)
@given(request=strategies.invalid_requests())
def test_invalid_requests_are_refused_and_say_what_is_wrong(
    request: strategies.InvalidRequest,
) -> None:
    """Each has one fault, with its name."""
    kind = "image" if "images" in request.path else "video"
    assert request.fault
    assert 400 <= submit(kind, request.body) < 500


@settings(max_examples=10, deadline=None)
@given(body=strategies.image_requests(FEW))
def test_a_catalogue_of_ones_own_is_drawn_from(body: dict[str, Any]) -> None:
    """The models of a service, as it lists them."""
    assert body["model"] == FEW[0]["id"]


@pytest.mark.parametrize("name", names())
def test_messages_fit_their_schema(name: str) -> None:
    """A client that fails on one of these does not read what the API may send."""

    @settings(max_examples=25, deadline=None)
    @given(message=strategies.messages(name))
    def check(message: Any) -> None:
        assert violations(name, message) == []

    check()


@pytest.mark.parametrize(
    ("operation", "schema"), [(each[0], name) for each, name in ANSWER_SCHEMAS.items()]
)
def test_responses_are_drawn_by_operation(operation: str, schema: str) -> None:
    """By the name that scenarios and the journal use."""
    assert strategies.responses(operation) is strategies.messages(schema)


def test_what_has_no_response_in_json_is_refused() -> None:
    """A file is no message; a typing error is named."""
    with pytest.raises(UnknownNameError, match=r"'downloads\.retrieve'"):
        strategies.responses("downloads.retrieve")
    with pytest.raises(UnknownNameError, match=r"Did you mean 'videos\.retrieve'"):
        strategies.responses("videos.retreive")


@settings(max_examples=10, deadline=None)
@given(body=strategies.error_responses())
def test_errors_have_their_envelope(body: dict[str, Any]) -> None:
    """Message and code are always there."""
    assert {"message", "code"} <= body["error"].keys()


def test_without_hypothesis_the_import_says_what_to_install() -> None:
    """`ModuleNotFoundError`, so that `pytest.importorskip` works, and one sentence."""
    program = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "from getimg_mock.errors import SettingsError\n"
        "try:\n    import getimg_mock.strategies\n"
        "except ModuleNotFoundError as error:\n"
        "    assert isinstance(error, SettingsError)\n    print(error)\n"
    )
    done = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "pip install 'getimg-mock[verify]'" in done.stdout
