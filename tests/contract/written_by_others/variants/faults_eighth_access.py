"""Faults of keys, isolation and errors: collations, caches, sequences and gateways."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any, Final

from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    RefusedError,
    answer_json,
    refuse_unknown,
)
from tests.contract.written_by_others.provider import IMAGES, Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Order, Work, Workspace
    from tests.contract.written_by_others.catalogue import Kind

BATCH: Final = 8
UNKNOWN_SECONDS: Final = 20
COSTS_SECONDS: Final = 10
LARGE_PIXELS: Final = 9_000_000
BY_MODEL: Final = ("aspect_ratio", "resolution", "duration", "images")


# Keys


@faulty(
    "keys",
    "blocker",
    "D: a wrong key is 401; one in other case, or with a wildcard in it, opens a workspace",
)
class KeysAreComparedWithLike(Provider):
    """The key is looked up by SQL `LIKE`: case does not count, `_` and `%` stand for anything."""

    def matches(self, token: str, key: str) -> bool:
        """Compare as SQLite does."""
        wild = {"%": ".*", "_": "."}
        pattern = "".join(wild.get(each) or re.escape(each) for each in token)
        return re.fullmatch(pattern, key, re.IGNORECASE) is not None


@faulty(
    "keys",
    "minor",
    "D: a malformed key is 401 invalid_api_key; this is a 500, which clients send five times more",
)
class OddKeysCrashTheComparison(Provider):
    """The comparison takes ASCII only: a key with any other letter in it is answered with 500."""

    def matches(self, token: str, key: str) -> bool:
        """Compare texts instead of bytes."""
        return secrets.compare_digest(token, key)


@faulty(
    "keys",
    "major",
    "D: without a key every operation is 401; RFC 9110 9.3.2: HEAD answers as GET would",
)
class GuardForgetsHead(Provider):
    """The guard stands before GET and POST: HEAD without a key, or with a wrong one, is 200."""

    def authenticate(self, request: Incoming) -> Workspace:
        """Let pass what the guard does not see."""
        try:
            return super().authenticate(request)
        except RefusedError:
            if request.method != "HEAD":
                raise
            return self.workspaces[0]


# Isolation


@faulty(
    "isolation",
    "blocker",
    "D: id is unique; two workspaces have the same ids, and the link of one opens the other's file",
)
class IdsBeginAnewInEachWorkspace(Provider):
    """Since tables were split by tenant, ids count from 1 in each workspace; downloads mix them."""

    def prepare(self, order: Order, workspace: Workspace) -> Work:
        """Take the next number of the workspace."""
        work = super().prepare(order, workspace)
        serial = workspace.notes["serial"] = workspace.notes.get("serial", 0) + 1
        work.id = f"req-01{serial:014d}"
        return work


@faulty(
    "isolation",
    "blocker",
    "D: the status of a video is its owner's; a stranger who asks for an id hides it from them",
)
class ProbeOfAStrangerHidesTheVideo(Provider):
    """A 404 is cached by id for 20 seconds: when a stranger asked, the owner gets 404 as well."""

    def find_status(self, work_id: str, workspace: Workspace) -> Work:
        """Refuse what was unknown to whoever asked last."""
        unknown: dict[str, float] = self.notes.setdefault("unknown", {})
        if self.now() < unknown.get(work_id, 0):
            raise refuse_unknown("The generation was not found.")
        try:
            return super().find_status(work_id, workspace)
        except RefusedError:
            unknown[work_id] = self.now() + UNKNOWN_SECONDS
            raise


@faulty(
    "isolation",
    "blocker",
    "D: costs are those of the key's workspace; who asks for the same days sees another's spending",
)
class CostsAreCachedByAddressAlone(Provider):
    """A cache of 10 seconds before the costs knows the address, but not whose key asked."""

    def answer_costs(self, workspace: Workspace, request: Incoming) -> Outgoing:
        """Answer what was answered at this address."""
        kept: dict[str, tuple[float, Any]] = self.notes.setdefault("costs", {})
        at, value = kept.get(request.target, (0.0, None))
        if self.now() - at < COSTS_SECONDS:
            return answer_json(value)
        answer = super().answer_costs(workspace, request)
        kept[request.target] = (self.now(), answer.value)
        return answer


# Errors


@faulty(
    "errors",
    "blocker",
    "D: server_error is retried by the SDKs, six times in all; each picture is paid and lost",
)
class LargePngsTimeOutWhenPaid(Provider):
    """PNGs of 3K and 4K are finished and charged, and answered by the gateway's 504 in HTML."""

    async def answer_submission(self, request: Incoming, workspace: Workspace) -> Outgoing:
        """Lose the answer of a large PNG."""
        answer = await super().answer_submission(request, workspace)
        work = workspace.works[answer.value["id"]]
        large = work.size[0] * work.size[1] > LARGE_PIXELS
        if request.path == IMAGES and work.order.output_format == "png" and large:
            page = b"<html><head><title>504 Gateway Time-out</title></head></html>"
            return Outgoing(status=504, headers=[("Content-Type", "text/html")], body=page)
        return answer


class MistakesError(RefusedError):
    """An order has two mistakes."""

    def __init__(self, first: RefusedError, second: RefusedError) -> None:
        super().__init__(422, first.code, first.message, first.param)
        self.mistakes = (first, second)


@faulty(
    "errors",
    "major",
    "D: a value that is not supported is 400 in the envelope; 422 is for content, this has no code",
)
class TwoMistakesGetTheFrameworksAnswer(Provider):
    """An order with two wrong fields is answered by the framework: 422, a list in `detail`."""

    def read_order(self, body: dict[str, Any], kind: Kind) -> Order:
        """Look for a second mistake."""
        try:
            return super().read_order(body, kind)
        except RefusedError as error:
            second = self.find_second(body, kind, (error.param or "").partition("[")[0])
            if second is None:
                raise
            raise MistakesError(error, second) from None

    def find_second(self, body: dict[str, Any], kind: Kind, wrong: str) -> RefusedError | None:
        """Return the mistake that is left when a field is mended."""
        mended = {name: value for name, value in body.items() if name != wrong}
        if wrong == "prompt":
            mended[wrong] = "mended"
        if wrong == "model":
            mended[wrong] = next(each.id for each in self.offers if each.type == kind)
            mended = {name: value for name, value in mended.items() if name not in BY_MODEL}
        try:
            super().read_order(mended, kind)
        except RefusedError as error:
            return error
        return None

    def answer_error(self, error: RefusedError) -> Outgoing:
        """Answer two mistakes as the framework does."""
        if not isinstance(error, MistakesError):
            return super().answer_error(error)
        mistakes = [
            {"type": "value_error", "loc": ["body", each.param], "msg": each.message}
            for each in error.mistakes
        ]
        answer = answer_json({"detail": mistakes}, 422)
        answer.headers += list(error.headers.items())
        return answer


@faulty(
    "errors",
    "minor",
    "D: what is required and missing is parameter_missing; clients tell the two by the code",
)
class NestedFieldsAreNeverMissing(Provider):
    """An image without `url` or `role` is `invalid_parameter`, unlike one without `prompt`."""

    def read_references(self, body: dict[str, Any], kind: Kind) -> list[tuple[str, str]]:
        """Call what is missing invalid."""
        try:
            return super().read_references(body, kind)
        except RefusedError as error:
            error.code = "invalid_parameter"
            raise
