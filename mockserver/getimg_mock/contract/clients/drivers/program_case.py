"""Running one case with a program: a server of its own on a port, the calls, their history."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from getimg_mock.contract.clients.cases.case_rules import KEY
from getimg_mock.contract.clients.cases.client_history import CallOutcome, ClientHistory
from getimg_mock.contract.clients.drivers.capabilities import find_absent_operations
from getimg_mock.contract.clients.drivers.program_protocol import (
    build_request,
    move_links,
    read_error,
    resolve_arguments,
)
from getimg_mock.contract.clients.drivers.saved_files import read_files
from getimg_mock.contract.clients.drivers.upstream_driver import CALL_TIMEOUT, mark_foreign
from getimg_mock.contract.clients.fault_serving.fault_server import FaultServer
from getimg_mock.contract.clients.fault_serving.forwarding import Forwarder
from getimg_mock.contract.clients.fault_serving.socket_server import SocketServer
from getimg_mock.contract.plans import Plan
from getimg_mock.world.clock import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Collection

    from getimg_mock.contract.clients.cases.case_rules import Case
    from getimg_mock.contract.clients.sandbox.resource_usage import ResourceUsage
    from getimg_mock.contract.targets.http_target import HttpTarget
    from getimg_mock.media.cache import MediaCache

_SECONDS_TO_KILL: Final = 0.5
"""How long a call goes on whose program is to be killed, before the grace that each call has."""
_ADVANCE_SECONDS: Final = 2.0
"""How long a driver may take to advance its clocks."""
_SHORT_PAUSE: Final = 2.0
"""The longest time before a call, in seconds, that passes in real time: longer ones are skipped."""


class Program(Protocol):
    """A program that makes calls when it is asked to."""

    ops: set[str]
    name: str
    cache: MediaCache
    address: HttpTarget | None

    @property
    def seconds_left(self) -> float:
        """How many seconds of real time the case has left."""

    def ensure_ready(self) -> None:
        """Wait until the program answers."""

    def ask(
        self,
        *requests: dict[str, Any],
        patience: float,
        cancel_after: float | None = None,
        to_cancel: Collection[str] = (),
    ) -> list[dict[str, Any]]:
        """Send requests to the program and return its responses."""

    def measure_usage(self, connections: int) -> ResourceUsage:
        """Return what the program holds."""


@dataclass
class ProgramCase:
    """One run of a case with a program; `options` are those of the case that it has."""

    program: Program
    case: Case
    options: dict[str, Any]
    seed: str
    holdings: list[ResourceUsage] = field(default_factory=list)
    made: dict[int, CallOutcome] = field(default_factory=dict)

    def run(self) -> ClientHistory:
        """Make the calls, and return what was seen of them."""
        program, case = self.program, self.case
        clock = VirtualClock()  # as the program has it: dates of the server must agree with it
        with ExitStack() as stack:
            server = stack.enter_context(SocketServer(clock, listens=self._needs_a_listener()))
            other = stack.enter_context(SocketServer(clock))
            self.place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            case = case.with_changes(base=_move_base(case.base, server.url))
            forwarding = None
            if program.address is not None:
                forwarding = stack.enter_context(Forwarder(program.address, server.url))
                case = case.with_changes(rules=(), patience=CALL_TIMEOUT)
            server.adversary = FaultServer(
                clock=clock,
                start=clock.now(),
                key=KEY,
                base=case.base,
                rules=case.rules,
                forward=forwarding,
                settings={"seed": self.seed, **case.settings},
                scenario=tuple(map(dict, case.scenario)),
                cache=program.cache,
                elsewhere=other.url,
            )
            other.adversary = server.adversary
            self.case, self.server = case, server
            self._make_calls()
        history = self._build_history(server.adversary)
        return mark_foreign(history, forwarding) if forwarding else history

    def _needs_a_listener(self) -> bool:
        """Return whether something listens at the port of the case."""
        rules = self.case.rules if self.program.address is None else ()
        return all(each.do != "absent" for each in rules)

    def _build_history(self, adversary: FaultServer) -> ClientHistory:
        case = self.case
        return ClientHistory(
            plan=Plan(name=f"client {case.name}", steps=()),
            virtual=False,
            exchanges=tuple(adversary.exchanges),
            base=case.base,
            secrets=(("a", case.key),),
            client=self.program.name,
            case=case.name,
            seed=self.seed,
            outcomes=tuple(self.made[number] for number in sorted(self.made)),
            missed=adversary.find_unmet_rules(),
            without=find_absent_operations(case, self.program.ops),
            ledger=adversary.compute_totals(),
            options=self.options,
            holdings=tuple(self.holdings),
        )

    def _make_calls(self) -> None:
        case = self.case
        self.server.adversary.place = self.place
        self.server.adversary.stop_listening = self.server.stop_listening
        if case.together:
            self._make([each for each in range(len(case.calls)) if each not in case.left_out])
            return
        for number in range(len(case.calls)):
            if case.holdings and number == case.baseline:
                self._measure()
            if number not in case.left_out and self.program.seconds_left:
                self._make([number])
            if case.holdings and self._has_abandoned(number):
                break  # what held something has been ended with the program
        if self.holdings:
            self._measure()

    def _has_abandoned(self, number: int) -> bool:
        return number in self.made and self.made[number].kind == "abandoned"

    def _measure(self) -> None:
        self.holdings.append(self.program.measure_usage(self.server.open))

    def _make(self, numbers: list[int]) -> None:
        """Make calls at the same time, or one; those that lack an earlier result are left out."""
        asked: dict[int, dict[str, Any]] = {}
        for number in numbers:
            args = resolve_arguments(self.case.calls[number].args, self.made)
            if args is not None:
                asked[number] = move_links(args, self.server.url)
        if not asked:
            return
        self.program.ensure_ready()
        for number, args in asked.items():
            self._prepare(number, args)
        adversary = self.server.adversary
        first, began = len(adversary.exchanges), adversary.seconds()
        requests = [build_request(self.case, each, asked[each], self.options) for each in asked]
        unwanted = [self.case.find_interruption(each) is not None for each in asked]
        killed = any(self.case.calls[each].killed for each in asked)
        patience = _SECONDS_TO_KILL if killed else self.case.patience or 0.0
        said = self.program.ask(
            *requests,
            patience=min(patience, self.program.seconds_left),
            cancel_after=self.case.interrupt_after if any(unwanted) else None,
            to_cancel=[each["case"] for each, no in zip(requests, unwanted, strict=True) if no],
        )
        for (number, args), each in zip(asked.items(), said, strict=True):
            self.made[number] = self._build_outcome(number, args, each, first, began)

    def _prepare(self, number: int, args: dict[str, Any]) -> None:
        """Let the time before a call pass, and make the folder of a download."""
        call, adversary = self.case.calls[number], self.server.adversary
        if 0 < call.after <= _SHORT_PAUSE:
            self.server.pause(call.after)
        elif call.after:
            adversary.clock.advance_to(adversary.later(call.after))
            if "advance" in self.case.needs:
                name = f"{self.case.name}#{number} before"
                request = {"case": name, "op": "advance", "args": {"seconds": call.after}}
                self.program.ask(request, patience=_ADVANCE_SECONDS)
        if call.op == "download":
            folder = self._find_folder(number)
            folder.mkdir(exist_ok=True)
            args["directory"] = str(folder)
        adversary.call = number

    def _find_folder(self, number: int) -> Path:
        into = self.case.calls[number].into
        return self.place / str(number if into is None else into)

    def _build_outcome(
        self, number: int, args: dict[str, Any], said: dict[str, Any], first: int, began: float
    ) -> CallOutcome:
        call, adversary = self.case.calls[number], self.server.adversary
        ended = adversary.seconds()
        return CallOutcome(
            op=call.op,
            args=args,
            kind="interrupted" if said["outcome"] == "cancelled" else said["outcome"],
            value=said.get("value"),
            error=read_error(said),
            began=began,
            ended=min(ended, began + said["seconds"]) if "seconds" in said else ended,
            first=first,
            last=len(adversary.exchanges),
            files=read_files(self._find_folder(number)) if call.op == "download" else {},
            key=call.key,
        )


def _move_base(base: str, url: str) -> str:
    """Return the address at `url` that has the path of `base`."""
    prefix = base.partition("://")[2].partition("/")[2]
    return f"{url}/{prefix}".rstrip("/")
