"""Validates requests as getimg.ai does, with one error per request.

The order of the checks (inferred): JSON, required fields, types and lengths, model, per-model
values, references. An error names one `param`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

from getimg_mock import schemas
from getimg_mock.errors import Refusal
from getimg_mock.world.body_encoding import describe_encoding
from getimg_mock.world.records import create_record
from getimg_mock.world.references import MAX_MEGAPIXELS, check_reference
from getimg_mock.world.requests import (
    FIELDS,
    PLAIN_ORDERS,
    GenerationRequest,
    compute_canonical,
    to_whole,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from getimg_mock.schemas import Violation
    from getimg_mock.world.catalogue import Catalogue, Model
    from getimg_mock.world.limits import Kind

_JSON_TYPES: Final = {
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    list: "an array",
    dict: "an object",
    type(None): "null",
}
_SCHEMA_TYPES: Final = {
    "string": "a string",
    "boolean": "a boolean",
    "integer": "a whole number",
    "number": "a number",
    "array": "an array",
    "object": "an object",
}
_MAX_SHOWN: Final = 80


def parse_body(body: bytes, encoding: str = "") -> Any:
    """Return the JSON value of a request body, or raise the 400 `Refusal` (our choice of words).

    `encoding` is the value of the header `Content-Encoding`, which the message names.
    Beyond invalid JSON, it refuses NaN and infinities, numbers with too many digits, unpaired
    surrogates, and nesting deeper than Python supports.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise _build_malformed(describe_encoding(body, encoding) or "it is not UTF-8") from None
    if not text.strip():
        raise _build_malformed("it is empty")
    try:
        value = _decode(text)
        _refuse_lone_surrogates(text, value)
    except UnicodeEncodeError:
        raise _build_malformed("it contains an unpaired surrogate (\\ud800 to \\udfff)") from None
    except json.JSONDecodeError as error:
        known = describe_encoding(body, encoding)
        raise _build_malformed(
            known or f"{error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    except RecursionError:
        raise _build_malformed("it is nested too deeply") from None
    except ValueError:
        raise _build_malformed("it contains a number with too many digits") from None
    return value


def _refuse_lone_surrogates(text: str, value: Any) -> None:
    """Raise `UnicodeEncodeError` for what only escapes in JSON can give."""
    # A single character is found twenty times as fast as two: references have megabytes of text.
    if "\\" in text and "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode()


def parse_plain_image(body: bytes) -> dict[str, Any] | None:
    """Return the JSON value of a body that agrees with the schema, or None for any other.

    A plain body has the fields that have a meaning, in their order, and no reference images.
    """
    try:
        text = body.decode("utf-8")
        value, end = _scan(text, 0)
        if "\\" in text:
            _refuse_lone_surrogates(text, value)
        is_plain = (
            end == len(text)
            and type(value) is dict
            and tuple(value) in PLAIN_ORDERS
            and schemas.validator("image-request").is_valid(value)
        )
    except (StopIteration, ValueError, RecursionError):
        return None
    return value if is_plain else None


def build_plain_image(value: dict[str, Any], catalogue: Catalogue) -> GenerationRequest | None:
    """Return the request of a plain body, or None if `validate_request` has to look at it."""
    model = catalogue.get(value["model"])
    if model is None or model.type != "image":
        return None
    request = _with_defaults("image", value, model)
    is_supported = (
        request.aspect_ratio in model.supported_aspect_ratios
        and request.resolution in model.supported_resolutions
    )
    return request if is_supported else None


def validate_request(
    kind: Kind,
    body: Any,
    catalogue: Catalogue,
    *,
    strict: bool,
    silent_sound: str = "accept",
    megapixels: int = MAX_MEGAPIXELS,
) -> GenerationRequest:
    """Return the request of `body` (parsed JSON), or raise the 400 `Refusal`.

    Without `strict` only the schema is checked: any model, value and reference is valid.
    A reference image in a data URL has at most `megapixels`.
    """
    name = "image-request" if kind == "image" else "video-request"
    if not _is_shaped(name, body):
        _refuse_shape(kind, body, schemas.violations(name, body))
    model = _find_model(kind, body["model"], catalogue, strict=strict)
    request = _with_defaults(kind, body, model)
    if strict:
        _check_values(request, silent_sound)
        if request.references:
            _check_references(request, body["images"], megapixels)
    return request


def _is_shaped(name: str, body: Any) -> bool:
    try:
        return schemas.validator(name).is_valid(body)
    except ValueError:  # nested deeper than jsonschema-rs supports
        raise _build_malformed("it is nested too deeply") from None


def _build_malformed(why: str) -> Refusal:
    return Refusal(
        "invalid_parameter",
        f"The request body is not valid JSON: {why}.",
        hint="send one JSON object, encoded in UTF-8",
    )


def _refuse_constant(name: str) -> NoReturn:
    raise json.JSONDecodeError(f"{name} is not JSON", "", 0)


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)
_scan: Final = _DECODER.scan_once  # type: ignore[attr-defined] # the typeshed leaves it out


