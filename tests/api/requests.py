"""Hypothesis strategies for what clients send: right, nearly right, and anything at all."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from getimg_mock.contract.model_choice import PIXEL
from getimg_mock.world.catalogue import Catalogue

CATALOGUE = Catalogue.load_shipped()
PATHS = (
    "/v2/images/generations",
    "/v2/videos/generations",
    "/v2/videos/generations/{id}",
    "/v2/models",
    "/v2/models/{model}",
    "/v2/billing/balance",
    "/v2/billing/costs",
    "/v2/downloads/{id}/{index}",
)

prompts = st.text(min_size=1, max_size=50).filter(lambda text: "mock:" not in text)
texts = st.one_of(
    st.sampled_from(["", "1:1", "16:9", "2K", "4K", "720p", "png", "seedream-5-lite", "x" * 5000]),
    st.text(max_size=20),
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
urls = st.one_of(
    st.sampled_from(
        [
            "https://example.com/a.png",
            "http://example.com",
            PIXEL,
            "data:image/png;base64,iVBORw0KGgo=",
            "x",
            "https://localhost/",
            "data:,",
        ]
    ),
    st.text(min_size=1, max_size=20),
)


@st.composite
def supported(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """Return a request that the catalogue supports: every one is accepted."""
    model = draw(st.sampled_from([each for each in CATALOGUE.list_models() if each.type == kind]))
    choices: dict[str, Any] = {
        "aspect_ratio": st.sampled_from(model.supported_aspect_ratios),
        "resolution": st.sampled_from(model.supported_resolutions),
    }
    if kind == "image":
        choices["output_format"] = st.sampled_from(["png", "jpeg", "webp"])
    else:
        choices["duration"] = st.sampled_from(model.supported_durations)
        choices["sound"] = st.booleans()
    required = {"model": st.just(model.id), "prompt": prompts}
    return draw(st.fixed_dictionaries(required, optional=choices))


def shaped(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return requests that match the schema, whatever the catalogue says of them."""
    ids = [each.id for each in CATALOGUE.list_models()]
    role = {"image": ["reference_image"], "video": ["reference_image", "first_frame", "last_frame"]}
    roles = {"role": st.sampled_from(role[kind])}
    reference = st.fixed_dictionaries(
        {"url": urls} | ({} if kind == "image" else roles),
        optional=roles if kind == "image" else {},
    )
    optional: dict[str, Any] = {
        "aspect_ratio": texts,
        "resolution": texts,
        "images": st.lists(reference, max_size=8),
        "anything": values,
    }
    if kind == "image":
        optional["output_format"] = st.sampled_from(["png", "jpeg", "webp"])
    else:
        optional["duration"] = st.integers(min_value=1) | st.integers(1, 12).map(float)
        optional["sound"] = st.booleans()
    required = {"model": st.sampled_from(ids) | texts, "prompt": prompts}
    return st.fixed_dictionaries(required, optional=optional)


def misshaped(kind: str) -> st.SearchStrategy[Any]:
    """Return a request in which anything may stand in any place, and may be missing."""
    fields = (
        "model",
        "prompt",
        "aspect_ratio",
        "resolution",
        "images",
        "duration",
        "sound",
        "output_format",
    )
    anything = st.fixed_dictionaries({}, optional=dict.fromkeys(fields, values))
    changed = st.tuples(shaped(kind), st.sampled_from(fields), values).map(
        lambda drawn: drawn[0] | {drawn[1]: drawn[2]}
    )
    return anything | changed | values


def bodies(kind: str) -> st.SearchStrategy[bytes]:
    """Return any bytes, and bytes that are nearly a request."""
    whole = misshaped(kind).map(lambda value: json.dumps(value).encode())
    cut = st.tuples(whole, st.integers(0, 200)).map(lambda drawn: drawn[0][: drawn[1]])
    spliced = st.tuples(whole, st.binary(max_size=5), st.integers(0, 200)).map(
        lambda drawn: drawn[0][: drawn[2]] + drawn[1] + drawn[0][drawn[2] :]
    )
    return st.one_of(whole, cut, spliced, st.binary(max_size=200))


segments = st.text(st.characters(exclude_characters="/?"), min_size=1, max_size=12)
queries = st.lists(
    st.tuples(
        st.sampled_from(["type", "start", "end", "exp", "sig", "x"]),
        st.one_of(
            st.sampled_from(
                [
                    "image",
                    "video",
                    "2026-09-01T00:00:00Z",
                    "2026-12-01T00:00:00+01:00",
                    "1788350400",
                    "%00",
                    "%ff",
                    "+",
                    "",
                ]
            ),
            st.text(st.characters(max_codepoint=255), max_size=12),
        ),
    ),
    max_size=3,
).map(lambda pairs: "&".join(f"{name}={value}" for name, value in pairs))
known_paths = st.tuples(st.sampled_from(PATHS), segments).map(
    lambda drawn: "/".join(
        drawn[1] if part.startswith("{") else part for part in drawn[0].split("/")
    )
)
paths = known_paths | st.lists(segments, max_size=5).map(lambda parts: "/" + "/".join(parts))
targets = st.tuples(paths, queries).map(lambda drawn: f"{drawn[0]}?{drawn[1]}")
methods = st.sampled_from(["GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"])
names = st.sampled_from(
    [
        "authorization",
        "content-type",
        "content-length",
        "content-encoding",
        "expect",
        "host",
        "range",
        "if-match",
        "if-range",
        "accept",
        "connection",
        "transfer-encoding",
        "cookie",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-stainless-retry-count",
        "origin",
        "upgrade",
    ]
)
headers = st.dictionaries(
    names,
    st.one_of(
        st.sampled_from(
            [
                "application/json",
                "Bearer sk_driver",
                "Bearer sk_other",
                "",
                "0",
                "*",
                "bytes=0-1",
                "100-continue",
                "close",
                "gzip",
                "a.example",
            ]
        ),
        st.text(st.characters(max_codepoint=255), max_size=20),
    ),
    max_size=4,
)
