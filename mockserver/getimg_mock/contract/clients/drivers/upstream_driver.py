"""A client against a service that is not ours: its requests go through us, and a money ceiling.

Nothing is done to them on the way. Only the cases without an adversary are run, in real time.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases.cases import KEY
from getimg_mock.contract.clients.drivers.capabilities import fit_case
from getimg_mock.contract.clients.drivers.case_run import CaseRun
from getimg_mock.contract.clients.drivers.python_driver import PythonDriver, build_untried_history
from getimg_mock.contract.clients.sandbox.client_time import START, ClientTime
from getimg_mock.contract.clients.server.fault_server import FaultServer
from getimg_mock.contract.clients.server.forwarding import Forwarder
from getimg_mock.contract.clients.server.httpcore_network import Network
from getimg_mock.contract.clients.server.socket_server import SocketServer
from getimg_mock.isolation.local_only import REAL_NETWORK_ADVICE, block_external_connections
from getimg_mock.world.clock import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from getimg_mock.contract.clients.cases.cases import Case
    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.targets.http_target import HttpTarget

FAULT_FREE_CASES: Final = frozenset(
    {
        "happy",
        "saved",
        "polled",
        "zones",
        "odd-ids",
        "free-errors",
        "bad-key",
        "expired-in-time",
    }
)
"""The cases that need no adversary, and so can be run against any service."""

CALL_TIMEOUT: Final = 900.0
"""How many real seconds one call, or case, may take of a service that is not ours."""


class _RealTime(ClientTime):
    """Time as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = VirtualClock(start=START)

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in a loop of its own."""
        return asyncio.run(coroutine)


@dataclass
class UpstreamDriver(PythonDriver):
    """An adapter whose requests are passed on to `address`, whose gate keeps to the budget."""

    address: HttpTarget = field(kw_only=True)
    real_seconds: float = CALL_TIMEOUT

    def find_obstacle(self, case: Case) -> str:
        """Return what a service that is not ours cannot give a case."""
        return super().find_obstacle(case) or find_unavailable_need(case)

    def run(self, case: Case, *, seed: str = "0") -> ClientHistory:
        """Move the client through a case, with real requests and real waiting."""
        missing, untried = self.lacks(case), self.find_obstacle(case)
        if missing or untried:
            nothing = build_untried_history(self.name, case, seed, missing, untried)
            return replace(nothing, own=False, virtual=False)
        time = _RealTime()
        with (
            Forwarder(self.address) as forwarding,
            SocketServer(time.clock) as server,
            tempfile.TemporaryDirectory() as place,
        ):
            forwarding.here = server.url
            quiet = fit_case(case, self.ops).with_changes(base=server.url, rules=())
            adversary = FaultServer(
                clock=time.clock,
                key=KEY,
                base=server.url,
                settings={"seed": seed},
                forward=forwarding,
            )
            server.adversary = adversary
            run = CaseRun(
                self.make,
                self.name,
                self.capabilities,
                quiet,
                adversary,
                Network(adversary, time),
                time,
                place=Path(place),
            )
            with block_external_connections(self.name, REAL_NETWORK_ADVICE):
                self.make_calls(run)
        return mark_foreign(run.history(seed, ""), forwarding)


def find_unavailable_need(case: Case) -> str:
    """Return what a case needs that a service that is not ours does not give, or nothing."""
    if any(call.after for call in case.calls):
        return "there: needs time that can be moved"
    return ""


def mark_foreign(history: ClientHistory, forwarding: Forwarder) -> ClientHistory:
    """Return what a client did at a service that is not ours.

    What the budget did not allow was not met: such a case says nothing.
    """
    refused = tuple(dict.fromkeys(f"a budget for it: {each}" for each in forwarding.refused))
    return replace(history, own=False, virtual=False, missed=history.missed + refused)
