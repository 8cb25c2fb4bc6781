"""What the API says to a request that it refuses, in which order, and what that leaves alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from getimg_mock import schemas
from tests.api.driver import IMAGE, KEY, VIDEO, Driver

IMAGES = "/v2/images/generations"
VIDEOS = "/v2/videos/generations"
AUTHENTICATION = (
    "Incorrect API key provided. You can manage your API keys at "
    "https://getimg.ai/app/developer/api-keys"
)


@pytest.fixture
def api() -> Driver:
    """Return a fake with the default settings."""
    return Driver.of()


def test_the_401_has_the_documented_words() -> None:
    """Documented in full, `doc_url` included."""
    reply = Driver.of().get("/v2/models", key=None)
    assert reply.status == 401
    assert reply.json == {
        "error": {
            "message": AUTHENTICATION,
            "type": "invalid_request_error",
            "param": None,
            "code": "invalid_api_key",
            "doc_url": "https://docs.getimg.ai/guides/authentication",
        }
    }


def test_the_unsupported_resolution_has_the_documented_words(api: Driver) -> None:
    """Documented: the one 400 that the documentation shows in full."""
    assert api.image(resolution="4K").json == {
        "error": {
            "message": "Unsupported resolution '4K' for model 'seedream-5-lite'.",
            "type": "invalid_request_error",
            "param": "resolution",
            "code": "invalid_parameter",
        }
    }


def test_the_unsupported_role_has_the_observed_words(api: Driver) -> None:
    """Observed, from a client that keeps the text."""
    reply = api.image(model="z-image-turbo", images=[{"url": "https://example.com/a.png"}])
    assert reply.error["message"] == (
        "Reference role 'reference_image' is not supported for this model"
    )


def test_the_concurrency_429_has_the_documented_words() -> None:
    """Documented: no Retry-After belongs to it."""
    api = Driver.of(concurrent=0)
    reply = api.video()
    assert reply.status == 429
    assert reply.error["code"] == "rate_limit"
    assert reply.error["message"] == (
        "Too many concurrent requests. Please wait for current requests to finish."
    )
    assert reply.header("retry-after") is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"aspect_ratio": "7:1"}, "Unsupported aspect_ratio '7:1' for model 'seedream-5-lite'."),
        ({"model": "dall-e"}, "Unsupported model 'dall-e'."),
        ({"output_format": "gif"}, "Unsupported output_format 'gif'."),
        ({"prompt": ""}, "Invalid 'prompt': it must have at least 1 character(s)."),
        (
            {"prompt": "x" * 4097},
            "Invalid 'prompt': it may have at most 4096 characters, this one has 4097.",
        ),
        ({"prompt": 1}, "Invalid type for 'prompt': expected a string, got a number."),
        (
            {"images": [{"url": "https://example.com/a.png"}] * 9},
            "Invalid 'images': it may have at most 8 items, this has 9.",
        ),
    ],
)
def test_other_refusals_follow_the_pattern(
    api: Driver, fields: dict[str, Any], message: str
) -> None:
    """Our choice of words, in the pattern of the documented ones."""
    assert api.image(**fields).error["message"] == message


@pytest.mark.parametrize("missing", ["model", "prompt"])
@pytest.mark.parametrize(("path", "body"), [(IMAGES, IMAGE), (VIDEOS, VIDEO)])
def test_a_missing_field_is_named(
    api: Driver, path: str, body: dict[str, Any], missing: str
) -> None:
    """Documented code; the words are our choice."""
    reply = api.post(path, {name: body[name] for name in body if name != missing})
    assert reply.status == 400
    assert reply.error["code"] == "parameter_missing"
    assert reply.error["param"] == missing
    assert reply.error["message"] == f"Missing required parameter: '{missing}'."


def _without_money(**fields: Any) -> dict[str, Any]:
    return IMAGE | {"prompt": "x"} | fields


# Each request has the fault of its line and every fault below it: the answer must be about its own.
FAULTS: list[tuple[str, dict[str, str], bytes, int, str | None]] = [
    ("no key", {"authorization": ""}, b"{", 401, None),
    ("wrong type of content", {"content-type": "text/plain"}, b"{", 415, None),
    ("no JSON", {}, b"{", 400, None),
    ("no object", {}, b"[]", 400, None),
    ("missing before wrong type", {}, b'{"model": 5, "images": 3}', 400, "prompt"),
    ("wrong type before length", {}, b'{"model": 5, "prompt": ""}', 400, "model"),
    (
        "length before model",
        {},
        json.dumps(_without_money(prompt="", model="?")).encode(),
        400,
        "prompt",
    ),
    (
        "model before its values",
        {},
        json.dumps(_without_money(model="?", resolution="?")).encode(),
        400,
        "model",
    ),
    (
        "values before references",
        {},
        json.dumps(_without_money(resolution="?", images=[{"url": "http://e.com"}])).encode(),
        400,
        "resolution",
    ),
    (
        "references before money",
        {},
        json.dumps(_without_money(images=[{"url": "http://e.com"}])).encode(),
        400,
        "images[0].url",
    ),
    ("money before limits", {}, json.dumps(_without_money()).encode(), 402, None),
]


@pytest.mark.parametrize(
    ("headers", "body", "status", "param"),
    [fault[1:] for fault in FAULTS],
    ids=[fault[0] for fault in FAULTS],
)
def test_the_first_fault_in_the_order_of_checks_is_the_one_that_is_told(
    headers: dict[str, str], body: bytes, status: int, param: str | None
) -> None:
    """Inferred: key, JSON, required, types, model, values, references, balance, limits."""
    api = Driver.of(balance=0, image_rpm=0, concurrent=0)
    reply = api.request("POST", IMAGES, body=body, headers=headers.items())
    assert reply.status == status
    assert reply.error["param"] == param


def test_limits_come_last() -> None:
    """With money there is nothing left to refuse but the rate."""
    assert Driver.of(image_rpm=0).image().status == 429


@pytest.mark.parametrize(
    ("settings", "fields", "key", "status"),
    [
        ({}, {}, None, 401),
        ({}, {"resolution": "4K"}, KEY, 400),
        ({}, {"prompt": None}, KEY, 400),
        ({"balance": "0.03"}, {}, KEY, 402),
        ({"image_rpm": 0}, {}, KEY, 429),
        ({"concurrent": 0}, {}, KEY, 429),
    ],
)
def test_a_refusal_changes_nothing(
    settings: dict[str, Any], fields: dict[str, Any], key: str | None, status: int
) -> None:
    """No money, no limit and no generation, whatever the refusal."""
    api = Driver.of(**settings)
    before = api.books()
    reply = api.post(IMAGES, IMAGE | fields, key=key)
    assert reply.status == status
    assert api.books() == before
    assert schemas.violations("error", reply.json) == []


def test_a_refused_key_opens_no_workspace(api: Driver) -> None:
    """What is not let in leaves no trace."""
    before = len(list(api.app.fake.store))
    for key in (None, "pk_wrong", "sk_", "sk_a b"):
        assert api.get("/v2/models", key=key).status == 401
    assert len(list(api.app.fake.store)) == before


def test_too_little_money_is_a_402_to_the_cent() -> None:
    """Documented: 402 `quota_exceeded`; the last cent can still be spent."""
    api = Driver.of(balance="0.08")
    assert [api.image().status for _ in range(3)] == [200, 200, 402]
    assert api.balance() == "0.00"
    assert api.image().error["code"] == "quota_exceeded"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", IMAGES, "POST"),
        ("HEAD", IMAGES, "POST"),
        ("DELETE", IMAGES, "POST"),
        ("OPTIONS", IMAGES, "POST"),
        ("PUT", VIDEOS, "POST"),
        ("HEAD", VIDEOS, "POST"),
        ("GET", VIDEOS, "POST"),
        ("POST", "/v2/models", "GET, HEAD"),
        ("DELETE", f"{VIDEOS}/req-01X", "GET, HEAD"),
        ("PATCH", "/v2/models/seedream-5-lite", "GET, HEAD"),
        ("POST", "/v2/billing/balance", "GET, HEAD"),
        ("POST", "/v2/billing/costs", "GET, HEAD"),
        ("POST", "/v2/downloads/req-01X/0", "GET, HEAD"),
        ("TRACE", "/v2/models", "GET, HEAD"),
        ("BREW", "/v2/models", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_a_405_that_says_which_are_right(
    api: Driver, method: str, path: str, allow: str
) -> None:
    """HTTP's own rule: 405 has `Allow`; there is no list, cancel or delete of generations."""
    reply = api.request(method, path)
    assert reply.status == 405
    assert reply.header("allow") == allow
    if method != "HEAD":
        assert reply.error["code"] == "method_not_allowed"
        assert schemas.violations("error", reply.json) == []


