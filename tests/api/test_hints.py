"""`X-Mock-Hint`, the log and the journal name what would work."""

from __future__ import annotations

import json
from typing import Any

import pytest

from getimg_mock.api.error_envelope import MAX_HINT
from tests.api.driver import KEY, Driver

OLDER_SHAPE = {
    "width": 1024,
    "height": 1792,
    "num_images": 2,
    "image": "https://example.com/a.png",
    "negative_prompt": "blur",
    "steps": 20,
}


def test_fields_of_the_older_api_are_accepted_with_a_hint_and_a_mark() -> None:
    """Inferred: they are ignored; but not in silence."""
    api = Driver.of()
    reply = api.image(**OLDER_SHAPE)
    assert reply.status == 200
    hint = str(reply.header("x-mock-hint"))
    assert hint.startswith("width, height: use aspect_ratio and resolution; num_images: ")
    assert all(name in hint for name in OLDER_SHAPE)
    (exchange,) = api.workspace().journal
    assert exchange.unknown_fields == tuple(OLDER_SHAPE)
    assert exchange.as_json()["unknown_fields"] == list(OLDER_SHAPE)


def test_a_documented_body_has_neither() -> None:
    """A hint on every answer would be read by nothing."""
    api = Driver.of()
    assert api.image().header("x-mock-hint") is None
    assert api.video().header("x-mock-hint") is None
    assert [each.unknown_fields for each in api.workspace().journal] == [(), ()]


def test_a_refusal_keeps_its_message_and_its_hint() -> None:
    """The hint for unknown fields follows it."""
    api = Driver.of()
    plain, mixed = api.image(resolution="9K"), api.image(resolution="9K", width=1)
    assert plain.json == mixed.json
    assert mixed.header("x-mock-hint") == (
        f"{plain.header('x-mock-hint')}; width: use aspect_ratio and resolution"
    )
    missing = api.post("/v2/images/generations", {"prompt": "x", "engine": "y"})
    assert missing.error["code"] == "parameter_missing"
    assert missing.header("x-mock-hint") == "engine: use model"


def test_the_answer_is_the_same_with_and_without_unknown_fields() -> None:
    """They have no meaning: the same request, the same generation."""
    one, other = Driver.of().image(), Driver.of().image(**OLDER_SHAPE)
    assert one.json == other.json


def test_without_our_headers_the_log_and_the_journal_still_name_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`--no-mock-headers` concerns answers only."""
    for form in ("text", "json"):
        app = create_printing_app(form)
        api = Driver(app)
        assert api.image(width=1).header("x-mock-hint") is None
        said = capsys.readouterr().out
        assert "width: use aspect_ratio and resolution" in said
        (exchange,) = api.workspace().journal
        assert exchange.unknown_fields == ("width",)


def create_printing_app(form: str) -> Any:
    """Return an application that prints its log and sends no headers of ours."""
    from getimg_mock import create_app  # noqa: PLC0415 - the public entrance, needed here alone

    return create_app(mock_headers=False, log_format="json" if form == "json" else "text")


def test_no_hint_repeats_a_key_or_breaks_a_header() -> None:
    """Names of fields come from a client."""
    api = Driver.of()
    for name in (KEY, f"x{KEY}", "sk_another_secret", "a\r\nX-Evil: 1", "\ud83d", "é" * 3000):
        reply = api.post(
            "/v2/images/generations", {"model": "seedream-5-lite", "prompt": "x", name: 1}
        )
        hint = str(reply.header("x-mock-hint"))
        assert hint.isascii()
        assert hint.isprintable()
        assert len(hint) <= MAX_HINT
        assert KEY not in hint
        assert "another_secret" not in hint
    shown = json.dumps([each.as_json()["unknown_fields"] for each in api.workspace().journal])
    assert KEY not in shown


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("POST", "/v2/videos/generations/req-1/cancel", 404, "cannot be cancelled"),
        ("POST", "/v2/images/generations/req-1/cancel", 404, "cannot be cancelled"),
        ("DELETE", "/v2/videos/generations/req-1", 405, "cannot be cancelled"),
        ("POST", "/v2/videos/generations/req-1", 405, "use GET /v2/videos/generations/{id}"),
        ("GET", "/v2/images/generations", 405, "cannot be listed"),
        ("GET", "/v2/videos/generations", 405, "cannot be listed"),
        ("PUT", "/v2/models", 405, "use GET"),
        ("DELETE", "/v2/models/x", 405, "nothing can be deleted"),
        ("OPTIONS", "/v2/models", 405, "no CORS"),
        ("GET", "/v2/images/generations/req-1", 404, "POST /v2/images/generations"),
        ("POST", "/images/generations", 404, "did you mean /v2/images/generations?"),
        ("POST", "/v2/v2/images/generations", 404, "did you mean /v2/images/generations?"),
        ("POST", "/v2/images/generations/", 404, "did you mean /v2/images/generations?"),
        ("POST", "//v2//images/generations", 404, "did you mean /v2/images/generations?"),
        ("GET", "/v2/model", 404, "did you mean /v2/models?"),
        ("GET", "/v2/jobs/req-1", 404, "GET /v2/videos/generations/{id}"),
        ("GET", "/v2/account", 404, "GET /v2/billing/balance"),
        ("GET", "/v2/zzz", 404, "the paths are"),
        ("GET", "/", 404, "the paths are"),
        ("POST", "/v1/stable-diffusion/text-to-image", 401, "POST /v2/images/generations"),
        ("POST", "/v1/flux-schnell/text-to-image", 401, "POST /v2/images/generations"),
        ("GET", "/v1/account/balance", 401, "GET /v2/billing/balance"),
        ("GET", "/v1/models", 401, "/v2/models"),
        ("POST", "/v1/chat/completions", 401, "no text generation"),
    ],
)
def test_a_wrong_path_or_method_gets_what_works(
    method: str, path: str, status: int, said: str
) -> None:
    """Each with the status that it always had."""
    reply = Driver.of().request(method, path)
    assert reply.status == status
    assert said in str(reply.header("x-mock-hint"))
    assert Driver.of(mock_headers=False).request(method, path).header("x-mock-hint") is None
