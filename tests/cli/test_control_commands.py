"""The everyday controls on the command line, against a running fake."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock import MockServer
from getimg_mock.cli import COMMANDS, main
from getimg_mock.cli.scenario import parse_words
from getimg_mock.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.control.client import Client

    Run = Callable[..., str]

CONTROLS = (
    "clock",
    "scenario",
    "generations",
    "models",
    "ledger",
    "limits",
    "transitions",
    "settings",
    "journal",
    "reset",
    "snapshot",
    "restore",
    "fork",
    "workspaces",
    "request",
    "verdict",
)


class TestClock:
    """`getimg-mock clock`."""

    def test_advances_and_says_what_happened(self, run: Run, client: Client) -> None:
        """The events passed, then the new time."""
        before, video = run("clock", "now").split()[0], client.video()
        *events, now = run("clock", "advance", "10m").splitlines()
        assert [line.split()[1:] for line in events if video in line] == [
            ["generation.completed", video]
        ]
        assert now > before
        assert client.poll(video)["status"] == "completed"

    def test_goes_to_moments_events_and_endings(self, run: Run, client: Client) -> None:
        """All of the clock's ways to move."""
        video = client.video()
        assert video in run("clock", "run-until", video, "completed")
        *events, _ = run("clock", "next").splitlines()
        assert {line.split()[1] for line in events} <= {"window.reset", "link.expired"}
        assert events
        assert (
            run("clock", "advance-to", "2999-01-01T00:00:00Z")
            .splitlines()[-1]
            .startswith("2999-01")
        )

    @pytest.mark.parametrize("rate", ["60", "x60"])
    def test_is_scaled_and_frozen(self, run: Run, rate: str) -> None:
        """In the words that `serve --clock` takes, too."""
        assert run("clock", "scale", rate).rstrip().endswith("x60")
        assert run("clock", "freeze").rstrip().endswith("frozen")

    def test_prints_json_when_asked(self, run: Run) -> None:
        """Scripts need no parsing of lines."""
        assert json.loads(run("clock", "now", "--json"))["rate"] == 0


class TestScenario:
    """`getimg-mock scenario`."""

    def test_is_added_shown_and_removed(self, run: Run, client: Client) -> None:
        """From the name to the count of hits."""
        assert "rule-1 (rate-limited)" in run(
            "scenario", "add", "rate-limited", "every=1", "first=1"
        )
        assert [client.image().status for _ in range(2)] == [429, 200]
        assert "hits: 1 of 2" in run("scenario", "list")
        assert "hits: 1 of 2" in run("scenario", "show", "rule-1")
        assert "hits: 1 of 2" in run("scenario", "remove", "rule-1")
        assert run("scenario", "list") == "No rules are in force.\n"

    def test_may_be_one_rule_or_a_file(self, run: Run, client: Client, tmp_path: Path) -> None:
        """Keys as in files, with `-` or `_`."""
        run("scenario", "add", "on=images.generate", "status=500", "after-commit=true", "first=1")
        assert client.image().status == 500
        file = tmp_path / "mine.toml"
        file.write_text('[[rules]]\non = "images.generate"\nstatus = 502\n', encoding="utf-8")
        run("scenario", "add", str(file), "first=1")
        assert [client.image().status for _ in range(2)] == [502, 200]
        run("scenario", "remove", "all")
        assert run("scenario", "list") == "No rules are in force.\n"

    def test_those_that_ship_are_listed(self, run: Run) -> None:
        """A line each, with what it is for."""
        lines = run("scenario", "shipped").splitlines()
        assert {"flaky", "outage"} <= {line.partition(":")[0] for line in lines}

    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            (["flaky"], {"name": "flaky"}),
            (["flaky", "times=2"], {"name": "flaky", "times": 2}),
            (["on=videos.*", "latency=20..60"], {"on": "videos.*", "latency": "20..60"}),
            (['on=["a", "b"]', "hold=true"], {"on": ["a", "b"], "hold": True}),
            (["prompt=a=b", "retry-after=3"], {"prompt": "a=b", "retry_after": 3}),
        ],
    )
    def test_values_are_json_where_they_can_be(
        self, words: list[str], expected: dict[str, Any]
    ) -> None:
        """Numbers are numbers, `true` is true, and what is not JSON is text."""
        assert parse_words(words) == expected

    def test_a_word_without_a_value_is_refused(self) -> None:
        """`times 2` is a slip of the keyboard."""
        with pytest.raises(SettingsError, match="not key=value"):
            parse_words(["flaky", "times", "2"])


