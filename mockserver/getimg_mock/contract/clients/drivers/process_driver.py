"""Clients in other languages: a program that reads requests and writes responses as JSON lines.

The program uses a real port in real time, so cases that need virtual time or a virtual network are
left out. Its protocol is described by the schemas own/driver-request and own/driver-response.
"""

from __future__ import annotations

import json
import queue
import shlex
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases.case_rules import EAST, WEST
from getimg_mock.contract.clients.drivers.capabilities import (
    find_in_process_need,
    find_lacking_operations,
    find_unmet_needs,
    fit_case,
)
from getimg_mock.contract.clients.drivers.program_case import ProgramCase
from getimg_mock.contract.clients.drivers.program_process import (
    ProgramLog,
    await_end,
    end_program,
    read_umask,
    start_program,
)
from getimg_mock.contract.clients.drivers.program_protocol import (
    ResponseTally,
    WrongResponseError,
    build_abandoned,
    build_cancellation,
    compute_time_for_cases,
    list_missing_abilities,
    parse_description,
    parse_response,
)
from getimg_mock.contract.clients.drivers.python_driver import build_untried_history
from getimg_mock.contract.clients.drivers.upstream_driver import find_unavailable_need
from getimg_mock.contract.clients.sandbox.environment import build_decoys, create_home
from getimg_mock.contract.clients.sandbox.resource_usage import (
    ResourceUsage,
    measure_process_usage,
    measure_processor_wait,
)
from getimg_mock.errors import SettingsError
from getimg_mock.media.cache import MediaCache
from getimg_mock.world.clock import stopwatch

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from getimg_mock.contract.clients.cases.case_rules import Case
    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.targets.http_target import HttpTarget

_START_SECONDS: Final = 40.0
_END_SECONDS: Final = 8.0
"""How long a program may take to end once it has nothing more to read."""
_GRACE: Final = 1.0
_ZONES: Final = {EAST: "Asia/Tokyo", WEST: "America/Los_Angeles"}
"""The local time zones of cases, by names that the libraries of all languages know. None is UTC:
a program that takes its own zone for UTC looks well there."""
_DESCRIBE: Final[dict[str, Any]] = {"case": "describe", "op": "describe", "args": {}}
_RUN_CASES: Final = 2
"""How many times the limit of one case the whole run may take."""
_STARVED_SHARE: Final = 0.5
"""For which share of its patience, and 1 s, a program that is silent may lack a processor."""
_MOST_EXTENSIONS: Final = 2
"""How many times its patience a response is waited for in addition, on a busy machine."""


