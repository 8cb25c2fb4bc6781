"""The cases of an adapter are shared by forked processes, and judged as in one process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.cli import main
from getimg_mock.contract.clients import suite
from getimg_mock.contract.clients.drivers import forked_shares, forks

if TYPE_CHECKING:
    from pathlib import Path

needs_forks = pytest.mark.skipif(not forks.SUPPORTED, reason="this system cannot fork")

# What an adapter does in the fifth case that it is created for, and which processes there were.
ADAPTER = """
import os, sys
from pathlib import Path
from getimg_mock.contract.clients.drivers.adapters.httpx_client import PlainHttpx
seen = []
class Client(PlainHttpx):
    def __init__(self, *, base_url: str, key: str, timeout: float = 60.0) -> None:
        super().__init__(base_url=base_url, key=key, timeout=timeout)
        seen.append(1)
        Path("processes", str(os.getpid())).touch()
        if len(seen) == 5 and Path("fault").exists():
            exec(Path("fault").read_text())
"""


def _verify(place: Path, *options: str, fault: str = "") -> tuple[int, str, list[dict[str, Any]]]:
    """Return status, errors and events of a run, in a process that has one thread."""
    (place / "adapter.py").write_text(ADAPTER)
    (place / "processes").mkdir()
    if fault:
        (place / "fault").write_text(fault)
    command = [sys.executable, "-m", "getimg_mock", "verify", "client", "adapter:Client"]
    ended = subprocess.run(  # noqa: S603 - our own command
        [*command, "--events", "events", "--only", "GC1,GC3", *options],
        cwd=place,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    lines = (place / "events").read_text().splitlines()
    return ended.returncode, ended.stderr, [json.loads(line) for line in lines]


def _strip(events: list[dict[str, Any]]) -> list[Any]:
    return [
        (each["event"], each.get("case"), each.get("check"), each.get("status"), each.get("reason"))
        for each in events
    ]


@needs_forks
@pytest.mark.slow
def test_two_processes_find_what_one_finds(tmp_path: Path) -> None:
    """The same cases in the same order, and the same verdicts."""
    places = [tmp_path / name for name in ("one", "two")]
    for place in places:
        place.mkdir()
    alone = _verify(places[0], "--processes", "1")
    shared = _verify(places[1])
    assert shared[0] == alone[0]
    assert _strip(shared[2]) == _strip(alone[2])
    assert [len(list((each / "processes").iterdir())) for each in places] == [1, 2]


@pytest.mark.slow
@needs_forks
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("os._exit(3)", "its process ended by itself in the case"),
        ("raise OSError('no such disk')", "no such disk"),
    ],
)
def test_a_process_that_fails_ends_the_run(tmp_path: Path, fault: str, said: str) -> None:
    """It says what has happened, and no verdict is given on what was not run."""
    status, errors, events = _verify(tmp_path, fault=fault)
    assert status == 2
    assert said in errors
    assert "verdict" not in {each["event"] for each in events}


@needs_forks
@pytest.mark.slow
@pytest.mark.parametrize(
    "deafness",
    ["", "import tempfile; tempfile.mkdtemp(); signal.signal(signal.SIGINT, signal.SIG_IGN); "],
    ids=["cleans-up", "is-killed"],
)
def test_an_interrupt_leaves_neither_processes_nor_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deafness: str
) -> None:
    """What was done before it is judged, as in one process; each of the two sends an interrupt."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    status, _, events = _verify(
        tmp_path,
        fault="import signal; "
        + deafness
        + "os.kill(os.getppid(), signal.SIGINT); import time; time.sleep(3)",
    )
    assert status == 2
    assert "interrupted after" in str(events[-1])
    assert list(folder.iterdir()) == []
    for each in (tmp_path / "processes").iterdir():
        with pytest.raises(ProcessLookupError):
            os.kill(int(each.name), 0)


def test_each_case_is_in_one_share() -> None:
    """The shares are those of every machine, and the calls are divided between them."""
    cases = suite.cases()
    shares = forked_shares.divide_cases(cases, 2)
    assert sorted(place for places in shares for place in places) == list(range(len(cases)))
    assert shares == forked_shares.divide_cases(cases, 2)
    calls = [sum(len(cases[place].calls) for place in places) for places in shares]
    assert min(calls) > 0.3 * sum(calls)


def test_a_process_that_is_watched_is_not_forked() -> None:
    """A debugger or a measurement of coverage sees what a client does."""
    kept = sys.gettrace()
    sys.settrace(lambda *_: None)
    try:
        assert not forked_shares.can_fork()
    finally:
        sys.settrace(kept)


@pytest.mark.parametrize("count", ["0", "65", "two"])
def test_the_number_of_processes_is_checked(capsys: pytest.CaptureFixture[str], count: str) -> None:
    """The range is named."""
    assert main(["verify", "client", "httpx", "--processes", count]) == 2
    assert "from 1 to 64" in capsys.readouterr().err
