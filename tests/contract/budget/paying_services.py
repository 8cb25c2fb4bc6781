"""Services that take money, for tests of the ceiling on it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from getimg_mock.contract.model_choice import load_shipped_models
from getimg_mock.contract.plans import encode_body
from getimg_mock.contract.targets.execution import PreparedRequest, ReceivedResponse, RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.budget.gate import Budget
    from getimg_mock.contract.steps import Send
    from getimg_mock.contract.targets.fake_targets import InProcessSession


MODELS = load_shipped_models()

REFUSALS = {
    "429": ReceivedResponse(429, (), b'{"error":{"code":"rate_limit","message":"x"}}'),
    "400 after": ReceivedResponse(400, (), b'{"error":{"code":"invalid_parameter","message":"x"}}'),
    "500 after": ReceivedResponse(500, (), b'{"error":{"code":"server_error","message":"x"}}'),
    "html": ReceivedResponse(502, (("content-type", "text/html"),), b"<h1>Bad Gateway</h1>"),
}

PRICE = Decimal("0.012")


@dataclass(slots=True)
class Paid:
    """The priced fake in the place of the real API, its answers at the mercy of `faults`."""

    inner: InProcessSession
    budget: Budget
    faults: list[str]
    base: str = "https://api.getimg.ai"
    own: bool = False
    keys: dict[str, str] = field(default_factory=dict)
    patience: float = 60
    poll_bound: float = 60
    night: list[int] = field(default_factory=lambda: [1])
    mute: bool = False

    def __post_init__(self) -> None:
        """Let the budget see the balance, and the days pass."""
        self.budget.keys = self.keys
        self.budget.statements = self
        self.budget.record.clock = lambda: datetime(2026, 9, self.night[0], tzinfo=UTC)

    def count_hits(self) -> dict[str, int]:
        """Return nothing: these faults are no rules of a plan."""
        return {}

    def now(self) -> datetime:
        """Return the fake's time."""
        return self.inner.now()

    def wait(self, seconds: float) -> bool:
        """Wait on the fake's time."""
        return self.inner.wait(seconds)

    def balance(self, key: str) -> Decimal | None:
        """Return what the fake shows of a key's balance, or nothing where it fails."""
        if self.mute:
            return None
        return self.inner.fake.store.get_or_create(self.keys[key]).ledger.available

    def costs(self, key: str) -> Decimal | None:
        """Return nothing: the balance alone has to keep the ceiling."""
        del key
        return None

    def look(self, key: str, videos: Sequence[str]) -> None:
        """Look at nothing."""

    def exchange(self, sent: PreparedRequest, step: Send) -> ReceivedResponse:
        """Pass the gate, then be answered, or not."""
        self.budget.before_request(sent, step)
        return self.answered(sent, step)

    def answered(self, sent: PreparedRequest, step: Send) -> ReceivedResponse:
        """Be answered, or not, and tell the gate."""
        fault = self.faults.pop() if self.faults else "none"
        self.mute = fault == "no balance"
        self.night[0] = min(28, self.night[0] + (fault == "midnight"))
        received: ReceivedResponse | None = None
        try:
            if fault != "429":  # the one fault that comes before the effect
                received = self.inner.exchange(sent, step)
            received = _broken(received or REFUSALS["429"], fault)
        finally:
            self.budget.after_request(sent, step, received)
        return received if received is not None else ReceivedResponse(0, (), b"")

    def exchange_all(
        self, batch: Sequence[tuple[PreparedRequest, Send]]
    ) -> Iterator[ReceivedResponse]:
        """Let all that fit pass before the first is answered."""
        refused: RefusedError | None = None
        passed = []
        for sent, step in batch:
            try:
                self.budget.before_request(sent, step)
            except RefusedError as error:
                refused = error
                break
            passed.append((sent, step))
        yield from [self.answered(sent, step) for sent, step in passed]
        if refused is not None:
            raise refused

    def charged(self) -> Decimal:
        """Return what the fake took, or still holds, from all keys."""
        return sum(
            (each.ledger.charged + each.ledger.held for each in self.inner.fake.store), Decimal(0)
        )


def _broken(received: ReceivedResponse, fault: str) -> ReceivedResponse | None:
    if fault in {"lost", "hang"}:
        return None
    if fault == "cut off":
        return ReceivedResponse(
            received.status, received.headers, received.body[: len(received.body) // 2]
        )
    if fault == "free, it says":
        free = re.sub(rb'"total_cost":[^,}]*', b'"total_cost":0', received.body)
        return ReceivedResponse(received.status, received.headers, free)
    return REFUSALS.get(fault, received)


@dataclass(slots=True)
class Till:
    """A service that does with a request's money whatever the example says."""

    taken: dict[str, Decimal] = field(default_factory=dict)

    def balance(self, key: str) -> Decimal:
        """Return what is left of ten dollars."""
        return Decimal(10) - self.taken.get(key, Decimal(0))

    def costs(self, key: str) -> Decimal:
        """Return what was taken."""
        return self.taken.get(key, Decimal(0))

    def look(self, key: str, videos: Sequence[str]) -> None:
        """Look at nothing."""

    def take(self, key: str, amount: Decimal) -> None:
        """Take money."""
        self.taken[key] = self.taken.get(key, Decimal(0)) + amount


class FilledUp(Till):
    """Somebody paid in meanwhile."""

    def balance(self, key: str) -> Decimal:
        """Return more than ever."""
        del key
        return Decimal(100)


def order_image(secret: str) -> PreparedRequest:
    """Return a request that costs `PRICE`."""
    body = encode_body({"model": "z-image-turbo", "prompt": "a"})
    return PreparedRequest(
        "POST", "/v2/images/generations", (("authorization", f"Bearer {secret}"),), body
    )
