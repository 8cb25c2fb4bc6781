"""Commands on a workspace as a whole, its limits and settings, and requests as its client."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from getimg_mock import MockServer, cli
from getimg_mock.cli import COMMANDS, main

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.control.client import Client

    Run = Callable[..., str]


class TestLimits:
    """`getimg-mock limits`."""

    def test_are_changed_and_shown(self, run: Run) -> None:
        """Only those that are given change."""
        run("limits", "set", "--image-rpm", "20", "--concurrent", "3")
        shown = run("limits", "show")
        assert "images      20 of 20 left" in shown
        assert "concurrent  3" in shown


class TestTransitions:
    """`getimg-mock transitions`."""

    def test_are_set_and_cleared(self, run: Run, client: Client) -> None:
        """The next video takes a minute; then the rules are gone."""
        run("transitions", "next", "seconds=60")
        video = client.video()
        run("clock", "advance", "59s")
        assert client.poll(video)["status"] == "pending"
        run("clock", "advance", "1s")
        assert client.poll(video)["status"] == "completed"
        assert "600" in run("transitions", "set", "seconds=600", "model=seedance-*")
        assert "600" not in run("transitions", "clear")


class TestSettings:
    """`getimg-mock settings`."""

    def test_are_changed(self, run: Run) -> None:
        """For generations to come."""
        assert "retention: 60" in run("settings", "set", "retention=60")
        assert "retention: 60" in run("settings", "show")


class TestWorkspaces:
    """`getimg-mock workspaces` and `fork`."""

    def test_lists_keys_that_were_used(self, run: Run, client: Client) -> None:
        """Shortened: a key is never printed."""
        client.image()
        listed = run("workspaces")
        assert "1 completed" in listed
        assert client.key not in listed

    def test_fork_copies(self, run: Run, client: Client) -> None:
        """The copy has the money of the original."""
        client.image()
        assert "balance 99.96 USD" in run("fork", f"{client.key}_copy")

    def test_a_key_without_a_workspace_is_remarked_on(
        self, client: Client, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A mistyped key shows an empty world; that is said, with the keys that have one."""
        client.image()
        assert main(["generations", "list", "--key", "sk_mistyped_key"]) == 0
        printed = capsys.readouterr()
        assert printed.out == "No generations.\n"
        assert "sk_..._key had no workspace" in printed.err
        assert "Keys that have one: sk_..." in printed.err
        assert client.key not in printed.err

    @pytest.mark.parametrize(
        "line", ["ledger set 25", "clock advance 10m", "reset", "models list", "journal clear"]
    )
    def test_changes_to_a_new_workspace_are_remarked_on(
        self, client: Client, capsys: pytest.CaptureFixture[str], line: str
    ) -> None:
        """A clock that is moved in another world moves nothing in that of the client."""
        client.image()
        key = f"sk_mistyped_{line.replace(' ', '_')}"
        assert main([*line.split(), "--key", key]) == 0
        assert f"sk_...{key[-4:]} had no workspace" in capsys.readouterr().err

    def test_a_refused_command_has_the_remark_too(
        self, client: Client, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The key is why the exchange is not there."""
        client.image()
        assert main(["journal", "show", "1", "--key", "sk_mistyped_shown"]) == 2
        printed = capsys.readouterr().err
        assert "sk_...hown had no workspace" in printed
        assert "No exchange 1" in printed

    def test_the_first_key_of_a_fake_is_not_remarked_on(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A command may well come before the first request: there is nothing to confuse it with."""
        with MockServer(quiet=True) as server:
            chosen = ["--url", server.url, "--key", "sk_seeded_key"]
            assert main(["ledger", "set", "25", *chosen]) == 0
        assert capsys.readouterr().err == ""


class TestRequest:
    """`getimg-mock request`, `verdict` and `generations save`."""

    def test_a_request_is_sent_as_the_client(self, run: Run, client: Client) -> None:
        """It is charged and recorded as any other."""
        body = json.dumps({"model": "seedream-5-lite", "prompt": "A heron"})
        assert run("request", "POST", "/v2/images/generations", body).startswith("200\n{")
        assert client.get("/__mock__/journal/count").json["count"] == 1
        assert '"id": "seedream-5-lite"' in run("request", "GET", "/v2/models")

    def test_a_file_is_saved_without_a_download(
        self, run: Run, client: Client, tmp_path: Path
    ) -> None:
        """The bytes of the link, and nothing in the journal."""
        made = client.image().json
        file = tmp_path / "picture"
        assert str(file) in run("generations", "save", made["id"], str(file))
        before = run("journal", "count")
        link = made["data"][0]["url"].removeprefix(client.url)
        assert client.get(link).body == file.read_bytes()
        assert before == "1\n"

    def test_a_verdict_says_where_it_is_given(self, run: Run) -> None:
        """`MockServer` has none; `getimg-mock serve` has."""
        assert "getimg-mock serve" in run("verdict")


def test_shipped_scenarios_need_no_server(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are files of the package."""
    monkeypatch.setenv("GETIMG_MOCK_URL", "http://127.0.0.1:9")
    monkeypatch.delenv("GETIMG_MOCK_KEY", raising=False)
    assert main(["scenario", "shipped"]) == 0
    assert "lost-response: " in capsys.readouterr().out


def test_every_module_of_a_command_is_listed_and_every_listed_command_has_one() -> None:
    """A command that is not listed cannot be called."""
    folder = Path(cli.__file__).parent
    modules = {
        path.stem for path in folder.glob("*.py") if "def add_command(" in path.read_text("utf-8")
    }
    # `verify` has two commands of its own, and all control commands share their connection.
    assert modules - {"verify_api", "verify_client", "control_client"} == set(COMMANDS)
