"""Providers that are right in other ways: projects, caches, polls, links, windows and orders."""

from __future__ import annotations

import asyncio
import re
from contextvars import ContextVar
from email.utils import formatdate
from typing import TYPE_CHECKING, Final

from tests.contract.written_by_others.accounts import Charge, Work, Workspace, digest
from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    RefusedError,
    refuse_unknown,
    refuse_value,
)
from tests.contract.written_by_others.provider import VIDEOS, Provider
from tests.contract.written_by_others.quotas import WINDOW
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.contract.written_by_others.catalogue import Kind, Offer

BATCH: Final = 14
KEY: Final[ContextVar[str]] = ContextVar("KEY", default="")
HIDDEN_MODEL: Final = "z-image-turbo"
PATIENCE: Final = 1.0
TICK: Final = 0.05
METHODS: Final = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
)


@legal("D: workspace > developer project (model list, costs) > key; the balance is the workspace's")
class CostsAreThoseOfTheProject(Provider):
    """The two keys of a workspace are of two projects: costs list what the project ordered."""

    def authenticate(self, request: Incoming) -> Workspace:
        """Remember the key."""
        KEY.set(self.read_token(request) or "")
        return super().authenticate(request)

    def on_submission(self, work: Work) -> None:
        """Note whose generation it is."""
        work.notes["key"] = KEY.get()

    def list_charges(self, workspace: Workspace) -> list[Charge]:
        """Return the charges of the project."""
        mine = {each.id for each in workspace.works.values() if each.notes["key"] == KEY.get()}
        return [charge for charge in workspace.charges if charge.work in mine]


@legal("D: the model list is the developer project's; another project may have another one")
class SecondProjectHasFewerModels(Provider):
    """The second key of a workspace is of a project that may not use `z-image-turbo`."""

    def authenticate(self, request: Incoming) -> Workspace:
        """Remember the key."""
        workspace = super().authenticate(request)
        KEY.set(self.read_token(request) or "")
        return workspace

    def hides(self, name: str) -> bool:
        """Return whether the project lacks a model."""
        seconds = {key for workspace in self.workspaces for key in workspace.keys[1:]}
        return name == HIDDEN_MODEL and KEY.get() in seconds

    def answer_models(self, request: Incoming) -> Outgoing:
        """List what the project has."""
        answer = super().answer_models(request)
        answer.set_value([each for each in answer.value if not self.hides(each["id"])])
        return answer

    def look_up_offer(self, name: str) -> Offer:
        """Show what the project has."""
        if self.hides(name):
            raise refuse_unknown(f"The model '{name}' does not exist.")
        return super().look_up_offer(name)

    def find_offer(self, name: str, kind: Kind) -> Offer:
        """Take orders for what the project has."""
        if self.hides(name):
            raise refuse_value(f"Unsupported model '{name}'.", "model")
        return super().find_offer(name, kind)


@legal("D: polling is a read; how long an answer takes is not documented, and a second is little")
class StatusWaitsForTheEnd(Provider):
    """The status of a pending video is a long poll: it is answered at the end, or after 1 s."""

    async def operate(self, request: Incoming, workspace: Workspace) -> Outgoing:
        """Wait a little for the end."""
        work = workspace.works.get(request.path.removeprefix(f"{VIDEOS}/"))
        until = self.now() + PATIENCE
        while work is not None and work.status == "pending" and self.now() < until:
            await asyncio.sleep(TICK)
            self.settle(workspace)
        return await super().operate(request, workspace)


@legal("RFC 9111 4 and 5.1: Date is that of the stored answer, Age the seconds since then")
class FilesComeFromACacheWithTheirAge(Provider):
    """A link opened again is a hit of a cache: `Age` grows, and `Date` stays the first one."""

    def find_stored(self, request: Incoming) -> float:
        """Return when a file was first answered."""
        stored: dict[str, float] = self.notes.setdefault("stored", {})
        return stored.setdefault(request.target, self.now())

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Say how old the answer is."""
        if request.path.startswith("/v2/downloads/") and answer.status in {200, 206, 304}:
            age = int(self.now()) - int(self.find_stored(request))
            answer.set_header("Cache-Control", "public, max-age=3600")
            answer.headers += [("Age", str(age)), ("X-Cache", "HIT" if age else "MISS")]
            answer.headers.append(("Via", "1.1 varnish"))
        return answer

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Date the answer as the origin did."""
        if b"\r\nAge: " in head:
            first = formatdate(int(self.find_stored(request)), usegmt=True).encode()
            head = re.sub(rb"\r\nDate: [^\r]*", b"\r\nDate: " + first, head, count=1)
        return head, body


