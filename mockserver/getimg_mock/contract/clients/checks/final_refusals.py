"""GC410: what was refused for good is not tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import Case, image, models, video
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.wire_script import build_error
from getimg_mock.contract.clients.checks.own_requests import find_own_requests
from getimg_mock.contract.clients.checks.retries import LIMIT, READS
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

# The words of a limit, and "try again", must not pass for a limit that ends by itself.
_REFUSALS: Final = (
    (400, "invalid_parameter", "The prompt exceeds the limit of 4096 characters."),
    (401, "invalid_api_key", "Incorrect API key provided. Please try again with another one."),
    (402, "quota_exceeded", "Your balance is at its limit. Top up, and try again later."),
    (403, "forbidden", "Too many projects: this key may not use this one."),
    (404, "not_found", "Not found, or temporarily unavailable."),
    (405, "refused", "Refused."),
    (413, "too_large", "The request exceeds the limit of 25 MiB."),
    (415, "refused", "Refused."),
    (422, "content_policy_violation", "The prompt failed our safety checks. Please try again."),
    (431, "refused", "Too many header fields."),
)
_FINAL_STATUSES: Final = frozenset(status for status, *_ in _REFUSALS)
_TOLD_TO_WAIT: Final = frozenset({401, 402, 422})
"""Refusals that say when to come back, as gateways add it to any: it does not make them passing."""
_PATIENCE: Final = 4.0
"""Who does not end within it waits for another try, and all calls have to fit into one case."""
_REFERENCE: Final = [{"url": "https://example.com/tree.png", "role": "reference_image"}]
_FRAME: Final = [{"url": "https://example.com/tree.png", "role": "first_frame"}]
"""What might be left out to have the rest of an order made, which is another picture."""
_FURTHER_READS: Final = READS[2:]
"""Reads of which one is refused as well: clients may look at their balance before they order."""


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases."""
    yield _build_refused_poll_case(401, "invalid_api_key")
    yield _build_refused_poll_case(403, "forbidden")
    for place, (status, code, message) in enumerate(_REFUSALS):
        told = (("Retry-After", "1"),) if status in _TOLD_TO_WAIT else ()
        refusal = fault_actions.answer_instead(build_error(status, code, message, *told))
        read, call = _FURTHER_READS[place % len(_FURTHER_READS)]
        yield Case(
            name=f"refusal-{status}",
            calls=(image(images=_REFERENCE), models(), video(images=_FRAME), call),
            limit=LIMIT,
            options={"max_retries": 2},
            patience=_PATIENCE,
            rules=tuple(
                FaultRule(on=on, do=refusal, label=f"{status}")
                for on in ("images.generate", "models.list", "videos.create", read)
            ),
        )


def _build_refused_poll_case(status: int, code: str) -> Case:
    """Return the case in which a key is no longer taken, say, while a video is waited for."""
    refusal = fault_actions.answer_instead(build_error(status, code, "Refused from now on."))
    return Case(
        name=f"refusal-of-polls-{status}",
        calls=(video(),),
        limit=LIMIT,
        settings={"video_seconds": 42},
        options={"poll_interval": 1, "wait_timeout": 20},
        rules=(
            FaultRule(
                on="videos.retrieve", do=refusal, label=f"{status}", nth=tuple(range(2, 100))
            ),
        ),
    )


@client_check(
    "GC410",
    "400 to 405, 413, 415, 422 and 431 are never tried again",
    severity="major",
    evidence="documented",
    why="The documentation calls those that it lists not retryable, and none of them passes.",
    fix="Decide by the status: retry 429 and 5xx only, and only where it is safe.",
    cases=(
        "refusal-*",
        "free-errors",
        "bad-key",
        "errors",
        "errors-of-reads",
        "bodies-4xx",
        "bodies-of-orders",
        "unlisted-error",
        "observed-refusals",
    ),
    observable=True,
)
def refusals_are_final(history: ClientHistory) -> Iterator[Observation]:
    """Demands that a request that was refused for good is sent once.

    Fails on a second request after 400 to 405, 413, 415, 422 or 431 within the same call, with and
    without Retry-After, whatever code and message say, and on a further poll once polls get 401 or
    403. Fails as well when the call does not end after such an answer.
    """
    if history.case.startswith("refusal-of-polls"):
        refused = [each for each in history.poll_requests if each.status in {401, 403}]
        more = refused[1:]
        yield expect(not more, "no further poll after that", f"{len(more)} more", *refused[:3])
        return
    for outcome in history.calls():
        sent = find_own_requests(history, outcome)
        if sent and sent[0].status in _FINAL_STATUSES:
            yield expect(
                len(sent) == 1,
                f"no second request after {sent[0].status}",
                f"{len(sent)} requests",
                *sent[:4],
            )
            yield expect(
                outcome.kind != "abandoned",
                f"an error at once after {sent[0].status}",
                outcome.shown,
                *sent[:1],
            )
