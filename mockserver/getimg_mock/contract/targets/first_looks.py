"""What is asked of a service before any plan: its models, and its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from getimg_mock import schemas
from getimg_mock.contract.model_choice import find_cheapest, list_usable, load_shipped_models
from getimg_mock.contract.plans import Plan, get, post
from getimg_mock.errors import SettingsError

if TYPE_CHECKING:
    from getimg_mock.contract.model_choice import ModelKind
    from getimg_mock.contract.targets.http_target import HttpTarget


def fetch_catalogue(address: HttpTarget) -> list[dict[str, Any]]:
    """Return the models of the target that have defaults; the shipped ones if its list is bad.

    Raises `SettingsError` when nothing answers there, or when it refuses one of the keys.
    """
    asked = [get("/v2/models", key=name) for name in address.keys]
    history = address.run(Plan(name="the catalogue", steps=tuple(asked), keys=len(asked)))
    listed = history.exchanges[0]
    if listed.status == 0:
        raise SettingsError(f"{address.url} does not answer: {listed.body.decode()}.")
    for each in history:
        if each.status == 401:
            option = "--key (or GETIMG_API_KEY)" if each.key == "a" else "--second-key"
            raise SettingsError(f"{address.url} refuses the key of {option} with status 401.")
    models = listed.plain
    if listed.status != 200 or schemas.violations("model-list", models) or not models:
        return load_shipped_models()
    return list_usable(models)


def fetch_limits(address: HttpTarget, *, paid: bool) -> dict[str, int]:
    """Return the limits of images and videos a minute, as far as the target states them.

    Only the answer to a submission states that of images, and often that of videos. With `paid`,
    one of each kind without a prompt is sent for it.
    """
    kinds: tuple[ModelKind, ...] = ("image", "video")
    refused = [
        post(kind, {"model": find_cheapest(address.models, kind)["id"]}, name=kind, valid=False)
        for kind in kinds
    ]
    look = get("/v2/videos/generations/req-01ZZZZZZZZZZZZ", name="video")
    plan = Plan(name="the limits", tier="R1", steps=(look, *refused) if paid else (look,))
    found = {}
    for each in address.run(plan):
        limit = each.fields.get("x-ratelimit-limit", "")
        if each.step is not None and limit.isascii() and limit.isdigit():
            found[each.step.name] = int(limit)
    return found
