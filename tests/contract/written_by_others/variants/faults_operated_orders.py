"""Faults of the requests, the catalogue and the errors."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    RefusedError,
    answer_json,
)
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.contract.written_by_others.catalogue import Kind, Offer


BATCH: Final = 4


def _read_ratio(text: str) -> float:
    across, down = (int(part) for part in text.split(":"))
    return across / down


def _find_nearest(ratio: str, allowed: Sequence[str]) -> str:
    wanted = _read_ratio(ratio)
    return min(allowed, key=lambda each: abs(_read_ratio(each) - wanted))


@faulty("inputs", "major", "A ratio that the model does not support is 400 invalid_parameter (D)")
class VideosInTheNearestRatio(Provider):
    """A video in a ratio that the model lacks is made, and billed, in the nearest it has."""

    def choose(self, body: dict[str, Any], name: str, offer: Offer) -> str:
        """Return the nearest ratio of a video."""
        value = body.get(name)
        looks_right = isinstance(value, str) and re.fullmatch(r"[1-9]\d?:[1-9]\d?", value)
        if name == "aspect_ratio" and offer.type == "video" and looks_right:
            return _find_nearest(str(value), offer.ratios)
        return super().choose(body, name, offer)


@faulty("inputs", "major", "An omitted resolution is the first that the model lists (D)")
class DefaultOfTheNewerModel(Provider):
    """Without a resolution seedance-v1-pro takes the 720p of its successor, not its own 1080p."""

    def choose(self, body: dict[str, Any], name: str, offer: Offer) -> str:
        """Return the default of the family."""
        if name == "resolution" and name not in body and offer.id == "seedance-v1-pro":
            return "720p"
        return super().choose(body, name, offer)


@faulty("inputs", "major", "Each images[].url is public HTTPS, or a data URL of a picture (D)")
class OnlyTheFirstReferenceIsChecked(Provider):
    """The check of the references returns after the first: later ones may be anything."""

    def check_reference(self, url: str, place: str) -> None:
        """Check the first reference."""
        if place.startswith("images[0]"):
            super().check_reference(url, place)


@faulty("catalogue", "major", "?type= filters the list, and without it all models are listed (D)")
class ListCacheIgnoresTheQuery(Provider):
    """The list is cached for three seconds under its path: the next caller gets that filter."""

    def answer_models(self, request: Incoming) -> Outgoing:
        """Answer the list that was asked for last."""
        at, value = self.notes.get("models", (0.0, None))
        if value is not None and self.now() - at < 3:
            return answer_json(value)
        answer = super().answer_models(request)
        self.notes["models"] = (self.now(), answer.value)
        return answer


@faulty("catalogue", "major", "The first of supported_resolutions is the default (D)")
class ResolutionsAreSorted(Provider):
    """Resolutions are listed in the order of the alphabet, so the first is not the default."""

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        """Return a model with sorted resolutions."""
        value = super().describe_offer(offer)
        value["supported_resolutions"] = sorted(offer.resolutions)
        return value

    def list_offer(self, offer: Offer) -> dict[str, Any]:
        """Return the same in the list."""
        return self.describe_offer(offer)


@faulty("errors", "major", "Errors have the envelope, and a value of a wrong type is 400 (D)")
class FrameworkAnswersForDurations(Provider):
    """A duration of a wrong type is refused by the framework: 422, and its own `detail`."""

    def answer_error(self, error: RefusedError) -> Outgoing:
        """Answer as the framework does."""
        if error.param != "duration" or not error.message.startswith("Invalid type"):
            return super().answer_error(error)
        detail = {
            "type": "int_parsing",
            "loc": ["body", "duration"],
            "msg": "Input should be a valid integer",
        }
        return answer_json({"detail": [detail]}, HTTPStatus.UNPROCESSABLE_ENTITY)


@faulty("errors", "major", "A model that the operation does not offer is 400 invalid_parameter (D)")
class ModelOfTheOtherKindCrashes(Provider):
    """A video model at the image operation, and the reverse, is 500 server_error."""

    def find_offer(self, name: str, kind: Kind) -> Offer:
        """Look a model up in all, and stumble over its kind."""
        found = {each.id: each for each in self.offers}.get(name)
        if found is not None and found.type != kind:
            raise KeyError(kind)
        return super().find_offer(name, kind)
