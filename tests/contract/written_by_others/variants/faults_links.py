"""Faults of links: how long they hold, what they open, and who signs what."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, ClassVar

from tests.contract.written_by_others.accounts import show_time
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.contract.written_by_others.accounts import Work
    from tests.contract.written_by_others.messages import Incoming, Outgoing


@faulty("links", "major", "Section 5: the link expires at deletes_at.")
class TenSecondsTooLong(Provider):
    """A link holds ten seconds longer than deletes_at says."""

    retention: ClassVar[int] = 25

    def is_expired(self, work: Work, exp: str) -> bool:
        return self.now() >= work.expires + 10


@faulty("links", "major", "Section 5: the file is there until deletes_at.")
class TenSecondsTooShort(Provider):
    """A link is refused ten seconds before deletes_at."""

    retention: ClassVar[int] = 25

    def is_expired(self, work: Work, exp: str) -> bool:
        return self.now() >= work.expires - 10


@faulty("links", "blocker", "Section 5: the link is signed, its expiry included.")
class ExpiryIsNotSigned(Provider):
    """`exp` is not signed and decides alone: a larger one makes the link live longer."""

    retention: ClassVar[int] = 25

    def sign(self, work_id: str, index: str, exp: str) -> str:
        return super().sign(work_id, index, "")

    def is_expired(self, work: Work, exp: str) -> bool:
        return not exp.isdigit() or self.now() >= int(exp)


@faulty("links", "blocker", "Section 5: a tampered link is refused.")
class HalfOfTheSignature(Provider):
    """Only the first 16 characters of the signature are compared."""

    def same_signature(self, given: str, expected: str) -> bool:
        return given[:16] == expected[:16]


@faulty("links", "blocker", "Section 5: a tampered link is refused.")
class ShortSignaturesMatch(Provider):
    """A signature that begins the right one is taken, the empty one included."""

    def same_signature(self, given: str, expected: str) -> bool:
        return expected.startswith(given)


@faulty("links", "blocker", "Section 5: a signature belongs to one file.")
class SignsTheExpiryAlone(Provider):
    """Only `exp` is signed: the signature of one file opens another with the same expiry."""

    def sign(self, work_id: str, index: str, exp: str) -> str:
        return super().sign("", "", exp)

    def is_expired(self, work: Work, exp: str) -> bool:
        return not exp.isdigit() or self.now() >= int(exp)


@faulty("links", "major", "Section 5: the link is on the same host.")
class InternalHost(Provider):
    """Links of every third generation begin with a host of the cluster."""

    def make_link(self, work: Work, origin: str) -> str:
        inside = "http://media-gateway.prod.svc.cluster.local:8080"
        return super().make_link(work, inside if work.number % 3 == 0 else origin)


@faulty("links", "major", "Section 5: no Authorization is needed.")
class VideosNeedTheKey(Provider):
    """The file of a video is 401 without the key."""

    async def answer_download(self, request: Incoming) -> Outgoing:
        work = self.find_work(request.path.split("/")[3])
        if work is not None and work.order.kind == "video":
            self.authenticate(request)
        return await super().answer_download(request)


@faulty("links", "major", "Section 5: the link holds until deletes_at.")
class OnlyTheNewestLink(Provider):
    """Each poll signs anew, and the links of earlier polls are refused."""

    def sign(self, work_id: str, index: str, exp: str) -> str:
        work = self.find_work(work_id)
        turn = work.polls if work is not None else 0
        return super().sign(f"{work_id}#{turn}", index, exp)


@faulty("links", "major", "Section 5: the file is there until deletes_at.")
class OnceOnly(Provider):
    """A link opens twice; the third download is 410."""

    def is_expired(self, work: Work, exp: str) -> bool:
        work.notes["opened"] = work.notes.get("opened", 0) + 1
        return bool(work.notes["opened"] > 2)


@faulty("links", "minor", "Section 5: exp equals deletes_at, in UTC.")
class DeletionInAnotherZone(Provider):
    """deletes_at is written in Central European time, with a Z."""

    def show_deletion(self, work: Work) -> str:
        return show_time(work.expires + 3600)


@faulty("links", "minor", "Section 5: an item that does not exist is not answered.")
class AnyItem(Provider):
    """The number of the item is ignored: `/7` with the signature of `/0` answers the file."""

    def open_link(self, work_id: str, index: str, query: Mapping[str, str]) -> Work:
        return super().open_link(work_id, "0" if index.isdigit() else index, query)


@faulty("links", "major", "Section 5: a link can be used as it is given.")
class EscapedAmpersand(Provider):
    """The link of a video is escaped for HTML: `&amp;` for `&`."""

    def make_link(self, work: Work, origin: str) -> str:
        link = super().make_link(work, origin)
        return link.replace("&", "&amp;") if work.order.kind == "video" else link


@faulty("links", "blocker", "Section 5: the file is there until deletes_at.")
class OneServerOfThree(Provider):
    """One of three servers does not have the file: every third download is 404."""

    turns = itertools.count(1)

    def find_work(self, work_id: str) -> Work | None:
        return None if next(self.turns) % 3 == 0 else super().find_work(work_id)
