"""Sends the requests of a recording to the fake: to see where it answers differently."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from getimg_mock.contract.plans import Plan
from getimg_mock.contract.steps import TERMINAL, Send
from getimg_mock.contract.targets.execution import PreparedRequest
from getimg_mock.contract.targets.fake_targets import InProcessTarget

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.targets.fake_targets import InProcessSession

_LONGER_THAN_ANY_VIDEO: Final = 3600.0
_WORLD: Final = {"balance": "1000000", "video_seconds": "600"}
_SENT_HEADERS: Final = ("content-type", "accept", "range")
_MAX_EXCHANGES: Final = 500


@dataclass(slots=True)
class _Counterpart:
    """A session on the fake, with what takes the place of the service's ids and links."""

    session: InProcessSession
    ids: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def answer(self, asked: HttpExchange) -> HttpExchange | None:
        """Return what the fake answers to a request; None for one that it cannot be asked."""
        target = self._find_target(asked)
        if target is None:
            return None
        if asked.operation == "videos.retrieve" and asked.object.get("status") in TERMINAL:
            self.session.wait(_LONGER_THAN_ANY_VIDEO)
        headers = [(n, v) for n, v in asked.request_headers if n in _SENT_HEADERS]
        if asked.key != "none":
            key = self.session.keys.get(asked.key, self.session.keys["a"])
            headers.append(("authorization", f"Bearer {key}"))
        step = Send(method=asked.method, path=asked.path, name=str(asked.number))
        sent = PreparedRequest(asked.method, target, tuple(headers), asked.request_body)
        received = self.session.exchange(sent, step)
        found = replace(
            asked,
            at=self.session.now(),
            status=received.status,
            headers=received.headers,
            body=received.body,
            step=step,
        )
        self._learn(asked, found)
        return found

    def _find_target(self, asked: HttpExchange) -> str | None:
        query = f"?{asked.query}" if asked.query else ""
        if asked.operation == "downloads.retrieve":
            return self.links.get(f"{asked.path}{query}")
        if asked.operation == "videos.retrieve":
            head, _, name = asked.path.rpartition("/")
            return f"{head}/{self.ids.get(name, name)}{query}"
        return f"{asked.path}{query}"

    def _learn(self, asked: HttpExchange, found: HttpExchange) -> None:
        if asked.generation and found.generation:
            self.ids[asked.generation] = found.generation
        for theirs, ours in zip(asked.items, found.items, strict=False):
            links = [_find_link(each.get("url")) for each in (theirs, ours)]
            if links[0] and links[1]:
                self.links[links[0]] = links[1]


def run_counterpart(
    history: History, settings: Mapping[str, Any] | None = None
) -> tuple[History, History]:
    """Return a recorded history and that of the fake, for the requests that both can answer.

    Keys that were refused, and requests without a response, are left out: the fake cannot know
    them. Of a long recording, the first 500 exchanges are compared.
    """
    target = InProcessTarget(settings={**_WORLD, **(settings or {})})
    recorded, answered = [], []
    with target.open_session(Plan(name=history.plan.name, steps=())) as session:
        counterpart = _Counterpart(session)
        for each in _select_comparable(history):
            found = counterpart.answer(each)
            if found is not None:
                recorded.append(replace(each, step=found.step))
                answered.append(found)
    other = replace(history, exchanges=tuple(recorded))
    fake = replace(history, exchanges=tuple(answered), own=True, models=tuple(target.models))
    return other, fake


def _select_comparable(history: History) -> Iterator[HttpExchange]:
    for each in history.exchanges[:_MAX_EXCHANGES]:
        if each.operation and each.status not in {0, 401} and each.status < 500:
            yield each


def _find_link(url: object) -> str:
    if not isinstance(url, str):
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
