"""What a client did: its requests as a server sees them, and what it gave back to its caller."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from getimg_mock.contract.exchanges import HttpExchange
from getimg_mock.contract.history import History

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from getimg_mock.contract.clients.sandbox.resource_usage import ResourceUsage

Kind = Literal["value", "error", "abandoned", "unsupported", "interrupted"]

# Errors of a language or of its JSON reader: nobody meant a caller to meet them.
RAW_ERRORS: Final = frozenset(
    {
        "AssertionError",
        "AttributeError",
        "IndexError",
        "JSONDecodeError",
        "KeyError",
        "NameError",
        "RangeError",
        "RecursionError",
        "ReferenceError",
        "SyntaxError",
        "TypeError",
        "UnboundLocalError",
        "UnicodeDecodeError",
        "UnicodeEncodeError",
        "ValueError",
        "MemoryError",
        "StopIteration",
        "CancelledError",
    }
)

# In JavaScript, fetch says of every failure of the network that it is a TypeError: in these words.
_FETCH_FAILED: Final = (
    "fetch failed",
    "terminated",
    "failed to fetch",
    "error sending request",
    "load failed",
    "networkerror when attempting to fetch",
)


@dataclass(frozen=True)
class ClientExchange(HttpExchange):
    """One request of a client; `label` says what was done to it, nothing where it was the usual.

    `origin` is scheme, host and port it was sent to, `sent` its headers as they were (the key
    included: never to be shown), `target` path and query word for word.
    """

    origin: str = ""
    label: str = ""
    connection: int = 0
    elapsed: float = 0.0
    target: str = ""
    sent: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    home: bool = True
    """Whether it went to the API that the client was configured for."""
    ours: bool = True
    """Whether the answer was the fake's own, perhaps changed, and not one made up."""

    def get_sent_headers(self, name: str) -> list[str]:
        """Return every header of that (lower-case) name that the client sent."""
        return [value for key, value in self.sent if key.lower() == name]

    def get_sent_header(self, name: str) -> str | None:
        """Return the first header of that (lower-case) name that the client sent, or None."""
        return next(iter(self.get_sent_headers(name)), None)

    @property
    def paid(self) -> bool:
        """Whether a generation was made of it."""
        return any(effect.kind == "generation" for effect in self.effects or ())


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOutcome:
    """How one call came out: what the client returned, or the error that it raised.

    `error` has `type`, `text` and, as far as the client says, `status`, `code`, `request_id`,
    `generation` and `unknown`. `files` are what was in the call's directory afterwards.
    """

    op: str
    args: Mapping[str, Any]
    kind: Kind
    value: Any = None
    error: Mapping[str, Any] = field(default_factory=dict)
    began: float = 0.0
    ended: float = 0.0
    first: int = 0
    last: int = 0
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    peak: int = 0
    shared: tuple[int, ...] = ()
    """Connections of the parent's that a call in a forked child has used."""

    @property
    def raw(self) -> bool:
        """Whether the error is one of the language, which nobody meant to raise."""
        kind = self.error.get("type")
        if kind == "TypeError" and any(each in self.text.lower() for each in _FETCH_FAILED):
            return False
        return self.kind == "error" and kind in RAW_ERRORS

    @property
    def clear(self) -> bool:
        """Whether it is an error that was meant."""
        return self.kind == "error" and not self.raw

    @property
    def text(self) -> str:
        """All that the error says."""
        return str(self.error.get("text", ""))

    @property
    def shown(self) -> str:
        """The outcome in a few words."""
        if self.kind == "value":
            return f"{self.op} returned {_short(self.value)}"
        if self.kind == "error":
            return f"{self.op} raised {self.error.get('type')}: {_short(self.text)}"
        return f"{self.op}: {self.kind} {self.text}".strip()

    @property
    def seconds(self) -> float:
        """How long it took on the case's clock."""
        return self.ended - self.began


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."


@dataclass(frozen=True)
class ClientHistory(History):
    """What one client did in one case."""

    client: str = ""
    case: str = ""
    seed: str = "0"
    virtual: bool = True
    outcomes: tuple[CallOutcome, ...] = ()
    missed: tuple[str, ...] = ()
    """Faults of the case that no request met: with any, the case says nothing."""
    missing: tuple[str, ...] = ()
    """What the client does not have, so that the case was not tried."""
    untried: str = ""
    """How it was driven and what that does not give, so that the case was not tried."""
    without: tuple[str, ...] = ()
    """Operations that the client does not have, so that the case was tried without them."""
    overdue: float = 0.0
    """After how many real seconds the case was ended as the client did not come back, or 0."""
    logs: str = field(default="", repr=False)
    appearance: str = field(default="", repr=False)
    """How the client shows itself: its repr, and those of its parts."""
    pickles: str = field(default="", repr=False)
    """What the client's parts are when they are pickled."""
    options: Mapping[str, Any] = field(default_factory=dict)
    holdings: tuple[ResourceUsage, ...] = ()
    """What the client's process held early in the case and at its end, where that is looked at."""
    plain_seen: tuple[str, ...] = ()
    """What crossed the network readably to others: requests to proxies and without TLS."""
    ledger: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def requests(self) -> Sequence[ClientExchange]:
        """The requests, in their order."""
        return cast("Sequence[ClientExchange]", self.exchanges)

    def during(self, outcome: CallOutcome) -> list[ClientExchange]:
        """Return the requests that were sent during a call."""
        return [each for each in self.requests if outcome.first < each.number <= outcome.last]

    def calls(self, *ops: str) -> list[CallOutcome]:
        """Return the calls of these operations; all, without any."""
        return [each for each in self.outcomes if not ops or each.op in ops]

    @cached_property
    def submissions(self) -> list[ClientExchange]:
        """The requests for generations."""
        return [each for each in self.requests if each.submits and each.method == "POST"]

    @cached_property
    def poll_requests(self) -> list[ClientExchange]:
        """The requests for the state of a video."""
        return [each for each in self.requests if each.operation == "videos.retrieve"]

    @cached_property
    def fetched(self) -> list[ClientExchange]:
        """The requests for media."""
        return [each for each in self.requests if each.operation == "downloads.retrieve"]

    def compute_charge(self, outcome: CallOutcome) -> Decimal:
        """Return what generations that a call made have cost, or will cost."""
        made = {
            effect.generation
            for each in self.during(outcome)
            for effect in each.effects or ()
            if effect.kind == "generation"
        }
        return sum((self.ledger.get(str(name), Decimal(0)) for name in made), Decimal(0))
