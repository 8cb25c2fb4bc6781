"""Legal styles of clients: none of them may fail a MUST.

`BENIGN` has each style alone, for the scorecard. `COMBINED` has them all in fewer clients: styles
that do not meet are kept by one client, so that CI needs a third of the runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from tests.contract.clients.reference import AsyncReferenceClient, ReferenceClient
from tests.contract.clients.reference.clients import blocking
from tests.contract.clients.reference.errors import InvalidArgumentError
from tests.contract.clients.reference.lookups import balance
from tests.contract.clients.reference.submissions import generate_image, image_as_it_came

if TYPE_CHECKING:
    from tests.contract.clients.reference.core import Core
    from tests.contract.clients.reference.steps import Steps

Maker = Callable[..., Any]


def _with(*used_to: str, base: type = ReferenceClient, **fixed: Any) -> Maker:
    """Return a maker of clients that keeps to options and habits of its own.

    It offers a timeout alone to its caller.
    """

    class Styled(base):  # type: ignore[misc] # it is given
        """The reference client with a style."""

        habits = frozenset(used_to)
        lacking = ("retries",) if fixed.get("max_retries") == 0 else ()

    def make(
        *, base_url: str | None, key: str | None, timeout: float | None = None
    ) -> ReferenceClient:
        return Styled(base_url=base_url, key=key, **({"timeout": timeout} | fixed))

    make.__annotations__["return"] = Styled
    return make


def _without(*ops: str) -> type:
    """Return the client with fewer operations."""
    return type("Smaller", (ReferenceClient,), dict.fromkeys(ops))


def image_after_a_look(core: Core, /, **fields: Any) -> Steps:
    """Make an image, if there is money for it."""
    if float((yield from balance(core))["balance"]) <= 0:
        raise InvalidArgumentError("no money left")
    return (yield from generate_image(core, **fields))


class Preflight(ReferenceClient):
    """Looks at its balance before it pays."""

    generate_image = blocking(image_after_a_look)


class HandingBack(ReferenceClient):
    """Leaves an image's status to its caller."""

    generate_image = blocking(image_as_it_came)


BENIGN: Final[dict[str, Maker]] = {
    "the reference": ReferenceClient,
    "the asynchronous reference": AsyncReferenceClient,
    "no retries at all": _with(max_retries=0),
    "one retry": _with(max_retries=1),
    "eight retries": _with(max_retries=8),
    "polls at the advised distance": _with(poll_interval=5.0),
    "polls slowly": _with(poll_interval=30.0),
    "polls with a growing distance of its own": _with("growing-distance"),
    "polls twice a second": _with(poll_interval=0.5),
    "waits for an hour": _with(wait_timeout=3600.0),
    "backs off with full jitter": _with("full-jitter"),
    "looks at its balance before it pays": Preflight,
    "asks for the head of a file first": _with("heads-first"),
    "gives up on a wait soon": _with(wait_timeout=120.0),
    "images only": _without(
        "generate_video", "submit_video", "retrieve_video", "costs", "model", "balance"
    ),
    "no downloads": _without("download"),
    "submits and leaves waiting to others": _without("generate_video"),
    "leaves an image's status to its caller": HandingBack,
}

COMBINED: Final[dict[tuple[str, ...], Maker]] = {
    ("no retries at all", "polls slowly", "no downloads"): _with(
        base=_without("download"), max_retries=0, poll_interval=30.0
    ),
    (
        "one retry",
        "polls at the advised distance",
        "leaves an image's status to its caller",
    ): _with(base=HandingBack, max_retries=1, poll_interval=5.0),
    (
        "eight retries",
        "backs off with full jitter",
        "polls with a growing distance of its own",
        "looks at its balance before it pays",
        "asks for the head of a file first",
        "waits for an hour",
    ): _with(
        "growing-distance",
        "full-jitter",
        "heads-first",
        base=Preflight,
        max_retries=8,
        wait_timeout=3600.0,
    ),
    ("polls twice a second", "gives up on a wait soon"): _with(
        poll_interval=0.5, wait_timeout=120.0
    ),
    ("submits and leaves waiting to others",): _without("generate_video"),
    ("images only",): BENIGN["images only"],
}
"""Every style of `BENIGN`, several of them in one client."""
