"""Valid requests of clients."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from getimg_mock.world.randomness import digest, digest_encoded, encode_words

if TYPE_CHECKING:
    from getimg_mock.world.catalogue import Model
    from getimg_mock.world.limits import Kind
    from getimg_mock.world.replayed_jobs import ReplayedJob

# The fields that have a meaning (api-facts sections 2 and 3); others are accepted and ignored.
FIELDS: Final[dict[Kind, tuple[str, ...]]] = {
    "image": ("model", "prompt", "aspect_ratio", "resolution", "output_format", "images"),
    "video": ("model", "prompt", "aspect_ratio", "resolution", "duration", "sound", "images"),
}
_OPTIONAL: Final = ("aspect_ratio", "resolution", "output_format")

PLAIN_ORDERS: Final = frozenset(
    ("model", "prompt", *chosen)
    for count in range(len(_OPTIONAL) + 1)
    for chosen in combinations(_OPTIONAL, count)
)
"""The fields of image requests that are in order, without unknown ones and without references."""

_ENCODED_KINDS: Final = {kind: encode_words(kind) for kind in FIELDS}


class GenerationRequest(NamedTuple):
    """A valid request with its defaults filled in.

    `compute_canonical` identifies the request: equal requests have equal values, however their JSON
    is written. `output_format` is None for a video; `duration` (seconds) None for an image.
    `recorded` is how a replay says that the job goes.
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
    recorded: ReplayedJob | None = None


def to_whole(value: Any) -> Any:
    """Return 5 for 5.0, as JSON Schema does; return anything else unchanged."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def compute_canonical(kind: Kind, body: dict[str, Any]) -> bytes:
    """Return 16 bytes that identify the fields of `body` that have a meaning."""
    # In the order of FIELDS, so that the order in the JSON does not matter.
    is_ordered = kind == "image" and tuple(body) in PLAIN_ORDERS
    known = body if is_ordered else {name: body[name] for name in FIELDS[kind] if name in body}
    if kind == "video" and "duration" in known:
        known["duration"] = to_whole(known["duration"])
    if "images" in known:
        known["images"] = [
            [image.get("role"), digest(str(image.get("url"))).hex()] for image in known["images"]
        ]
    return hash_fields(kind, known)


def hash_fields(kind: Kind, known: dict[str, Any]) -> bytes:
    """Return `compute_canonical` of fields that have a meaning, in their order."""
    data = repr(known).encode("utf-8", "surrogatepass")
    return digest_encoded(b"%b%d:%b" % (_ENCODED_KINDS[kind], len(data), data), size=16)