def _decode(text: str) -> Any:
    """Return the value of a JSON text; most have no white space around it to be looked for."""
    try:
        value, end = _scan(text, 0)
    except StopIteration:
        return _DECODER.decode(text)
    return value if end == len(text) else _DECODER.decode(text)


def _refuse_shape(kind: Kind, body: Any, violations: Sequence[Violation]) -> NoReturn:
    if not isinstance(body, dict):
        raise Refusal(
            "invalid_parameter",
            f"The request body must be a JSON object, not {_name_type(body)}.",
        )
    first = min(violations, key=lambda each: _rank_violation(kind, each), default=None)
    if first is None:
        raise Refusal("invalid_parameter", "The request body is not valid.")
    param = _format_param(first.path)
    if first.keyword == "required":
        missing = f"{param}.{first.property}" if param else str(first.property)
        raise Refusal(
            "parameter_missing", f"Missing required parameter: '{missing}'.", param=missing
        )
    value = _find_value(body, first.path)
    raise Refusal(
        "invalid_parameter",
        _describe_violation(first, param, value),
        param=param,
        hint=first.message[:200],
    )


def _rank_violation(kind: Kind, violation: Violation) -> tuple[bool, bool, int, str]:
    """Sort missing fields first, then wrong types, then the rest; each in the fields' order."""
    field = violation.path.split("/")[1] if violation.path else str(violation.property)
    order = FIELDS[kind].index(field) if field in FIELDS[kind] else len(FIELDS[kind])
    return (
        violation.keyword != "required",
        violation.keyword != "type",
        order,
        violation.path,
    )


def _describe_violation(violation: Violation, param: str, value: Any) -> str:  # noqa: PLR0911 - a table
    limit = violation.limit
    match violation.keyword:
        case "type":
            wanted = limit if isinstance(limit, list) else [limit]
            expected = " or ".join(_SCHEMA_TYPES.get(str(each), str(each)) for each in wanted)
            return f"Invalid type for '{param}': expected {expected}, got {_name_type(value)}."
        case "enum" | "const":
            return f"Unsupported {param} '{_shorten(value)}'."
        case "minLength":
            return f"Invalid '{param}': it must have at least {limit} character(s)."
        case "maxLength":
            return (
                f"Invalid '{param}': it may have at most {limit} characters, "
                f"this one has {len(value)}."
            )
        case "maxItems":
            return f"Invalid '{param}': it may have at most {limit} items, this has {len(value)}."
        case "minimum" | "exclusiveMinimum":
            return f"Invalid '{param}': {_shorten(value)} is too small."
        case _:
            return f"Invalid '{param}': {violation.message[:200]}"


def _find_model(kind: Kind, model_id: str, catalogue: Catalogue, *, strict: bool) -> Model:
    model = catalogue.get(model_id)
    if model is not None and model.type == kind:
        return model
    if not strict:
        return catalogue.imagine_model(model_id, kind)
    shown = _shorten(model_id)
    if model is not None:
        other = "videos" if model.type == "video" else "images"
        raise Refusal(
            "invalid_parameter",
            f"Unsupported model '{shown}': it generates {other}.",
            param="model",
            hint=f"POST it to /v2/{other}/generations",
        )
    nearest = catalogue.find_nearest(model_id)
    raise Refusal(
        "invalid_parameter",
        f"Unsupported model '{shown}'.",
        param="model",
        hint=f"did you mean {nearest}?" if nearest else "GET /v2/models lists the models",
    )


