"""What can be done over HTTP and in Python can be done on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from getimg_mock.cli import main
from getimg_mock.control import command_table
from getimg_mock.control.channels import RemoteChannel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import pytest

    from tests.control.client import Client

_ONLY_ELSEWHERE: Final = {
    "workspace": "`workspaces` shows the same of each",
    "generations.thumbnail": "`generations save` has the whole file",
    "scenarios.words": "what the page's form offers; --help and errors name the words",
    "scenarios.shipped": "`scenario shipped` reads the package, without a server",
    "clock.advance": "`clock advance` takes one duration in any unit",
    "scenarios.add.rules": "`scenario add FILE` sends them",
    "journal.timeline.before": "`--until`, `--after` and `--last` choose the same",
}

_ALL_CRITERIA: Final = (
    "--operation videos.* --status 202 --generation req-1 --since 2026-01-01T00:00:00Z "
    "--until 2026-01-02T00:00:00Z --after 1"
)

_LINES: Final = (
    "workspaces",
    "settings show",
    "settings set image_seconds=0 video_seconds=60 fail_rate=0 retention=60 charge_at=completion",
    "clock now",
    "clock advance 1s",
    "clock advance-to 2126-01-01T00:00:00Z",
    "clock next",
    "clock scale 2",
    "clock freeze",
    "generations list --status pending --kind video --model seedream-5-lite --last 1 --skip 1",
    "transitions show",
    "transitions set seconds=60 model=seedream-5-lite",
    "transitions next seconds=60",
    "transitions clear",
    "models list --type video",
    "scenario list",
    "scenario add flaky",
    "scenario show rule-1",
    "scenario remove rule-1",
    "scenario remove all",
    "media list",
    "media add none.png --prompt fox --model seedream-* --on images.generate",
    "media remove media-1",
    "media remove all",
    "ledger show",
    "ledger top-up 1",
    "ledger set 1",
    "limits show",
    "limits set --image-rpm 9 --video-rpm 9 --concurrent 9 --rate-window 9",
    f"journal list {_ALL_CRITERIA} --last 1",
    f"journal list {_ALL_CRITERIA} --last 1 --json",
    f"journal count {_ALL_CRITERIA}",
    f"journal wait {_ALL_CRITERIA} --count 1 --timeout 0",
    f"journal export {_ALL_CRITERIA} --format har --number 1",
    "journal show 1",
    "journal clear",
    "fork sk_parity_copy",
)


def test_every_command_and_each_of_its_values_has_a_command_line(
    client: Client, run: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A new command of the control surface needs an action of the command line, or a reason."""
    sent: set[str] = set()
    call = RemoteChannel.call

    def record(
        channel: RemoteChannel, method: str, path: str, payload: Mapping[str, Any] | None = None
    ) -> Any:
        if path not in command_table.OTHER_PATHS:
            found = command_table.find(method, path)
            name = found.command.name
            sent.update((name, *(f"{name}.{each}" for each in (*found.values, *(payload or {})))))
        return call(channel, method, path, payload)

    monkeypatch.setattr(RemoteChannel, "call", record)
    first, second, third, fourth = (client.video() for _ in range(4))
    state = str(tmp_path / "state.json")
    for line in (
        f"generations complete {first}",
        f"generations fail {second} --code server_error --message late",
        f"generations hold {third}",
        f"generations show {third}",
        f"generations save {first} {tmp_path / 'video.mp4'}",
        f"clock run-until {fourth} completed",
        f"snapshot {state}",
        f"restore {state}",
        "reset",
    ):
        run(*line.split())
    for line in _LINES:
        main(line.split())  # some find nothing: what they send is what counts here
    missing = {
        name
        for command in command_table.COMMANDS
        for name in (command.name, *(f"{command.name}.{each.name}" for each in command.fields))
        if name not in sent and name not in _ONLY_ELSEWHERE
        if name.rpartition(".")[0] not in _ONLY_ELSEWHERE
    }
    assert missing == set()
