"""Ledger and limits: read and changed."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from getimg_mock import WorkspaceHandle
    from tests.control.client import Client


class TestMoney:
    """Ledger and limits."""

    def test_the_balance_is_topped_up_and_set(self, ws: WorkspaceHandle, client: Client) -> None:
        """Exact, and what the API says."""
        ws.ledger.set("0.05")
        assert client.image().status == 200
        assert client.image().status == 402
        assert ws.ledger.top_up(Decimal("0.03")) == Decimal("0.04")
        assert client.image().status == 200
        assert ws.ledger.balance == 0
        assert client.get("/v2/billing/balance").json["balance"] == "0.00"

    def test_a_balance_that_is_set_leaves_what_is_held(
        self, ws: WorkspaceHandle, client: Client
    ) -> None:
        """A pending video keeps its money; the sum of the books stays right."""
        client.video()
        held = ws.ledger.held
        ws.ledger.set(5)
        assert ws.ledger.balance == 5
        assert ws.ledger.held == held
        assert ws.ledger.credited == ws.ledger.balance + ws.ledger.held + ws.ledger.charged

    def test_entries_say_what_moved(self, ws: WorkspaceHandle, client: Client) -> None:
        """Each with its moment, its amount and the generation it was for."""
        begun, video = ws.clock.now(), client.video()
        ws.generations[video].complete()
        cost = ws.generations[video].total_cost
        assert [
            (each.what, each.at, each.amount, each.generation) for each in ws.ledger.entries
        ] == [
            ("credit", begun, ws.ledger.credited, None),
            ("hold", begun, cost, video),
            ("charge", begun, cost, video),
        ]

    def test_only_the_newest_entries_are_returned_where_that_is_asked_for(
        self, client: Client
    ) -> None:
        """A page that follows a busy workspace reads a few of ten thousand."""
        client.image()
        told = client.get("/__mock__/ledger?last=1").json
        assert ([each["what"] for each in told["entries"]], told["total"]) == (["charge"], 3)
        assert len(client.get("/__mock__/ledger").json["entries"]) == 3
        assert client.get("/__mock__/ledger?last=0").json["entries"] == []
        assert client.get("/__mock__/ledger?last=-1").code == "invalid_value"

    def test_limits_are_changed_one_by_one(self, ws: WorkspaceHandle, client: Client) -> None:
        """What is not named stays; what was counted stays counted."""
        assert client.image().status == 200
        ws.limits.set(image_rpm=2)
        told = ws.limits.get()
        assert (told["image_rpm"], told["video_rpm"], told["remaining"]["image"]) == (2, 10**6, 1)
        assert [client.image().status for _ in range(2)] == [200, 429]
        ws.clock.advance(minutes=1)
        assert client.image().status == 200
