"""The fake as an ASGI application, under any ASGI host."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from getimg_mock import Application, Settings, SettingsError, create_app

if TYPE_CHECKING:
    from collections.abc import MutableMapping

KEY = {"Authorization": "Bearer sk_application"}
IMAGE = {"model": "z-image-turbo", "prompt": "x"}


def test_it_is_made_from_settings_or_from_single_values() -> None:
    """And not from both, where one would have to win."""
    assert isinstance(create_app(balance="25"), Application)
    assert create_app(Settings.of(seed="x")).fake.settings.seed == "x"
    with pytest.raises(TypeError, match="not both"):
        create_app(Settings(), seed="x")
    with pytest.raises(SettingsError, match="balance: "):
        create_app(balance="x")


def test_two_applications_share_nothing() -> None:
    """No module-level state."""
    one, other = create_app(quiet=True), create_app(quiet=True)
    assert one.fake.store.get_or_create("sk_x") is not other.fake.store.get_or_create("sk_x")


def test_a_test_client_can_use_it_from_start_to_stop() -> None:
    """Start-up and shut-down of the host included."""
    with TestClient(create_app(quiet=True), base_url="http://fake.test") as client:
        made = client.post("/v2/images/generations", json=IMAGE, headers=KEY).json()
        url = made["data"][0]["url"]
        assert url.startswith("http://fake.test/v2/downloads/")
        assert client.get(url).headers["content-type"] == "image/jpeg"


def test_it_can_be_mounted_in_another_application() -> None:
    """Links carry the prefix, and lead back."""
    host = Starlette(routes=[Mount("/getimg", create_app(quiet=True))])
    with TestClient(host, base_url="http://fake.test") as client:
        made = client.post("/getimg/v2/images/generations", json=IMAGE, headers=KEY).json()
        url = made["data"][0]["url"]
        assert url.startswith("http://fake.test/getimg/v2/downloads/")
        assert client.get(url).status_code == 200
        assert client.get("/getimg/__mock__/health").json()["status"] == "ok"
        unknown = client.get("/getimg/v2/nowhere").json()["error"]
        assert unknown["message"] == "Unknown path '/v2/nowhere'."
        assert client.get("/getimg/v1/models").status_code == 401


def test_a_websocket_is_closed() -> None:
    """There are none here."""
    said: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        said.append(message)

    app = create_app(quiet=True)
    asyncio.run(app({"type": "websocket", "path": "/v2/models"}, receive, send))
    assert said[0]["type"] == "websocket.close"


def test_each_request_is_a_line_unless_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    """Text, JSON, or nothing."""
    for settings in ({"log_format": "text"}, {"log_format": "json"}, {"quiet": True}):
        with TestClient(create_app(**settings)) as client:
            client.get("/v2/models", headers=KEY)
    text, line = capsys.readouterr().out.splitlines()
    assert "GET /v2/models 200" in text
    assert json.loads(line)["path"] == "/v2/models"


def test_answers_can_be_checked_against_their_schemas(capsys: pytest.CaptureFixture[str]) -> None:
    """`--check-responses` is silent as long as all is right, whatever is asked."""
    with TestClient(create_app(quiet=True, check_responses=True, video_seconds=0)) as client:
        video = client.post(
            "/v2/videos/generations",
            json={"model": "seedance-v1-pro", "prompt": "x"},
            headers=KEY,
        ).json()
        for path in (
            f"/v2/videos/generations/{video['id']}",
            "/v2/models",
            "/v2/models/z-image-turbo",
            "/v2/billing/balance",
            "/v2/billing/costs",
            "/v2/nowhere",
            "/v2/billing/costs?start=2026-09-01T00:00:00Z&end=2026-09-02T00:00:00Z",
        ):
            assert client.get(path, headers=KEY).status_code in {200, 400, 404}
    assert capsys.readouterr() == ("", "")
