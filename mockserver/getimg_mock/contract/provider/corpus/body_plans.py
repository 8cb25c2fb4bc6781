"""Plans about the body of a request: its JSON, its characters, its media type and its size."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.model_choice import build_small_request, find_cheapest, list_pictured
from getimg_mock.contract.plans import Plan, encode_body, post
from getimg_mock.contract.provider.corpus.input_values import (
    CODE_PROMPTS,
    LARGE_TEXT,
    UNICODE_PROMPTS,
    encode_large_body,
    encode_large_picture,
)
from getimg_mock.contract.provider.corpus.refused_plans import build_refused_plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.model_choice import ModelJson, ModelKind
    from getimg_mock.contract.steps import Send


SPELLINGS: Final = "spellings"
"""How the names of groups begin whose bodies are spelled in different ways."""

_TOO_LARGE: Final = 10 * 1024 * 1024 + 1
"""A byte more than a picture in a request may have."""


def build_plans(models: Sequence[ModelJson]) -> Iterator[Plan]:
    """Yield the plans about bodies."""
    kinds: tuple[ModelKind, ...] = ("image", "video")
    for kind in kinds:
        model = find_cheapest(models, kind)
        yield build_refused_plan(f"{kind}s: no JSON object", _build_malformed_steps(kind, model))
        yield Plan(
            name=f"{kind}s: duplicate keys",
            tier="R2",
            steps=tuple(_build_duplicate_key_steps(kind, model)),
        )
        yield build_refused_plan(f"{kind}s: content types", _build_content_type_steps(kind, model))
        yield Plan(
            name=f"{kind}s: unusual Unicode",
            tier="R2",
            steps=tuple(_build_unicode_steps(kind, model)),
        )
        yield build_refused_plan(f"{kind}s: too large", _build_too_large_steps(kind, models))


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
        "deep arrays": b"[" * 50_000 + b"]" * 50_000,
        "form data": b"model=z&prompt=a",
        "a comment": b"/* hi */" + good,
        "deep inside": good[:-1] + b',"images":' + b"[" * 900 + b"]" * 900 + b"}",
    }
    for name, body in bodies.items():
        for _ in range(2 if name == "cut off" else 1):
            yield post(kind, body, valid=False, fault="malformed", field=name)


def _build_duplicate_key_steps(kind: ModelKind, model: ModelJson) -> Iterator[Send]:
    """Yield JSON objects with a repeated key, which cost the same whichever value counts."""
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


def _build_unicode_steps(kind: ModelKind, model: ModelJson) -> Iterator[Send]:
    spellings = f"{SPELLINGS} of {kind}s"
    for text in UNICODE_PROMPTS:
        yield post(
            kind,
            build_small_request(model) | {"prompt": text},
            fault="unicode",
            field=ascii(text)[:40],
            group=spellings if text == UNICODE_PROMPTS[0] else "",
        )
    wave = json.dumps(build_small_request(model, prompt=UNICODE_PROMPTS[0])).encode()
    pair = "a pair of surrogates, escaped"
    yield post(kind, wave, fault="unicode", group=spellings, field=pair)
    escaped = encode_body(build_small_request(model)).replace(b"lighthouse", b"\\ud800")
    yield post(kind, escaped, fault="unicode", field="a lone surrogate, escaped")
    escaped = encode_body(build_small_request(model)).replace(
        b"lighthouse", b"\\u0000 \\ud83c\\udf0a"
    )
    yield post(kind, escaped, fault="unicode", field="escapes")
    for text in CODE_PROMPTS if kind == "image" else ():
        body = build_small_request(model, prompt=text)
        yield post(kind, body, valid=True, field=f"the prompt {text!r}")
    for name, spelled in _list_spellings(model).items():
        yield post(kind, spelled, valid=True, field=name)


def _list_spellings(model: ModelJson) -> dict[str, bytes]:
    """Return bodies of which each parser makes the same as of the plainest, by what they have.

    The signs in them mean something in templates, queries and markup, and nothing in a prompt.
    """
    signs = "100 % {0} {{x}} $1 ${y} %s <b>'z'</b> &amp; \"; -- \\ and/or"
    body = build_small_request(model, prompt=f"K\u00fcste \u706f\u53f0 {signs}")
    escaped = json.dumps(body).replace("/", r"\/").replace('"prompt"', r'"\u0070rompt"')
    spaced = json.dumps(body, indent="\t", ensure_ascii=False).replace("\n", "\r\n")
    return {"all that can be escaped": escaped.encode(), "spaces": f" {spaced}\r\n".encode()}


@cache
def _build_large_body(kind: ModelKind, model: str, *, whole: bool) -> bytes:
    body: dict[str, Any] = {"model": model, "prompt": "a"}
    if whole:
        return encode_large_body(body | {"x": LARGE_TEXT}, b" " * (25 * 1024 * 1024 + 1))
    role = "reference_image" if kind == "image" else "first_frame"
    body["images"] = [{"url": LARGE_TEXT, "role": role}]
    return encode_large_body(body, encode_large_picture(_TOO_LARGE))


def _build_too_large_steps(kind: ModelKind, models: Sequence[ModelJson]) -> Iterator[Send]:
    pictured = list_pictured(models, kind)
    model = pictured[0] if pictured else find_cheapest(models, kind)
    for whole, name in ((False, "an image over 10 MiB"), (True, "a body over 25 MiB")):
        is_tried = kind == "image" if whole else bool(pictured)
        if is_tried:
            yield post(
                kind,
                _build_large_body(kind, model["id"], whole=whole),
                valid=False,
                fault="too-large",
                field=name,
            )
