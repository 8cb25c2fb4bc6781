"""Scenarios: put in force, counted, listed and removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from getimg_mock import MockServer, SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from getimg_mock import WorkspaceHandle
    from tests.control.client import Client


class TestScenarios:
    """Rules that say who gets something other than the usual."""

    def test_a_named_one_acts_and_counts_its_hits(
        self, ws: WorkspaceHandle, client: Client
    ) -> None:
        """Whether a fault was met is part of what a test has to know."""
        rule = ws.scenarios.add("rate-limited", every=1, first=2)
        assert rule.hits == 0
        assert [client.image().status for _ in range(3)] == [429, 429, 200]
        assert (rule.hits, rule.seen) == (2, 3)

    def test_one_of_ones_own_acts_until_it_is_removed(
        self, ws: WorkspaceHandle, client: Client
    ) -> None:
        """Removed, its count can still be read."""
        rule = ws.scenarios.add(on="images.generate", status=503)
        assert client.image().status == 503
        rule.remove()
        rule.remove()
        assert client.image().status == 200
        assert rule.hits == 1
        assert ws.scenarios.rules() == []

    def test_the_work_may_be_done_and_charged_and_the_answer_lost(
        self, ws: WorkspaceHandle, client: Client
    ) -> None:
        """The most expensive fault there is: ledger and answer disagree."""
        ws.scenarios.add(on="images.generate", status=500, after_commit=True, first=1)
        assert client.image().status == 500
        assert ws.ledger.charged > 0
        (exchange,) = ws.journal
        assert "charge" in [effect.what for effect in exchange.effects]

    @pytest.mark.parametrize("suffix", ["toml", "json"])
    def test_one_of_a_file_is_read_where_the_handle_is(
        self, ws: WorkspaceHandle, client: Client, tmp_path: Path, suffix: str
    ) -> None:
        """The server opens no files for those who control it."""
        path = tmp_path / f"mine.{suffix}"
        path.write_text(
            '[[rules]]\non = "images.generate"\nstatus = 502\n'
            if suffix == "toml"
            else '{"rules": [{"on": "images.generate", "status": 502}]}',
            encoding="utf-8",
        )
        rule = ws.scenarios.add(path, first=1)
        assert [client.image().status for _ in range(2)] == [502, 200]
        assert rule.hits == 1
        with pytest.raises(SettingsError, match="cannot be read"):
            ws.scenarios.add(str(tmp_path / "other.toml"))

    def test_they_are_listed_and_cleared(self, ws: WorkspaceHandle) -> None:
        """Those in force with their words, those that ship with their purpose."""
        ws.scenarios.add(on=["videos.*"], status=500)
        (rule,) = ws.scenarios.rules()
        assert (rule["on"], rule["status"], rule["hits"]) == (["videos.*"], 500, 0)
        ws.scenarios.clear()
        assert ws.scenarios.rules() == []
        shipped = ws.scenarios.shipped()
        assert {"flaky", "outage", "lost-response"} <= shipped.keys()
        assert all(shipped.values())

    def test_of_a_list_with_a_wrong_rule_none_is_put_in_force(
        self, server: MockServer, key: str, client: Client
    ) -> None:
        """Half a scenario would be a surprise."""
        rules = [{"status": 500}, {"status": 500, "ferst": 1}]
        reply = client.post("/__mock__/scenarios", {"rules": rules})
        assert (reply.status, reply.json["error"]["nearest"]) == (400, "first")
        assert server.workspace(key).scenarios.rules() == []
