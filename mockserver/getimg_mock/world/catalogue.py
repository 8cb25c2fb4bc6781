"""The catalogue: the models, what each supports, what it costs and how long it takes.

The shipped one is `fixtures/models.json`: the array that `GET /v2/models` answers, where each model
has one more key, `x_mock`, with what the API does not say (pixel sizes, frames per second, how long
a generation takes). `fixtures/models.evidence.json` gives the evidence for each value.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

from getimg_mock._shipped import read_text
from getimg_mock.world.catalogue_file import read_entries
from getimg_mock.world.sizes import Size, compute_size, parse_ratio

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from getimg_mock.world.catalogue_file import Entry

__all__ = ["Catalogue", "Model", "ModelType", "Rate", "Size", "Sound"]

ModelType = Literal["image", "video"]
Sound = Literal["sound_on", "sound_off", "not_applicable"]

FPS: Final = 24
"""Frames per second where a models file gives none: those of the documented video."""

SECONDS: Final[Mapping[ModelType, tuple[float, float]]] = {"image": (25, 35), "video": (20, 60)}
"""Shortest and longest seconds where a models file gives none (images: observed Jul 2026)."""

_LONGEST_ID: Final = 100


@dataclass(frozen=True, slots=True)
class Rate:
    """One price of a model: per picture or second, at a resolution (None is any), by sound."""

    billable_unit: str
    resolution: str | None
    sound: Sound
    unit_price: Decimal

    def as_json(self) -> dict[str, Any]:
        """Return the rate as the API shows it; the price keeps its digits."""
        return {
            "billable_unit": self.billable_unit,
            "resolution": self.resolution,
            "sound": self.sound,
            "unit_price": format(self.unit_price, "f"),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A model: what the API shows, and the frame rate, sizes and times that the fake needs."""

    id: str
    name: str
    type: ModelType
    created_at: datetime
    supported_aspect_ratios: tuple[str, ...]
    supported_resolutions: tuple[str, ...]
    supported_durations: tuple[int | float, ...]
    supported_references: Mapping[str, int]
    supports_sound: bool
    rates: tuple[Rate, ...]
    fps: int
    sizes: Mapping[tuple[str, str], Size]
    seconds: tuple[float, float]
    """Shortest and longest time of a generation, from the shortest video to the longest."""
    more: Mapping[str, Any]
    """Fields of the API's answer that this version does not know, kept unchanged."""

    def find_size(self, aspect_ratio: str, resolution: str) -> Size:
        """Return the size of a generation in pixels, computed where no table lists it."""
        listed = self.sizes.get((aspect_ratio, resolution))
        return listed or compute_size(aspect_ratio, resolution, video=self.type == "video")

    def find_rate(self, *, resolution: str, sound: bool) -> Rate | None:
        """Return the rate that applies, or None when the model has none for this.

        An exact resolution precedes any other, then an exact sound precedes `not_applicable`
        (inferred: api-facts section 6).
        """
        wanted = "sound_on" if sound else "sound_off"
        fitting = [
            rate
            for rate in self.rates
            if rate.resolution in {resolution, None} and rate.sound in {wanted, "not_applicable"}
        ]
        return min(
            fitting,
            key=lambda rate: (rate.resolution is None, rate.sound == "not_applicable"),
            default=None,
        )

    def as_json(self) -> dict[str, Any]:
        """Return exactly what `GET /v2/models/{model}` answers; the caller may change it."""
        milliseconds = self.created_at.astimezone(UTC).isoformat(timespec="milliseconds")
        return {
            "id": self.id,
            "name": self.name,
            "type": self.type,
            "created_at": milliseconds.removesuffix("+00:00") + "Z",
            "supported_aspect_ratios": list(self.supported_aspect_ratios),
            "supported_resolutions": list(self.supported_resolutions),
            "supported_durations": list(self.supported_durations),
            "supported_references": dict(self.supported_references),
            "supports_sound": self.supports_sound,
            "pricing": {"currency": "USD", "rates": [rate.as_json() for rate in self.rates]},
            **self.more,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """The models of one fake, in listing order; immutable."""

    models: Mapping[str, Model]

    def get(self, model_id: str) -> Model | None:
        """Return the model of that id, or None."""
        return self.models.get(model_id)

    def list_models(self, *, type: ModelType | None = None) -> tuple[Model, ...]:  # noqa: A002 - the API's word
        """Return the models, or those of one type, in their order."""
        return tuple(model for model in self.models.values() if type in {None, model.type})

    def find_nearest(self, model_id: str) -> str | None:
        """Return the id most similar to `model_id`, or None."""
        # Comparing takes quadratic time, and clients choose the length.
        if len(model_id) > _LONGEST_ID:
            return None
        close = get_close_matches(model_id.lower(), self.models, n=1, cutoff=0.5)
        return close[0] if close else None

    @classmethod
    def load_shipped(cls) -> Catalogue:
        """Return the catalogue of `fixtures/models.json`, read once."""
        return _load_shipped_catalogue()

    @classmethod
    def from_file(cls, path: Path) -> Catalogue:
        """Return the catalogue of a models file, which replaces or extends the shipped one.

        Raises `CatalogueError`; its message begins with the location of the error.
        """
        return cls(_build_models(read_entries(path, shipped=_load_shipped_entries())))

    def imagine_model(self, model_id: str, type: ModelType) -> Model:  # noqa: A002 - the API's word
        """Return an invented model of that id that supports everything, for the lenient mode."""
        return replace(_GENEROUS[type], id=model_id, name=model_id)


def _load_shipped_entries() -> list[Entry]:
    entries: list[Entry] = json.loads(read_text("fixtures", "models.json"))
    return entries


@cache
def _load_shipped_catalogue() -> Catalogue:
    # The tests validate it; doing so here would slow every start.
    return Catalogue(_build_models(_load_shipped_entries()))


def _build_models(entries: Iterable[Entry]) -> Mapping[str, Model]:
    return MappingProxyType({entry["id"]: _build_model(entry) for entry in entries})


def _build_model(entry: Entry) -> Model:
    """Return the model of a valid entry; what `x_mock` leaves out is computed."""
    known = dict(entry)
    ours = known.pop("x_mock", {})
    type_: ModelType = known.pop("type")
    ratios: tuple[str, ...] = tuple(known.pop("supported_aspect_ratios"))
    resolutions: tuple[str, ...] = tuple(known.pop("supported_resolutions"))
    low, high = ours.get("seconds", SECONDS[type_])
    return Model(
        id=known.pop("id"),
        name=known.pop("name"),
        type=type_,
        created_at=datetime.fromisoformat(known.pop("created_at")),
        supported_aspect_ratios=ratios,
        supported_resolutions=resolutions,
        supported_durations=tuple(known.pop("supported_durations")),
        supported_references=MappingProxyType(known.pop("supported_references")),
        supports_sound=known.pop("supports_sound"),
        rates=tuple(_build_rate(rate) for rate in known.pop("pricing")["rates"]),
        fps=ours.get("fps", FPS),
        sizes=_build_sizes(ratios, resolutions, ours.get("sizes", {}), video=type_ == "video"),
        seconds=(low, high),
        more=MappingProxyType(known),
    )


def _build_rate(entry: Entry) -> Rate:
    return Rate(
        billable_unit=entry["billable_unit"],
        resolution=entry["resolution"],
        sound=entry["sound"],
        unit_price=Decimal(entry["unit_price"]),
    )


def _build_sizes(
    ratios: tuple[str, ...],
    resolutions: tuple[str, ...],
    listed: Mapping[str, Mapping[str, list[int]]],
    *,
    video: bool,
) -> Mapping[tuple[str, str], Size]:
    # For a word such as "auto" the model chooses: the first ratio in numbers.
    usual = next((each for each in ratios if parse_ratio(each) is not None), "")
    sizes: dict[tuple[str, str], Size] = {}
    for ratio in ratios:
        shape = ratio if parse_ratio(ratio) is not None else usual
        row = listed.get(ratio) or listed.get(shape, {})
        for resolution in resolutions:
            pair = row.get(resolution)
            sizes[ratio, resolution] = (
                Size(*pair) if pair else compute_size(shape, resolution, video=video)
            )
    return MappingProxyType(sizes)


def _build_generous(type_: ModelType, resolutions: tuple[str, ...], unit: str, price: str) -> Model:
    video = type_ == "video"
    ratios = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3", "4:5", "5:4", "21:9")
    roles = ("reference_image", "first_frame", "last_frame") if video else ("reference_image",)
    return Model(
        id="",
        name="",
        type=type_,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        supported_aspect_ratios=ratios if video else ("1:1", *(r for r in ratios if r != "1:1")),
        supported_resolutions=resolutions,
        supported_durations=(5, *(n for n in range(1, 61) if n != 5)) if video else (),
        supported_references=MappingProxyType(dict.fromkeys(roles, 8)),
        supports_sound=video,
        rates=(Rate(unit, None, "not_applicable", Decimal(price)),),
        fps=FPS,
        sizes=_build_sizes(ratios, resolutions, {}, video=video),
        seconds=SECONDS[type_],
        more=MappingProxyType({}),
    )


_GENEROUS: Final[Mapping[ModelType, Model]] = {
    "image": _build_generous("image", ("1K", "2K", "3K", "4K"), "image", "0.04"),
    "video": _build_generous("video", ("1080p", "720p", "480p"), "video_second", "0.05"),
}