@legal("D: a link has exp and sig; their order has no meaning, and clients take the url as it is")
class LinksNameTheSignatureFirst(Provider):
    """Links are `.../0?sig=...&exp=...`: the two names of the query have changed places."""

    def make_link(self, work: Work, origin: str) -> str:
        """Turn the query round."""
        address, _, query = super().make_link(work, origin).partition("?")
        return f"{address}?{'&'.join(reversed(query.split('&')))}"


@legal("X: what the answer's start and end hold is not documented; buckets are whole UTC dates")
class CostsNameTheDatesTheyCover(Provider):
    """`start` and `end` of costs are the first and the last millisecond of the dates listed."""

    def answer_costs(self, workspace: Workspace, request: Incoming) -> Outgoing:
        """Widen the range to whole dates."""
        answer = super().answer_costs(workspace, request)
        value = answer.value
        for name, moment in (("start", "00:00:00.000Z"), ("end", "23:59:59.999Z")):
            value[name] = f"{value[name].partition('T')[0]}T{moment}"
        answer.set_value(value)
        return answer


@legal("D: the window is 60 s; X: where it begins. Remaining, Reset and Retry-After agree on it")
class WindowsAreStaggeredByWorkspace(Provider):
    """Fixed windows of 60 s begin at a second that differs by workspace, to spread the load."""

    def begin_of(self, workspace: Workspace) -> float:
        """Return when the running window of a workspace began."""
        offset = int(digest(workspace.name)[:4], 16) % WINDOW
        return (self.now() - offset) // WINDOW * WINDOW + offset

    def reset_at(self, workspace: Workspace, kind: Kind) -> int:
        """Return the second at which it ends."""
        del kind
        return int(self.begin_of(workspace) + WINDOW)

    def count_started(self, workspace: Workspace, kind: Kind) -> int:
        """Return the orders since its begin."""
        begin = self.begin_of(workspace)
        return sum(1 for at in workspace.started[kind] if at >= begin)


@legal("RFC 9110 5.1: unknown fields are ignored; SDKs generated by Stainless obey these two (D)")
class ErrorsSayWhetherToTryAgain(Provider):
    """Errors have `x-should-retry`, and `retry-after-ms` beside each `Retry-After`."""

    def answer_error(self, error: RefusedError) -> Outgoing:
        """Add the advice."""
        answer = super().answer_error(error)
        again = error.status in {429, 500}
        answer.headers.append(("x-should-retry", "true" if again else "false"))
        if wait := answer.header("retry-after"):
            answer.headers.append(("retry-after-ms", f"{wait}000"))
        return answer


@legal("RFC 9110 9.1: a method that the server does not recognise SHOULD be answered with 501")
class UnheardOfMethodsAreNotImplemented(Provider):
    """A method such as `BREW` or `get` is 501 in the envelope; known ones are 405 as ever."""

    async def route(self, request: Incoming) -> Outgoing:
        """Look at the method first."""
        if request.method not in METHODS:
            message = f"Method {request.method} is not implemented."
            raise RefusedError(501, "not_implemented", message)
        return await super().route(request)


@legal("X: the status of a bad link is open, and 400 parameter_missing is documented for its cause")
class LinksWithoutASignatureLackAParameter(Provider):
    """A link without `exp` or `sig` is 400 `parameter_missing`; a wrong one is 403 as ever."""

    def open_link(self, work_id: str, index: str, query: Mapping[str, str]) -> Work:
        """Ask for both."""
        for name in ("exp", "sig"):
            if not query.get(name):
                message = f"Missing required parameter: '{name}'."
                raise RefusedError(400, "parameter_missing", message, name)
        return super().open_link(work_id, index, query)
