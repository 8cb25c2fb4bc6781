"""Files of several orders are loaded at the same time: a service may make each when it is asked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Barrier
from typing import TYPE_CHECKING

from getimg_mock.contract.provider.corpus.file_steps import request_file
from getimg_mock.contract.steps import Send, Wait
from getimg_mock.contract.targets.execution import (
    PlanExecution,
    PreparedRequest,
    ReceivedResponse,
)
from getimg_mock.contract.targets.http_target import HttpSession, HttpTarget

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pytest

    from getimg_mock.contract.steps import Step

NAMES = [f"image {number}" for number in range(6)]
MADE = [Send(method="POST", path="/v2/images/generations", body=b"{}", name=name) for name in NAMES]


@dataclass
class Stub:
    """A provider that counts how many requests come at the same time."""

    batches: list[int] = field(default_factory=list)
    base: str = "https://stub.example"
    patience: float = 15.0
    poll_bound: float = 60.0
    keys: dict[str, str] = field(default_factory=lambda: {"a": "sk_stub"})
    made: int = 0

    def now(self) -> datetime:
        """Return one moment."""
        return datetime(2026, 9, 1, tzinfo=UTC)

    def wait(self, seconds: float) -> bool:
        """Wait for nothing."""
        del seconds
        return True

    def exchange(self, sent: PreparedRequest, step: Send) -> ReceivedResponse:
        """Answer with a link of its own."""
        del sent
        self.batches += [1] * step.link
        self.made += 1
        link = f"{self.base}/v2/downloads/req-{self.made}/0"
        return ReceivedResponse(200, (), json.dumps({"data": [{"url": link}]}).encode())

    def exchange_all(
        self, batch: Sequence[tuple[PreparedRequest, Send]]
    ) -> Iterator[ReceivedResponse]:
        """Count a batch."""
        self.batches.append(len(batch))
        return iter([ReceivedResponse(200, (), b"file")] * len(batch))

    def note_response(self, *_: object, spontaneous: bool) -> None:
        """Take nothing."""

    def note_unresolved(self, reason: str) -> None:
        """Fail: everything can be resolved here."""
        raise AssertionError(reason)

    def note_abandoned_poll(self) -> None:
        """Take nothing."""


def load(*steps: Step) -> list[int]:
    """Run steps after six orders; returns how many files were asked for at the same time."""
    stub = Stub()
    PlanExecution(stub, stub).run([*MADE, *steps])
    return stub.batches


def test_plain_downloads_go_out_four_at_a_time() -> None:
    """More could be taken for an attack, and one by one waits for each to be made."""
    assert load(*map(request_file, NAMES)) == [4, 2]
    assert load(*map(request_file, NAMES[:3]), Wait(seconds=1), request_file(NAMES[3])) == [3, 1]


def test_a_download_that_is_an_experiment_goes_alone() -> None:
    """The same file again, a part of it, an altered link: each is about what was before it."""
    first, second, third = NAMES[:3]
    assert load(request_file(first), request_file(first)) == [1, 1]
    assert load(request_file(first), request_file(second, use="before-expiry")) == [1, 1]
    assert load(request_file(first), request_file(second, alter="sig")) == [1, 1]
    ranged = request_file(second, headers=(("range", "bytes=0-9"),))
    assert load(request_file(first), ranged, request_file(third)) == [1, 1, 1]


def test_a_service_is_asked_for_all_before_it_has_answered_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each file has a connection, and what a single download gets: redirects, and one more try."""
    meeting = Barrier(3)

    def exchange(self: HttpSession, sent: PreparedRequest, step: Send) -> ReceivedResponse:
        del self, step
        meeting.wait(timeout=30)
        return ReceivedResponse(200, (), sent.target.encode())

    monkeypatch.setattr(HttpSession, "exchange", exchange)
    files = [PreparedRequest("GET", f"/v2/downloads/{name}/0", (), None) for name in "abc"]
    session = HttpSession(HttpTarget("http://127.0.0.1:9", {"a": "sk_one"}))
    found = session.exchange_all([(each, request_file("made")) for each in files])
    assert [each.body.decode()[-3] for each in found] == ["a", "b", "c"]
