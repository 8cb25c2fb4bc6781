"""Faults of HTTP, of keys and of the walls between workspaces."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    RefusedError,
    answer_json,
)
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Work, Workspace
    from tests.contract.written_by_others.catalogue import Kind

BATCH: Final = 6
LOCK_SECONDS: Final = 0.5
COSTS_SECONDS: Final = 5
SAME_SECONDS: Final = 60


@faulty("http", "blocker", "D: JSON out; an error that repeats a letter beyond ASCII is cut short")
class ErrorLengthInCharacters(Provider):
    """`Content-Length` counts characters: JSON with other letters than ASCII lacks its end."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Send as many bytes as there are characters."""
        answer = super().finish(request, answer)
        if answer.header("content-type") == "application/json":
            answer.body = answer.body[: len(answer.body.decode())]
        return answer


@faulty("http", "major", "D: JSON in; HTTP/1.1 lets a client send a body in chunks")
class ChunkedBodyIsEmpty(Provider):
    """A body without `Content-Length` is taken for an empty one, and refused as bad JSON."""

    def read_object(self, request: Incoming) -> dict[str, Any]:
        """Read as many bytes as the length says."""
        if request.header("content-length") is None:
            request = replace(request, body=b"")
        return super().read_object(request)


@faulty("http", "major", "D: JSON in; a media type may have parameters, and many clients send this")
class CharsetIsAnotherType(Provider):
    """`application/json; charset=utf-8` is refused with 415, as if it were another type."""

    def read_object(self, request: Incoming) -> dict[str, Any]:
        """Compare the whole header."""
        if (request.header("content-type") or "").lower() != "application/json":
            raise RefusedError(415, "invalid_parameter", "Send JSON as application/json.")
        return super().read_object(request)


@faulty("keys", "blocker", "D: a wrong or missing key is 401; it is accepted on a used connection")
class ConnectionRemembersItsKey(Provider):
    """A connection on which a key was good stays logged in: wrong and missing keys pass there."""

    def authenticate(self, request: Incoming) -> Workspace:
        """Return the workspace of the key, else that of the connection."""
        known: dict[int, Workspace] = self.notes.setdefault("lines", {})
        try:
            workspace = super().authenticate(request)
        except RefusedError:
            if request.connection not in known:
                raise
            workspace = known[request.connection]
        known[request.connection] = workspace
        return workspace


@faulty("keys", "major", "D: a missing or wrong key is 401 on every operation but downloads")
class HeadsPassTheGate(Provider):
    """`HEAD` is let through for the monitoring: it is 200 without a key, and with a wrong one."""

    def authenticate(self, request: Incoming) -> Workspace:
        """Ask a HEAD for no key."""
        try:
            return super().authenticate(request)
        except RefusedError:
            if request.method == "HEAD":
                return self.workspaces[0]
            raise


@faulty(
    "keys", "major", "D: 401 is for missing, malformed, revoked and wrong keys; this one is good"
)
class WrongKeyLocksOutTheGoodOne(Provider):
    """A wrong key blocks its address for half a second: good keys from there are 401 as well."""

    def authenticate(self, request: Incoming) -> Workspace:
        """Refuse while the address is blocked."""
        if self.now() < self.notes.get("blocked_until", 0.0):
            request = replace(request, headers=())
            return super().authenticate(request)
        try:
            return super().authenticate(request)
        except RefusedError:
            if self.read_token(request):
                self.notes["blocked_until"] = self.now() + LOCK_SECONDS
            raise


@faulty("isolation", "blocker", "Another workspace's costs are shown")
class CostsCachedForEveryone(Provider):
    """Costs are cached for five seconds by their dates, whoever asks for them."""

    def answer_costs(self, workspace: Workspace, request: Incoming) -> Outgoing:
        """Answer what anybody was answered."""
        answer = super().answer_costs(workspace, request)
        value = answer.value
        cache: dict[tuple[str, str], tuple[float, Any]] = self.notes.setdefault("costs", {})
        dates = (value["start"][:10], value["end"][:10])
        at, cached = cache.get(dates, (0.0, None))
        if self.now() - at <= COSTS_SECONDS:
            return answer_json({**cached, "start": value["start"], "end": value["end"]})
        cache[dates] = (self.now(), value)
        return answer


@faulty("isolation", "blocker", "Another workspace's video, with its link, is shown instead of 404")
class FinishedVideosArePublic(Provider):
    """Another workspace's video is 404 while it is pending, and is shown once it has completed."""

    def find_status(self, work_id: str, workspace: Workspace) -> Work:
        """Look for what has completed everywhere."""
        try:
            return super().find_status(work_id, workspace)
        except RefusedError:
            work = self.find_work(work_id)
            if work is None or work.order.kind != "video" or work.status != "completed":
                raise
            return work


@faulty("isolation", "blocker", "Another workspace's id and link are given, and paid for once more")
class SameOrderSamePicture(Provider):
    """An order that another workspace gave within a minute gets that one's picture and id."""

    async def submit(self, request: Incoming, workspace: Workspace, kind: Kind) -> Work:
        """Return the picture of an equal order."""
        work = await super().submit(request, workspace, kind)
        if kind == "video":
            return work
        others = [each for each in self.workspaces if each is not workspace]
        for other in (each for one in others for each in one.works.values()):
            if other.order == work.order and self.now() - other.created < SAME_SECONDS:
                return other
        return work
