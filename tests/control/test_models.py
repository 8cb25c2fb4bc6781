"""The command `models`: the catalogue of a fake."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from getimg_mock import MockServer, UnknownNameError, connect
from getimg_mock.control.channels import LocalChannel

if TYPE_CHECKING:
    from pathlib import Path

    from getimg_mock import WorkspaceHandle
    from tests.control.client import Client


def test_the_models_are_those_of_the_api(ws: WorkspaceHandle, client: Client) -> None:
    """The same fields and the same order, by id."""
    listed = client.get("/v2/models").json
    assert list(ws.models.values()) == listed
    assert list(ws.models) == [each["id"] for each in listed]


def test_looking_leaves_no_trace(ws: WorkspaceHandle) -> None:
    """A control is no request of the client's: no fault acts on it, no journal has it."""
    ws.scenarios.add(on="*", status=500)
    assert ws.models
    assert ws.journal.count() == 0


def test_a_catalogue_of_ones_own_is_listed(tmp_path: Path) -> None:
    """What the fake was started with, here and there."""
    (shipped,) = (each for each in _shipped_models() if each["id"] == "seedream-5-lite")
    path = tmp_path / "models.json"
    path.write_text(json.dumps([{**shipped, "id": "mine"}]), encoding="utf-8")
    with MockServer(models=path) as server:
        for handle in (server.workspace("sk_models"), connect(server.url, "sk_models")):
            assert list(handle.models) == ["mine"]


@pytest.mark.parametrize("kind", ["image", "video"])
def test_one_type_is_listed(client: Client, kind: str) -> None:
    """Over HTTP, in the query, as the API itself has it."""
    found = client.get(f"/__mock__/models?type={kind}").json["models"]
    assert found == client.get(f"/v2/models?type={kind}").json
    assert {each["type"] for each in found} == {kind}


def test_an_unknown_type_names_the_nearest(server: MockServer, key: str) -> None:
    """As everywhere in the controls."""
    with pytest.raises(UnknownNameError, match="Did you mean 'video'"):
        LocalChannel(server.app.fake, key).call("GET", "/models", {"type": "vidoe"})


def _shipped_models() -> list[dict[str, object]]:
    with MockServer() as server:
        return list(server.workspace("sk_models").models.values())
