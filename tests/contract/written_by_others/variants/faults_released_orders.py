"""Faults of inputs and of the catalogue."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from tests.contract.written_by_others.messages import Incoming, Outgoing, answer_json, refuse_value
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.catalogue import Offer

BATCH: Final = 6
LIST_SECONDS: Final = 5
PICTURE: Final = re.compile(r"data:image/(png|jpeg|webp);", re.IGNORECASE)
SWAPPED: Final = {"sound_on": "sound_off", "sound_off": "sound_on"}


@faulty("inputs", "minor", "D: a prompt has up to 4096 characters; 2049 emoji are fewer")
class PromptInUtf16Units(Provider):
    """A prompt is measured as JavaScript does: a character beyond the BMP counts as two."""

    def measure_prompt(self, prompt: str) -> int:
        """Return the UTF-16 units of a prompt."""
        return len(prompt.encode("utf-16-le", "surrogatepass")) // 2


@faulty("inputs", "major", "D: without output_format the picture is a JPEG")
class FormatOfTheReference(Provider):
    """Without `output_format` a picture has the format of its first data URL, such as PNG."""

    def check_format(self, body: dict[str, Any]) -> str:
        """Return the named format, or that of the reference."""
        images = body.get("images")
        match = PICTURE.match(images[0]["url"]) if images else None
        if "output_format" not in body and match:
            return match[1].lower()
        return super().check_format(body)


@faulty("inputs", "major", "D: a last_frame needs a first_frame, which is there; no order is asked")
class LastFrameMustComeSecond(Provider):
    """Frames are read one by one: a `last_frame` listed before the `first_frame` is refused."""

    def check_combination(self, roles: list[str]) -> None:
        """Refuse a last frame that no first frame came before."""
        if "last_frame" in roles:
            before = roles[: roles.index("last_frame")]
            if "first_frame" not in before:
                raise refuse_value("A last_frame needs a first_frame.", "images")
        super().check_combination(roles)


@faulty("catalogue", "major", "D: ?type= filters; the answer depends on who asked before")
class ListCachedWithoutItsQuery(Provider):
    """The list of models is cached for five seconds by its path: `?type=` is not looked at."""

    def answer_models(self, request: Incoming) -> Outgoing:
        """Answer the list that was asked for last."""
        at, value = self.notes.get("list", (0.0, None))
        if value is None or self.now() - at > LIST_SECONDS:
            value = super().answer_models(request).value
            self.notes["list"] = (self.now(), value)
        return answer_json(value)


@faulty("catalogue", "major", "D: a model retrieved alone is the same object, with the prices paid")
class AloneTheSoundPricesAreSwapped(Provider):
    """A model retrieved alone has the prices of `sound_on` and `sound_off` the wrong way round."""

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        """Swap the labels of the rates."""
        value: dict[str, Any] = json.loads(json.dumps(super().describe_offer(offer)))
        for rate in value["pricing"]["rates"]:
            rate["sound"] = SWAPPED.get(rate["sound"], rate["sound"])
        return value


@faulty("catalogue", "major", "D: the first of supported_durations is the default; here 4, given 5")
class DurationsAreSortedForShow(Provider):
    """The catalogue shows durations in rising order; an omitted one is still five seconds."""

    def list_offer(self, offer: Offer) -> dict[str, Any]:
        """Sort the durations of an entry."""
        return self.describe_offer(offer)

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        """Sort the durations of a model."""
        value = super().describe_offer(offer)
        return {**value, "supported_durations": sorted(value["supported_durations"])}
