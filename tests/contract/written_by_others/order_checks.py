"""Reads a request for a generation, and refuses what the documentation does not allow."""

from __future__ import annotations

import base64
import binascii
import io
import ipaddress
import json
import re
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import urlsplit

from PIL import Image

from tests.contract.written_by_others.accounts import Order
from tests.contract.written_by_others.catalogue import OFFERS, Kind, Offer
from tests.contract.written_by_others.messages import Incoming, RefusedError, refuse_value
from tests.contract.written_by_others.quotas import Quotas

if TYPE_CHECKING:
    from collections.abc import Sequence

MIB: Final = 1024 * 1024
DATA_URL: Final = re.compile(r"data:image/(png|jpeg|webp);base64,", re.IGNORECASE)
FRAMES: Final = ("first_frame", "last_frame")


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


class OrderChecks(Quotas):
    """The part of the provider that reads orders."""

    longest_prompt: ClassVar[int] = 4096
    largest_body: ClassVar[int] = 25 * MIB
    largest_reference: ClassVar[int] = 10 * MIB
    most_references: ClassVar[int] = 8
    formats: ClassVar[tuple[str, ...]] = ("png", "jpeg", "webp")
    offers: ClassVar[tuple[Offer, ...]] = OFFERS

    def read_object(self, request: Incoming) -> dict[str, Any]:
        """Return the JSON object of a body."""
        media_type = (request.header("content-type") or "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            raise RefusedError(415, "invalid_parameter", "Send JSON as application/json.")
        if len(request.body) > self.largest_body:
            raise RefusedError(413, "invalid_parameter", "The body is larger than 25 MiB.")
        try:
            value = json.loads(request.body.decode(), parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            raise refuse_value("The body is not valid JSON.", None) from None
        if not isinstance(value, dict):
            raise refuse_value("The body must be a JSON object.", None)
        return value

    def check_required(self, body: dict[str, Any]) -> None:
        """Refuse a body without a model or a prompt."""
        for name in ("model", "prompt"):
            if name not in body:
                message = f"Missing required parameter: '{name}'."
                raise RefusedError(400, "parameter_missing", message, name)

    def check_prompt(self, prompt: object) -> str:
        """Return a prompt of 1 to 4096 characters."""
        if not isinstance(prompt, str):
            raise refuse_value("Invalid type for 'prompt': a string is expected.", "prompt")
        if not 1 <= self.measure_prompt(prompt) <= self.longest_prompt:
            raise refuse_value("Invalid 'prompt': 1 to 4096 characters are expected.", "prompt")
        try:
            prompt.encode()
        except UnicodeEncodeError:
            raise refuse_value("Invalid 'prompt': half a surrogate pair.", "prompt") from None
        return prompt

    def measure_prompt(self, prompt: str) -> int:
        """Return how long a prompt is."""
        return len(prompt)

    def check_strings(self, body: dict[str, Any], names: Sequence[str]) -> None:
        """Refuse fields that must be strings and are not."""
        for name in names:
            if name in body and not isinstance(body[name], str):
                raise refuse_value(f"Invalid type for '{name}': a string is expected.", name)

    def find_offer(self, name: str, kind: Kind) -> Offer:
        """Return a model by its id."""
        offer = next((each for each in self.offers if each.id == name), None)
        if offer is None or offer.type != kind:
            raise refuse_value(f"Unsupported model '{name}'.", "model")
        return offer

    def choose(self, body: dict[str, Any], name: str, offer: Offer) -> str:
        """Return a ratio or resolution that the model supports."""
        allowed = offer.ratios if name == "aspect_ratio" else offer.resolutions
        value = body.get(name, allowed[0])
        if value not in allowed:
            raise refuse_value(f"Unsupported {name} '{value}' for model '{offer.id}'.", name)
        return str(value)

    def read_duration(self, body: dict[str, Any]) -> int | None:
        """Return the duration, or None where there is none."""
        if "duration" not in body:
            return None
        value = body["duration"]
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
            raise refuse_value("Invalid type for 'duration': whole seconds.", "duration")
        return int(value)

    def read_sound(self, body: dict[str, Any]) -> bool:
        """Return whether sound is asked for."""
        value = body.get("sound", False)
        if not isinstance(value, bool):
            raise refuse_value("Invalid type for 'sound': a boolean is expected.", "sound")
        return value

    def choose_duration(self, duration: int | None, offer: Offer) -> int:
        """Return a duration that the model supports."""
        if duration is None:
            return offer.durations[0]
        if duration not in offer.durations:
            message = f"Unsupported duration '{duration}' for model '{offer.id}'."
            raise refuse_value(message, "duration")
        return duration

    def check_format(self, body: dict[str, Any]) -> str:
        """Return the format of a picture."""
        value = body.get("output_format", "jpeg")
        if value not in self.formats:
            raise refuse_value(f"Unsupported output_format '{value}'.", "output_format")
        return str(value)

    # References

    def read_references(self, body: dict[str, Any], kind: Kind) -> list[tuple[str, str]]:
        """Return the role and the URL of each reference, by type alone."""
        images = body.get("images", [])
        if not isinstance(images, list) or not all(isinstance(each, dict) for each in images):
            raise refuse_value("Invalid type for 'images': a list of objects.", "images")
        found = []
        for index, each in enumerate(images):
            place = f"images[{index}]"
            if "url" not in each:
                message = f"Missing required parameter: '{place}.url'."
                raise RefusedError(400, "parameter_missing", message, f"{place}.url")
            if not isinstance(each["url"], str):
                raise refuse_value(f"Invalid type for '{place}.url'.", f"{place}.url")
            found.append((self.read_role(each, kind, place), each["url"]))
        return found

    def read_role(self, reference: dict[str, Any], kind: Kind, place: str) -> str:
        """Return the role of a reference."""
        if "role" not in reference:
            if kind == "image":
                return "reference_image"
            message = f"Missing required parameter: '{place}.role'."
            raise RefusedError(400, "parameter_missing", message, f"{place}.role")
        role = reference["role"]
        allowed = ("reference_image",) if kind == "image" else ("reference_image", *FRAMES)
        if role not in allowed:
            raise refuse_value(f"Unsupported role '{role}'.", f"{place}.role")
        return str(role)

    def check_roles(self, roles: list[str], offer: Offer) -> None:
        """Refuse roles that the model does not support, too many, and wrong combinations."""
        if len(roles) > self.most_references:
            raise refuse_value("At most 8 images are supported.", "images")
        for role in roles:
            if not offer.references.get(role):
                message = f"Reference role '{role}' is not supported for this model"
                raise refuse_value(message, "images")
            if roles.count(role) > offer.references[role]:
                raise refuse_value(f"Too many images of role '{role}'.", "images")
        self.check_combination(roles)

    def check_combination(self, roles: list[str]) -> None:
        """Refuse roles that exclude each other."""
        if "last_frame" in roles and "first_frame" not in roles:
            raise refuse_value("A last_frame needs a first_frame.", "images")
        if "reference_image" in roles and set(roles) & set(FRAMES):
            raise refuse_value("reference_image excludes first_frame and last_frame.", "images")

    def check_reference(self, url: str, place: str) -> None:
        """Refuse what is neither a public HTTPS URL nor a picture in a data URL."""
        if url[:5].lower() == "data:":
            self.check_data_url(url, place)
        else:
            self.check_public_url(url, place)

    def check_public_url(self, url: str, place: str) -> None:
        """Refuse an URL that is not public."""
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
            _ = parts.port
        except ValueError:
            raise refuse_value(f"Invalid {place}: not an URL.", place) from None
        if parts.scheme != "https" or not host or "@" in parts.netloc or re.search(r"\s", url):
            raise refuse_value(f"Invalid {place}: use a public HTTPS URL.", place)
        if not self.is_public(host):
            raise refuse_value(f"Invalid {place}: the host is not public.", place)

    def is_public(self, host: str) -> bool:
        """Return whether a host can be on the public internet."""
        try:
            return ipaddress.ip_address(host).is_global
        except ValueError:
            pass
        labels = host.rstrip(".").lower().split(".")
        hidden = {"localhost", "local", "internal", "lan", "home", "test", "invalid"}
        numeric = re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]) is not None
        return len(labels) > 1 and labels[-1] not in hidden and not numeric

    def check_data_url(self, url: str, place: str) -> None:
        """Refuse a data URL that is not a whole picture of its type."""
        label = DATA_URL.match(url)
        if label is None:
            raise refuse_value(f"Invalid {place}: use PNG, JPEG or WebP as base64.", place)
        try:
            content = base64.b64decode(url[label.end() :], validate=True)
        except binascii.Error:
            raise refuse_value(f"Invalid {place}: this is not base64.", place) from None
        if len(content) > self.largest_reference:
            raise refuse_value(f"Invalid {place}: larger than 10 MiB.", place)
        self.check_picture(content, label[1].lower(), place)

    def check_picture(self, content: bytes, label: str, place: str) -> None:
        """Refuse bytes that are not a picture of the named format."""
        try:
            with Image.open(io.BytesIO(content)) as picture:
                found = (picture.format or "").lower()
                picture.load()
        except Exception as error:  # Pillow raises many types for broken files
            raise refuse_value(f"Invalid {place}: the picture is broken.", place) from error
        if found != label:
            raise refuse_value(f"Invalid {place}: this is {found}, not {label}.", place)

    # The whole

    def read_order(self, body: dict[str, Any], kind: Kind) -> Order:
        """Return the order of a body."""
        self.check_required(body)
        self.check_strings(body, ("model", "aspect_ratio", "resolution"))
        prompt = self.check_prompt(body["prompt"])
        references = self.read_references(body, kind)
        if kind == "image":
            self.check_strings(body, ("output_format",))
            duration, sound = None, False
        else:
            duration, sound = self.read_duration(body), self.read_sound(body)
        offer = self.find_offer(body["model"], kind)
        order = Order(
            offer=offer,
            prompt=prompt,
            ratio=self.choose(body, "aspect_ratio", offer),
            resolution=self.choose(body, "resolution", offer),
            output_format=self.check_format(body) if kind == "image" else "mp4",
            duration=self.choose_duration(duration, offer) if kind == "video" else 0,
            sound=sound,
            references=tuple(references),
        )
        self.check_roles([role for role, _ in references], offer)
        for index, (_, url) in enumerate(references):
            self.check_reference(url, f"images[{index}].url")
        return order
