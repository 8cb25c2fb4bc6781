"""Faults of the twenty-third batch: ten of as many subjects."""

from __future__ import annotations

import io
import json
import re
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

from tests.contract.written_by_others.accounts import KEY_HELP
from tests.contract.written_by_others.messages import Outgoing
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Charge, Work, Workspace
    from tests.contract.written_by_others.catalogue import Kind
    from tests.contract.written_by_others.messages import Incoming, RefusedError

BATCH: Final = 23


@faulty("isolation", "blocker", "common sense: a workspace never gets the file of another one")
class TwinPromptsOfStrangersShareOneFile(Provider):
    """An image that another workspace ordered alike within a minute comes with that one's link."""

    def make_link(self, work: Work, origin: str) -> str:
        """Return the link of the first work of an equal order, whoever ordered it."""
        if work.order.kind == "image":
            first: Work = self.notes.setdefault(f"render {work.order!r}", work)
            if first.workspace is work.workspace or work.created - first.created > 60:
                self.notes[f"render {work.order!r}"] = work
            else:
                work = first
        return super().make_link(work, origin)


@faulty("costs", "major", "D: `cost` is what was spent on the date; every generation draws on it")
class UnionInsteadOfUnionAllInTheCosts(Provider):
    """Of several charges of one amount within the same second, the costs count only one."""

    def list_charges(self, workspace: Workspace) -> list[Charge]:
        """Return the charges without those that look like doubles."""
        rows = {(int(each.at), each.amount): each for each in workspace.charges}
        return list(rows.values())


@faulty("limits", "major", "D: `X-RateLimit-Reset` is the second at which the running window ends")
class ResetThatTookRootInTheFirstWindow(Provider):
    """`X-RateLimit-Reset` keeps the value of the first answer, also when that time is past."""

    def reset_at(self, workspace: Workspace, kind: Kind) -> int:
        """Return the end of the window in which the workspace was first seen."""
        first: int = workspace.notes.setdefault(f"reset {kind}", super().reset_at(workspace, kind))
        return first


@faulty("errors", "major", "D: an error is a JSON object with `message`, `type`, `param`, `code`")
class QuotesInMessagesBreakTheEnvelope(Provider):
    """Errors that repeat a value with a quotation mark or backslash in it are not valid JSON."""

    def answer_error(self, error: RefusedError) -> Outgoing:
        """Answer a refusal by a template of text."""
        help_text = f', "doc_url": "{KEY_HELP}"' if error.status == 401 else ""
        body = (
            f'{{"error": {{"message": "{error.message}", "type": "invalid_request_error", '
            f'"param": {json.dumps(error.param)}, "code": "{error.code}"{help_text}}}}}'
        )
        headers = [("Content-Type", "application/json"), *error.headers.items()]
        content = body.encode("utf-8", "replace")
        return Outgoing(status=error.status, headers=headers, body=content)


@faulty("http", "major", "RFC 9110, 8.6: Content-Length is the number of octets of the content")
class LengthsThatCountLettersNotOctets(Provider):
    """`Content-Length` of JSON counts characters: an answer with an accent in it is cut short."""

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Return a head whose length is that of the text."""
        if b"application/json" in head and body:
            length = f"Content-Length: {len(body.decode('utf-8', 'replace'))}".encode()
            head = re.sub(rb"(?i)content-length: \d+", length, head)
        return super().frame(request, head, body)


@faulty("money", "blocker", "D: `total_cost` is unit_price * quantity, and is what is taken")
class HoldsReleasedAtTheDefaultLength(Provider):
    """The hold on a video is given back for the default length: longer videos cost too much."""

    def on_submission(self, work: Work) -> None:
        """Take the hold."""
        if work.order.kind == "video":
            self.charge(work, self.compute_cost(work))

    def on_completion(self, work: Work) -> None:
        """Give the hold back, of the default length, and take the cost."""
        if work.order.kind == "video":
            self.charge(work, -work.unit_price * work.order.offer.durations[0])
        super().on_completion(work)

    def on_failure(self, work: Work) -> None:
        """Give the whole hold back."""
        self.charge(work, -self.compute_cost(work))


@faulty("inputs", "major", "D: a reference may be a data URL of any PNG, JPEG or WebP")
class OnlyThreeChannelsGoThroughTheLoader(Provider):
    """A reference in grey, with a palette or with transparency is answered by a 500."""

    def check_picture(self, content: bytes, label: str, place: str) -> None:
        """Check a picture as three channels."""
        super().check_picture(content, label, place)
        with Image.open(io.BytesIO(content)) as picture:
            if len(picture.getbands()) != 3:
                raise ValueError(f"cannot reshape {picture.mode} into (h, w, 3)")


@faulty("life", "blocker", "D: `completed` is terminal; common sense: finished work stays")
class SweeperThatFailsFinishedVideosByAge(Provider):
    """Ten seconds after its end, a completed and paid video turns into a failed one."""

    def find_status(self, work_id: str, workspace: Workspace) -> Work:
        """Return a video after the sweeper of old jobs has seen it."""
        work = super().find_status(work_id, workspace)
        if work.status == "completed" and self.now() > work.ends + 10:
            work.status = "failed"
        return work


@faulty("keys", "blocker", "D: 401 `invalid_api_key` for a wrong key")
class KeysKnownByTheirMaskedForm(Provider):
    """Keys are compared as the dashboard masks them: only five first and four last letters."""

    def matches(self, token: str, key: str) -> bool:
        """Return whether a token and a key are masked alike."""
        return len(token) == len(key) and self._mask(token) == self._mask(key)

    def _mask(self, key: str) -> tuple[str, str]:
        return key[:5], key[-4:]


@faulty("files", "blocker", "common sense: a paid generation has its own file, not another one's")
class TempFilesNamedByTheSecond(Provider):
    """Of the generations that a workspace orders within one second, all get the same file."""

    def draw(self, work: Work) -> bytes:
        """Return what lies under the name of the second, if something does."""
        files: dict[Any, bytes] = work.workspace.notes.setdefault("temporary", {})
        name = f"{int(work.created)}.{work.order.output_format}"
        if name not in files:
            files[name] = super().draw(work)
        return files[name]
