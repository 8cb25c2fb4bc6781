"""What can be wrong with a drawn request: one known fault in a body that was right.

Each fault changes a body and returns which field it is about.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from getimg_mock import schemas
from getimg_mock.contract.model_choice import PIXEL
from getimg_mock.contract.plans import encode_body, post
from getimg_mock.contract.provider.corpus.input_values import (
    ROLES,
    UNFETCHABLE_URLS,
    disguise,
    list_bad_durations,
)
from getimg_mock.contract.provider.valid_requests import SUPPORTED_VALUES, build_valid_body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from getimg_mock.contract.model_choice import ModelJson
    from getimg_mock.contract.provider.choices import Choices
    from getimg_mock.contract.steps import Send

    Body = dict[str, Any]
    Fault = Callable[[Choices, ModelJson, Body], str]

# How the checks call a breach of a bound, by the field that has it.
_BOUND_FAULTS: Final = {
    "prompt": "length",
    "duration": "model-value",
    "images": "reference-count",
    "url": "reference-url",
}


def build_faulty(choices: Choices, model: ModelJson) -> Send:
    """Return a request with exactly one known fault, which must be refused."""
    kind, body = model["type"], build_valid_body(choices, model)
    fault = choices.choose(_list_faults(kind))
    data: Any = body
    if fault == "malformed":
        field, whole = "", encode_body(body)
        data = whole[: choices.choose_number(0, len(whole) - 1)]
    elif fault == "number-form":
        field = choices.choose(list_bad_durations(model))
        data = encode_body(body | {"duration": 0}).replace(
            b'"duration":0', b'"duration":%b' % field.encode()
        )
    elif fault == "bound":
        bounds = list_bound_breaches(kind)
        field, fault, value = bounds[choices.choose_number(0, len(bounds) - 1)]
        body[field] = value
    else:
        field = _FAULTS[fault](choices, model, body)
    return post(kind, data, valid=False, fault=fault, field=field)


@cache
def _list_faults(kind: str) -> tuple[str, ...]:
    return (*_FAULTS, "malformed", "bound", *(["number-form"] if kind == "video" else []))


@cache
def list_fields(kind: str) -> dict[str, Any]:
    """Return the fields of a request with their schemas; those of a reference as `images[].url`."""
    fields: dict[str, Any] = schemas.schema(f"{kind}-request")["properties"]
    inner = fields["images"]["items"]
    of_references = {f"images[].{name}": each for name, each in inner["properties"].items()}
    return fields | {"images[]": inner} | of_references


@cache
def list_bound_breaches(kind: str) -> tuple[tuple[str, str, Any], ...]:
    """Return a field, a fault and a value for each bound of the schema, just beyond it."""
    return tuple(_exceed_bounds(kind))


def _exceed_bounds(kind: str) -> Iterator[tuple[str, str, Any]]:
    reference = {"url": PIXEL, "role": "reference_image"}
    for name, schema in list_fields(kind).items():
        last = name.rpartition(".")[2]
        values: list[Any] = []
        if "minLength" in schema:
            values.append("a" * (schema["minLength"] - 1))
        if "maxLength" in schema:
            values += [letter * (schema["maxLength"] + 1) for letter in ("a", "\U0001f30a")]
        if "minimum" in schema:
            values.append(schema["minimum"] - 1)
        if "maxItems" in schema:
            values.append([reference] * (schema["maxItems"] + 1))
        for value in values:
            inside = name.startswith("images[]")
            yield (
                "images" if inside else name,
                _BOUND_FAULTS[last],
                [reference | {last: value}] if inside else value,
            )


def _missing(choices: Choices, model: ModelJson, body: Body) -> str:
    field: str = choices.choose(_list_required(model["type"]))
    if field in body:
        del body[field]
    else:
        reference = {"url": PIXEL, "role": "reference_image"}
        del reference[field.removeprefix("images[].")]
        body["images"] = [reference]
    return field


@cache
def _list_required(kind: str) -> tuple[str, ...]:
    schema = schemas.schema(f"{kind}-request")
    inner = schema["properties"]["images"]["items"]["required"]
    return (*schema["required"], *(f"images[].{name}" for name in inner))


def _type(choices: Choices, model: ModelJson, body: Body) -> str:
    field: str = choices.choose(tuple(list_fields(model["type"])))
    value = choices.make_mistyped(list_fields(model["type"])[field]["type"])
    if field == "images[]":
        body["images"] = [value]
    elif field.startswith("images[]."):
        body["images"] = [{"url": PIXEL, "role": "reference_image", field[9:]: value}]
    else:
        body[field] = value
    return field


def _enum(choices: Choices, model: ModelJson, body: Body) -> str:
    field, value = choices.choose(_list_unlisted(model["type"]))
    body[field] = [{"url": PIXEL, "role": value}] if field == "images" else value
    return f"{field} = {value!r}"


@cache
def _list_unlisted(kind: str) -> tuple[tuple[str, str], ...]:
    fields = list_fields(kind)
    formats = fields.get("output_format", {}).get("enum", ())
    found = [("output_format", value) for listed in formats for value in disguise(listed)]
    return (*found, *(("images", value) for listed in ROLES for value in disguise(listed)))


def _model_value(choices: Choices, model: ModelJson, body: Body) -> str:
    field: str = choices.choose(tuple(SUPPORTED_VALUES))
    body[field] = choices.write_unlisted(tuple(model[SUPPORTED_VALUES[field]]))
    return field


def _unknown_model(choices: Choices, model: ModelJson, body: Body) -> str:
    body["model"] = choices.choose(("no-such-model", "", *disguise(model["id"])))
    return repr(body["model"])


def _url(choices: Choices, model: ModelJson, body: Body) -> str:
    role = next(iter(model["supported_references"]), "reference_image")
    body["images"] = [{"url": choices.choose(UNFETCHABLE_URLS), "role": role}]
    return str(body["images"][0]["url"])[:60]


def _too_many(choices: Choices, model: ModelJson, body: Body) -> str:
    """Name one reference more than the model takes: the first of a role it does not support."""
    roles = ROLES if model["type"] == "video" else ROLES[:1]
    role = choices.choose(roles)
    images = [{"url": PIXEL, "role": role}] * (model["supported_references"].get(role, 0) + 1)
    beside = [{"url": PIXEL, "role": "first_frame"}] if role == "last_frame" else []
    body["images"] = [*beside, *images]
    return f"{len(images)} with {role}"


def _combination(choices: Choices, model: ModelJson, body: Body) -> str:
    """Combine roles that exclude each other, or leave a last frame without a first."""
    roles = choices.choose(
        (
            ("last_frame",),
            ("reference_image", "first_frame"),
            ("first_frame", "last_frame", "reference_image"),
        )
    )
    body["images"] = [{"url": PIXEL, "role": role} for role in roles]
    del model
    return " with ".join(roles)


_FAULTS: Final[dict[str, Fault]] = {
    "missing": _missing,
    "type": _type,
    "enum": _enum,
    "model-value": _model_value,
    "unknown-model": _unknown_model,
    "reference-url": _url,
    "reference-count": _too_many,
    "reference-role": _combination,
}
