"""Running one case with an adapter in this process."""

from __future__ import annotations

import asyncio
import copy
import inspect
import os
import threading
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases.case_rules import KEY, EarlierResult
from getimg_mock.contract.clients.cases.client_history import CallOutcome, ClientHistory
from getimg_mock.contract.clients.drivers.capabilities import find_absent_operations
from getimg_mock.contract.clients.drivers.client_factory import (
    create_client,
    create_or_refuse,
    reject_coroutine,
)
from getimg_mock.contract.clients.drivers.closing import (
    OTHER_TASKS,
    close_clients,
    close_clients_and_tasks,
)
from getimg_mock.contract.clients.drivers.forked_calls import make_call_in_child
from getimg_mock.contract.clients.drivers.program_protocol import resolve_arguments
from getimg_mock.contract.clients.drivers.saved_files import read_files
from getimg_mock.contract.clients.drivers.serialization import (
    RaisedErrors,
    describe_error,
    pickle_to_text,
    to_json_value,
)
from getimg_mock.contract.clients.sandbox import resource_usage
from getimg_mock.contract.clients.sandbox.client_time import Abandoned, StuckError
from getimg_mock.contract.clients.sandbox.environment import trace_memory
from getimg_mock.contract.clients.sandbox.time_limit import OverdueError
from getimg_mock.contract.plans import Plan
from getimg_mock.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from getimg_mock.contract.clients.cases.case_rules import Case, ClientCall
    from getimg_mock.contract.clients.drivers.client_factory import Capabilities
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultServer
    from getimg_mock.contract.clients.fault_serving.httpcore_network import Network
    from getimg_mock.contract.clients.sandbox.client_time import ClientTime

_MAX_EXCESS: Final = 200


