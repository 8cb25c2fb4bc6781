"""Providers that add headers, methods and limits which the documentation leaves open."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final

from tests.contract.written_by_others.messages import Incoming, Outgoing, RefusedError
from tests.contract.written_by_others.provider import IMAGES, VIDEOS, Provider
from tests.contract.written_by_others.quotas import TOO_MANY, TOO_MANY_AT_ONCE
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Workspace
    from tests.contract.written_by_others.catalogue import Kind

BATCH: Final = 12
INDEX: Final = re.compile(r"\[(\d+)\]")
SMALL_PLAN: Final[dict[Kind, int]] = {"image": 30, "video": 15}
SMALL_AT_ONCE: Final = 4


@legal("RFC 9110 15.3.3 and 10.2.3: a 202 may point to its monitor and say when to look; D: body")
class AcceptedVideosSayWhereToLook(Provider):
    """The 202 of a video has `Location`, the path of its status, and `Retry-After: 5`."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Point to the status."""
        if request.path == VIDEOS and answer.status == 202:
            place = f"{VIDEOS}/{answer.value['id']}"
            answer.headers += [("Location", place), ("Retry-After", "5")]
        return answer


@legal("RFC 9110 9.3.7: OPTIONS tells what a resource can do; it is no operation that needs a key")
class OptionsAreAnswered(Provider):
    """`OPTIONS` of a known path is 200 without a body or a key; `Allow` names it, on 405 too."""

    def allowed_methods(self, path: str) -> tuple[str, ...]:
        """Add the method."""
        allowed = super().allowed_methods(path)
        return (*allowed, "OPTIONS") if allowed else ()

    async def route(self, request: Incoming) -> Outgoing:
        """Answer what is allowed."""
        allowed = self.allowed_methods(request.path)
        if allowed and request.method == "OPTIONS":
            return Outgoing(status=200, headers=[("Allow", ", ".join(allowed))])
        return await super().route(request)


@legal("RFC 9110 7.8: a server may send Upgrade to offer protocols; RFC 7838: so does Alt-Svc")
class NewerProtocolsAreOffered(Provider):
    """Every answer has `Upgrade: h2c` with `Connection: Upgrade`, and `Alt-Svc` names HTTP/3."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Offer HTTP/2 and HTTP/3."""
        answer.headers += [
            ("Upgrade", "h2c"),
            ("Connection", "Upgrade"),
            ("Alt-Svc", 'h3=":443"; ma=86400'),
        ]
        return answer


@legal("D says which answers have X-RateLimit headers, and not that the others have none")
class LimitsStandOnModelsAndBillingToo(Provider):
    """Models, balance and costs have the `X-RateLimit-*` of images; they take nothing from them."""

    async def operate(self, request: Incoming, workspace: Workspace) -> Outgoing:
        """Add the limits."""
        answer = await super().operate(request, workspace)
        if request.path != IMAGES and not request.path.startswith(VIDEOS):
            answer.headers += list(self.show_limits(workspace, "image").items())
        return answer


@legal("D: values vary by account; nothing says that a limit can be reached by a few requests")
class LimitsAreBeyondReach(Provider):
    """A million images and a million videos a minute, and ten thousand at the same time."""

    per_minute: ClassVar[dict[Kind, int]] = {"image": 1_000_000, "video": 1_000_000}
    at_once: ClassVar[int] = 10_000


@legal("D: limits are per workspace, and their values vary by account")
class SecondWorkspaceHasASmallerPlan(Provider):
    """The workspaces differ: the second has 30 images and 15 videos a minute, four at once."""

    def show_limits(self, workspace: Workspace, kind: Kind) -> dict[str, str]:
        """Show the limits of a plan."""
        shown = super().show_limits(workspace, kind)
        if workspace is not self.workspaces[0]:
            left = max(0, SMALL_PLAN[kind] - self.count_started(workspace, kind))
            shown["X-RateLimit-Limit"] = str(SMALL_PLAN[kind])
            shown["X-RateLimit-Remaining"] = str(left)
        return shown

    def check_limits(self, workspace: Workspace, kind: Kind) -> None:
        """Refuse what is over the limits of a plan."""
        super().check_limits(workspace, kind)
        if workspace is self.workspaces[0]:
            return
        if self.count_started(workspace, kind) >= SMALL_PLAN[kind]:
            headers = {"Retry-After": self.retry_after(workspace, kind) or "60"}
            raise RefusedError(429, "rate_limit", TOO_MANY, headers=headers)
        if self.count_running(workspace) >= SMALL_AT_ONCE:
            raise RefusedError(429, "rate_limit", TOO_MANY_AT_ONCE)


@legal("D: param is a string or null; how it names a field inside a list is not documented")
class ParamsInsideListsAreDotted(Provider):
    """`param` of a wrong reference is `images.0.url`, as validators write a place."""

    def answer_error(self, error: RefusedError) -> Outgoing:
        """Write the index after a point."""
        if error.param is not None:
            error.param = INDEX.sub(r".\1", error.param)
        return super().answer_error(error)
