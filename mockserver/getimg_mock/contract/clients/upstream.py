"""A client against a service that is not ours: its requests go through us, and a money ceiling.

Nothing is done to them on the way. Only the cases without an adversary are run, in real time.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.addresses import AddressSession
from getimg_mock.contract.clients.adversary import Adversary
from getimg_mock.contract.clients.cases import KEY
from getimg_mock.contract.clients.drivers import PythonDriver
from getimg_mock.contract.clients.fitting import fitted
from getimg_mock.contract.clients.network import Network
from getimg_mock.contract.clients.outside import REAL, kept_in, passing
from getimg_mock.contract.clients.runs import Run
from getimg_mock.contract.clients.sockets import Sockets
from getimg_mock.contract.clients.timeline import Answer, problem
from getimg_mock.contract.clients.timing import START, ClientTime
from getimg_mock.contract.execution import RefusedError, Sent
from getimg_mock.contract.plans import Send
from getimg_mock.world.clock import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from getimg_mock.contract.addresses import Address
    from getimg_mock.contract.clients.adversary import Asked
    from getimg_mock.contract.clients.cases import Case
    from getimg_mock.contract.clients.history import ClientHistory

PEACEFUL: Final = frozenset({"happy", "saved", "polled", "zones", "odd-ids"})
"""The cases that need no adversary, and so can be run against any service."""

_HOP: Final = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive"})
_OURS: Final = frozenset({"host", "authorization", "content-length", "accept-encoding"})


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

    address: Address = field(kw_only=True)
    real_seconds: float = 900.0

    def run(self, case: Case, *, seed: str = "0") -> ClientHistory:
        """Move the client through a case, with real requests and real waiting."""
        time = _RealTime()
        session = AddressSession(self.address)
        with Sockets(time.clock) as server, tempfile.TemporaryDirectory() as place:
            quiet = fitted(case, self.ops).but(base=server.url, rules=())
            adversary = Adversary(
                clock=time.clock, key=KEY, base=server.url, settings={"seed": seed},
                forward=lambda asked: self._forwarded(session, asked),
            )  # fmt: skip
            server.adversary = adversary
            run = Run(self, quiet, adversary, Network(adversary, time), time)
            run.place = Path(place)
            try:
                with kept_in(self.name, REAL):
                    self.moved(run)
            finally:
                session.close()
        return replace(run.history(seed, ""), own=False, virtual=False)

    def _forwarded(self, session: AddressSession, asked: Asked) -> Answer:
        """Send a request on, once, with the real key in place of ours."""
        path, _, query = asked.target.partition("?")
        headers = [(n.lower(), v) for n, v in asked.headers if n.lower() not in _OURS]
        if any(name.lower() == "authorization" for name, _ in asked.headers):
            headers.append(("authorization", f"Bearer {session.keys['a']}"))
        body = asked.body or None
        step = Send(method=asked.method, path=path, query=query, body=body)
        try:
            with passing():
                came = session.exchange(
                    Sent(asked.method, asked.target, tuple(headers), body), step
                )
        except RefusedError as error:
            return problem(402, "quota_exceeded", f"The budget does not allow this: {error}")
        kept = tuple(pair for pair in came.headers if pair[0] not in _HOP)
        return Answer(came.status or 502, kept, came.body)