def test_no_image_can_be_looked_up(api: Driver) -> None:
    """Documented: there is no GET /v2/images/generations/{id}."""
    image_id = api.image().json["id"]
    assert api.get(f"{IMAGES}/{image_id}").status == 404


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "*",
        "/v2",
        "/v2/",
        "/v2/models/",
        "/v2//models",
        "/V2/models",
        "/v2/modles",
        "/v2/models/a/b",
        "/v2/downloads/req-01X",
        "/v2/downloads/req-01X/0/0",
        "/v2/images",
        "/v3/models",
        "/v2/billing",
        "/favicon.ico",
        "/v2/models/a\x00/\r\nX-Evil: 1",
        "/__mock__x",
        "/v2/m\N{LATIN SMALL LETTER O WITH DIAERESIS}dels",
        "/v2/models\ud800",
    ],
)
def test_an_unknown_path_is_a_404_in_the_envelope(api: Driver, path: str) -> None:
    """Whoever reads `error.message` can read this one too."""
    for method in ("GET", "POST", "DELETE", "BREW"):
        reply = api.request(method, path)
        assert reply.status == 404
        assert reply.error["code"] == "not_found"
        assert schemas.violations("error", reply.json) == []


def test_a_path_that_is_nearly_right_gets_the_right_one(api: Driver) -> None:
    """A hint of ours saves a search."""
    assert api.get("/v2/image/generations").header("x-mock-hint") == (
        "did you mean /v2/images/generations?"
    )


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/stable-diffusion-xl/text-to-image"])
def test_a_good_key_gets_401_on_the_older_api(api: Driver, path: str) -> None:
    """Observed in July 2026."""
    for method in ("GET", "POST"):
        reply = api.request(method, path)
        assert (reply.status, reply.error["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize("path", ["/v10/models", "/v1x"])
def test_only_the_older_api_is_the_older_api(api: Driver, path: str) -> None:
    """A path that merely begins alike is unknown."""
    assert api.get(path).status == 404


def test_what_a_client_sent_cannot_become_a_header(api: Driver) -> None:
    """Paths, values and ids are quoted in bodies and hints, never as lines of the answer."""
    evil = "a\r\nX-Evil: 1\r\n\r\nHTTP/1.1 200 OK"
    replies = [
        api.get(f"/v2/models/{evil}"),
        api.get(f"/v2/{evil}"),
        api.get(f"/v2/models?type={evil}"),
        api.image(model=evil),
        api.image(resolution=evil),
        api.image(images=[{"url": evil}]),
        api.request(evil, "/v2/models"),
        api.get(f"/v2/videos/generations/{evil}"),
        api.get(f"/v2/billing/costs?start={evil}&end={evil}"),
        api.request("POST", IMAGES, body=b"{}", headers={"content-type": evil}.items()),
    ]
    for reply in replies:
        assert reply.status in {400, 404, 405, 415}
        for name, value in reply.headers:
            assert (name + value).isprintable()


def test_long_words_of_a_client_are_cut(api: Driver) -> None:
    """An error about a megabyte does not repeat the megabyte."""
    word = "x" * 100_000
    replies = [
        api.image(model=word),
        api.image(resolution=word),
        api.image(output_format=word),
        api.image(images=[{"url": f"https://{word}"}]),
        api.get(f"/v2/models/{word}"),
        api.get(f"/v2/models?type={word}"),
        api.get(f"/{word}"),
        api.request(word, "/v2/models"),
        api.get(f"/v2/billing/costs?start={word}&end={word}"),
        api.poll(word),
        api.video(images=[{"url": "https://e.com/a", "role": word}]),
        api.image(model=[word] * 3),
    ]
    for reply in replies:
        assert reply.status in {400, 404, 405}
        assert len(reply.body) < 1000
