"""The journal as it grows."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock import GetimgMockError
from getimg_mock.control import tail as tail_module
from getimg_mock.control.channels import RemoteChannel

if TYPE_CHECKING:
    from collections.abc import Generator

    from getimg_mock import MockServer
    from tests.control.client import Client


class TestTail:
    """The journal as it grows."""

    @pytest.fixture
    def channel(self, server: MockServer, key: str) -> RemoteChannel:
        """Return a channel to the key's workspace."""
        return RemoteChannel(server.url, key)

    def test_gives_what_there_is_and_then_what_comes(
        self, channel: RemoteChannel, client: Client
    ) -> None:
        """In order, each once, over a reset of the workspace, too."""
        client.image()
        with closing(events(channel)) as tail:
            assert next(tail)["operation"] == "images.generate"
            video = client.video()
            assert next(tail)["generation"] == video
            client.post("/__mock__/reset")
            client.get("/v2/models")
            assert next(tail)["operation"] == "models.list"

    def test_gives_only_what_fits(self, channel: RemoteChannel, client: Client) -> None:
        """The criteria are those of a query."""
        client.image()
        client.get("/v2/models")
        with closing(events(channel, operation="models.*", after=1)) as tail:
            assert next(tail)["number"] == 2
            client.image()
            client.get("/v2/models")
            assert next(tail)["number"] == 4

    def test_a_mistake_is_told_before_it_begins(self, channel: RemoteChannel) -> None:
        """A stream that stays empty would look like a quiet client."""
        with pytest.raises(GetimgMockError, match="Did you mean 'operation'"):
            next(events(channel, operaton="x"))

    def test_one_who_goes_is_forgotten(
        self,
        server: MockServer,
        channel: RemoteChannel,
        key: str,
        client: Client,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A listener that nobody hears would be a leak; the comments in silence find it."""
        monkeypatch.setattr(tail_module, "SILENCE", 0.05)
        journal = server.app.fake.store.get_or_create(key).journal
        with closing(events(channel)) as tail:
            client.image()
            next(tail)
            assert len(journal._listeners) == 1
        while journal._listeners:
            client.get("/__mock__/health")
        assert client.image().status == 200


def events(channel: RemoteChannel, **criteria: Any) -> Generator[Any, None, None]:
    """Follow a workspace's journal."""
    yield from channel.stream_events("/journal/tail", criteria)
