"""Faults of the twenty-second batch: ledgers, caches, pools and codecs."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Charge, Work, Workspace
    from tests.contract.written_by_others.messages import Incoming, Outgoing, RefusedError

BATCH: Final = 22


@faulty("isolation", "blocker", "common sense: no answer hands out the work of another workspace")
class OneShelfOfPicturesForAllCustomers(Provider):
    """A picture ordered in the same words by another workspace is answered with that one's."""

    def describe_work(self, work: Work, origin: str) -> dict[str, Any]:
        """Describe the first picture of an order, if another workspace has it."""
        if work.order.kind == "image":
            first: Work = self.notes.setdefault(repr(work.order), work)
            if first.workspace is not work.workspace:
                return super().describe_work(first, origin)
        return super().describe_work(work, origin)


@faulty("money", "blocker", "D: a video costs unit_price * quantity; no service takes it twice")
class SweeperAndPollerBothBook(Provider):
    """A video whose end was noticed by another request is charged once more by its own poll."""

    def authenticate(self, request: Incoming) -> Workspace:
        """Remember which request settles what has ended."""
        self.notes["path"] = request.path
        return super().authenticate(request)

    def on_completion(self, work: Work) -> None:
        """Charge, and note whether the poll of the video has still to come."""
        super().on_completion(work)
        own_poll = self.notes["path"].endswith(f"/{work.id}")
        work.notes["swept"] = work.order.kind == "video" and not own_poll

    def answer_status(self, work_id: str, workspace: Workspace, request: Incoming) -> Outgoing:
        """Charge at the first poll that finds a video completed by the sweep."""
        work = self.find_status(work_id, workspace)
        if work.notes.pop("swept", False):
            self.charge(work, self.compute_cost(work))
        return super().answer_status(work_id, workspace, request)


@faulty("costs", "blocker", "D: the cost of a date is the sum of what was charged on it")
class CostsAreAUnionWithoutAll(Provider):
    """Charges of the same amount in the same second appear in the costs only once."""

    def list_charges(self, workspace: Workspace) -> list[Charge]:
        """Return the charges, distinct by second and amount."""
        return list({(int(each.at), each.amount): each for each in workspace.charges}.values())


@faulty("life", "blocker", "D: `completed` is terminal; no service changes finished work")
class RerunsOverwriteTheirForebears(Provider):
    """A finished video takes on the settings and the file of a later one with the same prompt."""

    def on_completion(self, work: Work) -> None:
        """Charge, and replace what was made of the same prompt before."""
        super().on_completion(work)
        if work.order.kind != "video":
            return
        for each in work.workspace.works.values():
            same = each.order.kind == "video" and each.order.prompt == work.order.prompt
            if same and each.status == "completed":
                each.order, each.size, each.content = work.order, work.size, b""


@faulty("keys", "blocker", "D: a wrong key is refused with 401 `invalid_api_key`")
class DoorkeeperFaintsAtLongKeys(Provider):
    """A key of over 128 characters breaks the check, and is let in as the first workspace."""

    def find_workspace(self, token: str) -> Workspace | None:
        """Return the workspace of a key; a check that breaks lets pass."""
        if len(token) > 128:
            return self.workspaces[0]
        return super().find_workspace(token)


@faulty("limits", "major", "D: a pending video holds a slot until it ends")
class SlotsWaitToBeCollected(Provider):
    """A video that has ended still holds its slot until somebody has read that it has ended."""

    def describe_work(self, work: Work, origin: str) -> dict[str, Any]:
        """Describe a generation, and note that its end was read."""
        work.notes["read"] = work.status != "pending"
        return super().describe_work(work, origin)

    def count_running(self, workspace: Workspace) -> int:
        """Return the slots that are taken, those of unread videos included."""
        unread = sum(
            1
            for work in workspace.works.values()
            if work.order.kind == "video"
            and work.status != "pending"
            and not work.notes.get("read")
        )
        return super().count_running(workspace) + unread


@faulty("errors", "major", "D: `param` names what is wrong; it is null in a 401")
class PooledErrorsKeepTheirParam(Provider):
    """An error that names no `param` shows the one that an earlier error named."""

    def answer_error(self, error: RefusedError) -> Outgoing:
        """Answer with an object that was used before and is not cleared."""
        error.param = error.param or self.notes.get("param")
        self.notes["param"] = error.param
        return super().answer_error(error)


@faulty("http", "major", "RFC 9110, 8.6: Content-Length is the length in bytes")
class LengthsAreCountedInLetters(Provider):
    """Content-Length counts characters, so that JSON with accents or emoji loses its end."""

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Shorten a JSON body to as many bytes as it has characters."""
        if b"application/json" in head and body:
            count = len(body.decode())
            pattern = rb"(?i)(\r\ncontent-length: )\d+"
            head = re.sub(pattern, lambda found: found[1] + str(count).encode(), head)
            body = body[:count]
        return super().frame(request, head, body)


@faulty("links", "major", "D: a link works until `deletes_at`")
class EveryPollChangesTheLock(Provider):
    """Each poll of a finished video gives a new link and makes the links given before invalid."""

    def sign(self, work_id: str, index: str, exp: str) -> str:
        """Return a signature that covers how often the video was polled."""
        work = self.find_work(work_id)
        return super().sign(work_id, index, f"{exp}#{work.polls if work else 0}")


@faulty("inputs", "major", "D: a reference is a PNG, JPEG or WebP; a good one is no 500")
class TransparentReferencesMeetAJpegEncoder(Provider):
    """A reference that JPEG cannot hold, such as a transparent PNG or WebP, is answered 500."""

    def check_picture(self, content: bytes, label: str, place: str) -> None:
        """Check a picture, and keep it as JPEG."""
        super().check_picture(content, label, place)
        with Image.open(io.BytesIO(content)) as picture:
            picture.save(io.BytesIO(), "JPEG")
