"""Faults of the twenty-fifth batch."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import TYPE_CHECKING, Final

from tests.contract.written_by_others.accounts import WRONG_KEY
from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    RefusedError,
    refuse_unknown,
)
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.quotas import WINDOW
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Order, Work, Workspace
    from tests.contract.written_by_others.catalogue import Kind

BATCH: Final = 25

ATTACK: Final = re.compile(r"<script|\bunion\s+select\b|\bdrop\s+table\b|\.\./", re.IGNORECASE)
LOCK_AFTER: Final = 10
LOCK_SECONDS: Final = 30
REMEMBERED: Final = 10
REPLICA_LAG: Final = 1.0


@faulty("isolation", "blocker", "no service may: a generation belongs to one workspace alone")
class CoalescesTwinVideosOfNeighbours(Provider):
    """A video that another workspace is just having made alike gets the same id and link."""

    def prepare(self, order: Order, workspace: Workspace) -> Work:
        """Return the generation of an order, under the id of a running twin."""
        work = super().prepare(order, workspace)
        for other in self.workspaces:
            if other is workspace or order.kind != "video":
                continue
            self.settle(other)
            for twin in other.works.values():
                if twin.status == "pending" and twin.order == order:
                    work.id = twin.id
        return work


@faulty("costs", "major", "D: one bucket for each UTC calendar date in the range")
class LabelsDatesWithTheYearOfTheirWeek(Provider):
    """In the costs, dates around New Year have the year of their week: 2025-12-30 is 2026-12-30."""

    def answer_costs(self, workspace: Workspace, request: Incoming) -> Outgoing:
        """Answer the costs, with dates in the pattern `YYYY-MM-dd` of Java."""
        answer = super().answer_costs(workspace, request)
        value = answer.value
        for bucket in value["data"]:
            day = date.fromisoformat(bucket["date"])
            bucket["date"] = f"{day.isocalendar().year:04}-{day:%m-%d}"
        answer.set_value(value)
        return answer


@faulty("limits", "major", "D: the window of a limit is 60 s")
class RenewsTheWindowAtEveryCount(Provider):
    """Each submission renews the 60 s of its counter: who orders steadily is never reset."""

    def count_started(self, workspace: Workspace, kind: Kind) -> int:
        """Return the counter, unless its time is over."""
        number, ends = self.notes.get(f"{workspace.name} {kind}", (0, 0.0))
        return int(number) if self.now() < ends else 0

    def reset_at(self, workspace: Workspace, kind: Kind) -> int:
        """Return when the counter ends."""
        number, ends = self.notes.get(f"{workspace.name} {kind}", (0, 0.0))
        return int(ends if number and self.now() < ends else self.now() + WINDOW) + 1

    def count(self, workspace: Workspace, kind: Kind) -> None:
        """Increase the counter, and let it live another minute."""
        number = self.count_started(workspace, kind) + 1
        self.notes[f"{workspace.name} {kind}"] = (number, self.now() + WINDOW)


@faulty("errors", "major", "D: answers are JSON, and so UTF-8 (RFC 8259, 8.1)")
class WritesErrorsInWindowsLetters(Provider):
    """Errors are encoded as Windows-1252: one that quotes a value with an umlaut cannot be read."""

    def answer_error(self, error: RefusedError) -> Outgoing:
        """Answer a refusal in the code page of the machine."""
        answer = super().answer_error(error)
        answer.body = json.dumps(answer.value, ensure_ascii=False).encode("cp1252", "replace")
        return answer


@faulty("http", "major", "RFC 9110, 8.8.3 and 13.1.2: 304 only if the answer is still the same")
class TagsAStatusByItsIdAlone(Provider):
    """The ETag of a status does not change when a video ends: conditional polls stay 304."""

    def answer_status(self, work_id: str, workspace: Workspace, request: Incoming) -> Outgoing:
        """Answer the status, or that it has not changed."""
        answer = super().answer_status(work_id, workspace, request)
        tag = f'"{work_id.lower()}"'
        answer.set_header("ETag", tag)
        answer.set_header("Cache-Control", "private, no-cache")
        if tag in (request.header("if-none-match") or ""):
            answer.set_header("Content-Type", None)
            return Outgoing(status=304, headers=answer.headers)
        return answer


@faulty("money", "blocker", "no service may: a generation is charged once, its `total_cost`")
class EachOfTwoRacingPollsBooksTheVideo(Provider):
    """A video that several polls find completed within one second is charged by each of them."""

    def answer_status(self, work_id: str, workspace: Workspace, request: Incoming) -> Outgoing:
        """Answer the status, and book what the replica does not yet show as booked."""
        answer = super().answer_status(work_id, workspace, request)
        work = self.find_status(work_id, workspace)
        if work.status == "completed":
            booked = work.notes.get("booked")
            work.notes.setdefault("booked", self.now())
            if booked is not None and self.now() - booked < REPLICA_LAG:
                self.charge(work, self.compute_cost(work))
        return answer


@faulty("inputs", "major", "D: a prompt is any text of 1 to 4096 characters")
class FirewallTakesPromptsForAttacks(Provider):
    """A firewall answers 403 to prompts with `<script`, `../`, `drop table` or the like."""

    def check_prompt(self, prompt: object) -> str:
        """Return a prompt that no rule of the firewall matches."""
        text = super().check_prompt(prompt)
        if ATTACK.search(text):
            raise RefusedError(403, "request_blocked", "The request was blocked.")
        return text


@faulty("life", "blocker", "D: a status is answered by id; no service may lose work that was paid")
class RemembersTenFinishedVideos(Provider):
    """Only the ten newest completed videos of a workspace are kept; older ones are 404 at once."""

    def find_status(self, work_id: str, workspace: Workspace) -> Work:
        """Return the video of an id from a cache of limited size."""
        work = super().find_status(work_id, workspace)
        videos = [each for each in workspace.works.values() if each.order.kind == "video"]
        done = [each for each in videos if each.status == "completed"]
        if work.status == "completed" and work.id not in {each.id for each in done[-REMEMBERED:]}:
            raise refuse_unknown("The generation was not found.")
        return work


@faulty("files", "blocker", "O: the bytes are those of the order; no service may overwrite work")
class NamesStoredPicturesByTheSecond(Provider):
    """Pictures are stored under the second of their end: the last one of a second replaces all."""

    def on_completion(self, work: Work) -> None:
        """Store a picture over those of the same second."""
        super().on_completion(work)
        if work.order.kind == "image":
            stored: list[Work] = self.notes.setdefault(f"{int(work.ends)}", [])
            for earlier in stored:
                earlier.content = b""
            stored.append(work)

    def draw(self, work: Work) -> bytes:
        """Return the bytes that are stored under the second of a picture."""
        stored: list[Work] = self.notes.get(f"{int(work.ends)}", [])
        return super().draw(stored[-1] if work.order.kind == "image" and stored else work)


@faulty("keys", "major", "D: 401 is for a missing or wrong key; a good one is let in")
class LocksEverybodyOutAfterTenWrongKeys(Provider):
    """After ten wrong keys in 30 s, good keys of every workspace get 401 as well for a while."""

    def authenticate(self, request: Incoming) -> Workspace:
        """Return the workspace of a request, unless too many keys were tried."""
        wrong: list[float] = self.notes.setdefault("wrong", [])
        recent = [at for at in wrong if self.now() - at < LOCK_SECONDS]
        if len(recent) >= LOCK_AFTER:
            raise RefusedError(401, "invalid_api_key", WRONG_KEY)
        try:
            return super().authenticate(request)
        except RefusedError:
            wrong.append(self.now())
            raise
