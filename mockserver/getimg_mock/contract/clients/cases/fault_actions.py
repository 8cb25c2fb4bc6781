"""What a rule does to a request: lose it, lose its answer, spoil that, or answer otherwise."""

from __future__ import annotations

from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases.wire_script import (
    Answer,
    End,
    Piece,
    cut,
    dripped,
    overpromised,
    problem,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from getimg_mock.contract.clients.cases.wire_script import Timeline
    from getimg_mock.contract.clients.server.fault_server import Act, Turn

HTML: Final = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>\n"
UNAVAILABLE: Final = problem(503, "server_error", "Something went wrong on our end")


def instead(answer: Answer | Callable[[Turn], Answer]) -> Act:
    """Answer so, and do nothing."""
    return lambda turn: answer(turn) if callable(answer) else answer


def before(end: End) -> Act:
    """Break off, or stay silent, with nothing done."""
    return lambda _: (Piece(end),)


def lost(end: End) -> Act:
    """Do the work, then break off or stay silent."""

    def act(turn: Turn) -> Timeline:
        turn.passed()
        return (Piece(end),)

    return act


def truncated(turn: Turn) -> Timeline:
    """Do the work, then break off in the middle of the answer."""
    return cut(turn.passed())


def stalled(turn: Turn) -> Timeline:
    """Do the work, send half of the answer, and nothing more."""
    return cut(turn.passed(), end="hang")


def padded(turn: Turn) -> Timeline:
    """Answer in full under a Content-Length that promises more."""
    return overpromised(turn.passed())


def dripping(pause: float = 0.01, *, least: int = 0) -> Act:
    """Answer a byte at a time; JSON is padded with spaces to `least` bytes."""

    def act(turn: Turn) -> Timeline:
        answer = turn.passed()
        body = answer.body[:-1] + b" " * max(0, least - len(answer.body)) + answer.body[-1:]
        return dripped(Answer(answer.status, answer.headers, body), pause)

    return act


def after(answer: Answer) -> Act:
    """Do the work, and answer so nevertheless."""

    def act(turn: Turn) -> Answer:
        turn.passed()
        return answer

    return act


def changed(change: Callable[[Any], Any]) -> Act:
    """Do the work and answer with other JSON; what is no success goes out as it is."""

    def act(turn: Turn) -> Answer:
        answer = turn.passed()
        if answer.status >= 300 or answer.json is None:
            return answer
        return answer.with_json(change(answer.json))

    return act


def reworked(change: Callable[[Answer], Answer | Timeline]) -> Act:
    """Do the work and answer with what `change` makes of the answer."""
    return lambda turn: change(turn.passed())


def by_call(answers: list[Answer]) -> Act:
    """Answer every request of the first call with the first answer, of the second ..."""
    return lambda turn: answers[min(turn.adversary.call, len(answers) - 1)]


def in_turn(values: list[Any]) -> Act:
    """Answer the first request with the first JSON value, the second with the second, ..."""
    left = list(values)

    def act(turn: Turn) -> Answer:
        answer = turn.passed()
        return answer.with_json(left.pop(0)) if left else answer

    return act


def merged(more: dict[str, Any]) -> Callable[[Any], Any]:
    """Return a change that sets fields of an object."""
    return lambda value: value | more if isinstance(value, dict) else value


def in_items(more: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Any], Any]:
    """Return a change of each item of a result's `data`."""

    def change(value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("data"), list):
            return value | {"data": [more(each) for each in value["data"]]}
        return value

    return change


def with_date(turn: Turn, seconds: float) -> str:
    """Return a moment so far ahead as an HTTP-date."""
    return format_datetime(_whole(turn.adversary.later(seconds)), usegmt=True)


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def paced(status: int, headers: Callable[[Turn], tuple[tuple[str, str], ...]]) -> Act:
    """Refuse with headers that say how long to wait; nothing is done."""

    def act(turn: Turn) -> Answer:
        code = "rate_limit" if status == 429 else "server_error"
        return problem(status, code, "Too many requests.", *headers(turn))

    return act


def redirect(status: int, location: str | Callable[[Turn], str]) -> Act:
    """Send the client elsewhere."""

    def act(turn: Turn) -> Answer:
        where = location(turn) if callable(location) else location
        return Answer(status, (("Location", where), ("Content-Type", "text/plain")), b"moved")

    return act


def text(status: int, kind: str, body: bytes) -> Answer:
    """Return an answer that is no JSON of the API."""
    headers = (("Content-Type", kind),) if kind else ()
    return Answer(status, headers, body)