@dataclass
class ProcessDriver:
    """A program as a client. Its abilities are its answer to the request `{"op": "describe"}`."""

    command: Sequence[str]
    name: str = "program"
    cache: MediaCache = field(default_factory=lambda: MediaCache(64 * 1024 * 1024))
    address: HttpTarget | None = None
    """The service that requests are forwarded to; None for the fake."""
    processes: int = 1
    """How many processes of the program may run cases at the same time."""
    _about: dict[str, Any] | None = field(default=None, kw_only=True, repr=False)
    case_seconds: float = field(default=float("inf"), kw_only=True)
    """The limit of real time for one case, in seconds; all of them may take twice as long."""
    _tally: ResponseTally = field(default_factory=ResponseTally, kw_only=True, repr=False)

    def __post_init__(self) -> None:
        if not self.command or not self.command[0].strip():
            raise SettingsError(
                'The command of the program is empty. Use --program "node driver.mjs", for example.'
            )
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: queue.Queue[bytes] = queue.Queue()
        self._log, self._wrong = ProgramLog(), list[str]()
        self._closed = False
        self._variables: dict[str, str] = {}
        self._zone = EAST
        self._umask: str | None = None
        self._is_ready = self._is_starved = False
        self._late_start: float | None = None
        self._end_of_run = float("inf")
        began = stopwatch()
        if self._about is None:
            try:
                self._about = self._describe_program()
            except SettingsError:
                self.close()
                raise
        about = self._about
        self.ops, self.options = set(about["ops"]), set(about["options"])
        self.lacking, self.abilities = set(about["lacking"]), set(about["abilities"])
        self.name = str(about.get("name", self.name))
        if "several processes" in self.lacking:
            self.processes = 1
        whole = _RUN_CASES * self.case_seconds
        self._end_of_run = began + compute_time_for_cases(whole, stopwatch() - began)

    def create_sibling(self) -> ProcessDriver:
        """Return a driver of another process of the program, with the same end of the run."""
        made = replace(self, processes=1)
        made.name, made._end_of_run = self.name, self._end_of_run  # noqa: SLF001 - of this class
        return made

    def start(self) -> None:
        """Start the program; returns once it answers, or will not before the end of the run."""
        self._until = self._end_of_run
        self.ensure_ready()

    def _describe_program(self) -> dict[str, Any]:
        (said,) = self.ask(_DESCRIBE, patience=_START_SECONDS)
        if said["outcome"] == "abandoned":
            raise SettingsError(
                f"{self._shown} ended, or did not answer within {_START_SECONDS:g} s. It is asked "
                '{"op": "describe"} in a line on its standard input. It has to answer, and to read '
                "further lines until the input ends."
            )
        self._is_ready, self._umask = True, self._read_umask()
        return parse_description(said, self._shown)

    @property
    def _shown(self) -> str:
        return shlex.join(self.command)

    def lacks(self, case: Case) -> tuple[str, ...]:
        """Return the needs of the case that the program does not meet."""
        needs = find_unmet_needs(case, self.options, self.lacking)
        if "failing at once" in case.needs and not (
            "retries" in self.lacking or "max_retries" in self.options
        ):
            needs.append("max_retries")
        if {"timeout"} & set(case.options) and "timeout" not in self.options:
            needs.append("timeout")
        return tuple(dict.fromkeys([*find_lacking_operations(case, self.ops), *needs]))

    def find_obstacle(self, case: Case) -> str:
        """Return what a case needs and a program cannot have."""
        if self.address is not None:
            return find_unavailable_need(case)
        if case.patience is None:
            return f"with a program: needs {find_in_process_need(case)}"
        missing = list_missing_abilities(case, self.abilities)
        return f"with a program: needs {missing[0]}" if missing else ""

    def run(self, case: Case, *, seed: str = "0") -> ClientHistory:
        """Run the program through a case, on a port of its own."""
        missing, untried = self.lacks(case), self.find_obstacle(case)
        if missing or untried:
            return build_untried_history(self.name, case, seed, missing, untried)
        if stopwatch() >= self._end_of_run:
            return self._build_late_history(case, seed)
        until = self._end_of_run
        if self.address is None:
            until = min(until, stopwatch() + self._find_limit(case))
        self._until, self._late_start, self._is_starved = until, None, False
        self._wrong.clear()
        self._log.clear()
        case = fit_case(case, self.ops)
        with self._set_environment(case):
            history = ProgramCase(self, case, self._select_options(case), seed).run()
        changes = self._list_changes()
        if case.ends:
            history = replace(history, unclosed=int(not self._ends_by_itself()))
        if "advance" in case.needs:
            self._kill()  # its clocks are ahead for good
        return replace(
            history,
            missed=(*history.missed, *self._list_missed()),
            overdue=self.case_seconds if self.is_overdue else 0.0,
            logs=self._log.read(),
            unread=tuple(self._wrong),
            changes=changes,
        )

    def _list_changes(self) -> tuple[str, ...]:
        """Return what the program has changed of its process that files are made with."""
        return ("the umask",) if self._umask != self._read_umask() else ()

    def _read_umask(self) -> str | None:
        return None if self._process is None else read_umask(self._process.pid)

    @contextmanager
    def _set_environment(self, case: Case) -> Iterator[None]:
        """Let a program of its own make the calls of a case whose environment is another."""
        if case.zone != self._zone:
            self._kill()
            self._zone = case.zone
        if not case.decoys:
            yield
            return
        self._kill()  # the next one reads the variables when it starts
        with create_home(on=True) as home:
            self._variables = build_decoys({}) | home
            try:
                yield
            finally:
                self._variables = {}
                self._kill()

    def _find_limit(self, case: Case) -> float:
        """Return the seconds of real time for a case: one that waits for long has what it needs."""
        needed = (case.patience or 0.0) + 2 * _GRACE if case.begins_first else 0.0
        return max(self.case_seconds, needed)

    def _build_late_history(self, case: Case, seed: str) -> ClientHistory:
        """Return the history of a case that did not begin before the end of the run."""
        limit = _RUN_CASES * self.case_seconds
        why = f"within the {limit:g} s of the run: needs a higher --case-seconds"
        late = build_untried_history(self.name, case, seed, (), why)
        return replace(late, overdue=limit, virtual=False)

    @property
    def seconds_left(self) -> float:
        """How many seconds of real time the case has left."""
        return max(0.0, self._until - stopwatch())

    @property
    def is_overdue(self) -> bool:
        """Whether the case has no time left."""
        return stopwatch() >= self._until

    def _list_missed(self) -> tuple[str, ...]:
        """Return what of the program did not take place, so that the case shows nothing."""
        late = [f"an end within {self.case_seconds:g} s of real time"] if self.is_overdue else []
        if self._late_start is not None:
            late.append(f"a start of the program within {self._late_start:g} s")
        if self._is_starved:
            late.append("a processor for the program, on this busy machine")
        return (*late, *self._wrong)

    def close(self) -> None:
        """End the program for good."""
        self._closed = True
        self._kill()
        self._log.finish()

    def _kill(self) -> None:
        if self._process is not None:
            end_program(self._process)
            self._process, self._is_ready, self._umask = None, False, None

    def _ends_by_itself(self) -> bool:
        """Return whether the program ends with its input; it has ended in any case afterwards."""
        ended = self._process is None or await_end(self._process, _END_SECONDS)
        self._kill()
        return ended

    def _select_options(self, case: Case) -> dict[str, Any]:
        # In real time, a video of one second is polled more often than every five seconds.
        quick = {"poll_interval": 1} if self.address is None else {}
        wanted = quick | dict(case.options)
        return {name: value for name, value in wanted.items() if name in self.options}

    def measure_usage(self, connections: int) -> ResourceUsage:
        """Return what the program holds; `connections` are those of the case's server."""
        return measure_process_usage(self._ensure_running().pid, connections)

    def ask(
        self,
        *requests: dict[str, Any],
        patience: float,
        cancel_after: float | None = None,
        to_cancel: Collection[str] = (),
    ) -> list[dict[str, Any]]:
        """Send requests to the program and return its responses, or that it did not return.

        With `cancel_after`, the calls `to_cancel` are cancelled so many seconds later. Time in
        which the program waits for a processor is not its own. One that lacks it for long, and does
        not respond, shows nothing. `seconds` of a response is when it came.
        """
        process = self._send(*requests)
        waited, began = measure_processor_wait(process.pid), stopwatch()
        starved, until = self._is_starved, began + patience + _GRACE
        cancel_at = float("inf") if cancel_after is None else began + cancel_after
        open_calls, answered = {each["case"]: each for each in requests}, dict[str, Any]()
        while open_calls and (now := stopwatch()) < until:
            if now >= cancel_at:
                cancel_at = float("inf")
                self._send(*(build_cancellation(name) for name in open_calls if name in to_cancel))
            try:
                line = self._lines.get(timeout=min(until, cancel_at) - now)
            except queue.Empty:
                lack = measure_processor_wait(process.pid) - waited if self._is_ready else 0.0
                self._is_starved |= lack > max(1.0, patience * _STARVED_SHARE)
                more = min(lack, patience * _MOST_EXTENSIONS)
                until = max(until, min(began + patience + _GRACE + more, self._end_of_run))
                continue
            said = self._read_responses(line, open_calls)
            for name, each in said.items():
                if open_calls.pop(name, None):
                    answered[name] = each | {"seconds": stopwatch() - began}
        if open_calls:
            answered |= self._abandon(open_calls, f"no response within {patience + _GRACE:g} s")
        elif all(each["outcome"] != "abandoned" for each in answered.values()):
            self._is_starved = starved
        return [answered[each["case"]] for each in requests]

    def _read_responses(self, line: bytes, open_calls: Collection[str]) -> dict[str, Any]:
        """Return what a line says of open calls, by their names; all are over at the end."""
        if not line:
            return self._abandon(open_calls, "the program ended before it responded")
        try:
            said = parse_response(line)
        except WrongResponseError as wrong:
            return self._note_wrong(open_calls, wrong)
        self._tally.right += said["case"] in open_calls and said["case"] != _DESCRIBE["case"]
        return {said["case"]: said}

    def _send(self, *requests: dict[str, Any]) -> subprocess.Popen[bytes]:
        process = self._ensure_running()
        if process.stdin is None:
            raise AssertionError("the program was started with pipes")
        try:
            process.stdin.write(b"".join(json.dumps(each).encode() + b"\n" for each in requests))
            process.stdin.flush()
        except OSError as error:
            self.close()
            raise SettingsError(f"{self._shown} does not read its requests: {error}") from None
        return process

    def ensure_ready(self) -> None:
        """Wait until the program answers; the case gets the time of its start in addition."""
        if self._is_ready and self._process is not None:
            return
        began = stopwatch()
        patience = max(0.0, min(_START_SECONDS, self._end_of_run - began))
        self._is_ready = self.ask(_DESCRIBE, patience=patience)[0]["outcome"] != "abandoned"
        self._umask = self._read_umask()
        if not self._is_ready:
            self._late_start = patience
        self._until = min(self._end_of_run, self._until + stopwatch() - began)

    def _note_wrong(self, open_calls: Collection[str], wrong: WrongResponseError) -> dict[str, Any]:
        """Return responses for one that cannot be read: it costs its case, not the run.

        Raises the error where no response of the program is right.
        """
        self._tally.wrong += 1
        if self._about is None or self._tally.is_hopeless:
            raise wrong
        self._wrong.append(wrong.lack)
        if isinstance(wrong.case, str) and wrong.case in open_calls:
            return {wrong.case: build_abandoned(wrong.case, str(wrong))}
        # The response itself may follow: the next request must not take it for its own.
        return self._abandon(open_calls, str(wrong))

    def _abandon(self, open_calls: Iterable[str], why: str) -> dict[str, Any]:
        self._kill()
        return {each: build_abandoned(each, why) for each in open_calls}

    def _ensure_running(self) -> subprocess.Popen[bytes]:
        if self._closed:
            raise SettingsError(f"{self._shown} was closed.")
        if self._process is None:
            variables = {"TZ": _ZONES[self._zone], **self._variables}
            self._process, self._lines = start_program(self.command, self._log, variables)
        return self._process
