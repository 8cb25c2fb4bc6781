"""Legal styles of clients: none of them may fail a MUST."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from tests.contract.clients.reference import AsyncReferenceClient, ReferenceClient
from tests.contract.clients.reference.clients import blocking
from tests.contract.clients.reference.submissions import image_as_it_came

Maker = Callable[..., Any]


def _with(**fixed: Any) -> Maker:
    """Return a maker of clients that keeps to options of its own, and offers the others."""

    class Styled(ReferenceClient):
        """The reference client with a style."""

        lacking = ("retries",) if fixed.get("max_retries") == 0 else ()

    def make(
        *, base_url: str | None, key: str | None, timeout: float | None = None
    ) -> ReferenceClient:
        return Styled(base_url=base_url, key=key, **({"timeout": timeout} | fixed))

    make.__annotations__["return"] = Styled
    return make


def _without(*ops: str) -> Maker:
    """Return the client with fewer operations."""
    return type("Smaller", (ReferenceClient,), dict.fromkeys(ops))


BENIGN: Final[dict[str, Maker]] = {
    "the reference": ReferenceClient,
    "the asynchronous reference": AsyncReferenceClient,
    "no retries at all": _with(max_retries=0),
    "one retry": _with(max_retries=1),
    "eight retries": _with(max_retries=8),
    "polls at the advised distance": _with(poll_interval=5.0),
    "polls slowly": _with(poll_interval=30.0),
    "waits for an hour": _with(wait_timeout=1800.0),
    "gives up on a wait soon": _with(wait_timeout=120.0),
    "images only": _without(
        "generate_video", "submit_video", "retrieve_video", "costs", "model", "balance"
    ),
    "no downloads": _without("download"),
    "submits and leaves waiting to others": _without("generate_video"),
    "leaves an image's status to its caller": type(
        "HandingBack", (ReferenceClient,), {"generate_image": blocking(image_as_it_came)}
    ),
}
