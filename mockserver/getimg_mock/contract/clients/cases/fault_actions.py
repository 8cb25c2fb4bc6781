"""The actions of fault rules: drop a request, drop, corrupt or replace its answer."""

from __future__ import annotations

from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases.wire_script import (
    End,
    WireAnswer,
    WireStep,
    build_error,
    cut,
    drip_body,
    overstate_length,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from getimg_mock.contract.clients.cases.wire_script import WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultAction, FaultContext

HTML: Final = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>\n"
UNAVAILABLE: Final = build_error(503, "server_error", "Something went wrong on our end")


def answer_instead(answer: WireAnswer | Callable[[FaultContext], WireAnswer]) -> FaultAction:
    """Answer this without doing the work."""
    return lambda turn: answer(turn) if callable(answer) else answer


def end_before_work(end: End) -> FaultAction:
    """Close the connection, or stay silent, without doing the work."""
    return lambda _: (WireStep(end),)


def go_away(seconds: float) -> FaultAction:
    """Reset the connection, and have nothing listen at the address for a while."""

    def act(turn: FaultContext) -> WireScript:
        turn.adversary.go_away(seconds)
        return (WireStep("reset"),)

    return act


def answer_and_go_away(seconds: float, act: Callable[[FaultContext], WireAnswer]) -> FaultAction:
    """Answer by `act`, close the connection, and have nothing listen at the address for a while."""

    def act_and_leave(turn: FaultContext) -> WireScript:
        answer = act(turn).with_headers(("Connection", "close"))
        turn.adversary.go_away(seconds)
        return (*answer.to_script(), WireStep("close"))

    return act_and_leave


def lose_answer(end: End) -> FaultAction:
    """Do the work, then close the connection or stay silent."""

    def act(turn: FaultContext) -> WireScript:
        turn.proceed()
        return (WireStep(end),)

    return act


def answer_late(seconds: float, act: FaultAction | None = None) -> FaultAction:
    """Do the work, or `act`, and answer after a while."""

    def act_late(turn: FaultContext) -> WireScript:
        answer = turn.proceed() if act is None else act(turn)
        first, *rest = answer if isinstance(answer, tuple) else answer.to_script()
        return (WireStep(first.what, first.delay + seconds), *rest)

    return act_late


def truncate(turn: FaultContext) -> WireScript:
    """Do the work, then close the connection in the middle of the answer."""
    return cut(turn.proceed())


def stall(turn: FaultContext) -> WireScript:
    """Do the work, send half of the answer, and then nothing more."""
    return cut(turn.proceed(), end="hang")


def promise_too_much(turn: FaultContext) -> WireScript:
    """Send the whole answer with a Content-Length that is too large."""
    return overstate_length(turn.proceed())


def drip(pause: float, pieces: int) -> FaultAction:
    """Answer in so many pieces at least, each after a pause."""

    def act(turn: FaultContext) -> WireScript:
        return drip_body(turn.proceed(), pause, pieces=pieces)

    return act


def answer_after_work(answer: WireAnswer) -> FaultAction:
    """Do the work, but answer this."""

    def act(turn: FaultContext) -> WireAnswer:
        turn.proceed()
        return answer

    return act


def change_json(change: Callable[[Any], Any]) -> FaultAction:
    """Do the work and answer with other JSON; answers other than successes are not changed."""

    def act(turn: FaultContext) -> WireAnswer:
        answer = turn.proceed()
        if answer.status >= 300 or answer.json is None:
            return answer
        return answer.with_json(change(answer.json))

    return act


def change_answer(change: Callable[[WireAnswer], WireAnswer | WireScript]) -> FaultAction:
    """Do the work and answer with the result of `change`."""
    return lambda turn: change(turn.proceed())


def answer_by_call(answers: list[WireAnswer]) -> FaultAction:
    """Answer all requests of the first call with the first answer, of the second ..."""
    return lambda turn: answers[min(turn.adversary.call, len(answers) - 1)]


def act_by_call(acts: Sequence[FaultAction]) -> FaultAction:
    """Act on all requests of the first call in the first way, of the second ..., and again."""
    return lambda turn: acts[turn.adversary.call % len(acts)](turn)


def count_earlier(turn: FaultContext) -> int:
    """Return how many requests before this one had the same target: polls of one video."""
    return sum(each.target == turn.asked.target for each in turn.adversary.exchanges)


def find_asked_id(turn: FaultContext) -> str:
    """Return the id at the end of the path that is asked for."""
    return turn.asked.target.partition("?")[0].rpartition("/")[2]


def merge_fields(more: dict[str, Any]) -> Callable[[Any], Any]:
    """Return a change that sets fields of an object."""
    return lambda value: value | more if isinstance(value, dict) else value


def change_items(more: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Any], Any]:
    """Return a change of each item of a result's `data`."""

    def change(value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("data"), list):
            return value | {"data": [more(each) for each in value["data"]]}
        return value

    return change


def format_http_date(turn: FaultContext, seconds: float) -> str:
    """Return the time in so many seconds as an HTTP-date."""
    return format_datetime(_whole(turn.adversary.later(seconds)), usegmt=True)


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def refuse_with_wait(
    status: int, headers: Callable[[FaultContext], tuple[tuple[str, str], ...]]
) -> FaultAction:
    """Refuse with headers that say how long to wait, without doing the work."""

    def act(turn: FaultContext) -> WireAnswer:
        code = "rate_limit" if status == 429 else "server_error"
        return build_error(status, code, "Too many requests.", *headers(turn))

    return act


def list_spent_limit(turn: FaultContext) -> tuple[tuple[str, str], ...]:
    """Return headers by which no order is left for 55 s: whatever else is asked for may come."""
    reset = int(turn.adversary.later(55).timestamp())
    return (
        ("X-RateLimit-Limit", "20"),
        ("X-RateLimit-Remaining", "0"),
        ("X-RateLimit-Reset", str(reset)),
    )


def exhaust_limit(turn: FaultContext) -> WireAnswer:
    """Do the work, and answer with headers by which the limit of orders is used up."""
    headers = list_spent_limit(turn)
    return turn.proceed().with_headers(*headers, drop=[name for name, _ in headers])


def redirect(status: int, location: str | Callable[[FaultContext], str]) -> FaultAction:
    """Redirect the client."""

    def act(turn: FaultContext) -> WireAnswer:
        where = location(turn) if callable(location) else location
        return WireAnswer(status, (("Location", where), ("Content-Type", "text/plain")), b"moved")

    return act


def build_page(status: int) -> WireAnswer:
    """Return a page, as gateways answer with it."""
    return build_text_answer(status, "text/html", HTML)


def build_text_answer(status: int, kind: str, body: bytes) -> WireAnswer:
    """Return an answer that is not JSON of the API."""
    headers = (("Content-Type", kind),) if kind else ()
    return WireAnswer(status, headers, body)
