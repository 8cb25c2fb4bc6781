"""The journal: asked, waited for and cleared."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.errors import WaitError
from tests.control.client import VIDEO, Client

if TYPE_CHECKING:
    from getimg_mock import WorkspaceHandle


class TestJournal:
    """What happened."""

    def test_is_asked_by_operation_status_generation_time_and_number(
        self, ws: WorkspaceHandle, client: Client
    ) -> None:
        """All criteria that are given must fit."""
        client.image()
        first = ws.clock.now()
        ws.clock.advance(minutes=1)
        video = client.video()
        client.poll(video)
        client.image(model="nonsense")

        def numbers(**criteria: Any) -> list[int]:
            return [each.number for each in ws.journal.query(**criteria)]

        assert numbers() == [1, 2, 3, 4]
        assert numbers(operation="images.generate") == [1, 4]
        assert numbers(operation="videos.*") == [2, 3]
        assert numbers(operation="images.generate", status=200) == [1]
        assert numbers(generation=video) == [2, 3]
        assert numbers(until=first) == [1]
        assert numbers(since=first + timedelta(seconds=1)) == [2, 3, 4]
        assert numbers(after=3) == [4]
        assert numbers(last=1) == [4]
        assert numbers(last=0) == []
        assert ws.journal.count(operation="videos.*") == 2
        assert (len(ws.journal), [each.number for each in ws.journal]) == (4, [1, 2, 3, 4])

    def test_an_exchange_has_both_halves_and_its_effects(
        self, ws: WorkspaceHandle, client: Client, key: str
    ) -> None:
        """Request, answer, times, money; the key is cut."""
        client.post("/v2/images/generations", VIDEO)
        video = client.video()
        refused, made = ws.journal.query()
        assert (refused.status, refused.effects[1:], refused.generation) == (400, (), None)
        assert refused.response.json["error"]["code"] == "invalid_parameter"
        assert (made.operation, made.method, made.status) == ("videos.create", "POST", 202)
        assert (made.path, made.query) == ("/v2/videos/generations", "")
        assert (made.request.json, made.response.json["id"]) == (VIDEO, video)
        assert made.response.header("Content-Type") == "application/json"
        assert made.response.header("x-nothing") is None
        assert made.generation == video
        assert made.at == ws.clock.now()
        assert [effect.what for effect in made.effects] == ["generation", "hold"]
        assert made.effects[1].amount == ws.ledger.held
        assert key not in str(made.raw)

    def test_holds_bytes_of_files_as_they_are(self, ws: WorkspaceHandle, client: Client) -> None:
        """A body that is no text survives the way through JSON."""
        url = client.image().json["data"][0]["url"]
        picture = client.get(url.removeprefix(client.url)).body
        (download,) = ws.journal.query(operation="downloads.retrieve")
        assert download.response.size == len(picture)
        assert download.response.body == picture[: len(download.response.body)]
        assert download.response.body[:2] == b"\xff\xd8"

    def test_a_wait_ends_with_the_exchange_it_waits_for(
        self, ws: WorkspaceHandle, client: Client
    ) -> None:
        """A client in another thread is waited for, without polling."""
        with pytest.raises(WaitError):
            ws.journal.wait(operation="images.generate", timeout=0)
        other = threading.Thread(target=lambda: [client.image() for _ in range(2)])
        other.start()
        found = ws.journal.wait(operation="images.generate", status=200, count=2, timeout=30)
        other.join()
        assert found.number == 2
        assert ws.journal.wait(operation="images.generate", timeout=0).number == 1

    def test_a_wait_for_nothing_ends_in_a_timeout_error(self, ws: WorkspaceHandle) -> None:
        """Users catch `TimeoutError`; the message says what there is instead."""
        with pytest.raises(
            TimeoutError,
            match=r"Waited 0 s for 1 exchange with operation=videos\.create; the journal has 0",
        ):
            ws.journal.wait(operation="videos.create", timeout=0)

    def test_is_cleared(self, ws: WorkspaceHandle, client: Client) -> None:
        """Numbers go on: an exchange's number stands for one exchange."""
        client.image()
        ws.journal.clear()
        assert list(ws.journal) == []
        client.image()
        assert [each.number for each in ws.journal] == [2]
