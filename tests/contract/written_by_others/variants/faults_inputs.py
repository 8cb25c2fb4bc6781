"""Faults of inputs: what is taken that must be refused, and refused that must be taken."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from tests.contract.written_by_others.messages import Incoming, RefusedError, refuse_value
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Order
    from tests.contract.written_by_others.catalogue import Kind, Offer


@faulty("inputs", "major", "Section 2: 1 to 4096 characters.")
class CountsBytes(Provider):
    """The length of a prompt is counted in bytes, so 1,400 Japanese letters are too many."""

    def measure_prompt(self, prompt: str) -> int:
        return len(prompt.encode("utf-8", "replace"))


@faulty("inputs", "major", "Section 2: 1 to 4096 characters.")
class VideoPromptsUpTo2000(Provider):
    """A prompt for a video has at most 2,000 characters."""

    def read_order(self, body: dict[str, Any], kind: Kind) -> Order:
        order = super().read_order(body, kind)
        if kind == "video" and len(order.prompt) > 2000:
            raise refuse_value("Invalid 'prompt': at most 2000 characters.", "prompt")
        return order


@faulty("inputs", "minor", "Section 2: 1 to 4096 characters.")
class TakesLongerPrompts(Provider):
    """A prompt of up to 5,000 characters is taken."""

    longest_prompt: ClassVar[int] = 5000


@faulty("inputs", "minor", "Section 3: duration is an integer.")
class DurationAsText(Provider):
    """A duration in quotes is taken as a number."""

    def read_duration(self, body: dict[str, Any]) -> int | None:
        value = body.get("duration")
        if isinstance(value, str) and value.isascii() and value.isdigit():
            return int(value)
        return super().read_duration(body)


@faulty("inputs", "minor", "Section 3: duration is an integer.")
class DurationRounded(Provider):
    """A duration such as 5.5 is cut to whole seconds."""

    def read_duration(self, body: dict[str, Any]) -> int | None:
        value = body.get("duration")
        return int(value) if isinstance(value, float) else super().read_duration(body)


@faulty("inputs", "major", "Section 8: an unsupported resolution is 400.")
class FallsBackTo2K(Provider):
    """A resolution that the image model does not have becomes its first one in silence."""

    def choose(self, body: dict[str, Any], name: str, offer: Offer) -> str:
        if name == "resolution" and offer.type == "image" and body.get(name) in {"1K", "4K"}:
            return body[name] if body[name] in offer.resolutions else offer.resolutions[0]
        return super().choose(body, name, offer)


@faulty("inputs", "major", "Section 8: a value that is not supported is 400.")
class VideoRatiosFallBack(Provider):
    """A ratio that other models have, but not this video model, becomes 16:9 in silence."""

    def choose(self, body: dict[str, Any], name: str, offer: Offer) -> str:
        others = {ratio for each in self.offers for ratio in each.ratios}
        if name == "aspect_ratio" and offer.type == "video" and body.get(name) in others:
            return body[name] if body[name] in offer.ratios else offer.ratios[0]
        return super().choose(body, name, offer)


@faulty("inputs", "major", "Section 3: last_frame needs a first_frame.")
class LastFrameAlone(Provider):
    """A last_frame without a first_frame is taken."""

    def check_combination(self, roles: list[str]) -> None:
        super().check_combination([*roles, "first_frame"] if roles == ["last_frame"] else roles)


@faulty("inputs", "major", "Section 3: reference_image excludes both frame roles.")
class MixesRoles(Provider):
    """A reference_image with a first_frame is taken."""

    def check_combination(self, roles: list[str]) -> None:
        if "last_frame" in roles:
            super().check_combination(roles)


@faulty("inputs", "major", "Section 8: an unknown model is 400.")
class ModelsByPrefix(Provider):
    """A model id that begins with a known one is taken for it: `seedream-5-lite-v2`."""

    def find_offer(self, name: str, kind: Kind) -> Offer:
        for offer in self.offers:
            if name.startswith(f"{offer.id}-") and offer.type == kind:
                return offer
        return super().find_offer(name, kind)


@faulty("inputs", "minor", "Section 8: an unknown model is 400.")
class ModelsInAnyCase(Provider):
    """A model id is taken in any case and with spaces around it."""

    def find_offer(self, name: str, kind: Kind) -> Offer:
        return super().find_offer(name.strip().lower(), kind)


@faulty("inputs", "minor", "Section 2: output_format is png, jpeg or webp.")
class FormatInCapitals(Provider):
    """`PNG` and `jpg` are taken."""

    def check_format(self, body: dict[str, Any]) -> str:
        value = body.get("output_format", "jpeg")
        return super().check_format({"output_format": value.lower().replace("jpg", "jpeg")})


@faulty("inputs", "major", "Section 3: images[].role is required for videos.")
class VideoRoleIsOptional(Provider):
    """A reference of a video without a role is taken as first_frame."""

    def read_role(self, reference: dict[str, Any], kind: Kind, place: str) -> str:
        if kind == "video" and "role" not in reference:
            return "first_frame"
        return super().read_role(reference, kind, place)


@faulty("inputs", "minor", "Section 2: bare base64 is refused.")
class BareBase64(Provider):
    """Base64 without `data:` is taken."""

    def check_public_url(self, url: str, place: str) -> None:
        if url.startswith(("iVBOR", "/9j/", "UklGR")):
            return
        super().check_public_url(url, place)


@faulty("inputs", "major", "Section 2: a public HTTPS URL.")
class PlainHttpReferences(Provider):
    """References by http: are taken."""

    def check_public_url(self, url: str, place: str) -> None:
        super().check_public_url(url.replace("http://", "https://", 1), place)


@faulty("inputs", "blocker", "Section 2: a public URL; others lead into the cluster.")
class MetadataService(Provider):
    """Link-local addresses are taken, that of the cloud's metadata service among them."""

    def is_public(self, host: str) -> bool:
        return host.startswith("169.254.") or super().is_public(host)