class TestGenerations:
    """`getimg-mock generations`."""

    def test_are_listed_and_ended_by_hand(self, run: Run, client: Client) -> None:
        """For apps that one can only look at."""
        assert run("generations", "list") == "No generations.\n"
        first, second, third = (client.video() for _ in range(3))
        assert "completed" in run("generations", "complete", first)
        said = run("generations", "fail", second, "--code", "boom", "--message", "It broke.")
        assert "failed (boom: It broke.)" in said
        assert "pending until it is ended" in run("generations", "hold", third)
        assert [line.split()[0] for line in run("generations", "list").splitlines()] == [
            first,
            second,
            third,
        ]
        assert run("generations", "list", "--status", "failed").split()[0] == second
        assert run("generations", "show", first).split()[0] == first
        assert client.poll(second)["error"] == {"code": "boom", "message": "It broke."}


class TestModels:
    """`getimg-mock models`."""

    def test_are_listed(self, run: Run, client: Client) -> None:
        """A line each: id, type and name; with `--json` as the API shows them."""
        listed = client.get("/v2/models").json
        assert run("models", "list").splitlines() == [
            f"{each['id']}  {each['type']}  {each['name']}" for each in listed
        ]
        videos = json.loads(run("models", "list", "--type", "video", "--json"))["models"]
        assert videos == [each for each in listed if each["type"] == "video"]


class TestLedger:
    """`getimg-mock ledger`."""

    def test_shows_and_changes_the_balance(self, run: Run, client: Client) -> None:
        """Movements first, the sum last."""
        client.image()
        lines = run("ledger", "show").splitlines()
        assert [line.split()[1] for line in lines[:-1]] == ["credit", "hold", "charge"]
        assert lines[-1].startswith("balance 99.96 USD  held 0")
        assert "balance 109.96 USD" in run("ledger", "top-up", "10")
        assert "balance 3.00 USD" in run("ledger", "set", "3")


class TestJournal:
    """`getimg-mock journal`."""

    def test_lists_counts_and_forgets(self, run: Run, client: Client) -> None:
        """A line for each exchange, with money and faults."""
        run("scenario", "add", "on=images.generate", "status=500", "first=1")
        client.image()
        video = client.video()
        broken, made = run("journal", "list").splitlines()
        assert broken.startswith("#1 ")
        assert "POST /v2/images/generations  500" in broken
        assert "rule-1" in broken
        assert made.endswith(
            f'202  {video}  seedance-v1-5-pro  "Waves under a full moon"  hold 0.120'
        )
        assert run("journal", "list", "--last", "1").startswith("#2 ")
        assert run("journal", "count", "--operation", "videos.*") == "1\n"
        run("journal", "clear")
        assert run("journal", "count") == "0\n"

    def test_lists_what_was_refused_and_why(self, run: Run, client: Client) -> None:
        """The error's code and message are on the line."""
        client.image(model="nope")
        line = run("journal", "list").strip()
        assert "400" in line
        assert "nope" in line
        assert line.endswith("invalid_parameter: Unsupported model 'nope'.")

    @pytest.mark.parametrize("action", ["list", "show 1", "wait"])
    def test_prints_no_control_characters(self, run: Run, client: Client, action: str) -> None:
        """A prompt, a model or a header could clear the screen, or write lines of its own."""
        client.image(prompt="\x1b[2J\u202eturned\x9b31m", model="\x1b]0;title\x07")
        shown = run("journal", *action.split())
        assert [each for each in shown if not each.isprintable() and each not in "\t\r\n"] == []

    def test_shows_one_exchange(self, run: Run, client: Client) -> None:
        """Headers and bodies of request and answer."""
        client.image(prompt="A heron")
        shown = run("journal", "show", "1")
        assert "POST /v2/images/generations" in shown
        assert '"prompt": "A heron"' in shown
        assert '"status":"completed"' in shown
        assert client.key not in shown

    def test_waits(self, run: Run, client: Client) -> None:
        """At once where the exchange has come already."""
        client.image()
        assert run("journal", "wait", "--operation", "images.generate").startswith("#1 ")

    def test_exports(self, run: Run, client: Client, tmp_path: Path) -> None:
        """To a file or to the next program."""
        client.image()
        assert json.loads(run("journal", "export"))["log"]["version"] == "1.2"
        assert json.loads(run("journal", "export", "--format", "ndjson"))["number"] == 1
        file = tmp_path / "journal.har"
        assert run("journal", "export", "--output", str(file)) == ""
        assert len(json.loads(file.read_text("utf-8"))["log"]["entries"]) == 1

    @pytest.mark.parametrize("form", ["line", "json"])
    def test_tails_until_it_is_stopped(self, client: Client, form: str) -> None:
        """What comes is printed at once, by a program of its own."""
        client.image()
        command = [sys.executable, "-m", "getimg_mock", "journal", "tail"]
        command += ["--json"] if form == "json" else []
        tail = subprocess.Popen(command, stdout=subprocess.PIPE, env=dict(os.environ), text=True)  # noqa: S603 - our own command
        assert tail.stdout is not None
        try:
            lines = [tail.stdout.readline()]
            video = client.video()
            lines.append(tail.stdout.readline())
        finally:
            tail.terminate()
            tail.communicate()
        assert video in lines[1]
        if form == "json":
            assert [json.loads(line)["number"] for line in lines] == [1, 2]


