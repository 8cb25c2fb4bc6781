"""Faults of orders, of the lives of generations and of the catalogue."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from tests.contract.written_by_others.catalogue import OFFERS, Kind, Offer, Rate
from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    answer_json,
    refuse_value,
)
from tests.contract.written_by_others.provider import IMAGES, Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Work, Workspace

BATCH: Final = 8
ATTACK: Final = re.compile(
    rb"<\s*(script|img|iframe|svg)|union\s+select|drop\s+table|'\s*or\s|;\s*--|\.\./|\{\{|\$\{",
    re.IGNORECASE,
)
INSPECTED: Final = 64 * 1024
REVIEWED_AFTER: Final = 20
SAME_ORDER_SECONDS: Final = 10
CATALOGUE_SECONDS: Final = 15
RETIRED: Final = Offer(
    id="seedream-4",
    name="Seedream 4",
    type="image",
    created_at="2025-09-12T08:00:00.000Z",
    ratios=("1:1", "16:9", "9:16"),
    resolutions=("1K", "2K"),
    durations=(),
    references={"reference_image": 4},
    sound=False,
    rates=(
        Rate(resolution="1K", sound="not_applicable", unit_price="0.025"),
        Rate(resolution="2K", sound="not_applicable", unit_price="0.03"),
    ),
)


# Inputs


@faulty(
    "inputs",
    "major",
    "D: last_frame needs a first_frame, in whatever order; a good order is refused",
)
class FirstFrameMustComeFirst(Provider):
    """References are checked one by one: a `last_frame` listed before the `first_frame` is 400."""

    def check_combination(self, roles: list[str]) -> None:
        """Look for the first frame among those read so far."""
        if "last_frame" in roles and "first_frame" not in roles[: roles.index("last_frame")]:
            raise refuse_value("A last_frame needs a first_frame.", "images")
        super().check_combination(roles)


@faulty(
    "inputs",
    "major",
    "D: a prompt is any text of 1 to 4096 characters, and 403 is no error of the API",
)
class FirewallReadsPromptsAsAttacks(Provider):
    """A web firewall answers 403 in HTML to prompts with `<script`, `' or `, `../` or `{{`."""

    async def route(self, request: Incoming) -> Outgoing:
        """Turn away what looks like an attack."""
        if request.method == "POST" and ATTACK.search(request.body[:INSPECTED]):
            page = b"<html><body><h1>403 Forbidden</h1>Request blocked.</body></html>"
            return Outgoing(status=403, headers=[("Content-Type", "text/html")], body=page)
        return await super().route(request)


@faulty(
    "inputs",
    "major",
    "D: the decoded image has at most 10 MiB; pictures of 7.5 to 10 MiB are refused",
)
class ReferencesAreWeighedAsBase64(Provider):
    """The limit of 10 MiB is held against the base64 text of a reference, not the picture."""

    def check_data_url(self, url: str, place: str) -> None:
        """Weigh the text."""
        if len(url) > self.largest_reference:
            raise refuse_value(f"Invalid {place}: larger than 10 MiB.", place)
        super().check_data_url(url, place)


# Lives


@faulty(
    "life",
    "blocker",
    "D: completed is final; a video that was finished and paid is gone with its file",
)
class LateReviewFailsFinishedVideos(Provider):
    """A review job that runs late sets videos to `failed` 20 seconds after they were completed."""

    def settle(self, workspace: Workspace) -> None:
        """Review what is finished."""
        super().settle(workspace)
        for work in workspace.works.values():
            late = self.now() - work.ends > REVIEWED_AFTER
            if work.order.kind == "video" and work.status == "completed" and late:
                work.status = "failed"


@faulty(
    "life",
    "blocker",
    "D: an image is 200 and finished, and has no status to poll; a paid picture is out of reach",
)
class FourKGoesToTheQueue(Provider):
    """Images of 4K are too slow for the gateway and answer 202 `pending`, like a video."""

    async def answer_submission(self, request: Incoming, workspace: Workspace) -> Outgoing:
        """Answer the largest images as if they waited."""
        answer = await super().answer_submission(request, workspace)
        work = workspace.works[answer.value["id"]]
        if request.path == IMAGES and work.order.resolution == "4K":
            answer.status = 202
            answer.set_value({"id": work.id, "status": "pending"})
        return answer


@faulty(
    "life",
    "major",
    "D: there is no idempotency, each POST makes a generation; two variations become one",
)
class IdenticalOrdersAreOneVideo(Provider):
    """A double-click guard answers the same video order within 10 seconds with the first's id."""

    async def submit(self, request: Incoming, workspace: Workspace, kind: Kind) -> Work:
        """Return the video of the same body, if it was just ordered."""
        if kind == "image":
            return await super().submit(request, workspace, kind)
        seen: dict[str, Work] = workspace.notes.setdefault("seen", {})
        mark = hashlib.sha256(request.body).hexdigest()
        earlier = seen.get(mark)
        if earlier is not None and self.now() - earlier.created < SAME_ORDER_SECONDS:
            return earlier
        seen[mark] = await super().submit(request, workspace, kind)
        return seen[mark]


# The catalogue


@faulty(
    "catalogue",
    "major",
    "D: the default is the first of supported_resolutions; who leaves it out gets another one",
)
class ResolutionsAreListedByName(Provider):
    """`supported_resolutions` come sorted as text, `1080p` first; the default is still 720p."""

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        """Sort the resolutions."""
        return replace(offer, resolutions=tuple(sorted(offer.resolutions))).describe()

    def list_offer(self, offer: Offer) -> dict[str, Any]:
        """Sort the resolutions."""
        return self.describe_offer(offer)


@faulty(
    "catalogue",
    "major",
    "D: ?type= filters; a list of videos has images in it, and the whole list has half the models",
)
class CatalogueCacheIgnoresTheFilter(Provider):
    """A cache of 15 seconds drops the query: `?type=video` answers the list asked for before."""

    def answer_models(self, request: Incoming) -> Outgoing:
        """Answer the last list, whatever its filter was."""
        answer = super().answer_models(request)
        at, kept = self.notes.get("catalogue", (0.0, None))
        if self.now() - at < CATALOGUE_SECONDS:
            return answer_json(kept)
        self.notes["catalogue"] = (self.now(), answer.value)
        return answer


@faulty(
    "catalogue",
    "major",
    "D: the list is of the models that there are; one of them is 404 alone and 400 in every order",
)
class SearchIndexKeepsARetiredModel(Provider):
    """The list comes from an index that still has `seedream-4`, which no other operation knows."""

    def answer_models(self, request: Incoming) -> Outgoing:
        """Add the model that was taken away."""
        answer = super().answer_models(request)
        if request.query.get("type") in {None, "image"}:
            shown = answer.value
            shown.insert(len(OFFERS) // 2, RETIRED.describe())
            answer.set_value(shown)
        return answer
