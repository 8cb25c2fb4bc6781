"""Which requests are the same request."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from getimg_mock.cassettes.canonical_requests import canonicalize_request

IMAGES = "/v2/images/generations"
PIXEL = "data:image/png;base64,iVBORw0KGgo="
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def _digest(body: Any, path: str = IMAGES) -> str:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return canonicalize_request("POST", path, body=data).digest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"a": 5}, {"a": 5.0}),
        ({"a": 1, "b": None}, {"a": 1}),
        (
            {"images": [{"url": "https://a.example/x.png?sig=1"}]},
            {"images": [{"url": "https://a.example/x.png?sig=2"}]},
        ),
        ({"images": [{"url": PIXEL}]}, {"images": [{"url": PIXEL.replace("=", "%3D")}]}),
    ],
)
def test_what_does_not_count_is_left_out(one: Any, other: Any) -> None:
    """Order, null, the form of a number and the signature of a reference make no other request."""
    assert _digest(one) == _digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"prompt": "a"}, {"prompt": "b"}),
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {"a": "1"}),
        ({"a": [1, 2]}, {"a": [2, 1]}),
        ({"u": "https://a.example/x.png"}, {"u": "https://a.example/y.png"}),
        ({"u": PIXEL}, {"u": PIXEL.replace("iVBO", "iVBP")}),
        (b"{", b"{{"),
    ],
)
def test_what_counts_makes_another_request(one: Any, other: Any) -> None:
    """A change of the prompt, or of a value's type, is another request."""
    assert _digest(one) != _digest(other)


def test_ids_and_days_do_not_count_and_other_parameters_do() -> None:
    """Polls of two videos, and costs of two days, are equal requests in a cassette."""
    polls = [
        canonicalize_request("GET", f"/v2/videos/generations/req-{each}").request for each in "ab"
    ]
    assert polls[0] == polls[1]
    assert polls[0].path == "/v2/videos/generations/{generation}"
    link = canonicalize_request("GET", "/v2/downloads/req-1/0", "exp=1&sig=abc").request
    assert (link.path, link.query) == ("/v2/downloads/{generation}/0", "")
    costs = canonicalize_request("GET", "/v2/billing/costs", "start=2026-01-01&end=x").request
    assert costs.query == "end={end}&start={start}"
    one, other = (
        canonicalize_request("GET", "/v2/models", f"type={each}") for each in ("image", "video")
    )
    assert one.digest != other.digest


def test_no_key_and_no_signature_stay() -> None:
    """Keys in bodies, paths and queries are replaced, also those of links to references."""
    secret = "sk_0123456789abcdefghij"
    body = json.dumps({"key": secret, "u": f"https://me:{secret}@a.example/x?X-Amz-Signature=abc"})
    for each in (
        canonicalize_request("POST", IMAGES, f"api_key={secret}", body.encode()),
        canonicalize_request("POST", f"/v2/{secret}", body=b"text " + secret.encode()),
    ):
        assert secret not in repr(each)
        assert "abc" not in repr(each)


@settings(max_examples=30)
@given(json_values)
def test_any_json_has_a_canonical_form(value: Any) -> None:
    """No body of a client ends in an exception: numbers and texts of any kind included."""
    assert _digest({"x": value}) == _digest({"x": value})


def test_a_deep_body_is_kept_as_text() -> None:
    """Nesting that no request of the API has does not exhaust the stack."""
    found = canonicalize_request("POST", IMAGES, body=b"[" * 5000 + b"]" * 5000)
    assert found.request.body.kind == "text"
