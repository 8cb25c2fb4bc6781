"""Running a plan against a target: the one place where plans become requests."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from getimg_mock.contract.exchanges import TERMINAL, HttpExchange, strip_base
from getimg_mock.contract.history import History
from getimg_mock.contract.plans import DAYS_PLACEHOLDER, Poll, Ref, Send, Wait

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.exchanges import ProviderEffect
    from getimg_mock.contract.plans import Plan, Step


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """A request as it goes out: `target` is path and query as they are on the wire."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class ReceivedResponse:
    """What came back; header names in lower case. `effects` are known of our own fake only."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    seconds: float = 0.0
    effects: tuple[ProviderEffect, ...] | None = None


class TargetSession(Protocol):
    """One plan's hold on a target: keys of its own, and time."""

    @property
    def base(self) -> str:
        """The address of the target, without a slash at the end."""

    @property
    def keys(self) -> dict[str, str]:
        """The keys by name: `a`, and `b` where there is a second."""

    @property
    def own(self) -> bool:
        """Whether this is our own fake."""

    @property
    def patience(self) -> float:
        """How many seconds may be waited at once."""

    def now(self) -> datetime:
        """Return the time as the target has it."""

    def wait(self, seconds: float) -> bool:
        """Let time pass; False when that would take longer than this target may wait."""

    def exchange(self, sent: PreparedRequest, step: Send) -> ReceivedResponse:
        """Send one request; raises `RefusedError` when the budget does not allow it."""

    def exchange_all(
        self, batch: Sequence[tuple[PreparedRequest, Send]]
    ) -> Iterator[ReceivedResponse]:
        """Send requests, at the same time where the target can, and yield the answers in order.

        Raises `RefusedError` after those that the budget allows.
        """

    def count_hits(self) -> dict[str, int]:
        """Return how often each of the plan's rules has acted; nothing where there are none."""


class RefusedError(Exception):
    """The budget does not allow a request; the plan ends here."""


@dataclass(slots=True)
class PlanRun:
    """One plan on its way through a target."""

    session: TargetSession
    plan: Plan
    models: Sequence[dict[str, Any]]
    exchanges: list[HttpExchange] = field(default_factory=list)
    named: dict[str, HttpExchange] = field(default_factory=dict)
    unresolved: list[str] = field(default_factory=list)
    _days: str = field(init=False)

    def run(self) -> History:
        """Do every step and return what came of it."""
        for place, step, others in _batch_steps(self.plan.steps):
            try:
                if others:
                    self._send_all(others, place)
                elif isinstance(step, Send):
                    self._send(step, place)
                elif isinstance(step, Poll):
                    self._poll(step)
                elif not self._wait(step):
                    self.unresolved.append(f"step {place}: waiting takes too long here")
                    break
            except RefusedError as error:
                self.unresolved.append(f"step {place}: {error}")
                break
        return History(
            plan=self.plan,
            exchanges=tuple(self.exchanges),
            base=self.session.base,
            secrets=tuple(self.session.keys.items()),
            models=tuple(self.models),
            own=self.session.own,
            unresolved=tuple(self.unresolved),
            hits=self.session.count_hits(),
        )

    def __post_init__(self) -> None:
        """Settle what "today" is, once for all steps."""
        self._days = build_days_query(self.session.now())

    def _send(self, step: Send, place: int, *, spontaneous: bool = False) -> HttpExchange | None:
        sent = self._prepare(step, place)
        if sent is None:
            return None
        return self._record(step, sent, self.session.exchange(sent, step), spontaneous=spontaneous)

    def _send_all(self, steps: Sequence[Send], place: int) -> None:
        prepared = [(self._prepare(step, place), step) for step in steps]
        batch = [(sent, step) for sent, step in prepared if sent is not None]
        # An answer is noted before the next is asked for: a budget may stop in between.
        answers = self.session.exchange_all(batch)
        for (sent, step), received in zip(batch, answers, strict=True):
            self._record(step, sent, received)

    def _prepare(self, step: Send, place: int) -> PreparedRequest | None:
        target = self._build_target(step)
        if target is None or (step.key == "b" and "b" not in self.session.keys):
            self.unresolved.append(f"step {place}: {step.name or step.path or step.link}")
            return None
        body = step.body
        if step.key == "raw" and body is not None and b"{key}" in body:
            body = body.replace(b"{key}", self.session.keys["a"].encode())
        return PreparedRequest(step.method, target, self._build_headers(step), body)

    def _record(
        self,
        step: Send,
        sent: PreparedRequest,
        received: ReceivedResponse,
        *,
        spontaneous: bool = False,
    ) -> HttpExchange:
        path, _, query = sent.target.partition("?")
        exchange = HttpExchange(
            number=len(self.exchanges) + 1,
            at=self.session.now(),
            method=step.method,
            path=path,
            query=query,
            key=step.key,
            request_headers=tuple((n, v) for n, v in sent.headers if n != "authorization"),
            request_body=step.body,
            status=received.status,
            headers=received.headers,
            body=received.body,
            seconds=received.seconds,
            step=step,
            effects=received.effects,
            spontaneous=spontaneous,
        )
        self.exchanges.append(exchange)
        if step.name:
            self.named[step.name] = exchange
        return exchange

    def _build_headers(self, step: Send) -> tuple[tuple[str, str], ...]:
        if step.key in {"a", "b"}:
            return (("authorization", f"Bearer {self.session.keys[step.key]}"), *step.headers)
        return tuple((n, v.replace("{key}", self.session.keys["a"])) for n, v in step.headers)

    def _build_target(self, step: Send) -> str | None:
        value = ""
        if step.ref is not None:
            found = self._resolve(step.ref)
            if not isinstance(found, str):
                return None
            value = found
        if step.link:
            donor = self._resolve(step.donor) if step.donor is not None else ""
            if not isinstance(donor, str):
                return None
            return _alter_link(value, step.alter, self.session.base, donor)
        path = step.path.replace("{}", quote(value, safe="")) if step.ref else step.path
        query = step.query.replace("{key}", self.session.keys["a"])
        if DAYS_PLACEHOLDER in query:
            query = query.replace(DAYS_PLACEHOLDER, self._days)
        return f"{path}?{query}" if query else path

    def _resolve(self, ref: Ref) -> Any:
        exchange = self.named.get(ref.step)
        if exchange is None:
            return None
        if ref.pointer.startswith("header:"):
            return exchange.fields.get(ref.pointer.removeprefix("header:"))
        value = exchange.json
        for part in ref.pointer.split("/")[1:]:
            try:
                value = value[int(part)] if isinstance(value, list) else value[part]
            except (KeyError, IndexError, ValueError, TypeError):
                return None
        return value

    def _poll(self, step: Poll) -> None:
        every = min(step.every, self.session.patience)
        for turn in range(step.most):
            look = Send(
                path="/v2/videos/generations/{}",
                ref=Ref(step.of),
                key=step.key,
                name=f"{step.of}.now",
                use="poll" if turn else "first-poll",
            )
            seen = self._send(look, turn, spontaneous=True)
            if seen is None:
                return
            if seen.status == 200 and seen.object.get("status") in TERMINAL:
                return
            if turn + 1 == step.most or not self.session.wait(every):
                break
        last = self.exchanges[-1]
        marked = replace(last.step, use="poll-given-up") if last.step else None
        self.exchanges[-1] = replace(last, step=marked)

    def _wait(self, step: Wait) -> bool:
        seconds = step.seconds
        if step.until is not None:
            moment = parse_instant(self._resolve(step.until))
            if moment is None:
                self.unresolved.append(f"no moment at {step.until.step}{step.until.pointer}")
                return True
            if step.until.pointer == "header:retry-after":
                seconds += moment.timestamp()
            else:
                seconds += (moment - self.session.now()).total_seconds()
        return seconds <= 0 or self.session.wait(seconds)


