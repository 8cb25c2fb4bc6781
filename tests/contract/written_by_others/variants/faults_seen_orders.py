"""Faults of inputs, errors and the catalogue, as they reach production."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    RefusedError,
    answer_json,
    refuse_unknown,
    refuse_value,
)
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.catalogue import Kind, Offer

# Inputs


BATCH: Final = 3


@faulty("inputs", "major", "D: last_frame needs a first_frame; the order in `images` is free.")
class FramesByPosition(Provider):
    """The check reads `images` from the front: a last_frame before its first_frame is refused."""

    def check_combination(self, roles: list[str]) -> None:
        before_last = roles[: roles.index("last_frame") + 1] if "last_frame" in roles else roles
        super().check_combination(before_last)
        super().check_combination(roles)


@faulty("inputs", "major", "D: a reference may be a PNG in a data URL; none is excepted.")
class AlphaPictureBreaks(Provider):
    """A reference with transparency or a palette ends in 500: no JPEG can be made of it."""

    def check_picture(self, content: bytes, label: str, place: str) -> None:
        super().check_picture(content, label, place)
        with Image.open(io.BytesIO(content)) as picture:
            picture.save(io.BytesIO(), "JPEG", quality=30)


@faulty("inputs", "major", "D: what `supported_aspect_ratios` lists is supported.")
class ListedRatioRefused(Provider):
    """The worker knows the ratios of an older release: 4:3, listed since, is refused for videos."""

    def choose(self, body: dict[str, Any], name: str, offer: Offer) -> str:
        value = super().choose(body, name, offer)
        if (offer.type, name, value) == ("video", "aspect_ratio", "4:3"):
            raise refuse_value(f"Unsupported {name} '{value}' for model '{offer.id}'.", name)
        return value


# Errors


@faulty("errors", "major", "D: errors have the envelope; a wrong value is 400 invalid_parameter.")
class FrameworkAnswersTypes(Provider):
    """A field of the wrong type never reaches the API: the framework answers 422 and `detail`."""

    def answer_error(self, error: RefusedError) -> Outgoing:
        if not error.message.startswith("Invalid type"):
            return super().answer_error(error)
        detail = {"loc": ["body", error.param], "msg": error.message, "type": "type_error"}
        answer = answer_json({"detail": [detail]}, 422)
        answer.headers += list(error.headers.items())
        return answer


@faulty("errors", "minor", "D: a missing field is parameter_missing, not invalid_parameter.")
class MissingPromptIsEmpty(Provider):
    """A missing prompt is taken for an empty one, and refused as invalid_parameter."""

    def check_required(self, body: dict[str, Any]) -> None:
        body.setdefault("prompt", "")
        super().check_required(body)


@faulty("errors", "major", "D: an unknown model in a body is 400 invalid_parameter, not 404.")
class UnknownVideoModelIs404(Provider):
    """The video service looks the model up over HTTP, and hands its 404 not_found on."""

    def find_offer(self, name: str, kind: Kind) -> Offer:
        try:
            return super().find_offer(name, kind)
        except RefusedError as error:
            if kind == "image":
                raise
            raise refuse_unknown(error.message) from None


# Catalogue


@faulty("catalogue", "major", "D: `?type=` filters the list.")
class ModelsCachedByPath(Provider):
    """The list is cached for 30 seconds by its path alone: the first `type` asked for rules."""

    def answer_models(self, request: Incoming) -> Outgoing:
        until, body = self.notes.get("models", (0.0, b""))
        if self.now() < until and request.query.get("type") in {None, "image", "video"}:
            headers = [("Content-Type", "application/json")]
            return Outgoing(status=200, headers=headers, body=body)
        answer = super().answer_models(request)
        self.notes["models"] = (self.now() + 30, answer.body)
        return answer


@faulty("catalogue", "major", "D: a model alone is the object of the list, with what is charged.")
class OldPriceAlone(Provider):
    """GET /v2/models/{model} has the prices of before a rise for one model; the list is right."""

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        shown = super().describe_offer(offer)
        if offer.id == "gemini-3-1-flash-image":
            for rate in shown["pricing"]["rates"]:
                rate["unit_price"] = str(Decimal(rate["unit_price"]) / 2)
        return shown


@faulty("catalogue", "major", "D: lists and objects are always there; empty for image models.")
class NullForEmpty(Provider):
    """The list has null for what is empty, as nil slices are written: durations, references."""

    def list_offer(self, offer: Offer) -> dict[str, Any]:
        shown = super().list_offer(offer)
        return {name: None if value in ([], {}) else value for name, value in shown.items()}
