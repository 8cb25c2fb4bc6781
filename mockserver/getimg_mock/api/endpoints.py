"""Handles every request: reads, authenticates, answers and logs it."""

from __future__ import annotations

import json
import sys
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from getimg_mock import schemas
from getimg_mock.api import authentication, faults
from getimg_mock.api.delivery import deliver, deliver_at_once
from getimg_mock.api.downloads import find_holder
from getimg_mock.api.error_envelope import (
    add_hint,
    internal_error,
    method_not_allowed,
    render_problem,
    store_unavailable,
)
from getimg_mock.api.formatting import format_http_date
from getimg_mock.api.messages import Answer, Call
from getimg_mock.api.path_advice import advise_method
from getimg_mock.api.raw_connection import ClientGoneError, find_direct
from getimg_mock.api.recording import record
from getimg_mock.api.replaying import RecordedAnswerError
from getimg_mock.api.sibling_processes import add_sibling_hint
from getimg_mock.api.submissions import build_rate_limit_headers
from getimg_mock.errors import Refusal, StoreError
from getimg_mock.world.behaviours import NOTHING
from getimg_mock.world.clock import stopwatch, wall_seconds
from getimg_mock.world.journal import collect_effects
from getimg_mock.world.operations import find_answer_schema
from getimg_mock.world.unknown_fields import find_unknown_fields, format_hint, has_unknown_fields

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

    from starlette.types import Receive, Scope, Send

    from getimg_mock.api.access_log import AccessLog
    from getimg_mock.api.messages import Handler
    from getimg_mock.api.plain_heads import Moment, PlainHead, PlainWay
    from getimg_mock.api.raw_connection import ReturnableExchange
    from getimg_mock.fake import Fake
    from getimg_mock.world.journal import Effect
    from getimg_mock.world.limits import Kind
    from getimg_mock.world.operations import Operation

# A body that exceeds the limit by more bytes than this is not read to its end.
_MAX_DRAINED: Final = 128 * 1024 * 1024
# A Content-Length of so many digits is below 10 MB.
_FEW_DIGITS: Final = 7
# A Content-Length of more digits is too large whatever its value.
_MAX_DIGITS: Final = 20


class BodyTooLargeError(Exception):
    """The body exceeds the limit; `drained` says whether all of it was read."""

    def __init__(self, *, drained: bool) -> None:
        self.drained = drained
        super().__init__("body too large")


class HandledOperation(NamedTuple):
    """An operation of the API with the function that answers it."""

    operation: Operation
    handler: Handler


