"""What a cassette keeps of a response: nothing that is secret, or new each time."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from getimg_mock.cassettes.distillation import Distiller, find_service_time
from getimg_mock.redaction import KnownKeys

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
KEY = "sk_0123456789abcdefghij"


def _distill(body: Any, operation: str = "images.generate", **more: Any) -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    distiller = more.pop("distiller", Distiller(KnownKeys({KEY: "a"})))
    return distiller.distill_response(
        operation, 200, more.pop("headers", []), data, answered=NOW, **more
    )


def test_ids_links_and_moments_become_placeholders() -> None:
    """Each item has the link of its own place, and an id is found wherever it is repeated."""
    deleted = (NOW + timedelta(days=1)).isoformat()
    body = {
        "id": "req-123",
        "data": [
            {"url": f"https://a.example/{each}?sig=x", "deletes_at": deleted} for each in "ab"
        ],
        "note": "see req-123 or mail me@example.com",
    }
    found = _distill(body, generation="req-123").body.value
    assert found == {
        "id": "{generation}",
        "data": [
            {"url": "{link:0}", "deletes_at": "{answer+86400s}"},
            {"url": "{link:1}", "deletes_at": "{answer+86400s}"},
        ],
        "note": "see {generation} or mail <hidden>",
    }


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("see https://a.example/x?sig=abc now", "see https://a.example/x?{query} now"),
        ("/v2/downloads/r/0?exp=1&sig=abc", "/v2/downloads/r/0?{query}"),
        ("Is it blue? No.", "Is it blue? No."),
        ("https://docs.getimg.ai/guides", "https://docs.getimg.ai/guides"),
    ],
)
def test_links_in_texts_lose_their_parameters(text: str, kept: str) -> None:
    """A signature does not stay, wherever a link is."""
    assert _distill({"error": {"message": text}}).body.value["error"]["message"] == kept


def test_a_relative_link_is_a_link() -> None:
    """A service that leaves out its address has signed the link all the same."""
    found = _distill({"data": [{"url": "/v2/downloads/r/0?sig=abc"}]}).body.value
    assert found == {"data": [{"url": "{link:0}"}]}


def test_headers_that_clients_act_on_stay() -> None:
    """The moment of a reset is relative; cookies and ids of requests are gone."""
    headers = [
        ("content-type", "application/json"),
        ("x-ratelimit-limit", "20"),
        ("x-ratelimit-reset", str(int(NOW.timestamp()) + 30)),
        ("set-cookie", "session=1"),
        ("x-request-id", "abc"),
        ("date", "Sun, 29 Nov 2026 12:00:00 GMT"),
    ]
    assert _distill({}, headers=headers).headers == {
        "content-type": "application/json",
        "x-ratelimit-limit": "20",
        "x-ratelimit-reset": "{answer+30s}",
    }


def test_of_balances_and_costs_differences_stay() -> None:
    """Fields that nothing documents may be details of an account, and are left out."""
    distiller = Distiller()
    told = []
    for balance in ("7.31", "7.27"):
        body = {"balance": balance, "currency": "USD", "owner": "Ada"}
        told.append(_distill(body, "billing.balance", distiller=distiller).body.value)
    assert told == [
        {"balance": "{balance+0}", "currency": "USD"},
        {"balance": "{balance-0.04}", "currency": "USD"},
    ]
    costs = {"data": [{"date": "2026-11-29", "cost": 5}], "total_cost": 5}
    later = {"data": [{"date": "2026-11-29", "cost": 5.25}], "total_cost": 5.25}
    _distill(costs, "billing.costs", distiller=distiller)
    found = _distill(later, "billing.costs", distiller=distiller).body.value
    assert found == {"data": [{"date": "2026-11-29", "cost": 0.25}], "total_cost": 0.25}


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 9000, b'{"a": NaN}', b"null"])
def test_any_body_is_kept_in_some_form(body: bytes) -> None:
    """What is not JSON is a text, or base64."""
    assert _distill(body).body.kind in {"none", "text", "base64", "json"}


@settings(max_examples=40)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.just(KEY),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just(KEY), inner),
    ),
    st.sampled_from(["billing.balance", "billing.costs", "images.generate"]),
)
@pytest.mark.slow
def test_no_key_stays_in_any_value(value: Any, operation: str) -> None:
    """Wherever a service repeats a key, a placeholder is kept, and no value is an exception."""
    found = _distill({"balance": value, "data": [value]}, operation)
    assert KEY not in json.dumps(found.body.value)


def test_the_clock_of_the_service_counts_where_it_differs() -> None:
    """An hour of difference between two clocks does not make links live an hour longer."""
    assert find_service_time("Sun, 29 Nov 2026 13:00:00 GMT", NOW) == NOW + timedelta(hours=1)
    assert find_service_time("Sun, 29 Nov 2026 12:00:02 GMT", NOW) == NOW
    assert find_service_time("yesterday", NOW) == NOW
