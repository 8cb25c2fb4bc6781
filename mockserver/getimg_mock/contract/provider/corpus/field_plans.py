"""Plans about the fields of a request.

For each rule there is a request that keeps it, and one that breaks it and no other.
"""

from __future__ import annotations

import json
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any, Final

from getimg_mock import schemas
from getimg_mock.contract.model_choice import (
    PIXEL,
    build_small_request,
    find_cheapest,
    find_largest_resolution,
    get_kind,
)
from getimg_mock.contract.plans import Plan, encode_body, post
from getimg_mock.contract.provider.corpus.file_steps import request_file
from getimg_mock.contract.provider.corpus.input_values import (
    FOREIGN_LETTERS,
    LONG_PROMPTS,
    OBJECT_MEMBERS,
    ROLES,
    disguise,
    list_bad_durations,
    list_mistyped_values,
)
from getimg_mock.contract.provider.corpus.refused_plans import build_refused_plan
from getimg_mock.contract.steps import Poll

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from getimg_mock.contract.model_choice import ModelJson, ModelKind
    from getimg_mock.contract.steps import Send, Step

_FEW: Final = 3
"""How many values are tried that other models take."""

_COUNTS: Final = ("number_of_images", "num_images", "num_outputs", "batch_size", "samples")
"""How other APIs, and older ones, name the number of results: none is made, or paid, more."""

_AT_ONCE: Final = 3
"""How many videos are begun at the same time; services allow at least as many."""


def build_plans(models: Sequence[ModelJson], *, thorough: bool) -> Iterator[Plan]:
    """Yield the plans about fields and their values.

    Unless `thorough`, the file of each value is downloaded: other plans of a fake show these.
    """
    kinds: tuple[ModelKind, ...] = ("image", "video")
    for kind in kinds:
        yield from _build_kind_plans(kind, models)
    yield build_refused_plan(
        "videos: forms of numbers", _build_bad_number_steps(find_cheapest(models, "video"))
    )
    yield Plan(
        name="videos: one number in several forms",
        tier="R2",
        steps=tuple(_build_number_steps(find_cheapest(models, "video"))),
    )
    for place, model in enumerate(models):
        yield build_refused_plan(
            f"{model['id']}: what it does not support", _build_unsupported_steps(model, models)
        )
        large = [] if thorough else _list_largest(model)[place % 2 :: 2]
        yield from _build_supported_plans(
            model, [*_list_supported(model), *large], files=not thorough
        )


def _build_kind_plans(kind: ModelKind, models: Sequence[ModelJson]) -> Iterator[Plan]:
    """Yield the plans about the fields of one kind of request."""
    model = find_cheapest(models, kind)
    yield build_refused_plan(f"{kind}s: missing fields", _build_missing_field_steps(kind, model))
    sounding = next((m for m in models if kind == "video" and m.get("supports_sound")), model)
    yield build_refused_plan(f"{kind}s: wrong types", _build_type_steps(kind, model, sounding))
    yield build_refused_plan(
        f"{kind}s: values outside of the lists", _build_value_steps(kind, model, models)
    )
    yield build_refused_plan(
        f"{kind}s: prompts too short and too long", _build_length_steps(kind, model)
    )
    yield Plan(
        name=f"{kind}s: prompts of 1 and 4096 characters",
        tier="R2",
        steps=tuple(_build_allowed_length_steps(kind, model)),
    )
    yield Plan(
        name=f"{kind}s: unknown fields",
        tier="R2",
        steps=tuple(_build_unknown_field_steps(kind, model)),
    )


def _build_missing_field_steps(kind: ModelKind, model: ModelJson) -> Iterator[Send]:
    for field in ("model", "prompt"):
        body = build_small_request(model)
        del body[field]
        for _ in range(2):
            yield post(kind, body, valid=False, fault="missing", field=field)
    body = {"model": model["id"], "resolution": "9K"}
    yield post(kind, body, valid=False, fault="two-faults", field="prompt and resolution")
    yield post(kind, {}, valid=False, fault="missing", field="model and prompt")
    body = build_small_request(model) | {"images": [{"role": "reference_image"}]}
    yield post(kind, body, valid=False, fault="missing", field="images[0].url")
    if kind == "video":
        body = build_small_request(model) | {"images": [{"url": PIXEL}]}
        yield post(kind, body, valid=False, fault="missing", field="images[0].role")


def _build_type_steps(kind: ModelKind, model: ModelJson, sounding: ModelJson) -> Iterator[Send]:
    """Yield values of a wrong type; those of `sound` for a model that would heed them."""
    fields = schemas.schema(f"{kind}-request")["properties"]
    for field, schema in fields.items():
        values = list_mistyped_values(field, schema)
        if field == "duration":  # which a service could cut, or round, to one that it takes
            length = model["supported_durations"][0]
            values += [f"{length}", length + 0.4, length - 0.4]
        for value in values:
            shown = f"{field} = {json.dumps(value)[:40]}"
            yield post(
                kind,
                build_small_request(sounding if field == "sound" else model) | {field: value},
                valid=False,
                fault="type",
                field=shown,
            )
    for name, schema in fields["images"]["items"]["properties"].items():
        for value in list_mistyped_values(name, schema):
            image = {"url": PIXEL, "role": "reference_image"} | {name: value}
            yield post(
                kind,
                build_small_request(model) | {"images": [image]},
                valid=False,
                fault="type",
                field=f"images[0].{name} = {json.dumps(value)[:40]}",
            )


