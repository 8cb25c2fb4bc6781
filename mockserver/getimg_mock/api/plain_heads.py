"""What the head of a plain request says once and for all, and what is the same for a second.

A client sends the same head with most of its requests, so a head is prepared for its answers: the
key, the address of links, the texts of the journal and of the log. `api.plain_images` and
`api.plain_polls` answer by it.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from getimg_mock.api.access_log import Printer, log_nothing
from getimg_mock.api.authentication import find_plain_key
from getimg_mock.api.faults import HEADER
from getimg_mock.api.formatting import format_http_date
from getimg_mock.api.messages import JSON, Call
from getimg_mock.api.recording import RecordedCall
from getimg_mock.world.clock import stopwatch
from getimg_mock.world.generations import compute_expiry
from getimg_mock.world.journal import OVERHEAD
from getimg_mock.world.records import create_record

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable
    from datetime import datetime

    from starlette.types import Scope

    from getimg_mock.api.access_log import AccessLog
    from getimg_mock.api.plain_rows import PackedHead
    from getimg_mock.fake import Fake
    from getimg_mock.settings import Settings
    from getimg_mock.store.commit_groups import Kept
    from getimg_mock.world.journal import Effect, Exchange, Headers
    from getimg_mock.world.limits import Kind, Limits
    from getimg_mock.world.packed_exchanges import PackedExchanges
    from getimg_mock.world.workspaces import Workspace

    # Sends the answer of a moment: how many submissions are left, and the body.
    PlainSender = Callable[["Moment", int, bytes], object]

_LAST_TICK: Final = 999_999


class Moment(NamedTuple):
    """A span of a workspace's clock within one second, and what answers in it have in common.

    `window` is the number of the rate window, `expires` when images made then are deleted (0 for
    videos), `weight` about the size of the values of its headers.
    """

    begin: datetime
    end: datetime
    settings: Settings
    limits: Limits
    window: int
    limit: bytes
    reset: bytes
    date: bytes
    expires: int
    weight: int

    def build_headers(self, remaining: int) -> Headers:
        """Return the headers of an answer."""
        return [
            JSON,
            (b"x-ratelimit-limit", self.limit),
            (b"x-ratelimit-remaining", b"%d" % remaining),
            (b"x-ratelimit-reset", self.reset),
            (b"date", self.date),
        ]


class PlainExchange(NamedTuple):
    """A plain exchange as the journal keeps it until it is read: see `journal.Draft`."""

    head: PlainHead
    moment: Moment
    at: datetime
    wall: float
    request_body: bytes
    generation: str
    remaining: int
    body: bytes
    effects: tuple[Effect, ...]
    seconds: float

    @property
    def operation(self) -> str:
        """The name of the operation."""
        return self.head.operation

    @property
    def path(self) -> str:
        """The path of the request, with keys not redacted yet."""
        return self.head.path

    def pack(self, number: int, batch: PackedExchanges[Exchange]) -> None:
        """Add the exchange to those that are kept together."""
        if not self.head.pack(self.moment).pack(number, *self[2:], batch):
            batch.add(self.write_out(number))

    def write_out(self, number: int) -> Exchange:
        """Return the exchange, with keys redacted and bodies cut."""
        head, sent, body = self.head, self.request_body, self.body
        request = (head.method, head.path, head.query, head.headers, sent, len(sent))
        response = (200, self.moment.build_headers(self.remaining), body, len(body))
        more = (self.seconds, self.generation, (), None, True, self.effects, ())
        parts = (self.at, self.wall, head.operation, *request, *response, *more)
        return RecordedCall(parts).write_out(number)


class PlainWay:
    """A short way for requests of one operation of a fake.

    `is_retired` is set when another fake takes its place: its heads are to be prepared again.
    `reads` says whether its requests change only the journal, `keeps` whether a durable store has
    to keep what they change.
    """

    operation: str
    method: str
    kind: Kind
    reads = False

    def __init__(self, fake: Fake, log: AccessLog) -> None:
        settings = fake.settings
        self.fake = fake
        self.printer = log if isinstance(log, Printer) else None
        self.is_retired = False
        self.keeps = fake.store.is_durable
        self._store: Any = fake.store
        self._applies = (
            (log is log_nothing or (self.printer is not None and self.printer.is_text))
            and settings.strictness == "full"
            and not (settings.check_responses or fake.media.rules)
        )

    def keep(
        self, head: PlainHead, body: bytes, send: PlainSender, loop: AbstractEventLoop
    ) -> tuple[bool, Kept | None]:
        """Answer a request of a durable store as `head.answer` does, in a unit of work.

        Returns whether it did, and what has to be waited for before the answer may be sent.
        """
        found: tuple[bool, Kept | None] = self._store.do_together(
            head.answer_held, (body, send), loop, reads=self.reads
        )
        return found

    def prepare(self, scope: Scope) -> PlainHead | None:
        """Return what answers requests with the head of a scope, or None if something else may."""
        if not self._applies or scope["method"] != self.method:
            return None
        call = Call(self.operation, scope, self.fake)
        key = None if HEADER in call.fields else find_plain_key(call)
        return None if key is None else self.build_head(call, key)

    def build_head(self, call: Call, key: str) -> PlainHead | None:
        """Return the head of a call that has a plain key, or None if something else may apply."""
        raise NotImplementedError


class PlainHead:
    """One head of plain requests."""

    __slots__ = (
        "_line",
        "_moment",
        "_packed",
        "_weight",
        "fake",
        "headers",
        "key",
        "path",
        "query",
        "way",
    )

    def __init__(self, way: PlainWay, call: Call, key: str) -> None:
        scope = call.scope
        self.way = way
        self.fake = way.fake
        self.key = key
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        self.headers: Headers = scope["headers"]
        self._moment: Moment | None = None
        self._packed: tuple[Moment, PackedHead] | None = None
        printer = way.printer
        self._line = None if printer is None else printer.prepare_line(call, key)
        texts = len(b"".join(chain.from_iterable(self.headers))) + len(self.path) + len(self.query)
        self._weight = OVERHEAD + texts + len(_NAMES)

    @property
    def operation(self) -> str:
        """The name of the operation."""
        return self.way.operation

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self.way.method

    def answer(self, body: bytes, send: PlainSender) -> bool:
        """Answer a request with this head and return True; else return False, and change nothing.

        `send` sends a whole answer at once.
        """
        raise NotImplementedError

    def answer_held(self, body: bytes, send: PlainSender) -> bool:
        """Do what `answer` does, in a unit of work."""
        return self.answer(body, send)

    def find_moment(self, workspace: Workspace, at: datetime) -> Moment:
        """Return what the answers of a moment have in common."""
        moment = self._moment
        if (
            moment is None
            or not moment.begin <= at <= moment.end
            or moment.settings is not workspace.settings
            or moment.limits is not workspace.limiter.limits
        ):
            moment = self._moment = _build_moment(workspace, self.way.kind, at)
        return moment

    def pack(self, moment: Moment) -> PackedHead:
        """Return what durable stores keep once of the exchanges of a moment."""
        packed = self._packed
        if packed is None or packed[0] is not moment:
            from getimg_mock.api.plain_rows import pack_head  # noqa: PLC0415 - for durable stores

            target = (self.operation, self.method, self.path, self.query.decode("latin-1"))
            head = pack_head(target, self.headers, moment.build_headers(0), moment.begin)
            packed = self._packed = moment, head
        return packed[1]

    def finish(self, workspace: Workspace, values: tuple[Any, ...], started: float) -> None:
        """Record and log an exchange that was answered: the values of `PlainExchange` but the last.

        `started` is when it began, by the stopwatch.
        """
        seconds = stopwatch() - started
        _, moment, _, wall, sent, _, _, body, _ = values
        draft = create_record(PlainExchange, (*values, seconds))
        weight = self._weight + moment.weight + len(sent) + len(body)
        # A durable store has the workspace in its unit of work: see `PlainWay.keep`.
        workspace.journal.add_draft(draft, weight)
        if self._line is not None:
            self._line(wall, seconds)


_NAMES: Final = b"".join((*JSON, b"x-ratelimit-limitx-ratelimit-remainingx-ratelimit-resetdate"))


def _build_moment(workspace: Workspace, kind: Kind, at: datetime) -> Moment:
    """Return the span from `at` to the end of its second; in linked time each poll needs one.

    Only images have files: their expiry rounds up, so that a whole second is alone.
    """
    settings, limits = workspace.settings, workspace.limiter.limits
    end, expires = at, 0
    if kind == "image":
        expires = compute_expiry(at, settings.retention)
    if kind == "video" or (at.microsecond and settings.retention == int(settings.retention)):
        end = at + timedelta(0, 0, _LAST_TICK - at.microsecond)
    window = workspace.limiter.compute_window(at)
    limit, reset = b"%d" % limits.get_limit(kind), b"%d" % ((window + 1) * limits.window)
    date = format_http_date(at)
    weight = 2 * len(limit) + len(reset) + len(date)
    values = (at, end, settings, limits, window, limit, reset, date, expires, weight)
    return create_record(Moment, values)
