"""Closing the clients of a case: what they leave open, and whom they end with themselves."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.sandbox.resource_usage import count_left_tasks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from getimg_mock.contract.clients.fault_serving.httpcore_network import Network

OTHER_TASKS: Final = "other tasks of the event loop"
"""What has changed where closing a client ends tasks that are not its own."""


def close_clients(clients: Iterable[Any], network: Network) -> int:
    """Close clients; return how many connections they have left."""
    left = 0
    for each in clients:
        close = getattr(each, "close", None)
        if callable(close):
            with suppress(Exception):
                close()
            left = network.open
    return left


async def close_clients_and_tasks(clients: Iterable[Any], network: Network) -> tuple[int, bool]:
    """Close clients; return how many connections and tasks they have left.

    And whether a task that has nothing to do with them was cancelled.
    """
    left, harmed = 0, False
    for each in clients:
        close = getattr(each, "close", None) or getattr(each, "aclose", None)
        if callable(close):
            bystander = asyncio.ensure_future(asyncio.Event().wait())
            with suppress(Exception):
                closing = close()
                if inspect.isawaitable(closing):
                    await closing
            harmed = harmed or bystander.cancelled() or bystander.cancelling() > 0
            bystander.cancel()
            left = network.open + await count_left_tasks()
    return left, harmed