@dataclass
class CaseRun:
    """One run of a case with a client in this process.

    `make` creates the client, and `name` is its name in reports.
    """

    make: Callable[..., Any]
    name: str
    capabilities: Capabilities
    case: Case
    adversary: FaultServer
    network: Network
    time: ClientTime
    place: Path = Path()
    scratch: Path | None = None
    """The folder of temporary files, where they are looked at."""
    outcomes: dict[int, CallOutcome] = field(default_factory=dict)
    begun: dict[int, tuple[int, float]] = field(default_factory=dict)
    """How many requests had been sent, and when it was, as each call began."""
    looks: str = ""
    pickles: str = ""
    holdings: list[resource_usage.ResourceUsage] = field(default_factory=list)
    ended: bool = False
    """Whether the limit of real time has been reached, so that no further call is made."""
    overdue: float = 0.0
    """The limit in real seconds at which the client was interrupted; 0 where it was not."""
    alone: bool = True
    """Whether this process had one thread when the case began."""
    raised: RaisedErrors = field(default_factory=RaisedErrors)
    others: dict[str, Any] = field(default_factory=dict)
    """Clients with other keys than that of the case, by key."""
    changes: list[str] = field(default_factory=list)
    """What of others the client has changed."""
    unclosed: int = 0
    """How many connections, and tasks, the client has left when it was closed."""
    unforked: bool = False
    """Whether a forked child did not return, for which other threads may be the cause."""

    def make_all_calls(self) -> None:
        """Make every call; raises `Abandoned` when the client does not return."""
        self.alone = resource_usage.count_threads() == 1
        if self.capabilities.is_async:
            self.time.run(self._all_async())
            return
        adapter = self._create_adapter()
        if self.case.together:
            self._threads(adapter)
        else:
            for number in range(len(self.case.calls)):
                self._make_call(adapter, number)
                if self.ended or self.time.stuck or self._holds_too_much(number):
                    break
        self._inspect_adapter(adapter)
        self.unclosed = close_clients((adapter, *self.others.values()), self.network)

    def _make_call(self, adapter: Any, number: int) -> None:
        """Make one call of several, in a thread that ends with it where the case says so."""
        if not self.case.apart:
            self._call(adapter, number)
            return
        thread = threading.Thread(target=self._call, args=(adapter, number), daemon=True)
        thread.start()
        thread.join(30)

    def _threads(self, adapter: Any) -> None:
        self.time.participants = len(self.case.calls)

        def work(number: int) -> None:
            try:
                self._call(adapter, number)
            finally:
                self.time.leave()

        threads = [
            threading.Thread(target=work, args=(number,), daemon=True)
            for number in range(len(self.case.calls))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

    async def _all_async(self) -> None:
        adapter = self._create_adapter()
        if self.case.together:
            calls = range(len(self.case.calls))
            await asyncio.gather(*(self._acall(adapter, number) for number in calls))
        else:
            for number in range(len(self.case.calls)):
                await self._acall(adapter, number)
                if self.ended or self.time.stuck or self._holds_too_much(number):
                    break
        self._inspect_adapter(adapter)
        clients = (adapter, *self.others.values())
        self.unclosed, harmed = await close_clients_and_tasks(clients, self.network)
        if harmed:
            self.changes.append(OTHER_TASKS)

    def _holds_too_much(self, number: int) -> bool:
        """Measure the resources in use; return whether their growth ends the case."""
        if not self.case.holdings or (number + 1) % self.case.baseline:
            return False
        if not self.holdings:
            self.holdings.append(self._measure_usage())
        # Collecting garbage is slow, so it is done only where the result depends on it.
        return all(
            max(self._measure_usage(collect=collect).compute_excess(self.holdings[0]).values())
            > _MAX_EXCESS
            for collect in (False, True)
        )

    def _measure_usage(self, *, collect: bool = True) -> resource_usage.ResourceUsage:
        return resource_usage.measure_own_usage(lambda: self.network.open, collect=collect)

    def _select_options(self) -> dict[str, Any]:
        """Return the options of the case that the client takes."""
        known = self.capabilities.options
        return {name: value for name, value in self.case.options.items() if name in known}

    def _select_adapter(self, adapter: Any, call: ClientCall) -> Any:
        """Return the client of a call: another one than the case's for another key."""
        if not call.key:
            return adapter
        if call.key not in self.others:
            self.others[call.key] = self._create_adapter(call.key)
        return self.others[call.key]

    def _create_adapter(self, key: str = "") -> Any:
        given = self._select_options()
        base, key = self.case.base, key or self.case.key
        if key != key.strip():
            return create_or_refuse(self.make, base_url=base, key=key, **given)
        named: dict[str, str | None] = {"base_url": base, "key": key}
        if "base_url" in self.case.environment:
            named = dict.fromkeys(named)
        return create_client(self.make, self.name, self.adversary.connections, **named, **given)

    def _inspect_adapter(self, adapter: Any) -> None:
        if self.holdings:
            self.holdings.append(self._measure_usage())
        shown = [repr(adapter), str(adapter)]
        inner = list(vars(adapter).values()) if hasattr(adapter, "__dict__") else []
        if self.case.logs:
            self.pickles = "\n".join(map(pickle_to_text, inner))
        shown += [repr(value) for value in inner if not isinstance(value, str)]
        # What is in the environment, other programs get that this one starts.
        exported = os.environ.items() if self.case.logs else ()
        shown += [f"{name} of the environment={each}" for name, each in exported if KEY in each]
        self.looks = "\n".join(shown)

    def _begin(self, number: int) -> tuple[ClientCall, dict[str, Any], Path, int, float] | None:
        call = self.case.calls[number]
        args = copy.deepcopy(resolve_arguments(call.args, self.outcomes))
        if args is None or number in self.case.left_out:
            return None
        if call.after:
            self.time.pass_between_calls(call.after)
        self.adversary.call = number
        place = self.place / str(number if call.into is None else call.into)
        if call.op == "download":
            place.mkdir(exist_ok=True)
            args["directory"] = str(place)
        self.begun[number] = begun = len(self.adversary.exchanges), self.time.seconds()
        return call, args, place, *begun

    def _call(self, adapter: Any, number: int) -> None:
        begun = self._begin(number)
        if begun is None:
            return
        call, args, *_ = begun
        adapter, before = self._select_adapter(adapter, call), copy.deepcopy(args)
        seconds = self.case.find_interruption(number)
        if seconds is not None:
            self.time.interrupt_at = self.time.seconds() + seconds
        with trace_memory(self.network, on=self.case.memory) as memory:
            made = self._invoke_in_child if call.forks else self._invoke
            result = made(adapter, call, args)
        if seconds is not None:
            self.time.interrupt_at = None
        self._end(number, begun, result, memory.peak, changed=args != before)

    def _invoke(self, adapter: Any, call: ClientCall, args: dict[str, Any]) -> dict[str, Any]:
        try:
            value = getattr(adapter, call.op)(**args)
            reject_coroutine(self.name, call.op, value)
            return {"kind": "value", "value": self._take(value)}
        except SettingsError:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever a client raises is its outcome
            return self._describe_raised(error, adapter)

    def _take(self, value: Any) -> Any:
        """Return a result as JSON, and empty it where the case says that the caller does so."""
        told = to_json_value(value)
        if self.case.spoils and isinstance(value, list | dict):
            value.clear()
        return told

    def _describe_raised(self, error: BaseException, adapter: Any) -> dict[str, Any]:
        """Return the outcome of a call that raised."""
        if isinstance(error, Abandoned):
            self.ended = self.ended or isinstance(error, OverdueError)
            self.time.stuck = self.time.stuck or isinstance(error, StuckError)
            return {"kind": "abandoned", "error": {"text": str(error)}}
        if self.time.stuck and isinstance(error, asyncio.CancelledError):
            return {"kind": "abandoned", "error": {"text": str(StuckError())}}
        if isinstance(error, (KeyboardInterrupt, asyncio.CancelledError)):
            wanted = self.case.interrupt_at or self.case.interrupt_after
            if wanted is None and isinstance(error, KeyboardInterrupt):
                raise error  # not the client's: the user interrupts the run
            return {"kind": "interrupted", "error": describe_error(error, adapter)}
        found = describe_error(error, adapter) | {"again": self.raised.note(error)}
        return {"kind": "error", "error": found}

    def _invoke_in_child(
        self, adapter: Any, call: ClientCall, args: dict[str, Any]
    ) -> dict[str, Any]:
        invoke, said = partial(self._invoke, adapter, call, args), None
        if self.alone or not call.killed:
            said = make_call_in_child(invoke, self.network, killed=call.killed)
        if said is None:
            self.unforked = not self.alone
            said = {"kind": "abandoned", "error": {"text": "did not return"}}
        return said

    async def _acall(self, adapter: Any, number: int) -> None:
        begun = self._begin(number)
        if begun is None:
            return
        call, args, *_ = begun
        adapter, before = self._select_adapter(adapter, call), copy.deepcopy(args)
        with trace_memory(self.network, on=self.case.memory) as memory:
            try:
                blocked = self.time.blocked
                value = getattr(adapter, call.op)(**args)
                if inspect.isawaitable(value):
                    value = await self._await_until_interrupted(value, number)
                else:  # an adapter may be only partly async, and its plain methods block
                    self.time.blocked = blocked
                result: dict[str, Any] = {"kind": "value", "value": self._take(value)}
            except SettingsError:
                raise
            except BaseException as error:  # noqa: BLE001 - whatever a client raises is its outcome
                result = self._describe_raised(error, adapter)
        self._end(number, begun, result, memory.peak, changed=args != before)

    async def _await_until_interrupted(self, value: Awaitable[Any], number: int) -> Any:
        """Return what an operation does; cancel it on the way where the case says so."""
        seconds = self.case.find_interruption(number)
        if seconds is None:
            return await value
        task = asyncio.ensure_future(value)
        alarm = asyncio.get_running_loop().call_later(seconds, task.cancel)
        try:
            return await task
        finally:
            alarm.cancel()

    def _end(
        self, number: int, begun: Any, result: dict[str, Any], peak: int, *, changed: bool
    ) -> None:
        call, args, place, first, began = begun
        if changed:
            args = args | {"$changed": True}
        self.outcomes[number] = CallOutcome(
            op=call.op,
            args=args,
            kind=result["kind"],
            value=result.get("value"),
            error=result.get("error", {}),
            began=began,
            ended=self.time.seconds(),
            first=first,
            last=len(self.adversary.exchanges),
            files=read_files(place, self.scratch) if call.op == "download" else {},
            peak=peak,
            shared=tuple(result.get("shared", ())),
            key=call.key,
        )

    def history(self, seed: str, logs: str) -> ClientHistory:
        """Return the history of the run."""
        self._abandon_unmade_calls()
        return ClientHistory(
            plan=Plan(name=f"client {self.case.name}", steps=()),
            exchanges=tuple(self.adversary.exchanges),
            base=self.case.base,
            secrets=(("a", self.case.key),),
            client=self.name,
            case=self.case.name,
            seed=seed,
            outcomes=tuple(self.outcomes[number] for number in sorted(self.outcomes)),
            missed=self._list_missed(),
            without=find_absent_operations(self.case, self.capabilities.ops),
            overdue=self.overdue,
            stuck=self.time.stuck,
            logs=logs,
            appearance=self.looks,
            pickles=self.pickles,
            options=self._select_options(),
            holdings=tuple(self.holdings),
            plain_seen=tuple(self.network.plain),
            blocked=self.time.blocked,
            unclosed=self.unclosed,
            ledger=self.adversary.compute_totals(),
        )

    def _abandon_unmade_calls(self) -> None:
        """Note the calls that the client did not return from."""
        if len(self.holdings) > 1 or self.ended:
            return  # calls after an early end were never made
        now, last = self.time.seconds(), len(self.adversary.exchanges)
        for number, call in enumerate(self.case.calls):
            if number not in self.outcomes and not self._was_skipped(number):
                # One that never began has sent nothing: earlier requests are of other calls.
                first, began = self.begun.get(number, (last, now))
                self.outcomes[number] = CallOutcome(
                    op=call.op,
                    args=dict(call.args),
                    kind="abandoned",
                    began=began,
                    ended=now,
                    first=first,
                    last=last,
                    error={"text": "did not return"},
                )

    def _list_missed(self) -> tuple[str, ...]:
        """Return what did not take place, so that the case shows nothing."""
        missed = self.adversary.find_unmet_rules()
        if self.unforked:
            missed += ("a fork of a process with one thread",)
        if self.overdue:
            missed += (f"an end within {self.overdue:g} s of real time",)
        return missed

    def _was_skipped(self, number: int) -> bool:
        """Return whether a call was left out, or depends on one that failed."""
        return number in self.case.left_out or any(
            isinstance(each, EarlierResult) for each in self.case.calls[number].args.values()
        )
