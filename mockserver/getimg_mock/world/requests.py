"""What a client asks for, once it has been found valid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from getimg_mock.world.randomness import digest

if TYPE_CHECKING:
    from getimg_mock.world.catalogue import Model
    from getimg_mock.world.limits import Kind

# The fields that mean something (api-facts sections 2 and 3); others are let pass and ignored.
FIELDS: Final[dict[Kind, tuple[str, ...]]] = {
    "image": ("model", "prompt", "aspect_ratio", "resolution", "output_format", "images"),
    "video": ("model", "prompt", "aspect_ratio", "resolution", "duration", "sound", "images"),
}


class GenerationRequest(NamedTuple):
    """A valid request with its defaults filled in.

    `canonical` identifies what was asked for: equal requests have equal ones, however their JSON
    was written. `output_format` is None for a video; `duration` (seconds) None for an image.
    """

    kind: Kind
    model: Model
    prompt: str
    aspect_ratio: str
    resolution: str
    output_format: str | None
    duration: float | None
    sound: bool
    references: int
    canonical: bytes


def whole(value: Any) -> Any:
    """Return the integer that a number such as 5.0 is to JSON Schema, and anything else as is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def canonical(kind: Kind, body: dict[str, Any]) -> bytes:
    """Return 16 bytes that identify the fields of `body` which mean something."""
    known = {name: body[name] for name in FIELDS[kind] if name in body}
    if "duration" in known:
        known["duration"] = whole(known["duration"])
    if "images" in known:
        known["images"] = [
            [image.get("role"), digest(str(image.get("url"))).hex()] for image in known["images"]
        ]
    # The order is that of FIELDS, so the text is the same however the JSON was written.
    return digest(kind, repr(known), size=16)
