"""GC204: a status of a later version, where a client waits and where it only hands back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients import acts
from getimg_mock.contract.clients.adversary import Rule
from getimg_mock.contract.clients.cases import VIDEO, Call, Case, image, video
from getimg_mock.contract.clients.checking import ClientCheck
from getimg_mock.contract.clients.checks.series import series
from getimg_mock.contract.verdicts import held

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.history import ClientHistory, Outcome
    from getimg_mock.contract.verdicts import Observation

_NAME: Final = "req-GREASE0000002"
_QUICK: Final[dict[str, Any]] = {"video_seconds": 4}


def cases() -> Iterator[Case]:
    """Yield the cases."""
    yield Case(
        name="unknown-status-poll", calls=(video(),), settings=_QUICK, limit=3600,
        rules=(Rule(on="videos.retrieve", nth=(1, 2), label="unknown status",
                    do=acts.changed(lambda v: {"id": v["id"], "status": "processing"})),),
    )  # fmt: skip
    yield Case(
        name="unknown-status-submit", calls=(video(),), settings=_QUICK, limit=3600,
        rules=(Rule(on="videos.create", label="unknown status",
                    do=acts.changed(acts.merged({"status": "queued"}))),),
    )  # fmt: skip
    for name, call, on, status in (
        ("image", image(), "images.generate", "processing"),
        ("accepted", Call(op="submit_video", args=VIDEO), "videos.create", "queued"),
        ("retrieved", Call(op="retrieve_video", args={"id": _NAME}), "videos.retrieve", "paused"),
    ):
        yield series(f"unknown-status-{name}", call, on, [{"id": _NAME, "status": status}])


def unknown_status_is_no_success(history: ClientHistory) -> Iterator[Observation]:
    """GC204: who waits goes on or raises; who hands an answer back leaves its status as it is.

    A call that waits says by its return that the job is done. One that hands back what came says
    nothing, as long as its caller can read the status that the server gave.
    """
    for outcome in history.calls():
        sent = history.during(outcome)[-1:]
        status = sent[0].object.get("status") if sent else None
        if outcome.op == "generate_video":
            waits = outcome.kind == "abandoned" and not history.virtual
            yield held(_status(outcome) == "completed" or outcome.clear or waits,
                       "to wait on, or a clear error", outcome.shown, *sent)  # fmt: skip
        else:
            as_it_came = status is not None and _status(outcome) == status
            yield held(as_it_came or outcome.clear,
                       f"the status {status!r} as it came, or a clear error",
                       outcome.shown, *sent)  # fmt: skip


def _status(outcome: Outcome) -> Any:
    """Return the status in what a call returned; None when it returned none."""
    if outcome.kind != "value" or not isinstance(outcome.value, dict):
        return None
    return outcome.value.get("status")


CHECK: Final = ClientCheck(
    id="GC204", severity="blocker", evidence="seed", cost="0",
    statement="An unknown status is neither success nor the end",
    why="A paid job whose result is never collected is lost.",
    fix="Wait for completed or failed, or raise; hand an answer back with its status as it came.",
    judge=unknown_status_is_no_success, cases=("unknown-status-*",),
)  # fmt: skip
