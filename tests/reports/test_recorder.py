"""Recording a run: its events, in a file as they happen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.errors import SettingsError
from getimg_mock.reports.recorder import RunRecorder
from tests.reports.bare_run import END, SKIP, START

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_events_are_written_while_the_run_goes_on(tmp_path: Path) -> None:
    """A run that is stopped in the middle leaves what was seen until then."""
    path = tmp_path / "e.ndjson"

    def run() -> Iterator[dict[str, Any]]:
        yield START
        assert path.read_text(encoding="utf-8").count("\n") == 1
        yield SKIP
        assert path.read_text(encoding="utf-8").count("\n") == 2

    with RunRecorder(path) as recorder:
        recorder.record(run())


def test_without_a_name_events_are_kept_in_the_state_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is named by what was judged, and the next run of it takes its place."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    sources = []
    for plan in ("first", "second"):
        with RunRecorder(name="verify-api-http://x:1/") as recorder:
            recorder.record([START, SKIP | {"plan": plan}])
            sources.append(recorder.source)
    kept = tmp_path / "getimg-mock" / "verify-api-http-x-1.ndjson"
    assert [json.loads(line)["event"] for line in kept.read_text().splitlines()] == [
        "start",
        "skip",
    ]
    assert '"second"' in kept.read_text()
    assert sources == [str(kept)] * 2


def test_a_file_that_is_named_must_be_written(tmp_path: Path) -> None:
    """A run whose record was asked for does not begin without it."""
    with pytest.raises(SettingsError, match="cannot be written"):
        RunRecorder(tmp_path / "missing" / "e.ndjson")


def test_a_state_folder_that_cannot_be_written_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody asked for that file: the run goes on without a source for replays."""
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with RunRecorder(name="run") as recorder:
        recorder.record([START, SKIP])
    assert recorder.source == ""
    assert [len(each.events) for each in recorder.outcomes] == [2]


def test_each_event_is_passed_on_as_it_is_recorded() -> None:
    """`on_event` sees what reports see: known failures have their status."""
    seen: list[dict[str, Any]] = []
    failed = {"event": "verdict", "id": "GP1", "status": "FAIL", "reason": "", "failures": [{}]}
    with RunRecorder(known={"GP1": "in May"}, on_event=seen.append) as recorder:
        recorder.record([START, failed, END])
    assert [each["event"] for each in seen] == ["start", "verdict", "end"]
    assert (seen[1]["status"], seen[1]["reason"]) == ("XFAIL", "in May")
    assert tuple(seen) == recorder.outcomes[0].events
