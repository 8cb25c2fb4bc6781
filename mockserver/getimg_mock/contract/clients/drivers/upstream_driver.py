"""A client against another service than the fake, behind a budget.

The client's requests are forwarded without faults. Only cases without faults are run, in real time.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases.case_rules import KEY
from getimg_mock.contract.clients.drivers.capabilities import fit_case
from getimg_mock.contract.clients.drivers.case_run import CaseRun
from getimg_mock.contract.clients.drivers.python_driver import PythonDriver, build_untried_history
from getimg_mock.contract.clients.fault_serving.fault_server import FaultServer
from getimg_mock.contract.clients.fault_serving.forwarding import Forwarder
from getimg_mock.contract.clients.fault_serving.httpcore_network import Network
from getimg_mock.contract.clients.fault_serving.socket_server import SocketServer
from getimg_mock.contract.clients.sandbox.client_time import START, ClientTime
from getimg_mock.isolation.local_only import REAL_NETWORK_ADVICE, block_external_connections
from getimg_mock.world.clock import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from getimg_mock.contract.clients.cases.case_rules import Case
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
"""The cases without faults, which can be run against any service."""

CALL_TIMEOUT: Final = 900.0
"""The limit of real seconds for one call, or one case, on another service."""


class _RealTime(ClientTime):
    """Real time."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = VirtualClock(start=START)

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in its own event loop."""
        return asyncio.run(coroutine)


@dataclass
class UpstreamDriver(PythonDriver):
    """An adapter whose requests are forwarded to `address`, through its budget gate."""

    address: HttpTarget = field(kw_only=True)
    real_seconds: float = CALL_TIMEOUT

    def find_obstacle(self, case: Case) -> str:
        """Return what another service than the fake cannot provide for a case."""
        return super().find_obstacle(case) or find_unavailable_need(case)

    def run(self, case: Case, *, seed: str = "0") -> ClientHistory:
        """Run the client through a case, with real requests and real waits."""
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
    """Return what a case needs and another service does not provide, or an empty text."""
    if any(call.after for call in case.calls):
        return "there: needs a clock that can be moved"
    return ""


def mark_foreign(history: ClientHistory, forwarding: Forwarder) -> ClientHistory:
    """Return the history of a client at another service.

    A request that the budget refused counts as unmet, so that the case cannot judge the client.
    """
    refused = tuple(dict.fromkeys(f"a budget for it: {each}" for each in forwarding.refused))
    return replace(history, own=False, virtual=False, missed=history.missed + refused)