def _with_defaults(kind: Kind, body: dict[str, Any], model: Model) -> GenerationRequest:
    """Fill in the model's first listed values (documented) and the fixed defaults."""
    video = kind == "video"
    duration = body.get("duration", model.supported_durations[0]) if video else None
    return create_record(
        GenerationRequest,
        (
            kind,
            model,
            body["prompt"],
            body.get("aspect_ratio", model.supported_aspect_ratios[0]),
            body.get("resolution", model.supported_resolutions[0]),
            None if video else body.get("output_format", "jpeg"),
            to_whole(duration) if video else None,
            body.get("sound", False) if video else False,
            len(body["images"]) if "images" in body else 0,
            compute_canonical(kind, body),
            None,
        ),
    )


def _check_values(request: GenerationRequest, silent_sound: str) -> None:
    model = request.model
    _check_supported("aspect_ratio", request.aspect_ratio, model.supported_aspect_ratios, model.id)
    _check_supported("resolution", request.resolution, model.supported_resolutions, model.id)
    if request.kind == "video":
        _check_supported("duration", request.duration, model.supported_durations, model.id)
        if request.sound and not model.supports_sound and silent_sound == "refuse":
            raise Refusal(
                "invalid_parameter",
                f"Unsupported sound 'true' for model '{model.id}'.",
                param="sound",
            )


def _check_supported(param: str, value: Any, options: Sequence[Any], model: str) -> None:
    if value not in options:
        raise Refusal(
            "invalid_parameter",
            f"Unsupported {param} '{_shorten(value)}' for model '{model}'.",
            param=param,
            hint=f"supported: {', '.join(map(str, options))}",
        )


def _check_references(
    request: GenerationRequest, images: list[dict[str, Any]], megapixels: int
) -> None:
    """Check roles and counts before contents: cheap checks come first."""
    roles = [image.get("role", "reference_image") for image in images]
    supported = request.model.supported_references
    for index, role in enumerate(roles):
        if role not in supported:
            raise Refusal(
                "invalid_parameter",
                # Observed word for word.
                f"Reference role '{role}' is not supported for this model",
                param=f"images[{index}].role" if "role" in images[index] else "images",
                hint=f"supported: {', '.join(supported) or 'no references'}",
            )
    for role in dict.fromkeys(roles):
        if roles.count(role) > supported[role]:
            raise Refusal(
                "invalid_parameter",
                f"Too many images with role '{role}': model '{request.model.id}' takes at most "
                f"{supported[role]}, this request has {roles.count(role)}.",
                param="images",
            )
    _check_frames(roles)
    for index, image in enumerate(images):
        check_reference(image["url"], param=f"images[{index}].url", megapixels=megapixels)


def _check_frames(roles: list[str]) -> None:
    """Check the documented rule: a last frame needs a first one, references exclude both."""
    if "last_frame" in roles and "first_frame" not in roles:
        raise Refusal(
            "invalid_parameter",
            "Role 'last_frame' needs an image with role 'first_frame'.",
            param="images",
        )
    frames = {"first_frame", "last_frame"} & set(roles)
    if frames and "reference_image" in roles:
        raise Refusal(
            "invalid_parameter",
            f"Role 'reference_image' cannot be combined with '{min(frames)}'.",
            param="images",
        )


def _format_param(path: str) -> str:
    """Format a JSON pointer as in code: /images/0/url is images[0].url."""
    param = ""
    for part in path.split("/")[1:]:
        param += f"[{part}]" if part.isdigit() else f".{part}" if param else part
    return param


def _find_value(body: Any, path: str) -> Any:
    value = body
    for part in path.split("/")[1:]:
        value = value[int(part)] if isinstance(value, list) else cast("dict[str, Any]", value)[part]
    return value


def _name_type(value: Any) -> str:
    return _JSON_TYPES.get(type(value), type(value).__name__)


def _shorten(value: Any) -> str:
    text = json.dumps(value) if isinstance(value, (bool, list, dict)) else str(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."
