"""Faults of HTTP, keys and isolation, as they reach production."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tests.contract.written_by_others.accounts import WRONG_KEY, Work, Workspace, digest
from tests.contract.written_by_others.messages import Incoming, Outgoing, RefusedError
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.catalogue import Kind

# HTTP


BATCH: Final = 3


@faulty("http", "major", "D: a request is answered; here a POST may be done, charged and not told.")
class TwelfthAnswerLost(Provider):
    """A connection ends at its 12th request: the request is carried out, and nothing is sent."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        answer = super().finish(request, answer)
        name = f"served {request.connection}"
        self.notes[name] = self.notes.get(name, 0) + 1
        answer.close = answer.close or self.notes[name] >= 12
        return answer

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        if self.notes.get(f"served {request.connection}", 0) >= 12:
            return b"", b""
        return super().frame(request, head, body)


@faulty("http", "minor", "D: JSON out, which is UTF-8.")
class ErrorsInLatin1(Provider):
    """An error that repeats signs such as `ö` is written in Latin-1, and is no JSON."""

    def answer_error(self, error: RefusedError) -> Outgoing:
        answer = super().answer_error(error)
        answer.body = answer.body.decode().encode("latin-1", "replace")
        return answer


@faulty("http", "major", "A 206 to `bytes=N-` runs to the file's end: resumed files lack a byte.")
class OpenRangeLacksLastByte(Provider):
    """A range without an end stops a byte before the end of the file."""

    def read_range(self, first: str, last: str, total: int) -> tuple[int, int]:
        begin, end = super().read_range(first, last, total)
        open_end = bool(first) and not last and begin < end
        return (begin, end - 1) if open_end else (begin, end)


# Keys


@faulty("keys", "blocker", "D: a wrong key is 401 invalid_api_key.")
class KeyByCollation(Provider):
    """Keys are looked up in a column that ignores case: a key in other case is let in."""

    def matches(self, token: str, key: str) -> bool:
        return super().matches(token.casefold(), key.casefold())


@faulty("keys", "blocker", "D: a missing key is 401 invalid_api_key, on any connection.")
class KeyOfTheConnection(Provider):
    """The gateway remembers who a connection is: after one good request, no key is asked for."""

    def authenticate(self, request: Incoming) -> Workspace:
        name = f"owner {request.connection}"
        if not request.values("authorization") and name in self.notes:
            owner: Workspace = self.notes[name]
            self.settle(owner)
            return owner
        self.notes[name] = super().authenticate(request)
        found: Workspace = self.notes[name]
        return found


@faulty("keys", "major", "D: the text of a 401; no key belongs into messages that are logged.")
class KeyRepeatedIn401(Provider):
    """The message of a 401 repeats the key in full."""

    def authenticate(self, request: Incoming) -> Workspace:
        try:
            return super().authenticate(request)
        except RefusedError as error:
            token = self.read_token(request)
            if token:
                named = f"Incorrect API key provided: {token}."
                error.message = re.sub(r"^Incorrect API key provided\.?", named, WRONG_KEY)
            raise


# Isolation


@faulty("isolation", "blocker", "D/I: another workspace's id is 404; its pictures are nobody's.")
class FinishedVideosShared(Provider):
    """Finished videos are cached by id alone: any key gets their status, and so their links."""

    def find_status(self, work_id: str, workspace: Workspace) -> Work:
        work = self.find_work(work_id)
        if work is not None and work.status == "completed" and work.order.kind == "video":
            return work
        return super().find_status(work_id, workspace)


@faulty("isolation", "blocker", "Another workspace's file; D: an id is unique, each order is done.")
class SameBodySamePicture(Provider):
    """Pictures are cached for a minute by the body: the same order gets another's generation."""

    async def submit(self, request: Incoming, workspace: Workspace, kind: Kind) -> Work:
        name = digest(kind, request.body.decode("utf-8", "replace"))
        found: Work | None = self.notes.get(name)
        if found is not None and self.now() - found.created < 60:
            return found
        work = await super().submit(request, workspace, kind)
        if kind == "image":
            self.notes[name] = work
        return work


@faulty("isolation", "major", "D: the limits are per workspace, not per address.")
class LimitsByAddress(Provider):
    """Requests are counted by address: another workspace on this machine uses up the same limit."""

    def count_started(self, workspace: Workspace, kind: Kind) -> int:
        return sum(super(LimitsByAddress, self).count_started(w, kind) for w in self.workspaces)