def build_days_query(moment: datetime) -> str:
    """Return the query for the costs around a moment: from the day before it, 32 days."""
    first = moment.astimezone(UTC).date() - timedelta(days=1)
    last = first + timedelta(days=31)
    return f"start={first}T00:00:00Z&end={last}T23:59:59Z"


def _batch_steps(steps: Sequence[Step]) -> Iterator[tuple[int, Step, list[Send]]]:
    """Yield each step with its place, and with it those that are sent at the same time."""

    def key(item: tuple[int, Step]) -> int | str:
        place, step = item
        return step.group if isinstance(step, Send) and step.together else place

    for _, found in groupby(enumerate(steps), key):
        (place, first), *rest = found
        sends = [step for step in (first, *(step for _, step in rest)) if isinstance(step, Send)]
        yield place, first, sends if rest else []


def parse_instant(value: Any) -> datetime | None:
    """Return the moment that a timestamp or a number of Unix seconds says, or None."""
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return None
    try:
        if value.isascii() and value.isdigit():
            return datetime.fromtimestamp(0, UTC) + timedelta(seconds=int(value))
        moment = datetime.fromisoformat(value)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else None


def _alter_link(url: str, alter: str, base: str, donor: str) -> str | None:
    """Return path and query of a link, with the one alteration that a plan asks for."""
    try:
        parts, other = urlsplit(url), urlsplit(donor)
    except ValueError:
        return None
    if not alter:
        return strip_base(url, base)
    path = strip_base(url, base).partition("?")[0]
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if alter == "borrowed":
        query |= dict(parse_qsl(other.query, keep_blank_values=True))
    elif alter == "sig":
        query["sig"] = _flip_first_digit(query.get("sig", ""))
    elif alter in {"exp", "late-exp"}:
        old = query.get("exp", "0")
        more = 86400 * 365 if alter == "late-exp" else 3600
        query["exp"] = str(int(old) + more) if old.isdigit() else old + "1"
    elif alter in {"no-sig", "no-exp"}:
        query.pop(alter[3:], None)
    else:
        path = _alter_path(path, alter)
    return f"{path}?{urlencode(query)}"


def _flip_first_digit(signature: str) -> str:
    return ("1" if signature[:1] == "0" else "0") + signature[1:]


def _alter_path(path: str, alter: str) -> str:
    head, _, item = path.rpartition("/")
    if alter == "item":
        return f"{head}/{int(item) + 1 if item.isdigit() else item + '1'}"
    start, _, identifier = head.rpartition("/")
    return f"{start}/{identifier[:-1]}{'A' if identifier[-1:] != 'A' else 'B'}/{item}"
