"""What a run leaves behind: its events as they come, reports, and known failures."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from getimg_mock.cli import main, reporting
from getimg_mock.serving.server import MockServer
from tests.contract.clients.reference import faulty
from tests.reports.bare_run import END, SKIP, START

pytestmark = pytest.mark.slow

CLIENT = "tests.cli.test_reporting:pays_twice"
READS = ("--tier", "R0", "--only", "GP801")
KEYS = ("--key", "sk_first_key", "--second-key", "sk_second_key")

pays_twice = faulty("reposts-reset")


def test_a_state_folder_that_cannot_be_written_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run goes on; that it cannot be replayed is said where the command would stand."""
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert main(["verify", "client", CLIENT, "--only", "GC401"]) == 1
    assert f"replay    getimg-mock verify client --only GC401 {CLIENT}" in capsys.readouterr().out


def test_a_run_says_on_a_terminal_how_far_it_has_come(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nowhere else: a log is no place for a line that is written over."""
    with reporting.Progress() as progress:
        for event in (START, SKIP, END):
            progress.show(event)
    assert not capsys.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with reporting.Progress() as progress:
        for event in (START, SKIP, END):
            progress.show(event)
    said = capsys.readouterr().err
    assert "1/1  p" in said
    assert said.endswith("\r\x1b[K")


@pytest.mark.parametrize("option", ["--events", "--report"])
@pytest.mark.parametrize("kind", ["api", "client"])
def test_places_are_looked_at_before_anything_is_sent(
    option: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that is not there is told before the money is spent."""
    path = str(tmp_path / "missing" / "r.html")
    with MockServer() as server:
        words = ["--target", server.url, *KEYS[:2], "--budget", "1", option, path]
        words += ["httpx"] if kind == "client" else []
        assert main(["verify", kind, *words]) == 2
        assert not list(server.app.fake.store)
    assert "there is no folder" in capsys.readouterr().err


def test_a_comparison_without_any_client_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be done is refused, not left out."""
    words = ["--target", "http://127.0.0.1:9", "--key", "sk_x", "--budget", "1"]
    assert main(["verify", "client", *words]) == 2
    assert "Name a client" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["GC401", "GP999"])
def test_ids_of_the_other_contract_are_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A list that means nothing hides nothing: the nearest id is named."""
    path = tmp_path / "known"
    path.write_text(f"{name}  a reason\n", encoding="utf-8")
    assert main(["verify", "api", "--only", "GP801", "--known-failures", str(path)]) == 2
    assert "Did you mean 'GP" in capsys.readouterr().err
    path.write_text("GP401\n", encoding="utf-8")
    assert main(["verify", "client", "httpx", "--known-failures", str(path)]) == 2
    assert "Did you mean 'GC" in capsys.readouterr().err


def test_known_failures_are_no_blockers_of_a_client(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status, end and scorecard agree."""
    known, path = tmp_path / "known", tmp_path / "e.ndjson"
    known.write_text("GC401  in May\n", encoding="utf-8")
    words = ["--only", "GC401,GC402", "--known-failures", str(known), "--events", str(path)]
    assert main(["verify", "client", CLIENT, *words]) == 0
    assert "getimg-client-2026-11: 1/1, no blockers" in capsys.readouterr().out
    end = json.loads(path.read_text(encoding="utf-8").splitlines()[-1])
    assert end["ok"] is True
    assert end["verdicts"] == {"XFAIL": 1, "PASS": 1}
    assert end["scorecard"].endswith("1/1, no blockers")


def test_a_comparison_shows_the_fake_as_a_column(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The fake that a target is compared with stands beside it, and its findings fail nothing."""
    page, path = tmp_path / "m.html", tmp_path / "e.ndjson"
    with MockServer() as server:
        words = ["--target", server.url, *KEYS, "--report", str(page), "--events", str(path)]
        assert main(["verify", "api", *words]) == 0
        url = server.url
    text = page.read_text(encoding="utf-8")
    assert f'<th class="verdict">{url}</th><th class="verdict">fake</th>' in text
    assert "to compare with" in text
    assert capsys.readouterr().out.count(" exchanges)") == 1
    starts = [
        each
        for each in map(json.loads, path.read_text(encoding="utf-8").splitlines())
        if each["event"] == "start"
    ]
    assert [each.get("twin", False) for each in starts] == [False, True]


def test_recorded_runs_are_put_side_by_side(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Runs of both contracts, of several files, in one report."""
    api, client, page = tmp_path / "api.ndjson", tmp_path / "client.ndjson", tmp_path / "m.html"
    assert main(["verify", "api", *READS, "--events", str(api)]) == 0
    assert main(["verify", "client", CLIENT, "--only", "GC401", "--events", str(client)]) == 1
    assert main(["report", str(api), str(client), "--report", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert "<title>Contracts</title>" in text
    assert 'id="GP801"' in text
    assert 'id="GC401"' in text
    capsys.readouterr()
    assert main(["report", str(client)]) == 0
    assert f"getimg-mock replay {client} --check GC401" in capsys.readouterr().out
    assert main(["report", str(tmp_path / "none.ndjson")]) == 2


@pytest.mark.parametrize("command", [["report"], ["replay"], ["verify", "api", "--from"]])
@pytest.mark.parametrize("text", ["[" * 100_000, '{"event": "start", "x": ' + "[" * 50_000, "\x00"])
def test_an_odd_file_is_one_sentence(
    command: list[str], text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is too deep to read ends with status 2, without a stack trace."""
    (tmp_path / "odd.ndjson").write_text(text)
    assert main([*command, str(tmp_path / "odd.ndjson")]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("getimg-mock: ")
    assert shown.count("\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux")
def test_a_device_is_not_read_and_a_full_disk_is_one_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Reading a device never ends; a full disk is met while events are written."""
    assert main(["report", "/dev/full"]) == 2
    assert "it is a device" in capsys.readouterr().err
    assert main(["verify", "api", *READS, "--events", "/dev/full"]) == 2
    assert "cannot be written: No space left on device" in capsys.readouterr().err
