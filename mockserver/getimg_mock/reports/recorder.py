"""Recording the events of runs as they happen."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from getimg_mock.control.package_version import find_version
from getimg_mock.errors import SettingsError
from getimg_mock.reports import run_events
from getimg_mock.reports.known_failures import apply_known_failures
from getimg_mock.user_files import find_state_folder
from getimg_mock.world.clock import stopwatch, wall_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self, TextIO

    from getimg_mock.reports.run_events import Outcome, RunEvent

_MAX_NAME_LENGTH: Final = 80


class RunRecorder:
    """Keeps the events of runs, writes each to a file at once, and calls `on_event` with it.

    `path` is the file: a run that is broken off leaves its events so far. Without `path`, and
    with `name`, the file is in the state folder and replaces that of the last run of this name;
    then it is no error if it cannot be written. Without both, nothing is written.

    `known` are checks that are known to fail, with the reason: their statuses are set accordingly.
    Raises `SettingsError` if `path` cannot be written.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        name: str = "",
        known: Mapping[str, str] | None = None,
        on_event: Callable[[RunEvent], object] | None = None,
    ) -> None:
        self.known = known or {}
        self._on_event = on_event
        self._events: list[RunEvent] = []
        self._required = path is not None
        self._path = path
        self._file: TextIO | None = None
        self._began: float | None = None
        if path is not None:
            try:
                self._file = path.open("w", encoding="utf-8")
            except OSError as error:
                raise SettingsError(f"{path} cannot be written: {error.strerror}.") from None
        elif name:
            self._open_default(name)

    def _open_default(self, name: str) -> None:
        with suppress(OSError, RuntimeError):
            self._path = find_default_events(name)
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # An earlier run that still writes its file keeps that one.
            self._path.unlink(missing_ok=True)
            self._file = self._path.open("w", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def source(self) -> str:
        """The file of the events; an empty text if there is none."""
        return str(self._path) if self._file is not None else ""

    @property
    def outcomes(self) -> list[Outcome]:
        """The runs so far."""
        return run_events.read_outcomes(self._events, source=self.source)

    def record(self, stream: Iterable[RunEvent]) -> None:
        """Record the events of a run, or of several, as the stream yields them.

        The start of each gets the real time and the version of this package, and its end how long
        it took, where the stream does not say so.
        """
        for event in apply_known_failures(map(self._add_circumstances, stream), self.known):
            self._events.append(event)
            self._write(event)
            if self._on_event is not None:
                self._on_event(event)

    def _add_circumstances(self, event: RunEvent) -> RunEvent:
        if event["event"] == "start":
            # A twin ran within the run before it, and its events follow that run.
            self._began = None if event.get("twin") else stopwatch()
            moment = wall_time().isoformat(timespec="seconds")
            return {"at": moment, "product": f"getimg-mock {find_version()}"} | event
        if event["event"] == "end" and self._began is not None:
            return {"seconds": round(stopwatch() - self._began, 3)} | event
        return event

    def _write(self, event: RunEvent) -> None:
        if self._file is None:
            return
        try:
            self._file.writelines(run_events.render_ndjson([event]))
            self._file.flush()
        except OSError as error:
            with suppress(OSError):  # closing writes once more what could not be written
                self._file.close()
            self._file = None
            if self._required:
                raise SettingsError(f"{self._path} cannot be written: {error.strerror}.") from None


def find_default_events(name: str) -> Path:
    """Return the file in the state folder for the events of the last run of a name."""
    word = re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII).strip("-.")[:_MAX_NAME_LENGTH]
    return find_state_folder() / f"{word or 'run'}.ndjson"