def _build_value_steps(
    kind: ModelKind, model: ModelJson, models: Sequence[ModelJson]
) -> Iterator[Send]:
    formats = schemas.schema(f"{kind}-request")["properties"].get("output_format", {})
    for listed in formats.get("enum", ()):
        for value in (*disguise(listed), "jpg", "gif", "", f"{listed}\u0000"):
            yield post(
                kind,
                build_small_request(model) | {"output_format": value},
                valid=False,
                fault="enum",
                field=f"output_format = {value!r}",
            )
    yield from _build_role_steps(kind, models)
    other = find_cheapest(models, "video" if kind == "image" else "image")
    for body in (build_small_request(model) | {"model": other["id"]}, build_small_request(other)):
        yield post(kind, body, valid=False, fault="wrong-kind", field=other["id"])
    # Without further fields, whose values another model may not support.
    for name in ("no-such-model", model["id"] + "-2", *OBJECT_MEMBERS, *FOREIGN_LETTERS):
        bare = {"model": name, "prompt": "A lighthouse in a storm"}
        yield post(kind, bare, valid=False, fault="unknown-model", field=repr(name))
    for name in ("no-such-model", "", model["id"].upper(), model["id"] + " ", "../models"):
        for _ in range(2):
            yield post(
                kind,
                build_small_request(model) | {"model": name},
                valid=False,
                fault="unknown-model",
                field=repr(name),
            )


def _build_role_steps(kind: ModelKind, models: Sequence[ModelJson]) -> Iterator[Send]:
    for listed in ROLES:
        model = next(
            (m for m in models if m["type"] == kind and m["supported_references"].get(listed)), None
        )
        beside = [{"url": PIXEL, "role": "first_frame"}] if listed == "last_frame" else []
        for role in (*disguise(listed), "style", "", listed.replace("_", "-")) if model else ():
            body = build_small_request(model or {}) | {
                "images": [{"url": PIXEL, "role": role}, *beside]
            }
            yield post(kind, body, valid=False, fault="enum", field=f"role = {role!r}")


def _build_length_steps(kind: ModelKind, model: ModelJson) -> Iterator[Send]:
    for text in ("", "a" * 4097, "\U0001f30a" * 4097):
        yield post(
            kind,
            build_small_request(model) | {"prompt": text},
            valid=False,
            fault="length",
            field=f"a prompt of {len(text)}",
        )


def _build_allowed_length_steps(kind: ModelKind, model: ModelJson) -> Iterator[Send]:
    for text in ("a", *LONG_PROMPTS):
        yield post(kind, build_small_request(model) | {"prompt": text}, valid=True, use="length")


def _build_unknown_field_steps(kind: ModelKind, model: ModelJson) -> Iterator[Send]:
    others = ({"seed": 5}, {"width": 512, "height": 512}, {"x_trace": {"a": [1]}}, {"n": 1})
    for more in (*others, dict.fromkeys(_COUNTS, 3)):
        for _ in range(2):
            yield post(
                kind,
                build_small_request(model) | more,
                fault="unknown-field",
                group=f"unknown-field of {kind}s",
                field=", ".join(more),
            )


def _encode_duration(model: ModelJson, form: str) -> bytes:
    return encode_body(build_small_request(model, duration=0)).replace(
        b'"duration":0', f'"duration":{form}'.encode()
    )


def _build_bad_number_steps(model: ModelJson) -> Iterator[Send]:
    for form in list_bad_durations(model):
        yield post(
            "video",
            _encode_duration(model, form),
            valid=False,
            fault="number-form",
            field=f"duration = {form}",
        )
    for form in ("NaN", "Infinity"):
        body = _encode_duration(model, form)
        yield post("video", body, valid=False, fault="no-number", field=f"duration = {form}")


def _build_number_steps(model: ModelJson) -> Iterator[Send]:
    first = model["supported_durations"][0]
    for form in (f"{first}", f"{first}.0", f"{first}e0", f"{first}00e-2"):
        yield post("video", _encode_duration(model, form), group="number", use="number", field=form)


def _build_unsupported_steps(model: ModelJson, models: Sequence[ModelJson]) -> Iterator[Send]:
    kind = get_kind(model)
    others = [each for each in models if each["type"] == model["type"]]
    known, ratios = model["supported_resolutions"], model["supported_aspect_ratios"]
    wrong: dict[str, Iterable[object]] = {
        "resolution": (
            "8K",
            "1k",
            "144p",
            "",
            *FOREIGN_LETTERS,
            *disguise(known[0]),
            *_list_unlisted("resolution", others, known, ("1K", "4K", "720p")),
        ),
        "aspect_ratio": [
            each
            for each in ("5:7", *disguise(ratios[0]), "16x9", "", "0:0", "9:21")
            if each not in ratios
        ]
        + _list_unlisted("aspect_ratio", others, ratios, ("5:4", "4:5", "2:1")),
        "duration": list_unsupported_seconds(model) if kind == "video" else (),
    }
    for field, values in wrong.items():
        for value in values:
            yield post(
                kind,
                build_small_request(model) | {field: value},
                valid=False,
                fault="model-value",
                field=f"{field} = {value!r}",
            )


