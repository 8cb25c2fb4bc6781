"""What can be wrong with a drawn request: one known fault in a body that was right.

Each fault changes a body and returns which field it is about. What it draws from is made once.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st

from getimg_mock import schemas
from getimg_mock.contract.model_choice import PIXEL
from getimg_mock.contract.plans import encode_body, post
from getimg_mock.contract.provider.corpus.input_values import (
    ROLES,
    UNFETCHABLE_URLS,
    disguise,
    list_bad_durations,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from getimg_mock.contract.model_choice import ModelJson
    from getimg_mock.contract.steps import Send

    Body = dict[str, Any]
    Fault = Callable[[st.DrawFn, ModelJson, Body], str]

SUPPORTED_VALUES: Final = {
    "aspect_ratio": "supported_aspect_ratios",
    "resolution": "supported_resolutions",
}
# How the checks call a breach of a bound, by the field that has it.
_BOUND_FAULTS: Final = {
    "prompt": "length",
    "duration": "model-value",
    "images": "reference-count",
    "url": "reference-url",
}
_TYPES: Final[dict[str, Callable[[Any], bool]]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "integer": lambda value: not isinstance(value, bool) and isinstance(value, (int, float)),
}

# A strategy that is made anew for each drawing costs more than what it draws: all are made once.
sampled = lru_cache(maxsize=4096)(st.sampled_from)
between = lru_cache(maxsize=4096)(st.integers)


@cache
def odd_values() -> st.SearchStrategy[Any]:
    """Draw JSON values of every type, with the numbers and texts that break parsers."""
    leaves = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64),
        st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from(["", " ", "null", "true", "0", "\u0000", "\U0001f30a", "\ufeff", "%s"]),
        st.text(max_size=10),
    )
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        ),
        max_leaves=6,
    )


@st.composite
def faulty(draw: st.DrawFn, model: ModelJson, bodies: st.SearchStrategy[Body]) -> Send:
    """Draw a request with exactly one known fault, which must be refused."""
    kind, body = model["type"], draw(bodies)
    fault = draw(sampled(_list_faults(kind)))
    data: Any = body
    if fault == "malformed":
        field, whole = "", encode_body(body)
        data = whole[: draw(between(0, len(whole) - 1))]
    elif fault == "number-form":
        field = draw(sampled(list_bad_durations(model)))
        data = encode_body(body | {"duration": 0}).replace(
            b'"duration":0', b'"duration":%b' % field.encode()
        )
    elif fault == "bound":
        bounds = list_bound_breaches(kind)
        field, fault, value = bounds[draw(between(0, len(bounds) - 1))]
        body[field] = value
    else:
        field = _FAULTS[fault](draw, model, body)
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


def _missing(draw: st.DrawFn, model: ModelJson, body: Body) -> str:
    field: str = draw(sampled(_list_required(model["type"])))
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


def _type(draw: st.DrawFn, model: ModelJson, body: Body) -> str:
    field: str = draw(sampled(tuple(list_fields(model["type"]))))
    value = draw(_mistyped(list_fields(model["type"])[field]["type"]))
    if field == "images[]":
        body["images"] = [value]
    elif field.startswith("images[]."):
        body["images"] = [{"url": PIXEL, "role": "reference_image", field[9:]: value}]
    else:
        body[field] = value
    return field


@cache
def _mistyped(name: str) -> st.SearchStrategy[Any]:
    right = _TYPES[name]
    return odd_values().filter(lambda value: not right(value))


def _enum(draw: st.DrawFn, model: ModelJson, body: Body) -> str:
    field, value = draw(sampled(_list_unlisted(model["type"])))
    body[field] = [{"url": PIXEL, "role": value}] if field == "images" else value
    return f"{field} = {value!r}"


@cache
def _list_unlisted(kind: str) -> tuple[tuple[str, str], ...]:
    fields = list_fields(kind)
    formats = fields.get("output_format", {}).get("enum", ())
    found = [("output_format", value) for listed in formats for value in disguise(listed)]
    return (*found, *(("images", value) for listed in ROLES for value in disguise(listed)))


def _model_value(draw: st.DrawFn, model: ModelJson, body: Body) -> str:
    field: str = draw(sampled(tuple(SUPPORTED_VALUES)))
    body[field] = draw(_not_of(tuple(model[SUPPORTED_VALUES[field]])))
    return field


@cache
def _not_of(listed: tuple[str, ...]) -> st.SearchStrategy[str]:
    near = [value for each in listed for value in disguise(each) if value not in listed]
    return st.text(max_size=8).filter(lambda value: value not in listed) | st.sampled_from(near)


def _unknown_model(draw: st.DrawFn, model: ModelJson, body: Body) -> str:
    body["model"] = draw(sampled(("no-such-model", "", *disguise(model["id"]))))
    return repr(body["model"])


def _url(draw: st.DrawFn, model: ModelJson, body: Body) -> str:
    role = next(iter(model["supported_references"]), "reference_image")
    body["images"] = [{"url": draw(sampled(UNFETCHABLE_URLS)), "role": role}]
    return str(body["images"][0]["url"])[:60]


def _too_many(draw: st.DrawFn, model: ModelJson, body: Body) -> str:
    """Name one reference more than the model takes: the first of a role it does not support."""
    roles = ROLES if model["type"] == "video" else ROLES[:1]
    role = draw(sampled(roles))
    images = [{"url": PIXEL, "role": role}] * (model["supported_references"].get(role, 0) + 1)
    beside = [{"url": PIXEL, "role": "first_frame"}] if role == "last_frame" else []
    body["images"] = [*beside, *images]
    return f"{len(images)} with {role}"


def _combination(draw: st.DrawFn, model: ModelJson, body: Body) -> str:
    """Combine roles that exclude each other, or leave a last frame without a first."""
    roles = draw(
        sampled(
            (
                ("last_frame",),
                ("reference_image", "first_frame"),
                ("first_frame", "last_frame", "reference_image"),
            )
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