@faulty("inputs", "minor", "Section 2: a decoded image has at most 10 MiB.")
class TwelveMib(Provider):
    """The limit of 10 MiB is applied to nothing smaller than 12 MiB."""

    largest_reference: ClassVar[int] = 12 * 1024 * 1024


@faulty("inputs", "minor", "Section 6: supported_references is the maximum.")
class OneReferenceMore(Provider):
    """One reference more than the model supports is taken."""

    def check_roles(self, roles: list[str], offer: Offer) -> None:
        more = {role: count + 1 for role, count in offer.references.items()}
        super().check_roles(roles, replace(offer, references=more))


@faulty("inputs", "minor", "Section 2: PNG, JPEG or WebP.")
class AnyBytesAreAPicture(Provider):
    """The bytes of a data URL are not looked at: text labelled image/png is taken."""

    def check_picture(self, content: bytes, label: str, place: str) -> None:
        if not content:
            super().check_picture(content, label, place)


@faulty("inputs", "major", "Section 6: what the catalogue lists is accepted.")
class ListsWhatItRefuses(Provider):
    """One listed ratio of one image model and one listed duration of a video model are refused."""

    def read_order(self, body: dict[str, Any], kind: Kind) -> Order:
        order = super().read_order(body, kind)
        if order.offer.id == "gemini-3-1-flash-image" and order.ratio == "21:9":
            raise refuse_value("Unsupported aspect_ratio '21:9'.", "aspect_ratio")
        if order.offer.id == "seedance-v1-pro" and order.duration == 12:
            raise refuse_value("Unsupported duration '12'.", "duration")
        return order


@faulty("inputs", "major", "Section 3: sound: false is never refused.")
class SoundFalseIsRefused(Provider):
    """A model without sound refuses the field `sound`, false included."""

    def read_order(self, body: dict[str, Any], kind: Kind) -> Order:
        order = super().read_order(body, kind)
        if kind == "video" and "sound" in body and not order.offer.sound:
            raise refuse_value("Parameter 'sound' is not supported for this model.", "sound")
        return order


@faulty("inputs", "minor", "Section 2: prompt is a string.")
class NumbersArePrompts(Provider):
    """A number as a prompt is turned into text."""

    def check_prompt(self, prompt: object) -> str:
        number = isinstance(prompt, int | float) and not isinstance(prompt, bool)
        return super().check_prompt(str(prompt) if number else prompt)


@faulty("inputs", "minor", "Section 2: at most 25 MiB of JSON; larger is refused and nothing made.")
class NoLimitOfTheBody(Provider):
    """A body of any size is taken if the rest is right."""

    largest_body: ClassVar[int] = 1024 * 1024 * 1024


@faulty("inputs", "minor", "Section 2: images is an array of objects with url.")
class NullIsLeftOut(Provider):
    """A null in an optional field is taken as if the field was left out."""

    def read_object(self, request: Incoming) -> dict[str, Any]:
        body = super().read_object(request)
        optional = set(body) - {"model", "prompt"}
        return {k: v for k, v in body.items() if k not in optional or v is not None}


@faulty("inputs", "major", "Section 2: a whole prompt is 1 to 4096 characters of any language.")
class RefusesEmoji(Provider):
    """A prompt with a character beyond the basic plane fails with 500, as a 3-byte column does."""

    def check_prompt(self, prompt: object) -> str:
        text = super().check_prompt(prompt)
        if any(ord(letter) > 0xFFFF for letter in text):
            raise RefusedError(500, "server_error", "Something went wrong on our end")
        return text
