"""Faults of the twenty-fourth batch: one of each of ten subjects."""

from __future__ import annotations

import io
import math
import re
from typing import TYPE_CHECKING, Final

from PIL import Image

from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    RefusedError,
    refuse_unknown,
)
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from tests.contract.written_by_others.accounts import Charge, Work, Workspace

BATCH: Final = 24
NEWEST: Final = 16


@faulty(
    "isolation", "blocker", "D: a link names its own generation; no service shows another's data"
)
class RequestCoalescingJoinsTwoCustomers(Provider):
    """An order equal to one of another workspace gets the link of that workspace's file."""

    def make_link(self, work: Work, origin: str) -> str:
        """Return the link of the first finished generation of an equal order."""
        order = work.order
        key = (
            order.offer.id,
            order.prompt,
            order.ratio,
            order.resolution,
            order.output_format,
            order.duration,
            order.sound,
            order.references,
        )
        first: Work = self.notes.setdefault(repr(key), work)
        joined = first if first.workspace is not work.workspace else work
        return super().make_link(joined, origin)


@faulty("costs", "major", "D: the costs of a date are those of all its generations")
class CostsAreJoinedByUnionWithoutAll(Provider):
    """Charges of the same amount in the same second are counted once in the costs."""

    def list_charges(self, workspace: Workspace) -> list[Charge]:
        """Return the charges without those that look the same."""
        rows: dict[tuple[int, Decimal], Charge] = {}
        for charge in workspace.charges:
            rows.setdefault((int(charge.at), charge.amount), charge)
        return list(rows.values())


@faulty("limits", "major", "D: a generation is counted once, at submission")
class CompletionWorkerCountsTheVideoAgain(Provider):
    """A video takes one from the limit a minute when submitted, and another one when it is done."""

    def on_completion(self, work: Work) -> None:
        """Account for a generation, and count a video as if it had just been submitted."""
        super().on_completion(work)
        if work.order.kind == "video":
            self.count(work.workspace, "video")


@faulty("errors", "minor", "D: `param` of a 401 is null, and an error names its own parameter")
class ErrorObjectIsReusedBetweenRequests(Provider):
    """An error without a parameter names that of the last error, of whichever customer."""

    def answer_error(self, error: RefusedError) -> Outgoing:
        """Answer a refusal with a `param` that is overwritten and never cleared."""
        if error.param is not None:
            self.notes["param"] = error.param
        error.param = self.notes.get("param")
        return super().answer_error(error)


@faulty("http", "major", "RFC 9110, 8.6: Content-Length is the length of the body in bytes")
class ContentLengthCountsLettersOfAnswers(Provider):
    """A JSON answer with letters beyond ASCII is cut short: its length is told in characters."""

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Return an answer with as many bytes as it has characters."""
        head, body = super().frame(request, head, body)
        if b"application/json" not in head or not body:
            return head, body
        count = len(body.decode())
        length = b"Content-Length: %d\r\n" % count
        return re.sub(rb"(?i)content-length: \d+\r\n", length, head), body[:count]


@faulty("money", "blocker", "D: total_cost is all that is charged; a download costs nothing")
class ResumedDownloadsAreRenderedAndBilledAgain(Provider):
    """A download of a range that does not begin at byte 0 charges the generation again."""

    def answer_file(self, request: Incoming, work: Work, content: bytes) -> Outgoing:
        """Answer the bytes; what the store in front does not know is charged as new."""
        answer = super().answer_file(request, work, content)
        part = answer.header("content-range")
        if part is not None and not part.startswith("bytes 0-"):
            self.charge(work, self.compute_cost(work))
        return answer


@faulty("inputs", "major", "D: a PNG or WebP of at most 10 MiB in a data URL is accepted")
class TransparentReferencesCannotBecomeJpegs(Provider):
    """A PNG or WebP reference with transparency is 500, as JPEG, the inner format, has none."""

    def check_picture(self, content: bytes, label: str, place: str) -> None:
        """Check a picture, and convert one with an alpha channel, which fails."""
        super().check_picture(content, label, place)
        with Image.open(io.BytesIO(content)) as picture:
            if picture.mode in {"RGBA", "LA"}:
                picture.save(io.BytesIO(), "JPEG")


@faulty("life", "blocker", "D: a pending video ends as completed or failed; work may not be lost")
class JobKeyIsAHashOfThePrompt(Provider):
    """Of two pending videos of the same prompt only the later one ends; the other is lost."""

    def on_submission(self, work: Work) -> None:
        """Put a video in the queue, in place of the one that has the same key."""
        super().on_submission(work)
        for other in work.workspace.works.values():
            if (
                other is not work
                and other.order.kind == work.order.kind == "video"
                and other.status == "pending"
                and other.order.prompt == work.order.prompt
            ):
                other.ends = math.inf


@faulty("keys", "blocker", "D: a wrong key is 401 `invalid_api_key`")
class KeysAreLookedUpWithLike(Provider):
    """Keys are compared by LIKE of SQL: `sk_%` opens a workspace, and `_` stands for any letter."""

    def matches(self, token: str, key: str) -> bool:
        """Return whether a key is like a token."""
        wild = {"%": ".*", "_": "."}
        pattern = "".join(wild.get(c, re.escape(c)) for c in re.sub("%+", "%", token))
        return re.fullmatch(pattern, key) is not None


@faulty(
    "links", "blocker", "D: a file is kept until its `deletes_at`; finished work may not be lost"
)
class BucketKeepsTheNewestSixteenFiles(Provider):
    """Links to all but the newest 16 files of a workspace are 404, long before `deletes_at`."""

    def open_link(self, work_id: str, index: str, query: Mapping[str, str]) -> Work:
        """Return the generation of a link, if no more than 15 were finished after it."""
        work = super().open_link(work_id, index, query)
        works = work.workspace.works.values()
        newer = [w for w in works if w.status == "completed" and w.ends > work.ends]
        if len(newer) >= NEWEST:
            raise refuse_unknown()
        return work
