"""Plans about input: for each rule a request that keeps it, and one that breaks it and no other."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from getimg_mock import schemas
from getimg_mock.contract.model_choice import PIXEL, build_small_request, find_cheapest
from getimg_mock.contract.plans import (
    DAYS_PLACEHOLDER,
    Plan,
    Send,
    encode_body,
    get,
    get_balance,
    post,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.model_choice import ModelJson, ModelKind

_COSTS: Final = "/v2/billing/costs"

# One value of each JSON type, by the schemas' names; where an integer is wanted, 1.5 is none.
_VALUES_BY_TYPE: Final[dict[str, Any]] = {
    "null": None,
    "boolean": True,
    "integer": 5,
    "number": 1.5,
    "string": "text",
    "array": [],
    "object": {},
}
# What a lenient provider could take for the right type.
_COERCIBLE_VALUES: Final[dict[str, tuple[Any, ...]]] = {
    "model": (["seedream-5-lite"], {"id": "x"}),
    "prompt": (False, ["a"], {"text": "a"}),
    "aspect_ratio": ([1, 1], {"w": 1}),
    "resolution": (1024, ["1K"]),
    "output_format": (["png"],),
    "duration": ("5", [5], {"seconds": 5}),
    "sound": ("true", "", 1, 0),
    "images": (
        "https://example.com/cat.png",
        {"url": "https://example.com/cat.png"},
        ["https://example.com/cat.png"],
        [None],
        [True],
        [5],
        [[]],
    ),
    "url": ([PIXEL], {"url": PIXEL}),
    "role": (["reference_image"], {"name": "reference_image"}),
}
# Letters of other scripts that look like those of ours.
_HOMOGLYPHS: Final = str.maketrans(
    {
        "a": "\u0430",
        "e": "\u0435",
        "g": "\u0261",
        "p": "\u0440",
        "K": "\u041a",
        "1": "\uff11",
        "2": "\uff12",
        "4": "\uff14",
        ":": "\uff1a",
        "7": "\uff17",
    }
)
ROLES: Final = ("reference_image", "first_frame", "last_frame")

UNFETCHABLE_URLS: Final = (
    "http://example.com/cat.png",
    "ftp://example.com/cat.png",
    "file:///etc/passwd",
    "https://localhost/cat.png",
    "https://127.0.0.1/cat.png",
    "https://[::1]/cat.png",
    "https://10.0.0.1/cat.png",
    "https://192.168.1.1/cat.png",
    "https://172.16.0.1/cat.png",
    "https://169.254.169.254/latest/meta-data/",
    "https://0.0.0.0/cat.png",
    "https://2130706433/cat.png",
    "https://0x7f000001/cat.png",
    "https://127.1/cat.png",
    "https://metadata.google.internal/computeMetadata/v1/",
    "https://user:pass@example.com/c.png",
    "https://[::ffff:127.0.0.1]/cat.png",
    "https://[fd00::1]/cat.png",
    "//example.com/cat.png",
    "example.com/cat.png",
    "javascript:alert(1)",
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAA=",
    "data:text/html;base64,PGI+aGk8L2I+",
    "data:image/gif;base64,R0lGODlhAQABAAAAACw=",
    "data:image/svg+xml;base64,PHN2Zy8+",
    "data:image/png,notbase64",
    "data:image/png;base64,???",
    "data:image/jpeg;base64," + PIXEL.partition(",")[2],
)

UNICODE_PROMPTS: Final = (
    "\U0001f30a a wave",
    "\u202eright to left\u202c",
    "e\u0301 combining",
    "\u0000 nul",
    "\U0010ffff last",
    "\u05e9\u05dc\u05d5\u05dd",
    "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35",
    "zero\u200bwidth",
    "\ufeffbom",
    "line\r\nbreak\ttab",
    "\x7f\x1b[31mred",
    "\ufffe",
    "a" * 100 + "\U0001f469\u200d\U0001f469\u200d\U0001f467" * 20,
)


def build_plans(models: Sequence[ModelJson]) -> Iterator[Plan]:
    """Yield the plans about input."""
    kinds: tuple[ModelKind, ...] = ("image", "video")
    for kind in kinds:
        model = find_cheapest(models, kind)
        yield _build_refused_plan(
            f"{kind}s: missing fields", _build_missing_field_steps(kind, model)
        )
        yield _build_refused_plan(f"{kind}s: wrong types", _build_type_steps(kind, model))
        yield _build_refused_plan(
            f"{kind}s: values outside of the lists", _build_value_steps(kind, model, models)
        )
        yield _build_refused_plan(f"{kind}s: no JSON object", _build_malformed_steps(kind, model))
        yield Plan(
            name=f"{kind}s: duplicate keys",
            tier="R2",
            steps=tuple(_build_duplicate_key_steps(kind, model)),
        )
        yield _build_refused_plan(f"{kind}s: content types", _build_content_type_steps(kind, model))
        yield _build_refused_plan(
            f"{kind}s: prompts too short and too long", _build_length_steps(kind, model)
        )
        yield Plan(
            name=f"{kind}s: prompts of 1 and 4096 characters",
            tier="R2",
            steps=tuple(_build_allowed_length_steps(kind, model)),
        )
        yield Plan(
            name=f"{kind}s: unusual Unicode",
            tier="R2",
            steps=tuple(_build_unicode_steps(kind, model)),
        )
        yield Plan(
            name=f"{kind}s: unknown fields",
            tier="R2",
            steps=tuple(_build_unknown_field_steps(kind, model)),
        )
        yield _build_refused_plan(f"{kind}s: references", _build_reference_steps(kind, models))
        yield Plan(
            name=f"{kind}s: references that fit",
            tier="R2",
            steps=tuple(_build_allowed_reference_steps(kind, models)),
        )
        yield _build_refused_plan(f"{kind}s: too large", _build_too_large_steps(kind, models))
    yield _build_refused_plan(
        "videos: forms of numbers", _build_bad_number_steps(find_cheapest(models, "video"))
    )
    yield Plan(
        name="videos: one number in several forms",
        tier="R2",
        steps=tuple(_build_number_steps(find_cheapest(models, "video"))),
    )
    for model in models:
        yield _build_refused_plan(
            f"{model['id']}: what it does not support", _build_unsupported_steps(model)
        )
        yield Plan(
            name=f"{model['id']}: what it supports",
            tier="R2",
            steps=tuple(_build_supported_steps(model)),
        )


def _build_refused_plan(name: str, steps: Iterator[Send]) -> Plan:
    """Return a plan of requests that must all be refused, between two looks at the money."""
    around = (get_balance(use="money"), get(_COSTS, query=DAYS_PLACEHOLDER))
    return Plan(name=name, tier="R1", steps=(*around, *steps, *around))


def _get_kind(model: ModelJson) -> ModelKind:
    return "image" if model["type"] == "image" else "video"


def _build_missing_field_steps(kind: ModelKind, model: ModelJson) -> Iterator[Send]:
    for field in ("model", "prompt"):
        body = build_small_request(model)
        del body[field]
        for _ in range(2):
            yield post(kind, body, valid=False, fault="missing", field=field)
    yield post(kind, {}, valid=False, fault="missing", field="model and prompt")
    body = build_small_request(model) | {"images": [{"role": "reference_image"}]}
    yield post(kind, body, valid=False, fault="missing", field="images[0].url")
    if kind == "video":
        body = build_small_request(model) | {"images": [{"url": PIXEL}]}
        yield post(kind, body, valid=False, fault="missing", field="images[0].role")


def list_mistyped_values(name: str, schema: dict[str, Any]) -> list[Any]:
    """Return values of every JSON type but that of the schema, and those that come near it."""
    right = {schema["type"], *(["integer"] if schema["type"] == "number" else [])}
    values = [value for kind, value in _VALUES_BY_TYPE.items() if kind not in right]
    return [*values, *_COERCIBLE_VALUES.get(name, ())]


def _build_type_steps(kind: ModelKind, model: ModelJson) -> Iterator[Send]:
    fields = schemas.schema(f"{kind}-request")["properties"]
    for field, schema in fields.items():
        for value in list_mistyped_values(field, schema):
            shown = f"{field} = {json.dumps(value)[:40]}"
            yield post(
                kind,
                build_small_request(model) | {field: value},
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


def disguise(value: str) -> list[str]:
    """Return what looks like a listed value, and is another: case, spaces, homoglyphs."""
    last = max(
        (place for place, letter in enumerate(value) if ord(letter) in _HOMOGLYPHS), default=None
    )
    twin = (
        ""
        if last is None
        else value[:last] + value[last].translate(_HOMOGLYPHS) + value[last + 1 :]
    )
    found = (
        value.upper(),
        value.lower(),
        value.title(),
        f"{value} ",
        f" {value}",
        f"{value}\n",
        twin or f"{value}\u200b",
    )
    return [each for each in dict.fromkeys(found) if each != value]


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
    yield post(
        kind,
        build_small_request(model) | {"model": other["id"]},
        valid=False,
        fault="wrong-kind",
        field=other["id"],
    )
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


def _build_malformed_steps(kind: ModelKind, model: ModelJson) -> Iterator[Send]:
    good = encode_body(build_small_request(model))
    bodies = {
        "an empty body": b"",
        "spaces": b"  ",
        "cut off": good[:-1],
        "a trailing comma": good[:-1] + b",}",
        "two objects": good + good,
        "single quotes": good.replace(b'"', b"'"),
        "not UTF-8": good.replace(b"lighthouse", b"light\xff\xfehouse"),
        "UTF-16": good.decode().encode("utf-16"),
        "an array": b"[" + good + b"]",
        "a text": b'"prompt"',
        "a number": b"5",
        "null": b"null",
        "true": b"true",
        "NaN": good[:-1] + b',"x":NaN}',
        "deep arrays": b"[" * 3000 + b"]" * 3000,
        "form data": b"model=z&prompt=a",
        "a comment": b"/* hi */" + good,
        "deep inside": good[:-1] + b',"images":' + b"[" * 900 + b"]" * 900 + b"}",
    }
    for name, body in bodies.items():
        for _ in range(2 if name == "cut off" else 1):
            yield post(kind, body, valid=False, fault="malformed", field=name)


def _build_duplicate_key_steps(kind: ModelKind, model: ModelJson) -> Iterator[Send]:
    """Yield JSON objects that name one thing twice, with the same price whichever counts."""
    good = encode_body(build_small_request(model))
    for name, more in {
        "prompt": b',"prompt":"Another"',
        "model": good[good.index(b'"model"') - 1 : good.index(b',"prompt"')].replace(b"{", b","),
        "what is unknown": b',"x":1,"x":2',
        "what is unknown, inside": b',"x":{"a":1,"a":2}',
    }.items():
        yield post(
            kind,
            good[:-1] + more + b"}",
            fault="duplicate-keys",
            field=name,
            group=f"duplicate keys of {kind}s",
        )


def _build_content_type_steps(kind: ModelKind, model: ModelJson) -> Iterator[Send]:
    for value in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "",
        None,
    ):
        headers = () if value is None else (("content-type", value),)
        yield post(
            kind,
            build_small_request(model),
            headers=headers,
            valid=False,
            fault="content-type",
            field=f"Content-Type: {value}",
        )


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
    for text in ("a", "a" * 4096, "\U0001f30a" * 4096):
        yield post(kind, build_small_request(model) | {"prompt": text}, valid=True, use="length")


def _build_unicode_steps(kind: ModelKind, model: ModelJson) -> Iterator[Send]:
    for text in UNICODE_PROMPTS:
        yield post(
            kind,
            build_small_request(model) | {"prompt": text},
            fault="unicode",
            field=ascii(text)[:40],
        )
    escaped = encode_body(build_small_request(model)).replace(b"lighthouse", b"\\ud800")
    yield post(kind, escaped, fault="unicode", field="a lone surrogate, escaped")
    escaped = encode_body(build_small_request(model)).replace(
        b"lighthouse", b"\\u0000 \\ud83c\\udf0a"
    )
    yield post(kind, escaped, fault="unicode", field="escapes")


def _build_unknown_field_steps(kind: ModelKind, model: ModelJson) -> Iterator[Send]:
    for more in ({"seed": 5}, {"width": 512, "height": 512}, {"x_trace": {"a": [1]}}, {"n": 1}):
        for _ in range(2):
            yield post(
                kind,
                build_small_request(model) | more,
                fault="unknown-field",
                group=f"unknown-field of {kind}s",
                field=", ".join(more),
            )


def _build_reference_steps(kind: ModelKind, models: Sequence[ModelJson]) -> Iterator[Send]:
    model = find_cheapest(models, kind, references=True)
    role = (
        "reference_image" if "reference_image" in model["supported_references"] else "first_frame"
    )
    for url in UNFETCHABLE_URLS:
        image = {"url": url, "role": role}
        yield post(
            kind,
            build_small_request(model) | {"images": [image]},
            valid=False,
            fault="reference-url",
            field=url[:60],
        )
    for candidate in models:
        if candidate["type"] != kind:
            continue
        supported = candidate["supported_references"]
        for each in ROLES:
            if kind == "image" and each != "reference_image":
                continue
            images = [{"url": PIXEL, "role": each}] * (supported.get(each, 0) + 1)
            if each == "last_frame" and supported.get("first_frame"):
                images = [*images, {"url": PIXEL, "role": "first_frame"}]
            fault = "reference-count" if supported.get(each) else "reference-role"
            yield post(
                kind,
                build_small_request(candidate) | {"images": images},
                valid=False,
                fault=fault,
                field=f"{candidate['id']}: {len(images)} with {each}",
            )
    yield from _build_role_combination_steps(kind, models)


def _build_role_combination_steps(kind: ModelKind, models: Sequence[ModelJson]) -> Iterator[Send]:
    model = next(
        (m for m in models if m["type"] == kind and len(m["supported_references"]) == 3), None
    )
    if kind == "video" and model is not None:
        for roles in (("last_frame",), ("reference_image", "first_frame")):
            images = [{"url": PIXEL, "role": each} for each in roles]
            yield post(
                kind,
                build_small_request(model) | {"images": images},
                valid=False,
                fault="reference-role",
                field=" with ".join(roles),
            )


def _build_allowed_reference_steps(kind: ModelKind, models: Sequence[ModelJson]) -> Iterator[Send]:
    for model in models:
        if model["type"] != kind:
            continue
        for role, most in model["supported_references"].items():
            images = [{"url": PIXEL, "role": role}] * min(most, 8)
            if role == "last_frame":
                images = [{"url": PIXEL, "role": "first_frame"}, *images[:1]]
            yield post(
                kind,
                build_small_request(model) | {"images": images},
                valid=True,
                use="model-value",
                field=f"{len(images)} with {role}",
            )
    if kind == "image":
        model = find_cheapest(models, kind, references=True)
        for image in ({"url": PIXEL}, {"url": "https://example.com/cat.png"}):
            yield post(
                kind,
                build_small_request(model) | {"images": [image]},
                valid=True,
                use="model-value",
            )


@cache
def _build_large_picture() -> str:
    return (
        "data:image/png;base64,"
        + base64.b64encode(
            base64.b64decode(PIXEL.partition(",")[2]) + bytes(10 * 1024 * 1024)
        ).decode()
    )


@cache
def _build_large_body(kind: ModelKind, model: str, *, whole: bool) -> bytes:
    body: dict[str, Any] = {"model": model, "prompt": "a"}
    if whole:
        body["x"] = " " * (25 * 1024 * 1024 + 1)
    else:
        role = "reference_image" if kind == "image" else "first_frame"
        body["images"] = [{"url": _build_large_picture(), "role": role}]
    return encode_body(body)


def _build_too_large_steps(kind: ModelKind, models: Sequence[ModelJson]) -> Iterator[Send]:
    model = find_cheapest(models, kind, references=True)
    for whole, name in ((False, "an image over 10 MiB"), (True, "a body over 25 MiB")):
        if kind == "image" or not whole:
            yield post(
                kind,
                _build_large_body(kind, model["id"], whole=whole),
                valid=False,
                fault="too-large",
                field=name,
            )


def _encode_duration(model: ModelJson, form: str) -> bytes:
    return encode_body(build_small_request(model, duration=0)).replace(
        b'"duration":0', f'"duration":{form}'.encode()
    )


def list_bad_durations(model: ModelJson) -> tuple[str, ...]:
    """Return texts that stand where a duration should, and are no number of seconds."""
    first = model["supported_durations"][0]
    return (
        f'"{first}"',
        "1e400",
        "-0",
        f"-{first}",
        "4.5",
        "99999999999999999999",
        "0",
        "1e-9",
        f"{first}.000001",
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


def _build_number_steps(model: ModelJson) -> Iterator[Send]:
    first = model["supported_durations"][0]
    for form in (f"{first}", f"{first}.0", f"{first}e0", f"{first}00e-2"):
        yield post("video", _encode_duration(model, form), group="number", use="number", field=form)


def _build_unsupported_steps(model: ModelJson) -> Iterator[Send]:
    kind = _get_kind(model)
    known = model["supported_resolutions"]
    for value in (
        "8K",
        "1k",
        "144p",
        "",
        *disguise(known[0]),
        *[each for each in ("1K", "4K", "720p") if each not in known],
    ):
        yield post(
            kind,
            build_small_request(model) | {"resolution": value},
            valid=False,
            fault="model-value",
            field=f"resolution = {value!r}",
        )
    ratios = model["supported_aspect_ratios"]
    for value in ("5:7", *disguise(ratios[0]), "16x9", "", "0:0", "9:21"):
        if value not in ratios:
            yield post(
                kind,
                build_small_request(model) | {"aspect_ratio": value},
                valid=False,
                fault="model-value",
                field=f"aspect_ratio = {value!r}",
            )
    for seconds in (0, 1, 3, 13, 60, 3600) if kind == "video" else ():
        if seconds not in model["supported_durations"]:
            yield post(
                kind,
                build_small_request(model) | {"duration": seconds},
                valid=False,
                fault="model-value",
                field=f"duration = {seconds}",
            )


def _build_supported_steps(model: ModelJson) -> Iterator[Send]:
    kind = _get_kind(model)
    choices = {
        "aspect_ratio": model["supported_aspect_ratios"],
        "resolution": model["supported_resolutions"],
        "duration": model["supported_durations"],
        "output_format": ["png", "jpeg", "webp"] if kind == "image" else [],
        "sound": [False, True] if model["supports_sound"] else [False] * (kind == "video"),
    }
    for field, values in choices.items():
        for value in values:
            yield post(
                kind,
                build_small_request(model) | {field: value},
                valid=True,
                use="model-value",
                field=f"{field} = {value!r}",
            )