def _list_unlisted(
    field: str, others: Sequence[ModelJson], known: Sequence[str], more: Sequence[str]
) -> list[str]:
    """Return a few values that a model does not list: of other models, and usual ones."""
    found = [value for each in others for value in each[f"supported_{field}s"]]
    return [each for each in dict.fromkeys([*more[:1], *found, *more]) if each not in known][:_FEW]


def list_unsupported_seconds(model: ModelJson) -> list[int]:
    """Return lengths that a model does not take: outside of its own, between and next to them."""
    known = sorted(model["supported_durations"])
    found = {0, 1, 3, 13, 60, 3600, known[0] - 1, known[-1] + 1}
    for shorter, longer in pairwise(known):
        found |= {shorter + 1, (shorter + longer) // 2}
    return sorted(each for each in found - {*known} if each >= 0)


def _build_supported_plans(
    model: ModelJson, orders: Sequence[dict[str, Any]], *, files: bool
) -> Iterator[Plan]:
    """Yield the plans about what a model takes: several for videos, which run side by side."""
    lengths = [each for each in orders if "duration" in each]
    others = [each for each in orders if "duration" not in each]
    few = 2 * _AT_ONCE if model["type"] == "video" else len(others)
    parts = {
        "what it supports": others[:few],
        "what else it supports": others[few:],
        "each length": lengths,
    }
    for name, some in parts.items():
        if some:
            yield Plan(
                name=f"{model['id']}: {name}",
                tier="R2",
                concurrent=True,
                steps=tuple(_build_supported_steps(model, some, files=files)),
            )


def _build_supported_steps(
    model: ModelJson, orders: Sequence[dict[str, Any]], *, files: bool
) -> Iterator[Step]:
    """Yield orders of what a model takes, videos a few at the same time."""
    kind = get_kind(model)
    for first in range(0, len(orders), _AT_ONCE):
        batch = {_describe_order(more): more for more in orders[first : first + _AT_ONCE]}
        for shown, more in batch.items():
            # Videos of one moment may swap their results.
            at_once = kind == "video" and len(batch) > 1
            yield post(
                kind,
                build_small_request(model) | more,
                valid=True,
                use="model-value",
                field=shown,
                name=shown,
                together=at_once,
                group=f"{model['id']}, from {first + 1}" if at_once else "",
            )
        if kind == "video":
            yield from (Poll(of=shown, every=60) for shown in batch)
        for shown, more in batch.items() if files else ():
            # Long videos are downloaded elsewhere.
            if "duration" not in more:
                yield request_file(f"{shown}.now" if kind == "video" else shown)


def _describe_order(fields: dict[str, Any]) -> str:
    return ", ".join(f"{field} = {value!r}" for field, value in fields.items())


def _list_largest(model: ModelJson) -> list[dict[str, Any]]:
    """Return the fields of the largest pictures: in the formats left over, and of each shape.

    A service may make what is large in another way than what is small. They take long to make, so
    that each model is asked for one of them, by turns.
    """
    if model["type"] != "image" or not model["supported_resolutions"]:
        return []
    largest = {"resolution": find_largest_resolution(model)}
    ratios = model["supported_aspect_ratios"]
    shapes = {choose: choose(ratios, key=_compute_ratio) for choose in (min, max) if ratios}
    tallest, widest = ({"aspect_ratio": each} for each in shapes.values()) if ratios else ({}, {})
    return [
        largest | {"output_format": "png"} | tallest,
        largest | {"output_format": "webp"} | widest,
    ]


def _compute_ratio(ratio: str) -> float:
    across, _, down = ratio.partition(":")
    known = across.isdigit() and down.isdigit() and int(down)
    return int(across) / int(down) if known else 1.0


def _list_supported(model: ModelJson) -> Iterator[dict[str, Any]]:
    """Yield the fields of each value that a model takes, and of each price of its videos."""
    sounds = [False, True] if model["supports_sound"] else [False]
    yield from ({"aspect_ratio": each} for each in model["supported_aspect_ratios"])
    if model["type"] == "image":
        yield from ({"resolution": each} for each in model["supported_resolutions"])
        yield from ({"output_format": each} for each in ("png", "jpeg", "webp"))
    else:
        kinds = [
            {"sound": sound} | ({"resolution": resolution} if resolution else {})
            for sound, resolution in product(sounds, model["supported_resolutions"] or [None])
        ]
        yield from kinds
        for place, seconds in enumerate(model["supported_durations"]):
            yield {"duration": seconds} | kinds[place % len(kinds)]
