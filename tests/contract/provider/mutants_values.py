"""Providers that take values of a wrong type, or that look like listed ones; and doubled keys."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from tests.contract.provider.mutants import Mutant
from tests.contract.provider.mutants_input import lenient, refuse, text
from tests.contract.provider.wrapping import Asked, Reply, Scene, answering

if TYPE_CHECKING:
    from collections.abc import Callable


def _forgives(field: str, *types: type) -> Callable[[dict[str, Any]], None]:
    """Forget a field of a type that it cannot have."""

    def repair(body: dict[str, Any]) -> None:
        if isinstance(body.get(field), types):
            del body[field]

    return repair


def _references_in(body: dict[str, Any]) -> list[dict[str, Any]]:
    images = body.get("images")
    return [each for each in images if isinstance(each, dict)] if isinstance(images, list) else []


def _any_type_of_role(body: dict[str, Any]) -> None:
    for image in _references_in(body):
        if isinstance(image.get("role"), (bool, list, dict)):
            image["role"] = "reference_image"


def _frames(edit: Callable[[str], str]) -> Callable[[dict[str, Any]], None]:
    def repair(body: dict[str, Any]) -> None:
        for image in _references_in(body):
            if edit(text(image, "role")) in {"first_frame", "last_frame"}:
                image["role"] = edit(image["role"])

    return repair


def _trimmed_resolution(body: dict[str, Any]) -> None:
    if text(body, "resolution").strip():
        body["resolution"] = body["resolution"].strip()


def _folded(field: str) -> Callable[[dict[str, Any]], None]:
    """Fold what looks like a Latin letter or digit, as NFKC and lists of confusables do."""

    def repair(body: dict[str, Any]) -> None:
        if text(body, field):
            folded = unicodedata.normalize("NFKC", body[field])
            body[field] = folded.replace("\u041a", "K").replace("\u0440", "p")

    return repair


def _has_last_frame(body: dict[str, Any]) -> bool:
    roles = [image.get("role") for image in _references_in(body)]
    return roles == ["first_frame", "last_frame"]


def _crashes_on_duplicates(asked: Asked, scene: Scene) -> Reply | None:
    if asked.submits and asked.body.count(b'"prompt":') > 1 and asked.json:
        reply = scene.send(asked)
        reply.status = 500
        reply.say({"error": {"code": "server_error", "message": "Something went wrong"}})
        return reply
    return None


def _duplicate_prompts(asked: Asked, scene: Scene) -> Reply | None:
    twice = asked.body.count(b'"prompt":') > 1 and asked.json
    return refuse(lambda _: True)(asked, scene) if twice else None


VALUES: tuple[Mutant, ...] = tuple(
    Mutant(name=name, kind="validation", breaks=breaks, wrap=answering(answer))
    for name, breaks, answer in (
        ("true-is-a-ratio", "GP202", lenient(_forgives("aspect_ratio", bool))),
        ("an-object-is-a-resolution", "GP202", lenient(_forgives("resolution", dict))),
        ("format-of-any-type", "GP202", lenient(_forgives("output_format", bool, dict))),
        ("true-is-a-list", "GP202", lenient(_forgives("images", bool))),
        ("role-of-any-type", "GP202", lenient(_any_type_of_role)),
        ("frames-without-case", "GP203", lenient(_frames(str.lower))),
        ("frames-with-spaces", "GP203", lenient(_frames(str.strip))),
        ("resolution-with-spaces", "GP204", lenient(_trimmed_resolution)),
        ("resolution-in-cyrillic", "GP204", lenient(_folded("resolution"))),
        ("ratio-in-full-width", "GP204", lenient(_folded("aspect_ratio"))),
        ("refuses-a-last-frame", "GP204", refuse(_has_last_frame)),
        ("crashes-on-duplicate-keys", "GP207", _crashes_on_duplicates),
        ("duplicate-prompts-are-refused", "GP207", _duplicate_prompts),
    )
)
