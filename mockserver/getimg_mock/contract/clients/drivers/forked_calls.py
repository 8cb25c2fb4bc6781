"""Calls that a forked child makes with the client of its parent."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from getimg_mock.contract.clients.drivers import forks

if TYPE_CHECKING:
    from collections.abc import Callable

    from getimg_mock.contract.clients.fault_serving.httpcore_network import Network


def make_call_in_child(
    invoke: Callable[[], dict[str, Any]], network: Network, *, killed: bool
) -> dict[str, Any] | None:
    """Return the outcome of a call, with the parent's connections that it used as `shared`.

    None where the child does not return. With `killed`, it ends once an answer stops coming, as a
    process does that is killed: nothing of the client is run any more.
    """
    inherited = {each.number for each in network.connections}
    first = len(network.adversary.exchanges)

    def end_when_silent() -> None:
        if any(each.hangs for each in network.connections):
            os._exit(0)

    def work() -> dict[str, Any]:
        if killed:
            network.watch = end_when_silent
        made = invoke()
        used = {each.connection for each in network.adversary.exchanges[first:]}
        return made | {"shared": sorted(used & inherited)}

    return forks.run_in_child(work)
