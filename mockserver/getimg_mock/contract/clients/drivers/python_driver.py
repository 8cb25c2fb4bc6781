"""Drivers, which run a client through a case and return its history.

`PythonDriver` runs an adapter in this process, in virtual time on a virtual network.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from getimg_mock.contract.clients.cases.case_rules import KEY, Case
from getimg_mock.contract.clients.cases.client_history import ClientHistory
from getimg_mock.contract.clients.drivers import forks
from getimg_mock.contract.clients.drivers.capabilities import (
    find_lacking_operations,
    find_unmet_needs,
    fit_case,
)
from getimg_mock.contract.clients.drivers.case_run import CaseRun
from getimg_mock.contract.clients.drivers.client_factory import probe_capabilities
from getimg_mock.contract.clients.fault_serving.fault_server import FaultServer
from getimg_mock.contract.clients.fault_serving.httpcore_network import Network
from getimg_mock.contract.clients.sandbox.case_folders import create_place, set_scratch_folder
from getimg_mock.contract.clients.sandbox.client_time import Abandoned, ClientTime
from getimg_mock.contract.clients.sandbox.environment import (
    CAN_LIMIT_FILES,
    capture_logs,
    limit_files,
    make_repeatable,
    record_output,
    set_environment,
)
from getimg_mock.contract.clients.sandbox.process_state import watch_process_state
from getimg_mock.contract.clients.sandbox.resource_usage import measure_new_objects
from getimg_mock.contract.clients.sandbox.time_limit import TimeLimit
from getimg_mock.contract.plans import Plan
from getimg_mock.isolation.local_only import block_external_connections
from getimg_mock.media.cache import MediaCache

if TYPE_CHECKING:
    from collections.abc import Callable

# Who was stuck once will be again: that need not be looked at as long as the first time.
_STUCK_FIRST, _STUCK_AGAIN = 1.0, 0.3
_LOOKS_FIRST, _LOOKS_AGAIN = 6, 2


class Driver(Protocol):
    """A client that can be run through cases."""

    @property
    def name(self) -> str:
        """The name of the client in reports."""

    def lacks(self, case: Case) -> tuple[str, ...]:
        """Return the needs of the case that the client does not meet."""

    def find_obstacle(self, case: Case) -> str:
        """Return how the client is driven and what that cannot provide, or an empty text."""

    def run(self, case: Case, *, seed: str = "0") -> ClientHistory:
        """Run the client through a case, on a fake of its own."""

    def close(self) -> None:
        """Release the client."""


@dataclass
class PythonDriver:
    """An adapter in this process: `make(base_url=..., key=..., **options)` returns one.

    Its options are the parameters that `make` names. Its operations are those of `OPS` that it has
    as methods or as coroutine functions. Its attribute `lacking` names further abilities that it
    does not have.
    """

    make: Callable[..., Any]
    name: str = "client"
    cache: MediaCache = field(default_factory=lambda: MediaCache(64 * 1024 * 1024))
    real_seconds: float = 30.0
    """The limit of real time for one case, in seconds."""
    shares: int = 1
    """In how many forked processes many cases are run."""
    stuck: int = 0
    """In how many cases the client waited for what never comes."""

    def __post_init__(self) -> None:
        with block_external_connections(self.name), watch_process_state():
            self.capabilities = found = probe_capabilities(self.make, self.name)
        self.ops, self.options, self.lacking = found.ops, found.options, found.lacking
        self.variables, self.is_async = found.variables, found.is_async

    def lacks(self, case: Case) -> tuple[str, ...]:
        """Return the operations, options and abilities of the case that the client lacks."""
        needs = find_unmet_needs(case, self.options, self.lacking)
        if "environment" in case.needs and not self.variables:
            needs.append("environment")
        return tuple(dict.fromkeys([*find_lacking_operations(case, self.ops), *needs]))

    def find_obstacle(self, case: Case) -> str:
        """Return what this process, or an asynchronous client, cannot provide for a case."""
        if case.real or case.real_time:
            return f"in this process: needs {'a real network' if case.real else 'real time'}"
        if case.needs_tasks and not self.is_async:
            return "here: needs an asynchronous client"
        forked = any(call.child for call in case.calls)
        if (forked and not forks.SUPPORTED) or ((forked or case.apart) and self.is_async):
            return f"here: needs a synchronous client{', and a system that can fork' * forked}"
        if case.file_limit and not CAN_LIMIT_FILES:
            return "here: needs a system that can limit the size of files"
        if case.room > shutil.disk_usage(tempfile.gettempdir()).free:
            return f"here: needs {case.room // 10**6} MB of free space for temporary files"
        return ""

    def close(self) -> None:
        """Do nothing: every case has its own adapter."""

    def run(self, case: Case, *, seed: str = "0") -> ClientHistory:
        """Run the client through a case in virtual time."""
        missing, untried = self.lacks(case), self.find_obstacle(case)
        if missing or untried:
            return build_untried_history(self.name, case, seed, missing, untried)
        case = fit_case(case, self.ops)
        time = _create_time(case)
        time.stuck_after = _STUCK_AGAIN if self.stuck else _STUCK_FIRST
        adversary = FaultServer(
            clock=time.clock,
            key=KEY,
            base=case.base,
            rules=case.rules,
            settings={"seed": seed, **case.settings},
            scenario=tuple(map(dict, case.scenario)),
            cache=self.cache,
        )
        if case.first_requests:
            adversary.most_at_first = case.first_requests
        network = Network(adversary, time)
        run = CaseRun(self.make, self.name, self.capabilities, case, adversary, network, time)
        with ExitStack() as stack:
            run.place = adversary.place = stack.enter_context(create_place(case))
            beside = Path(tempfile.gettempdir())
            run.scratch = stack.enter_context(set_scratch_folder(beside, on=not case.room))
            logs = stack.enter_context(capture_logs()) if case.logs else []
            for each in (
                set_environment(case, self.variables),
                make_repeatable(f"{seed} {case.name}"),
                network.install(),
                block_external_connections(self.name),
                time.patch_process(),
                limit_files(case.file_limit),
                measure_new_objects(on=case.holdings),
            ):
                stack.enter_context(each)
            if case.logs:
                stack.enter_context(record_output(logs))
            changes = stack.enter_context(watch_process_state())
            self.make_calls(run)
        return replace(run.history(seed, "\n".join(logs)), changes=(*changes, *run.changes))

    def make_calls(self, run: CaseRun) -> None:
        """Make the calls of a case, within the limit of real time."""
        # The parent of a child that makes the call has nothing to do but wait.
        child = any(call.forks for call in run.case.calls)
        looks = 0 if child else _LOOKS_AGAIN if self.stuck else _LOOKS_FIRST
        cap = TimeLimit(self.real_seconds, looks=looks, is_quiet=run.time.is_quiet)
        try:
            with cap.enforce():
                run.make_all_calls()
        except Abandoned:
            run.time.lifted = True
        run.time.stuck = run.time.stuck or cap.stuck
        run.overdue = self.real_seconds if cap.reached else 0.0
        self.stuck += run.time.stuck


def _create_time(case: Case) -> ClientTime:
    """Return the time of a case."""
    return ClientTime(
        limit=case.limit,
        interrupt_at=case.interrupt_at,
        by_scope=case.by_scope,
        wall_jumps=case.wall_jumps,
    )


def build_untried_history(
    client: str, case: Case, seed: str, missing: tuple[str, ...], untried: str = ""
) -> ClientHistory:
    """Return the history of a case that cannot be run with a client."""
    return ClientHistory(
        plan=Plan(name=f"client {case.name}", steps=()),
        exchanges=(),
        client=client,
        case=case.name,
        seed=seed,
        missing=missing,
        untried="" if missing else untried,
    )
