"""Hypothesis strategies for the requests and the responses of the API.

Requests are drawn from a catalogue, by default the one that ships; give `models`, as the API lists
them, for any other. Responses are drawn from the schemas: whatever a client must be able to read.

Raises `MissingPackageError`, a `ModuleNotFoundError`, on import where hypothesis is not installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from getimg_mock.errors import MissingPackageError, UnknownNameError

try:
    from hypothesis import strategies as st
except ModuleNotFoundError:
    raise MissingPackageError(
        "getimg_mock.strategies needs hypothesis: pip install 'getimg-mock[verify]'."
    ) from None

from getimg_mock.contract.model_choice import load_shipped_models
from getimg_mock.contract.provider.message_strategies import messages
from getimg_mock.contract.provider.request_strategies import faulty_steps, prompts, valid_bodies
from getimg_mock.world.operations import ANSWER_SCHEMAS, find_answer_schema

if TYPE_CHECKING:
    from collections.abc import Iterable

    from getimg_mock.contract.model_choice import ModelJson, ModelKind
    from getimg_mock.contract.steps import Send

__all__ = [
    "InvalidRequest",
    "error_responses",
    "image_requests",
    "invalid_requests",
    "messages",
    "prompts",
    "responses",
    "video_requests",
]


class InvalidRequest(NamedTuple):
    """A request for a generation that must be refused, for exactly one fault.

    `body` is not always JSON. `fault` is the kind of fault, such as `type`, `length` or
    `malformed`; `field` is the field that is wrong, such as `images[].url`, if one is.
    """

    path: str
    body: bytes
    fault: str
    field: str


def image_requests(
    models: Iterable[ModelJson] | None = None,
) -> st.SearchStrategy[dict[str, Any]]:
    """Draw bodies of `POST /v2/images/generations` that must be accepted."""
    return st.one_of([valid_bodies(model) for model in _select(models, "image")])


def video_requests(
    models: Iterable[ModelJson] | None = None,
) -> st.SearchStrategy[dict[str, Any]]:
    """Draw bodies of `POST /v2/videos/generations` that must be accepted."""
    return st.one_of([valid_bodies(model) for model in _select(models, "video")])


def invalid_requests(
    models: Iterable[ModelJson] | None = None,
) -> st.SearchStrategy[InvalidRequest]:
    """Draw requests for images and videos with one known fault each: they must be refused."""
    listed = load_shipped_models() if models is None else list(models)
    return st.one_of([faulty_steps(model) for model in listed]).map(_convert_step)


def responses(operation: str) -> st.SearchStrategy[Any]:
    """Draw JSON bodies of successful responses to an operation, such as `videos.retrieve`.

    Raises `UnknownNameError` for an operation whose response is not JSON, or that does not exist.
    """
    names = {name: schema for (name, _), schema in ANSWER_SCHEMAS.items()}
    if operation not in names:
        raise UnknownNameError("operation", operation, names)
    return messages(names[operation])


def error_responses() -> st.SearchStrategy[Any]:
    """Draw JSON bodies of responses with a status of 400 or more."""
    return messages(find_answer_schema("", 400) or "")


def _select(models: Iterable[ModelJson] | None, kind: ModelKind) -> list[ModelJson]:
    listed = load_shipped_models() if models is None else models
    return [model for model in listed if model["type"] == kind]


def _convert_step(step: Send) -> InvalidRequest:
    return InvalidRequest(step.path, step.body or b"", step.fault, step.field)
