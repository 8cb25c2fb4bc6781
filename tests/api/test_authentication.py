"""Who may come in: `Authorization: Bearer sk_...`, and one workspace for each key."""

from __future__ import annotations

import pytest

from getimg_mock.in_process.exchange import Request
from tests.api.driver import Driver

KEYED = [
    ("GET", "/v2/models"),
    ("GET", "/v2/models/seedream-5-lite"),
    ("GET", "/v2/billing/balance"),
    ("GET", "/v2/billing/costs"),
    ("GET", "/v2/videos/generations/req-01X"),
    ("POST", "/v2/videos/generations"),
    ("POST", "/v2/images/generations"),
    ("HEAD", "/v2/models"),
]


@pytest.mark.parametrize(("method", "path"), KEYED)
def test_every_operation_but_the_download_needs_a_key(method: str, path: str) -> None:
    """Documented: 401 `invalid_api_key` when it is missing, before anything else is judged."""
    reply = Driver.of().request(method, path, key=None)
    assert reply.status == 401
    assert method == "HEAD" or reply.error["code"] == "invalid_api_key"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "bearer",
        "sk_abc",
        "Basic sk_abc",
        "Bearer pk_abc",
        "Bearer sk_",
        "Bearer sk_a b",
        "Bearer sk_a, Bearer sk_b",
        "Token sk_abc",
        "Bearer\tsk_abc",
        "Bearer SK_abc",
        "Bearer sk_\xe9",
        "Bearer sk_" + "x" * 600,
        "Bearersk_abc",
        "Bearer  \xa0",
        "Bearer \x00",
        "Bearer sk_\x1b[31m",
    ],
)
def test_a_malformed_key_is_a_401(header: str) -> None:
    """Documented for malformed keys; what is malformed is `--key-pattern`, our choice."""
    reply = Driver.of().get("/v2/models", headers={"authorization": header}.items())
    assert (reply.status, reply.error["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize(
    "header",
    ["Bearer sk_abc", "bearer sk_abc", "BEARER   sk_abc", " Bearer sk_abc "],
)
def test_a_well_formed_key_is_let_in(header: str) -> None:
    """The scheme's case and the spaces around do not matter: HTTP's own rule."""
    reply = Driver.of().get("/v2/models", headers={"authorization": header}.items())
    assert reply.status == 200


def test_two_authorization_headers_are_ambiguous() -> None:
    """Which of two keys pays must not depend on a parser."""
    api = Driver.of()
    header = (b"authorization", b"Bearer sk_abc")
    once = Request("GET", "http", "127.0.0.1", 4010, b"/v2/models", [header])
    assert api.send(once).status == 200
    assert api.send(once._replace(headers=[header, header])).status == 401


def test_each_key_has_its_own_money() -> None:
    """A workspace is made on first use, with the opening balance; keys never meet."""
    api = Driver.of(balance="10")
    api.image()
    other = api.get("/v2/billing/balance", key="sk_other").json
    assert (api.balance(), other["balance"]) == ("9.96", "10.00")


def test_each_key_has_its_own_limits() -> None:
    """One key's burst is not another's 429."""
    api = Driver.of(image_rpm=1)
    assert [api.image().status, api.image().status] == [200, 429]
    api.key = "sk_other"
    reply = api.post(
        "/v2/images/generations", {"model": "seedream-5-lite", "prompt": "x"}, key="sk_other"
    )
    assert reply.status == 200


def test_the_pattern_of_keys_is_a_setting() -> None:
    """`--key-pattern` must match the whole key."""
    api = Driver.of(key_pattern="test-[0-9]+")
    assert api.get("/v2/models", key="test-1").status == 200
    assert api.get("/v2/models", key="test-1x").status == 401
    assert api.get("/v2/models", key="sk_abc").status == 401


def test_the_lenient_mode_takes_any_key_but_none() -> None:
    """The official SDK's own tests send `My API Key`."""
    api = Driver.of(strictness="schema")
    assert api.get("/v2/models", key="My API Key").status == 200
    assert api.get("/v2/models", key=None).status == 401
