"""Faults of keys: near misses that open, and places that need none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.contract.written_by_others.messages import Incoming, Outgoing, RefusedError
from tests.contract.written_by_others.provider import VIDEOS, Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Workspace

EXACT = "Section 8: a wrong key is 401."


@faulty("keys", "blocker", EXACT)
class KeysInAnyCase(Provider):
    """A key is taken with its letters in another case, as a table with such a collation does."""

    def matches(self, token: str, key: str) -> bool:
        return token.lower() == key.lower()


@faulty("keys", "blocker", EXACT)
class TwelveCharactersAreEnough(Provider):
    """Only the first 12 characters of a key are compared."""

    def matches(self, token: str, key: str) -> bool:
        return token[:12] == key[:12]


@faulty("keys", "blocker", EXACT)
class LongerKeysMatch(Provider):
    """A key with anything after it is taken."""

    def matches(self, token: str, key: str) -> bool:
        return token.startswith(key)


@faulty("keys", "blocker", EXACT)
class KeysWithoutPrefix(Provider):
    """A key without its sk_ is taken."""

    def matches(self, token: str, key: str) -> bool:
        return token.removeprefix("sk_") == key.removeprefix("sk_")


@faulty("keys", "major", "Section 1: Authorization: Bearer <key>.")
class AnyScheme(Provider):
    """The last word of Authorization is the key, whatever the scheme is."""

    def read_token(self, request: Incoming) -> str | None:
        return (request.header("authorization") or "").rpartition(" ")[2] or None


@faulty("keys", "major", "Section 6: the list of models needs a key.")
class ModelsAreOpen(Provider):
    """Models are listed with a wrong key, and refused without any."""

    async def route(self, request: Incoming) -> Outgoing:
        if request.path == "/v2/models" and request.method == "GET" and self.read_token(request):
            return self.answer_models(request)
        return await super().route(request)


@faulty("keys", "blocker", EXACT)
class StatusNeedsNoRealKey(Provider):
    """The status of a video is answered to any key, known or not."""

    def authenticate(self, request: Incoming) -> Workspace:
        try:
            return super().authenticate(request)
        except RefusedError:
            work = self.find_work(request.path.rpartition("/")[2])
            if work is None or not request.path.startswith(VIDEOS):
                raise
            return work.workspace


@faulty("keys", "blocker", EXACT)
class OncePerConnection(Provider):
    """A connection on which a good key was seen takes any key afterwards."""

    def authenticate(self, request: Incoming) -> Workspace:
        seen: dict[int, Workspace] = self.notes.setdefault("connections", {})
        try:
            seen[request.connection] = super().authenticate(request)
        except RefusedError:
            if request.connection not in seen:
                raise
        return seen[request.connection]


@faulty("keys", "blocker", EXACT)
class FirstOfSeveralWins(Provider):
    """With two Authorization headers, one good key among them is enough."""

    def read_token(self, request: Incoming) -> str | None:
        tokens = [each.partition(" ")[2] for each in request.values("authorization")]
        known = [each for each in tokens if each and self.find_workspace(each)]
        return known[0] if known else super().read_token(request)


@faulty("keys", "major", "Common sense: a key in an URL gets into logs; section 1 has the header.")
class KeyInTheQuery(Provider):
    """Without Authorization, `?api_key=` is taken."""

    def read_token(self, request: Incoming) -> str | None:
        return super().read_token(request) or request.query.get("api_key")


@faulty("keys", "major", EXACT)
class OddKeysAre500(Provider):
    """A key with letters that are not ASCII is 500."""

    def authenticate(self, request: Incoming) -> Workspace:
        (self.read_token(request) or "").encode("ascii")
        return super().authenticate(request)


@faulty("keys", "blocker", "Common sense: a refused request costs nothing.")
class RefusedAndPaid(Provider):
    """A wrong key that begins like a good one is 401, and the balance pays for an image."""

    def find_workspace(self, token: str) -> Workspace | None:
        found = super().find_workspace(token)
        if found is None and token[:4] == self.workspaces[0].keys[0][:4]:
            self.workspaces[0].deposit -= self.offers[0].find_price("2K", sound=False)
        return found
