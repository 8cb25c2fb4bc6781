"""Faults of HTTP, of the keys and of the walls between workspaces."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from tests.contract.written_by_others.messages import Incoming, Outgoing, RefusedError
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Work, Workspace

BATCH: Final = 4

LENGTH = re.compile(rb"(?i)(?<=\r\ncontent-length: )\d+")


@faulty("http", "major", "Content-Length is in bytes, and JSON comes out whole (D: the envelope)")
class LengthInCharacters(Provider):
    """Content-Length counts characters: JSON that echoes an accent or an emoji is cut short."""

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Send as many bytes as there are characters."""
        if request.method == "HEAD" or b"application/json" not in head:
            return head, body
        count = len(body.decode("utf-8", "replace"))
        return LENGTH.sub(str(count).encode(), head), body[:count]


@faulty("http", "major", "A 206 holds the bytes that its Content-Range names (RFC 9110)")
class ResumesOneByteEarly(Provider):
    """A download that is resumed by `bytes=N-` gets the file from byte N - 1, labelled as N."""

    def answer_range(self, wanted: str, headers: list[tuple[str, str]], content: bytes) -> Outgoing:
        """Answer a range; an open one begins a byte too early."""
        answer = super().answer_range(wanted, headers, content)
        found = re.fullmatch(r"bytes=([1-9]\d*)-", wanted.strip())
        if answer.status == 206 and found is not None:
            answer.body = content[int(found[1]) - 1 : -1]
        return answer


@faulty("keys", "blocker", "A wrong key is 401 invalid_api_key (D)")
class KeysAreCachedByTheirPrefix(Provider):
    """For 30 s after a good key, any key with the same first twelve signs passes for it."""

    def find_workspace(self, token: str) -> Workspace | None:
        """Return the workspace that was found for a prefix."""
        cache: dict[str, tuple[float, Workspace]] = self.notes.setdefault("keys", {})
        at, known = cache.get(token[:12], (0.0, None))
        if known is not None and self.now() - at < 30:
            return known
        found = super().find_workspace(token)
        if found is not None:
            cache[token[:12]] = (self.now(), found)
        return found


@faulty("keys", "major", "An operation without a good key is 401 invalid_api_key (D)")
class ModelsAreCachedForAnyone(Provider):
    """The gateway keeps answers about models for ten seconds, and asks no key for those."""

    async def route(self, request: Incoming) -> Outgoing:
        """Answer from the cache of the gateway, which looks at the target alone."""
        if request.method != "GET" or not request.path.startswith("/v2/models"):
            return await super().route(request)
        cache: dict[str, tuple[float, Outgoing]] = self.notes.setdefault("gateway", {})
        at, kept = cache.get(request.target, (0.0, None))
        if kept is not None and self.now() - at < 10:
            return Outgoing(status=kept.status, headers=list(kept.headers), body=kept.body)
        answer = await super().route(request)
        cache[request.target] = (self.now(), answer)
        return answer


@faulty("isolation", "blocker", "Another workspace's video is 404 (D/I): its data are its own")
class EndedVideosHaveNoOwner(Provider):
    """The archive of videos that have ended does not know owners: any good key reads them."""

    def find_status(self, work_id: str, workspace: Workspace) -> Work:
        """Return a video of the workspace, or one of the archive."""
        try:
            return super().find_status(work_id, workspace)
        except RefusedError:
            work = self.find_work(work_id)
            if work is None or work.order.kind != "video" or work.status == "pending":
                raise
            return work


@faulty("isolation", "blocker", "The costs are those of the workspace (D)")
class LongRangesAreOfEveryone(Provider):
    """Costs of more than 31 days come from a monthly table, which sums all workspaces."""

    def sum_dates(
        self, workspace: Workspace, start: datetime, end: datetime
    ) -> dict[date, Decimal]:
        """Return the costs of each date, of everyone where the range is long."""
        if end - start <= timedelta(days=31):
            return super().sum_dates(workspace, start, end)
        totals = dict.fromkeys(self.list_dates(start, end), Decimal(0))
        for each in self.workspaces:
            for day, cost in super().sum_dates(each, start, end).items():
                totals[day] += cost
        return totals
