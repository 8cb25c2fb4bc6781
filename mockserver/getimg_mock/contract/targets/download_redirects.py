"""Following the redirects of downloads: they may be how a service serves its files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin

from getimg_mock.world.operations import find_operation

if TYPE_CHECKING:
    from collections.abc import Callable

    from getimg_mock.contract.targets.execution import PreparedRequest, ReceivedResponse

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})

_MOST: Final = 3
"""How many redirects are followed in succession."""


def follow_redirects(
    base: str,
    sent: PreparedRequest,
    received: ReceivedResponse,
    send: Callable[[PreparedRequest], ReceivedResponse],
) -> ReceivedResponse:
    """Return the response at the end of the redirects of a download; any other response as it is.

    Only addresses below `base` are followed: no other host is sent a request.
    """
    path = sent.target.partition("?")[0]
    if find_operation(sent.method, path) != "downloads.retrieve":
        return received
    for _ in range(_MOST):
        place = urljoin(base + sent.target, dict(received.headers).get("location", ""))
        if received.status not in REDIRECTS or not place.startswith(base + "/"):
            break
        sent = replace(sent, target=place[len(base) :])
        received = send(sent)
    return received
