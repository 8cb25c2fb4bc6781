"""Histories of clients: the requests as the server received them, and the outcomes of calls."""

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

OutcomeKind = Literal["value", "error", "abandoned", "unsupported", "interrupted"]

# Errors of a language or of its JSON parser, which a client should not pass to its caller.
RAW_ERRORS: Final = frozenset(
    {
        "AssertionError",
        "AttributeError",
        "IndexError",
        "InvalidOperation",
        "JSONDecodeError",
        "KeyError",
        "NameError",
        "OverflowError",
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
        "ZeroDivisionError",
    }
)

# In JavaScript, fetch raises a TypeError with one of these texts for any network failure.
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
    """One request of a client; `label` names the fault that it met, if any.

    `origin` is the scheme, host and port that it was sent to, and `target` the path and query as
    sent. `sent` are its headers, which include the key and must not be shown.
    """

    origin: str = ""
    label: str = ""
    connection: int = 0
    elapsed: float = 0.0
    target: str = ""
    sent: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    home: bool = True
    """Whether it was sent to the API that the client was configured for."""
    ours: bool = True
    """Whether the fake produced the answer, even if a rule changed it afterwards."""
    sender: str = ""
    """The test or program that sent it, as far as that is known of an observed client."""
    call_site: str = ""
    """The file and line of an observed client whose call has sent it: `shop/pictures.py:12`."""

    def get_sent_headers(self, name: str) -> list[str]:
        """Return every header of that (lower-case) name that the client sent."""
        return [value for key, value in self.sent if key.lower() == name]

    def get_sent_header(self, name: str) -> str | None:
        """Return the first header of that (lower-case) name that the client sent, or None."""
        return next(iter(self.get_sent_headers(name)), None)

    @property
    def paid(self) -> bool:
        """Whether it made a generation."""
        return any(effect.what == "generation" for effect in self.effects or ())


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOutcome:
    """The outcome of one call: the value that the client returned, or the error that it raised.

    `error` has `type`, `text` and, where the client provides them, `status`, `code`, `request_id`,
    `generation` and `unknown`. `files` are the files in the call's directory afterwards.
    """

    op: str
    args: Mapping[str, Any]
    kind: OutcomeKind
    value: Any = None
    error: Mapping[str, Any] = field(default_factory=dict)
    began: float = 0.0
    ended: float = 0.0
    first: int = 0
    last: int = 0
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    peak: int = 0
    key: str = field(default="", repr=False)
    """The key of the client that was called, where that is not the one of the case."""
    shared: tuple[int, ...] = ()
    """The connections of the parent that a call in a forked child used."""

    @property
    def raw(self) -> bool:
        """Whether the error is one of the language that the client did not raise on purpose."""
        kind = self.error.get("type")
        if kind == "TypeError" and any(each in self.text.lower() for each in _FETCH_FAILED):
            return False
        return self.kind == "error" and kind in RAW_ERRORS

    @property
    def clear(self) -> bool:
        """Whether it is an error that the client raised on purpose."""
        return self.kind == "error" and not self.raw

    @property
    def text(self) -> str:
        """The type and all texts of the error."""
        return str(self.error.get("text", ""))

    @property
    def told(self) -> str:
        """What an error says by itself, as in a log: without data that are kept beside its text."""
        return str(self.error.get("told", self.text))

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
        """The duration in seconds of the case's clock."""
        return self.ended - self.began


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."


@dataclass(frozen=True)
class ClientHistory(History):
    """The history of one client in one case."""

    client: str = ""
    case: str = ""
    seed: str = "0"
    virtual: bool = True
    outcomes: tuple[CallOutcome, ...] = ()
    missed: tuple[str, ...] = ()
    """The faults of the case that no request met; with any, the case is void."""
    unread: tuple[str, ...] = ()
    """What the program's responses lack that could not be read; `missed` has these, too."""
    missing: tuple[str, ...] = ()
    """The abilities that the client lacks, so that the case was not run."""
    untried: str = ""
    """How the client is driven and what that cannot provide, so that the case was not run."""
    without: tuple[str, ...] = ()
    """The operations that the client lacks, so that the case was run without them."""
    overdue: float = 0.0
    """The limit in real seconds at which the case was ended, or 0."""
    stuck: bool = False
    """Whether the client waited for what never comes, and so was given up."""
    logs: str = field(default="", repr=False)
    appearance: str = field(default="", repr=False)
    """The texts and representations of the client and of its attributes."""
    changes: tuple[str, ...] = ()
    """What the client has changed for the whole process."""
    pickles: str = field(default="", repr=False)
    """The pickles of the client's attributes, as text."""
    options: Mapping[str, Any] = field(default_factory=dict)
    holdings: tuple[ResourceUsage, ...] = ()
    """The resources in use early in the case and at its end, where they are measured."""
    plain_seen: tuple[str, ...] = ()
    """What was readable on the network: requests to proxies and without TLS."""
    ledger: Mapping[str, Decimal] = field(default_factory=dict)
    unclosed: int = 0
    """How many connections, and tasks, were left once the client was closed, if it can be."""
    blocked: float = 0.0
    """For how many seconds of the case's clock the client has blocked its running event loop."""

    @property
    def requests(self) -> Sequence[ClientExchange]:
        """The requests, in order."""
        return cast("Sequence[ClientExchange]", self.exchanges)

    def find_senders(self, numbers: Sequence[int] = ()) -> list[str]:
        """Return what sent the requests of these numbers, or of all: tests, or programs."""
        sent = [each for each in self.requests if not numbers or each.number in numbers]
        return list(dict.fromkeys(each.sender for each in sent if each.sender))

    def find_call_sites(self, numbers: Sequence[int] = ()) -> list[str]:
        """Return the files and lines whose calls sent the requests of these numbers, or all."""
        sent = [each for each in self.requests if not numbers or each.number in numbers]
        return list(dict.fromkeys(each.call_site for each in sent if each.call_site))

    def during(self, outcome: CallOutcome) -> list[ClientExchange]:
        """Return the requests that were sent during a call."""
        return [each for each in self.requests if outcome.first < each.number <= outcome.last]

    def calls(self, *ops: str) -> list[CallOutcome]:
        """Return the calls of these operations; all calls without an argument."""
        return [each for each in self.outcomes if not ops or each.op in ops]

    @cached_property
    def submissions(self) -> list[ClientExchange]:
        """The requests for generations."""
        return [each for each in self.requests if each.submits and each.method == "POST"]

    @cached_property
    def poll_requests(self) -> list[ClientExchange]:
        """The requests for the status of a video."""
        return [each for each in self.requests if each.operation == "videos.retrieve"]

    @cached_property
    def fetched(self) -> list[ClientExchange]:
        """The requests for media."""
        return [each for each in self.requests if each.operation == "downloads.retrieve"]

    def compute_charge(self, outcome: CallOutcome) -> Decimal:
        """Return the cost of the generations that a call made, in US dollars."""
        made = {
            effect.generation
            for each in self.during(outcome)
            for effect in each.effects or ()
            if effect.what == "generation"
        }
        return sum((self.ledger.get(str(name), Decimal(0)) for name in made), Decimal(0))
