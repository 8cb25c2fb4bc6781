"""GC302: what a client says of a video that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases.case_rules import HOUR, Case, video
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.checks.message_variants import FAILED, answer_failed
from getimg_mock.contract.clients.checks.own_requests import find_answer
from getimg_mock.contract.clients.checks.wait_endings import fail_videos
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.clients.cases.wire_script import WireAnswer
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultContext
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

_FAILURE: Final = FAILED["error"]["message"]
_ODD_FAILURE: Final = f"{{provider}} at 100%: {_FAILURE} %s %(code)s \u706f"
_ODD_FAILURES: Final = (
    ("server_error", _ODD_FAILURE),
    ("content_policy_violation", "The picture of the first frame {does} not pass: 100%."),
)


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases."""
    yield Case(name="failed-video", calls=(video(),), scenario=(fail_videos(1),), limit=HOUR)
    odd = FaultRule(on="videos.retrieve", label="an odd message", do=_fail_oddly)
    yield Case(
        name="failed-video-odd",
        calls=(video(), video()),
        rules=(odd,),
        options={"poll_interval": 1},
        limit=HOUR,
        logs=True,
    )


def _fail_oddly(turn: FaultContext) -> WireAnswer:
    """Answer that the video has failed, with a message that formats take for one of theirs.

    That of the second video is another one.
    """
    code, message = _ODD_FAILURES[min(turn.adversary.call, 1)]
    return answer_failed(turn, error={"message": message, "code": code})


@client_check(
    "GC302",
    "A failed generation is an error with its message, never a result",
    severity="major",
    evidence="documented",
    why="A failed job comes with HTTP 200; only status and error show the failure.",
    fix="Check the status before reading data.",
    cases=("failed-video*",),
)
def failures_are_no_results(history: ClientHistory) -> Iterator[Observation]:
    """Demands that a wait for a video that fails raises a clear error with the failure's message.

    Fails when the call returns the failed generation, or when the message is missing.
    """
    odd = history.case.endswith("odd")
    for place, outcome in enumerate(history.calls("generate_video")):
        sent = find_answer(history, outcome)
        message = _ODD_FAILURES[place][1] if odd else _FAILURE
        yield expect(
            outcome.clear and message in outcome.text,
            f"an error with the failure's message, {message!r}",
            outcome.shown,
            *sent,
        )
