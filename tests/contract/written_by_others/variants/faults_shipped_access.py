"""Faults of keys, and of what keeps one account from another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.contract.written_by_others.accounts import WRONG_KEY
from tests.contract.written_by_others.messages import Incoming, Outgoing, RefusedError
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Work, Workspace
    from tests.contract.written_by_others.catalogue import Kind

BATCH: Final = 5
PREFIX: Final = 10
MOST_WRONG: Final = 5
LOCKED_SECONDS: Final = 10
MEMO_SECONDS: Final = 20
SHORTEST_ECHO: Final = 12

# Keys


@faulty("keys", "blocker", "A wrong key is 401 (D), however it begins.")
class KeyCacheGoesByThePrefix(Provider):
    """Once a key was used, every key that begins with the same ten characters is as good."""

    def find_workspace(self, token: str) -> Workspace | None:
        """Return the workspace of a key, or the one that is cached for its prefix."""
        found = super().find_workspace(token)
        cache: dict[str, Workspace] = self.notes.setdefault("prefixes", {})
        if found is not None:
            cache[token[:PREFIX]] = found
        return cache.get(token[:PREFIX])


@faulty("keys", "blocker", "401 is for wrong keys (D), not for a right one from the same address.")
class WrongKeysLockOutRightOnes(Provider):
    """After five wrong keys in 10 s, right keys are answered 401 for a while, too."""

    def authenticate(self, request: Incoming) -> Workspace:
        """Return the workspace of a request, unless its address is locked out."""
        begin = self.now() - LOCKED_SECONDS
        wrong = [at for at in self.notes.get("wrong", []) if at > begin]
        self.notes["wrong"] = wrong
        if len(wrong) >= MOST_WRONG:
            raise RefusedError(401, "invalid_api_key", WRONG_KEY)
        try:
            return super().authenticate(request)
        except RefusedError:
            wrong.append(self.now())
            raise


@faulty("keys", "minor", "The text of the 401 is literal (D), and repeats nothing of a secret.")
class WrongKeyIsRepeated(Provider):
    """The message of a 401 repeats the first and the last characters of the key."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer as it is sent."""
        answer = super().finish(request, answer)
        token = self.read_token(request) or ""
        if answer.status == 401 and len(token) >= SHORTEST_ECHO:
            error = answer.value["error"]
            told = f"provided: {token[:7]}***{token[-4:]}."
            error["message"] = error["message"].replace("provided.", told)
            answer.set_value({"error": error})
        return answer


# Isolation


@faulty("isolation", "blocker", "Costs are of the workspace (D): nobody is shown another's.")
class CostsAreRememberedByRange(Provider):
    """Costs are kept for 20 s by their range alone: the same range by another key has them."""

    def answer_costs(self, workspace: Workspace, request: Incoming) -> Outgoing:
        """Answer the costs of a range, again if they were asked for a moment ago."""
        name = f"costs {request.query_text}"
        at, known = self.notes.get(name, (0.0, None))
        if known is None or self.now() > at + MEMO_SECONDS:
            known = super().answer_costs(workspace, request)
            self.notes[name] = (self.now(), known)
        return Outgoing(status=known.status, headers=list(known.headers), body=known.body)


@faulty("isolation", "blocker", "Another workspace's id is 404 (D): nobody is shown its work.")
class SeenStatusIsPublic(Provider):
    """Once its owner has seen the end of a video, its status and link are shown to any key."""

    def find_status(self, work_id: str, workspace: Workspace) -> Work:
        """Return the video of an id, from a cache that asks for no owner."""
        known: dict[str, Work] = self.notes.setdefault("ended", {})
        if work_id in known:
            return known[work_id]
        work = super().find_status(work_id, workspace)
        if work.status != "pending":
            known[work_id] = work
        return work


@faulty("isolation", "major", "The limits are per workspace (D).")
class ImagesAreLimitedByAddress(Provider):
    """Images are counted by the address of the client, so two accounts behind one share them."""

    def count_started(self, workspace: Workspace, kind: Kind) -> int:
        """Return how many generations this address began in the running window."""
        count = super().count_started
        shared = self.workspaces if kind == "image" else [workspace]
        return sum(count(each, kind) for each in shared)
