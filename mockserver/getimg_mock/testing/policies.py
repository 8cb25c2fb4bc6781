"""Rules that a test can set for its client as a whole, in addition to expectations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from getimg_mock.testing.expectations import format_exchange
from getimg_mock.world.error_codes import STATUSES, UNRECORDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from getimg_mock.control.handle import WorkspaceHandle
    from getimg_mock.testing.expectations import Expectation
    from getimg_mock.world.journal import Exchange


def find_violations(
    workspace: WorkspaceHandle,
    expectations: Sequence[Expectation],
    policies: Iterable[str],
    strays: Sequence[Exchange] = (),
) -> Iterator[str]:
    """Yield the violations of each policy, as text.

    `strays` are the requests of the test that reached no workspace.
    """
    for policy in dict.fromkeys(policies):
        if policy == "no-unexpected-calls":
            found = _find_unexpected(workspace, expectations, strays)
        elif policy == "no-undownloaded-results":
            found = _find_undownloaded(workspace)
        else:
            found = _find_pending(workspace)
        listed = [f"    {each}" for each in found]
        if listed:
            yield "\n".join([f"Policy {policy}:", *listed])


def list_unrecorded(workspace: WorkspaceHandle) -> list[str]:
    """Return the requests that a replay refused because its cassette does not hold them."""
    found = []
    for exchange in workspace.journal.query(status=STATUSES[UNRECORDED]):
        if UNRECORDED.encode() in exchange.response.body:
            error = exchange.response.json["error"]
            if error["code"] == UNRECORDED:
                found.append(f"    {format_exchange(exchange)}: {error['message']}")
    return found


def _find_unexpected(
    workspace: WorkspaceHandle, expectations: Sequence[Expectation], strays: Sequence[Exchange]
) -> Iterator[str]:
    for each in strays:
        yield f"{each.method} {each.path[:80]} {each.status} was not expected"
    for exchange in workspace.journal:
        if not any(each.fits(exchange) for each in expectations):
            yield f"{format_exchange(exchange)} was not expected"


def _find_undownloaded(workspace: WorkspaceHandle) -> Iterator[str]:
    downloaded = {
        each.path.split("/")[3]
        for each in workspace.journal.query(operation="downloads.retrieve")
        if each.status in {200, 206} and each.method == "GET" and each.response.sent
    }
    for generation in workspace.generations.where(status="completed"):
        if generation.id not in downloaded:
            cost = f"{generation.total_cost} USD"
            yield f"{generation.id} ({generation.kind}, {cost}) was not downloaded"


def _find_pending(workspace: WorkspaceHandle) -> Iterator[str]:
    for generation in workspace.generations.where(status="pending"):
        yield f"{generation.id} ({generation.total_cost} USD held) was left pending"