class _Timing(NamedTuple):
    """When a request began: by the stopwatch, and in Unix seconds of real time."""

    started: float
    wall: float


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One path of the API as an ASGI application, with its operations by method."""

    fake: Fake
    log: AccessLog
    operations: Mapping[str, HandledOperation]
    way: PlainWay | None = None

    def prepare(self, scope: Scope) -> PlainHead | None:
        """Return what answers plain requests with the head of a scope; None for other heads."""
        return None if self.way is None else self.way.prepare(scope)

    def answer_at_once(self, scope: Scope, direct: ReturnableExchange) -> bool:
        """Answer a plain request without ASGI, and return whether it was one.

        `direct` is the exchange of the request. A request that was none is left as it was.
        """
        if self.fake.store.is_durable or not direct.can_respond():
            return False
        head = self.prepare(scope)
        body = None if head is None else direct.take_body()
        if head is None or body is None:
            return False

        def send(moment: Moment, remaining: int, text: bytes) -> None:
            direct.respond(200, moment.build_headers(remaining), text)

        if head.answer(body, send):
            return True
        direct.set_body(body)
        return False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; every error uses getimg.ai's envelope."""
        started, wall = stopwatch(), wall_seconds()
        handled = self.operations.get(scope["method"])
        name = handled.operation.name if handled else "unknown"
        call = Call(name, scope, self.fake, receive)
        call.direct = find_direct(scope, receive, send)
        try:
            with collect_effects() as effects:
                if self.fake.store.is_durable:
                    answering = self._answer(call, handled, receive)
                    timing = _Timing(started, wall)
                    answer, kept = await self._keep(call, answering, timing, effects)
                else:
                    answer, kept = await self._answer(call, handled, receive), False
                sent = deliver_at_once(answer, call) or await deliver(answer, call, receive, send)
        except ClientGoneError:
            return
        seconds = stopwatch() - started
        if not kept:
            record(call, answer, wall=wall, seconds=seconds, sent=sent, effects=effects)
        self.log(call, answer, seconds)

    async def _keep(
        self,
        call: Call,
        answering: Coroutine[Any, Any, Answer],
        timing: _Timing,
        effects: list[Effect],
    ) -> tuple[Answer, bool]:
        """Return the answer when its effects are kept, and whether the journal has it.

        One unit of work keeps the effects and the exchange, unless the answer takes long to send.
        """

        async def answer_and_record() -> tuple[Answer, bool]:
            answer = await answering
            if answer.delivery is not None:
                return answer, False
            seconds = stopwatch() - timing.started
            record(call, answer, wall=timing.wall, seconds=seconds, sent=True, effects=effects)
            return answer, True

        try:
            together = call.direct is not None and call.direct.runs_in_event_loop
            reads = call.scope["method"] == "GET" and call.operation != "downloads.retrieve"
            work = answer_and_record()
            return await self.fake.store.run(work, together=together, reads=reads)
        except StoreError as error:
            sys.stderr.write(f"{error}\n")
            refusal = store_unavailable(str(error))
            answer = render_problem(refusal, hints=self.fake.settings.mock_headers)
            answer.headers.append((b"date", format_http_date(self.fake.clock.now())))
            return answer, True

    async def _answer(
        self, call: Call, handled: HandledOperation | None, receive: Receive
    ) -> Answer:
        """Return the whole answer; each coroutine that it awaits costs a request a microsecond."""
        try:
            if handled is None:
                answer = self._refuse_method(call)
            else:
                operation = handled.operation
                self._identify(call, operation)
                if call.scope["method"] == "POST":
                    limit = self.fake.settings.max_body_mib
                    body = take_body(call, limit)
                    call.body = await read_body(call, receive, limit) if body is None else body
                    if operation.request is not None and operation.limited is not None:
                        _note_unknown_fields(call, operation.limited)
                faults.select_behaviour(call)
                if call.behaviour is NOTHING:
                    answer = await handled.handler(call)
                else:
                    answer = await faults.apply_behaviour(call, handled.handler)
        except (ClientGoneError, StoreError):
            raise
        except Exception as error:  # noqa: BLE001 - our bugs must not look like errors of the client
            answer = self._render_error(call, error)
        self._finish(call, handled, answer)
        return answer

    def _render_error(self, call: Call, error: Exception) -> Answer:
        settings = self.fake.settings
        if isinstance(error, RecordedAnswerError):
            return error.answer
        if isinstance(error, Refusal):
            add_sibling_hint(error, call.path.get("id", ""), self.fake)
            call.hint = error.hint
            return render_problem(error, hints=settings.mock_headers)
        if isinstance(error, BodyTooLargeError):
            answer = render_problem(_too_large(settings.max_body_mib), hints=settings.mock_headers)
            if not error.drained:
                answer.headers.append((b"connection", b"close"))
            return answer
        traceback.print_exception(error, file=sys.stderr)
        return render_problem(internal_error())

    def _identify(self, call: Call, operation: Operation) -> None:
        """Find the workspace: that of the key, or for a link, that of the generation."""
        if operation.keyed:
            call.workspace = authentication.authenticate(call)
        elif "id" in call.path:
            call.workspace = find_holder(call)
        if call.workspace is not None:
            call.at = call.workspace.clock.now()

    def _refuse_method(self, call: Call) -> Answer:
        allowed = ", ".join(self.operations)
        hint = advise_method(call.method, str(call.scope["path"]), allowed)
        answer = render_problem(
            method_not_allowed(call.method, allowed, hint), hints=self.fake.settings.mock_headers
        )
        answer.headers.append((b"allow", allowed.encode()))
        return answer

    def _finish(self, call: Call, handled: HandledOperation | None, answer: Answer) -> None:
        """Apply legal variations, and add the headers that answers of every kind have."""
        if call.behaviour.oddity:
            faults.vary(call, answer)
        clock = call.answered_at or (call.workspace or self.fake).clock.now()
        answer.headers.append((b"date", format_http_date(clock)))
        if call.unknown_fields or call.remark:
            fields = format_hint(call.unknown_fields) if call.unknown_fields else None
            for hint in filter(None, (call.remark, fields)):
                call.hint = f"{call.hint}; {hint}" if call.hint else hint
                if self.fake.settings.mock_headers:
                    add_hint(answer, hint)
        limited = handled.operation.limited if handled is not None else None
        if (
            limited
            and call.workspace
            and b"x-ratelimit-limit" not in (given := dict(answer.headers))
        ):
            own = build_rate_limit_headers(call.workspace.compute_allowance(limited))
            answer.headers += [each for each in own if each[0] not in given]
        if self.fake.settings.check_responses and call.fault is None:
            for found in describe_violations(call, answer):
                sys.stderr.write(f"{call.operation} {answer.status}: {found}\n")


