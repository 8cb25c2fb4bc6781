"""Services with one fault each: caches, ledgers, archives, queues and gateways."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from tests.contract.written_by_others.accounts import digest
from tests.contract.written_by_others.messages import Outgoing, RefusedError
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.contract.written_by_others.accounts import Order, Work, Workspace
    from tests.contract.written_by_others.catalogue import Kind
    from tests.contract.written_by_others.drawing import Film
    from tests.contract.written_by_others.messages import Incoming

BATCH: Final = 19
EDGE_SECONDS: Final = 60
LIST_SECONDS: Final = 20
KEY_SECONDS: Final = 60
SHOWN_OF_A_KEY: Final = 12
PAGE: Final = 100
LONGEST_CLIP: Final = 8


@faulty("files", "major", "O: the bytes really are in the requested format")
class CachedRendersKeepTheFirstFormat(Provider):
    """A prompt ordered again in another format is served in the format of the first order."""

    def drawn_format(self, order: Order) -> str:
        """Return the format in which this picture was rendered first."""
        parts = (order.offer.id, order.prompt, order.ratio, order.resolution)
        first = self.notes.setdefault(f"format {digest(*parts)}", order.output_format)
        return str(first)


@faulty("files", "blocker", "D: a video lasts its `duration`, and `quantity` seconds are paid")
class LongVideosStopAtEightSeconds(Provider):
    """Files of videos over 8 s hold the first 8 s; the answer and the bill say all seconds."""

    def plan_film(self, work: Work) -> Film:
        """Return a film that the encoder cut."""
        film = super().plan_film(work)
        return replace(
            film,
            seconds=min(film.seconds, LONGEST_CLIP),
            sound_seconds=min(film.sound_seconds, LONGEST_CLIP),
        )


@faulty("links", "blocker", "D: links are signed; a wrong `sig` must never open a file")
class EdgeCacheIgnoresTheSignature(Provider):
    """For a minute after a good download any `sig` and any `exp` open that file."""

    def open_link(self, work_id: str, index: str, query: Mapping[str, str]) -> Work:
        """Return the generation of a path that was fetched before, or check the link."""
        place = f"edge {work_id}/{index}"
        since, kept = self.notes.get(place, (0.0, None))
        if kept is not None and self.now() - since < EDGE_SECONDS:
            found: Work = kept
            return found
        work = super().open_link(work_id, index, query)
        self.notes[place] = (self.now(), work)
        return work


@faulty("inputs", "major", "D: `output_format` is png, jpeg or webp, by default jpeg")
class EditsAlwaysComeAsPng(Provider):
    """An image made with references is a PNG, whatever `output_format` was asked for."""

    def read_order(self, body: dict[str, Any], kind: Kind) -> Order:
        """Return the order as the upstream for edits takes it."""
        order = super().read_order(body, kind)
        if kind == "image" and order.references:
            return replace(order, output_format="png")
        return order


@faulty("costs", "major", "D: one bucket for each UTC date in the range, up to 180 days")
class ReportIsCutAtAHundredDays(Provider):
    """`data` of the costs ends after 100 days, while `total_cost` covers the whole range."""

    def answer_costs(self, workspace: Workspace, request: Incoming) -> Outgoing:
        """Answer the first page of the costs."""
        answer = super().answer_costs(workspace, request)
        value = answer.value
        value["data"] = value["data"][:PAGE]
        answer.set_value(value)
        return answer


@faulty("money", "blocker", "D: every generation draws on the balance")
class VideoBookingUndoesOthersMadeMeanwhile(Provider):
    """A video is taken off the balance read at its submission: what came between is undone."""

    def read_spent(self, workspace: Workspace) -> Decimal:
        """Return what the account row says was spent."""
        spent: Decimal = workspace.notes.get("spent", Decimal(0))
        return spent

    def on_submission(self, work: Work) -> None:
        """Read the account row for later."""
        super().on_submission(work)
        work.notes["seen"] = self.read_spent(work.workspace)

    def charge(self, work: Work, amount: Decimal) -> None:
        """Book an amount, and write the account row from what was read of it."""
        super().charge(work, amount)
        video = work.order.kind == "video"
        before = work.notes["seen"] if video else self.read_spent(work.workspace)
        work.workspace.notes["spent"] = before + amount

    def compute_balance(self, workspace: Workspace) -> Decimal:
        """Return the balance by the account row."""
        return workspace.deposit - self.read_spent(workspace)


@faulty("life", "blocker", "D: no idempotency; each 202 has its own id and generation")
class EqualOrdersShareOneVideo(Provider):
    """A video order equal to one that is still pending gets its id, and no video of its own."""

    async def submit(self, request: Incoming, workspace: Workspace, kind: Kind) -> Work:
        """Return the pending generation of an equal order, or start one."""
        if kind == "video":
            order = self.read_order(self.read_object(request), kind)
            for work in workspace.works.values():
                if work.status == "pending" and work.order == order:
                    return work
        return await super().submit(request, workspace, kind)


@faulty("catalogue", "major", "D: `?type=` filters the models")
class ModelListIsCachedWithoutItsQuery(Provider):
    """For 20 s every `GET /v2/models` answers the list of the first one, whatever its `type`."""

    def answer_models(self, request: Incoming) -> Outgoing:
        """Answer the list that is kept, or make one."""
        since, kept = self.notes.get("models", (0.0, None))
        if kept is not None and self.now() - since < LIST_SECONDS:
            headers = [("Content-Type", "application/json")]
            return Outgoing(status=200, headers=headers, body=kept)
        answer = super().answer_models(request)
        self.notes["models"] = (self.now(), answer.body)
        return answer


@faulty("errors", "major", "D: `param` is null on 401, and else names the field of this request")
class ErrorKeepsTheParamOfTheOneBefore(Provider):
    """An error without a field (401, 404) names the `param` of the refusal before it."""

    def answer_error(self, error: RefusedError) -> Outgoing:
        """Answer a refusal from an object that is used again and again."""
        if error.param is not None:
            self.notes["param"] = error.param
        error.param = self.notes.get("param")
        return super().answer_error(error)


@faulty("limits", "major", "D: the limits are per workspace and endpoint, not per model")
class EachModelHasItsOwnMinute(Provider):
    """Orders are counted by model: `X-RateLimit-Remaining` starts anew with each model."""

    def name_counter(self, workspace: Workspace, kind: Kind) -> str:
        """Return the name of the counter of the model in question."""
        return f"count {kind} {workspace.notes.get('model')}"

    def prepare(self, order: Order, workspace: Workspace) -> Work:
        """Return the generation of an order, and note its model."""
        workspace.notes["model"] = order.offer.id
        return super().prepare(order, workspace)

    def find_status(self, work_id: str, workspace: Workspace) -> Work:
        """Return the video of an id, and note its model."""
        work = super().find_status(work_id, workspace)
        workspace.notes["model"] = work.order.offer.id
        return work

    def count_started(self, workspace: Workspace, kind: Kind) -> int:
        """Return how many generations of a model were counted in the running window."""
        begin = self.start_of_window()
        times = workspace.notes.get(self.name_counter(workspace, kind), [])
        return sum(1 for at in times if at >= begin)

    def count(self, workspace: Workspace, kind: Kind) -> None:
        """Count a submission of a model."""
        name = self.name_counter(workspace, kind)
        workspace.notes.setdefault(name, []).append(self.now())


@faulty("http", "major", "RFC 9112, 6.2: no Content-Length beside Transfer-Encoding")
class DownloadsStateLengthAndChunks(Provider):
    """Downloads come in chunks and carry a `Content-Length` too, which strict clients refuse."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Send files in chunks."""
        path = request.path.startswith("/v2/downloads/")
        if path and request.method == "GET" and answer.status in {200, 206}:
            answer.chunked = True
        return super().finish(request, answer)

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Put the length back that the storage had sent."""
        if b"transfer-encoding: chunked" not in head.lower():
            return head, body
        length = int(body.partition(b"\r\n")[0], 16)
        return head[:-2] + f"Content-Length: {length}\r\n\r\n".encode(), body


@faulty("keys", "blocker", "D: a wrong key is 401 `invalid_api_key`")
class AuthCacheKnowsKeysByTheirPrefix(Provider):
    """For a minute after a good key all that begin with its first 12 characters are good too."""

    def find_workspace(self, token: str) -> Workspace | None:
        """Return the workspace that is kept for the shown part of a key, or look it up."""
        place = f"key {token[:SHOWN_OF_A_KEY]}"
        since, kept = self.notes.get(place, (0.0, None))
        if kept is not None and self.now() - since < KEY_SECONDS:
            found: Workspace = kept
            return found
        workspace = super().find_workspace(token)
        if workspace is not None:
            self.notes[place] = (self.now(), workspace)
        return workspace


@faulty("isolation", "blocker", "D/I: another workspace's id is 404 `not_found`")
class ArchivedVideosLoseTheirOwner(Provider):
    """A pending video is hidden from other workspaces, a completed one is shown to any key."""

    def find_status(self, work_id: str, workspace: Workspace) -> Work:
        """Return a video of the workspace, or one of the archive, which knows no owners."""
        if work_id in workspace.works:
            return super().find_status(work_id, workspace)
        work = self.find_work(work_id)
        if work is not None and work.order.kind == "video" and work.status != "pending":
            return work
        return super().find_status(work_id, workspace)
