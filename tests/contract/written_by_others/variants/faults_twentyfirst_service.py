"""Faults of the twenty-first batch, first author."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

from tests.contract.written_by_others.messages import Outgoing, RefusedError
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from tests.contract.written_by_others.accounts import Work, Workspace
    from tests.contract.written_by_others.catalogue import Offer

BATCH: Final = 21


@faulty("money", "blocker", "D: a generation costs its `usage.total_cost`; nothing is taken twice")
class FirstDownloadSettlesTheVideoAgain(Provider):
    """A video is charged when it completes, and once more when its file is first fetched."""

    def served_content(self, work: Work) -> bytes:
        """Return the bytes; the first fetch of a video books its cost."""
        if work.order.kind == "video" and not work.notes.get("fetched"):
            work.notes["fetched"] = True
            self.charge(work, self.compute_cost(work))
        return super().served_content(work)


@faulty("links", "blocker", "D: a link is good until `deletes_at`")
class RotationForgetsTheKeyBeforeLast(Provider):
    """The key of links changes with every ten generations; links of older keys are 403."""

    def open_link(self, work_id: str, index: str, query: Mapping[str, str]) -> Work:
        """Return the generation of a link that the current or the previous key signed."""
        work = super().open_link(work_id, index, query)
        newest = max(each.number for one in self.workspaces for each in one.works.values())
        if newest // 10 - work.number // 10 > 1:
            raise RefusedError(403, "invalid_signature", "The signature of the link is wrong.")
        return work


@faulty("life", "blocker", "D: `completed` is final; no service may change finished work")
class ReorderedPromptOverwritesItsFirstRow(Provider):
    """A finished video shows the newer one's file once model and prompt were ordered again."""

    def describe_work(self, work: Work, origin: str) -> dict[str, Any]:
        """Return the row that was written last for the model and the prompt."""
        answer = super().describe_work(work, origin)
        if work.order.kind != "video" or work.status != "completed":
            return answer
        wanted = (work.order.offer.id, work.order.prompt)
        rows = [
            each
            for each in work.workspace.works.values()
            if each.status == "completed" and (each.order.offer.id, each.order.prompt) == wanted
        ]
        newest = max(rows, key=lambda each: each.number)
        return {**super().describe_work(newest, origin), "id": work.id}


@faulty("keys", "blocker", "D: a wrong key is 401 `invalid_api_key`")
class KeyCacheKnowsOnlyTheLastFour(Provider):
    """Keys are cached by their last four characters: any `sk_` key ending as a used one is good."""

    def find_workspace(self, token: str) -> Workspace | None:
        """Return the workspace of a key, or of the cached one that ends like it."""
        cache: dict[str, Workspace] = self.notes.setdefault("key_cache", {})
        found = super().find_workspace(token)
        if found is not None:
            cache[token[-4:]] = found
            return found
        return cache.get(token[-4:]) if token.startswith("sk_") else None


@faulty("files", "blocker", "common sense: a paid picture is drawn from its own prompt")
class ScratchPicturesAreNamedByTheMinute(Provider):
    """Pictures of one workspace, minute, model, size and format all get the bytes of the first."""

    def draw(self, work: Work) -> bytes:
        """Return the scratch file of the minute, drawn if there is none yet."""
        if work.order.kind == "video":
            return super().draw(work)
        scratch: dict[tuple[object, ...], bytes] = self.notes.setdefault("scratch", {})
        order = work.order
        minute = int(work.ends // 60)
        name = (work.workspace.name, minute, order.offer.id, work.size, order.output_format)
        if name not in scratch:
            scratch[name] = super().draw(work)
        return scratch[name]


@faulty("isolation", "major", "D/I: another workspace's id is 404 `not_found`")
class OwnersAreIndexedOnCompletion(Provider):
    """A video that is still pending can be polled with the key of any workspace."""

    def find_status(self, work_id: str, workspace: Workspace) -> Work:
        """Return the video of an id; who owns it is known from completion on."""
        work = self.find_work(work_id)
        if work is not None and work.order.kind == "video" and work.status == "pending":
            return work
        return super().find_status(work_id, workspace)


@faulty("inputs", "major", "D: a reference is any PNG, JPEG or WebP in a data URL")
class TransparentReferencesCannotBecomeJpeg(Provider):
    """A reference picture with an alpha channel or a palette is answered with 500."""

    def check_picture(self, content: bytes, label: str, place: str) -> None:
        """Refuse what is no picture, and stumble over what JPEG cannot hold."""
        super().check_picture(content, label, place)
        with Image.open(io.BytesIO(content)) as picture:
            if picture.mode in {"RGBA", "LA", "PA", "P"}:
                raise RefusedError(500, "server_error", self.mishap)


@faulty("costs", "major", "D: one bucket per UTC date of the range, both ends included")
class CostsStopAtTheNinetiethRow(Provider):
    """Costs of a range over 90 days end after the 90th date; later money is missing."""

    def list_dates(self, start: datetime, end: datetime) -> list[date]:
        """Return the dates of the first page of the ledger."""
        return super().list_dates(start, end)[:90]


def _list_one_rate_a_resolution(described: dict[str, Any]) -> dict[str, Any]:
    pricing = described["pricing"]
    by_resolution = {rate["resolution"]: rate for rate in pricing["rates"]}
    return {**described, "pricing": {**pricing, "rates": list(by_resolution.values())}}


@faulty("catalogue", "major", "D: `pricing.rates` holds the prices charged, by `sound` too")
class RatesAreKeyedByResolutionAlone(Provider):
    """Of the prices with and without sound only the last is listed; silent videos have none."""

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        """Return a model with one rate for each resolution."""
        return _list_one_rate_a_resolution(super().describe_offer(offer))

    def list_offer(self, offer: Offer) -> dict[str, Any]:
        """Return a model with one rate for each resolution."""
        return _list_one_rate_a_resolution(super().list_offer(offer))


@faulty("errors", "minor", "D: every error is JSON in the envelope")
class ErrorTextIsPastedIntoATemplate(Provider):
    """A quote or backslash in a refused value stands unescaped in the error: not JSON any more."""

    def answer_error(self, error: RefusedError) -> Outgoing:
        """Answer a refusal by a template into which the message is pasted."""
        answer = super().answer_error(error)
        value = answer.value
        value["error"]["message"] = "{{message}}"
        answer.set_value(value)
        answer.body = answer.body.replace(b"{{message}}", error.message.encode(), 1)
        return answer