def _note_unknown_fields(call: Call, kind: Kind) -> None:
    """Set the fields of the body that the API does not document on the call."""
    body = call.json_or_none()
    if has_unknown_fields(kind, body):
        call.unknown_fields = find_unknown_fields(kind, body, key=call.owner.key)


def describe_violations(call: Call, answer: Answer) -> list[str]:
    """Return the schema violations of an answer's JSON, as text."""
    name = find_answer_schema(call.operation, answer.status)
    if name is None or answer.header(b"content-type") != b"application/json":
        return []
    found = schemas.violations(name, json.loads(answer.body))
    return [f"{each.path or '/'}: {each.message}" for each in found]


def take_body(call: Call, limit_mib: int) -> bytes | None:
    """Return the body if the host of the application has all of it, else None.

    Raises `BodyTooLargeError`. A body that may be too large to be read is left to `read_body`.
    """
    direct = call.direct
    if direct is None or len(call.fields.get(b"content-length", b"")) > _FEW_DIGITS:
        return None
    body = direct.take_body()
    if body is not None and len(body) > limit_mib * 1024 * 1024:
        raise BodyTooLargeError(drained=True)
    return body


async def read_body(call: Call, receive: Receive, limit_mib: int) -> bytes:
    """Return the whole body of a request, of at most `limit_mib` MiB.

    Raises `BodyTooLargeError`, after reading the rest so that the client gets the answer, and
    `ClientGoneError`.
    """
    limit = limit_mib * 1024 * 1024
    declared = _parse_length(call.header(b"content-length") or "0")
    if declared > limit and (declared > _MAX_DRAINED or _expects_continue(call)):
        raise BodyTooLargeError(drained=False)
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
        elif size > limit + _MAX_DRAINED:
            raise BodyTooLargeError(drained=False)
        more = message.get("more_body", False)
    if size > limit:
        raise BodyTooLargeError(drained=True)
    return b"".join(chunks)


def _expects_continue(call: Call) -> bool:
    """Return whether the client waits for 100 Continue before it sends the body."""
    return (call.header(b"expect") or "").lower() == "100-continue"


def _parse_length(text: str) -> int:
    """Return the value of a Content-Length, 0 if it is not a number."""
    # int() accepts more than ASCII digits, and raises for thousands of them.
    return int(text[:_MAX_DIGITS]) if text.isascii() and text.isdigit() else 0


def _too_large(limit_mib: int) -> Refusal:
    return Refusal(
        "invalid_parameter",
        f"The request body is larger than {limit_mib} MiB.",
        status=413,
        hint="pass large references as public HTTPS URLs",
    )
