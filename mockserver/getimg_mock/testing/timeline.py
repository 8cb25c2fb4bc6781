"""The timeline of a workspace, shown in the report of a failed test."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from getimg_mock.redaction import shorten_key

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from getimg_mock.control.handle import WorkspaceHandle
    from getimg_mock.control.journal_entries import ExchangeHandle
    from getimg_mock.fake import Fake


@dataclass(slots=True)
class _TimelineEntry:
    """One line: an event, or equal events in a row."""

    at: float
    text: str
    until: float = 0.0
    count: int = 1

    def __str__(self) -> str:
        when = f"+{self.at:.3f}"
        if self.count == 1:
            return f"{when:>10}  {self.text}"
        every = (self.until - self.at) / (self.count - 1)
        return f"{when:>10}  {self.text}  (x {self.count}, every {every:.3f} s)"


def render_timeline(
    workspace: WorkspaceHandle,
    opened_at: datetime,
    fake: Fake | None,
    *,
    since: datetime,
    lines: int = 20,
) -> str:
    """Return exchanges, endings, money and time in at most `lines` lines.

    `since` is the real time from which on requests to other workspaces of `fake` are the test's.
    """
    summary = workspace.summary()
    now = workspace.clock.now()
    head = (
        f"workspace {shorten_key(workspace.key)}, {summary['balance']} USD left, "
        f"clock {now.isoformat(timespec='seconds')}, {(now - opened_at).total_seconds():.3f} s "
        "after the test began"
    )
    events = [
        *_list_exchanges(workspace.journal, opened_at),
        *_list_endings(workspace, opened_at, now),
    ]
    events.sort(key=lambda each: each.at)
    tail = list(_list_elsewhere(workspace, fake, since))
    room = max(3, lines - 1 - len(tail))
    return "\n".join([head, *_fit_line(_join_repeats(events), room), *tail])


def _list_exchanges(
    exchanges: Iterable[ExchangeHandle], opened_at: datetime
) -> Iterable[_TimelineEntry]:
    for each in exchanges:
        parts = [f"{each.method} {each.path}"]
        if each.query and each.operation != "downloads.retrieve":
            parts[0] += f"?{each.query[:60]}"
        parts.append(str(each.status) if each.status else "no answer")
        parts += [part for part in (_describe_answer(each), *_describe_effects(each)) if part]
        if each.fault:
            parts.append(f"[{each.fault}]")
        if each.unknown_fields:
            parts.append(f"[unknown fields: {', '.join(each.unknown_fields)[:80]}]")
        yield _TimelineEntry((each.at - opened_at).total_seconds(), "  ".join(parts))


def _describe_answer(exchange: ExchangeHandle) -> str:
    """Return the error, status or prompt of an exchange."""
    answer = _parse_json(exchange.response.body)
    if isinstance(answer, dict) and isinstance(answer.get("error"), dict):
        error = answer["error"]
        text = str(error.get("code"))
        return f"{text}: {str(error.get('message'))[:60]}" if exchange.status >= 400 else text
    if exchange.operation == "videos.retrieve" and isinstance(answer, dict):
        return str(answer.get("status", ""))
    asked = _parse_json(exchange.request.body)
    if isinstance(asked, dict) and "prompt" in asked:
        return f"{asked.get('model')} {str(asked['prompt'])[:30]!r}"
    return ""


def _describe_effects(exchange: ExchangeHandle) -> list[str]:
    found = []
    for effect in exchange.effects:
        if effect.amount is not None:
            found.append(f"{effect.what} {effect.amount} USD")
        elif effect.what == "generation":
            found.append(f"made {effect.generation}")
    return found


def _list_endings(
    workspace: WorkspaceHandle, opened_at: datetime, now: datetime
) -> Iterable[_TimelineEntry]:
    """Yield the endings of videos; an image ends within its own request."""
    for generation in workspace.generations.where(kind="video"):
        told = generation.as_json()
        ends_at = generation.ends_at
        if ends_at is not None and ends_at <= now and told["status"] != "pending":
            why = f": {told['error']['code']}" if told.get("error") else ""
            seconds = (ends_at - opened_at).total_seconds()
            yield _TimelineEntry(seconds - 1e-7, f"  {generation.id} {told['status']}{why}")


def _join_repeats(events: Iterable[_TimelineEntry]) -> list[_TimelineEntry]:
    """Return the events, with equal ones in a row joined."""
    found: list[_TimelineEntry] = []
    for event in events:
        if found and found[-1].text == event.text:
            found[-1].count += 1
            found[-1].until = event.at
        else:
            found.append(event)
    return found


def _fit_line(events: list[_TimelineEntry], room: int) -> list[str]:
    if len(events) <= room:
        return [str(each) for each in events] or ["            nothing happened"]
    first, last = room // 3, room - room // 3 - 1
    left_out = f"            ... {len(events) - first - last} more ..."
    return [*map(str, events[:first]), left_out, *map(str, events[-last:])]


def _list_elsewhere(
    workspace: WorkspaceHandle, fake: Fake | None, since: datetime
) -> Iterable[str]:
    """Yield the requests that reached the fake, but not this workspace."""
    if fake is None:
        return
    for other in fake.store:
        if other.key == workspace.key:
            continue
        # A fake on a socket serves many tests: earlier requests are those of others.
        number = sum(each.wall >= since for each in other.journal)
        if number:
            yield (
                f"{number} request(s) came with another key, {shorten_key(other.key)}: "
                "use pytest.mark.getimg(key=...) if it belongs to this test."
            )
    for exchange in [each for each in fake.journal if each.wall >= since][:3]:
        yield f"without a workspace: {exchange.method} {exchange.path[:80]} {exchange.status}"


def _parse_json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
