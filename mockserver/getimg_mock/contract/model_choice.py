"""Choosing the models of plans: the cheapest that can do what a plan needs."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal

from getimg_mock.contract.exchanges import parse_decimal
from getimg_mock.world.catalogue import Catalogue

if TYPE_CHECKING:
    from collections.abc import Sequence

ModelJson = dict[str, Any]
ModelKind = Literal["image", "video"]

PIXEL: Final = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "YPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
"""A PNG of one pixel as a data URL: a reference image that needs no fetch."""


def leave_out_zeros(model: ModelJson) -> ModelJson:
    """Return a model without the roles of which it takes no reference: they may be listed."""
    roles = model["supported_references"].items()
    return {**model, "supported_references": {role: most for role, most in roles if most}}


def list_usable(models: Sequence[ModelJson]) -> list[ModelJson]:
    """Return the models that have defaults, without the roles of which they take no reference."""
    return [leave_out_zeros(each) for each in models if has_defaults(each)]


def has_defaults(model: ModelJson) -> bool:
    """Return whether a model lists a first ratio, resolution and, for a video, duration."""
    names = ["supported_aspect_ratios", "supported_resolutions"]
    names += ["supported_durations"] if model["type"] == "video" else []
    return all(model[name] for name in names)


def load_shipped_models() -> list[dict[str, Any]]:
    """Return the shipped catalogue in the form of `GET /v2/models`."""
    return [model.as_json() for model in Catalogue.load_shipped().list_models()]


def find_cheapest(models: Sequence[ModelJson], kind: ModelKind) -> ModelJson:
    """Return the model of `kind` whose lowest rate is the lowest; raises `LookupError`."""
    found = [model for model in models if model.get("type") == kind]
    if not found:
        raise LookupError(f"The catalogue has no {kind} model.")
    return min(found, key=_find_lowest_price)


def list_pictured(models: Sequence[ModelJson], kind: ModelKind) -> list[ModelJson]:
    """Return the cheapest model of `kind` that takes references, alone; empty if none does."""
    pictured = [model for model in models if model.get("supported_references")]
    try:
        return [find_cheapest(pictured, kind)]
    except LookupError:
        return []


def _find_lowest_price(model: ModelJson) -> Decimal:
    prices = [parse_decimal(rate.get("unit_price")) for rate in model["pricing"]["rates"]]
    return min((price for price in prices if price is not None), default=Decimal(10**9))


def build_small_request(model: ModelJson, **more: Any) -> dict[str, Any]:
    """Return the cheapest request for a model, with few pixels and seconds."""
    body: dict[str, Any] = {"model": model["id"], "prompt": "A lighthouse in a storm"}
    body |= choose_few_pixels(model)
    if model.get("type") == "video" and model.get("supported_durations"):
        body["duration"] = min(model["supported_durations"])
    return body | more


def select_fewest_pixels(models: Sequence[ModelJson]) -> list[ModelJson]:
    """Return the models that can make the smallest pictures; all, where none lists resolutions."""
    ranks = [
        min(map(rank_resolution, model.get("supported_resolutions") or ["0"])) for model in models
    ]
    return [model for model, rank in zip(models, ranks, strict=True) if rank == min(ranks)]


def choose_few_pixels(model: ModelJson) -> dict[str, str]:
    """Return the fields that request the fewest pixels of a model."""
    resolutions = model.get("supported_resolutions") or []
    return {"resolution": min(resolutions, key=rank_resolution)} if resolutions else {}


def find_largest_resolution(model: ModelJson) -> str:
    """Return the resolution of a model that has the most pixels."""
    resolutions: list[str] = model["supported_resolutions"]
    return max(resolutions, key=rank_resolution)


def find_most_pixels(models: Sequence[ModelJson], kind: ModelKind) -> ModelJson:
    """Return the cheapest model of those of `kind` that make the most pixels."""
    ranks = [
        (rank_resolution(find_largest_resolution(model)), model)
        for model in models
        if model.get("type") == kind
    ]
    most = max(rank for rank, _ in ranks)
    return find_cheapest([model for rank, model in ranks if rank == most], kind)


def find_upright_ratio(model: ModelJson) -> str | None:
    """Return the first aspect ratio of a model that is higher than wide."""
    found = (each.partition(":") for each in model.get("supported_aspect_ratios") or [])
    return next(
        (
            f"{across}:{down}"
            for across, _, down in found
            if across.isdigit() and down.isdigit() and int(across) < int(down)
        ),
        None,
    )


def rank_resolution(resolution: str) -> tuple[int, str]:
    """Return a key that sorts the names of resolutions by size."""
    digits = "".join(each for each in resolution if each.isdigit())
    return (int(digits) * (1000 if resolution.endswith("K") else 1) if digits else 0, resolution)


def get_kind(model: ModelJson) -> ModelKind:
    """Return the kind of media that a model makes."""
    return "image" if model["type"] == "image" else "video"
