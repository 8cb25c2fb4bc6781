"""Faults of reading orders, and of the answers to wrong ones."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    RefusedError,
    answer_json,
)
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Workspace
    from tests.contract.written_by_others.catalogue import Offer

BATCH: Final = 5

# Inputs


@faulty("inputs", "major", "A PNG in a data URL is a reference (D), whatever its mode.")
class TransparentReferenceCrashes(Provider):
    """A reference with an alpha channel is answered 500, as it cannot be saved as JPEG."""

    def check_picture(self, content: bytes, label: str, place: str) -> None:
        """Check a picture, and make it a JPEG for the model."""
        super().check_picture(content, label, place)
        with Image.open(io.BytesIO(content)) as picture:
            picture.save(io.BytesIO(), "JPEG")


@faulty("inputs", "major", "A value that the model does not support is 400 (D).")
class DurationsBetweenAreTaken(Provider):
    """Any duration from the shortest to the longest is taken, also one that is not listed."""

    def choose_duration(self, duration: int | None, offer: Offer) -> int:
        """Return a duration between the ends of the list."""
        if duration is not None and min(offer.durations) <= duration <= max(offer.durations):
            return duration
        return super().choose_duration(duration, offer)


@faulty("inputs", "major", "Without `aspect_ratio` the model's first one is taken (D).")
class RatioFallsToWideBesideResolution(Provider):
    """An order with a resolution and without a ratio is drawn at 16:9, not at the default."""

    def choose(self, body: dict[str, Any], name: str, offer: Offer) -> str:
        """Return a ratio or resolution, the ratio by a default of its own."""
        if name == "aspect_ratio" and "resolution" in body:
            body = {"aspect_ratio": "16:9", **body}
        return super().choose(body, name, offer)


# Errors


@faulty("errors", "major", "The 401 has `param: null`, literally (D); `param` is of its own error.")
class ParamOfThePreviousErrorStays(Provider):
    """An error without a param carries that of the last error that had one, anyone's."""

    def answer_error(self, error: RefusedError) -> Outgoing:
        """Answer a refusal by a body that is kept between requests."""
        if error.param is None:
            error.param = self.notes.get("param")
        self.notes["param"] = error.param
        return super().answer_error(error)


@faulty("errors", "major", "A value that is not supported is 400 `invalid_parameter` (D).")
class RatioWithoutColonIsMishap(Provider):
    """An `aspect_ratio` that is not two numbers and a colon is answered 500."""

    def choose(self, body: dict[str, Any], name: str, offer: Offer) -> str:
        """Return a ratio or resolution; a ratio is taken apart before it is looked up."""
        if name == "aspect_ratio" and name in body:
            across, down = body[name].split(":")
            body = {**body, name: f"{int(across)}:{int(down)}"}
        return super().choose(body, name, offer)


@faulty("errors", "major", "Each error has the envelope; a missing parameter is 400 (D).")
class FrameworkRefusesMissingQuery(Provider):
    """Costs without `start` or `end` are refused with 422 and the framework's own body."""

    def answer_costs(self, workspace: Workspace, request: Incoming) -> Outgoing:
        """Answer the costs of a range, if the framework lets the query pass."""
        missing = [name for name in ("start", "end") if name not in request.query]
        if not missing:
            return super().answer_costs(workspace, request)
        found = [
            {"type": "missing", "loc": ["query", name], "msg": "Field required", "input": None}
            for name in missing
        ]
        return answer_json({"detail": found}, 422)