class TestWhole:
    """`reset`, `snapshot` and `restore`."""

    def test_a_snapshot_is_written_and_restored(
        self, run: Run, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By file and by pipe."""
        video, file = client.video(), tmp_path / "state.json"
        assert run("snapshot", str(file)) == ""
        assert json.loads(run("snapshot")) == json.loads(file.read_text("utf-8"))
        assert "The workspace is empty" in run("reset")
        assert run("generations", "list") == "No generations.\n"
        assert "Restored" in run("restore", str(file))
        assert run("generations", "list").split()[0] == video
        run("reset")
        with file.open(encoding="utf-8") as opened:
            monkeypatch.setattr("sys.stdin", opened)
            run("restore", "-")
        assert run("generations", "list").split()[0] == video


class TestMistakes:
    """One line each, and what would have been right."""

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("clock advance soon", "'soon' is not a duration"),
            ("clock advanc 10m", "Did you mean 'advance'?"),
            ("clock", "ACTION"),
            ("clock now --ur x", "Did you mean '--url'?"),
            ("clok now", "Did you mean 'clock'?"),
            ("scenario add flaki", "Did you mean 'flaky'?"),
            ("scenario add ststus=500", "Did you mean 'status'?"),
            ("scenario remove rule-1", "Unknown rule 'rule-1'."),
            ("scenario add nowhere.toml", "nowhere.toml cannot be read"),
            ("generations complete req-1", "Unknown generation 'req-1'."),
            ("generations list --status done", "Unknown status 'done'."),
            ("models list --type vidoe", "Did you mean 'video'?"),
            ("ledger set much", "'much' is not an amount"),
            ("journal export --format xml", "Known: har, ndjson."),
            ("journal list --operation image.generate", "Did you mean 'images.generate'?"),
            ("request POST /v2/images/generations {", "The body is not JSON"),
            ("request GET /__mock__/reset", "it begins with /v2/"),
            ("generations save req-1 x.png", "Unknown generation 'req-1'."),
            ("journal show 7", "No exchange 7: the journal is empty."),
            ("journal wait --timeout 0", "Waited 0 s for 1 exchange"),
            ("limits set --image-rpm many", "image_rpm"),
            ("transitions set secons=3", "secons"),
            ("settings set retentoin=3", "Did you mean 'retention'?"),
            ("journal export --output /nowhere/x", "/nowhere/x cannot be written"),
            ("journal tail --status many", "'many' is not a whole number"),
            ("restore /nowhere/x", "/nowhere/x cannot be read"),
            ("clock now --key wrong", "keys look like sk_"),
            ("clock now --url nonsense", "is not a URL"),
            ("clock now --url https://api.getimg.ai", "is the real API"),
            ("clock now --url http://127.0.0.1:1", "Start one with getimg-mock serve."),
        ],
    )
    def test_is_told_in_one_line(self, refused: Run, line: str, said: str) -> None:
        """No traceback, no page of help."""
        assert said in refused(*line.split())

    def test_a_restore_of_no_json_is_refused(self, refused: Run, tmp_path: Path) -> None:
        """With the name of the file."""
        file = tmp_path / "state.json"
        file.write_text("{", encoding="utf-8")
        assert f"{file} is not JSON" in refused("restore", str(file))

    def test_without_a_key_it_says_how_to_give_one(
        self, refused: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A workspace belongs to a key; there is none to guess."""
        monkeypatch.delenv("GETIMG_MOCK_KEY")
        assert "--key" in refused("clock", "now")


def test_the_variables_of_the_official_client_are_understood(
    client: Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever has pointed a client at the fake has said all there is to say."""
    monkeypatch.delenv("GETIMG_MOCK_URL")
    monkeypatch.delenv("GETIMG_MOCK_KEY")
    monkeypatch.setenv("GETIMG_AI_BASE_URL", client.url)
    monkeypatch.setenv("GETIMG_API_KEY", client.key)
    video = client.video()
    assert main(["generations", "list"]) == 0
    assert video in capsys.readouterr().out


def test_a_token_is_sent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From an option or the environment."""
    with MockServer(control_token="a-long-enough-token") as server:
        words = ["ledger", "show", "--url", server.url, "--key", "sk_cli"]
        monkeypatch.delenv("GETIMG_MOCK_TOKEN", raising=False)
        assert main(words) == 2
        assert main([*words, "--token", "a-long-enough-token"]) == 0
        monkeypatch.setenv("GETIMG_MOCK_TOKEN", "a-long-enough-token")
        assert main(words) == 0
    assert "balance 100 USD" in capsys.readouterr().out


@pytest.mark.parametrize("command", CONTROLS)
def test_help_says_what_the_list_of_commands_says(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One summary, in two places."""
    with pytest.raises(SystemExit):
        main([command, "--help"])
    said = " ".join(capsys.readouterr().out.split()).lower()
    assert COMMANDS[command].lower() in said
