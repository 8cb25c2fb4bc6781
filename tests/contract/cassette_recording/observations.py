"""Recordings of a fake that plays the API, in process: no socket, and time that is moved."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from getimg_mock.contract.cassette_recording.cassette_recorder import (
    CassetteRecorder,
    ExchangeTimes,
)
from getimg_mock.contract.cassette_recording.observed_exchanges import ObservedExchanges
from getimg_mock.contract.plans import Plan
from getimg_mock.contract.steps import Send
from getimg_mock.contract.targets.execution import PreparedRequest
from getimg_mock.contract.targets.fake_targets import InProcessTarget
from getimg_mock.redaction import KnownKeys

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from getimg_mock.contract.targets.execution import ReceivedResponse
    from getimg_mock.contract.targets.fake_targets import InProcessSession

BASE = "https://api.getimg.ai"
IMAGE = {"model": "seedream-5-lite", "prompt": "A lighthouse", "aspect_ratio": "16:9"}
VIDEO = {"model": "seedance-v1-5-pro", "prompt": "Waves", "resolution": "480p", "duration": 4}


@dataclass(slots=True)
class Observation:
    """What is observed of one service; `change` alters each body on its way."""

    session: InProcessSession
    observed: ObservedExchanges
    recorder: CassetteRecorder
    change: Callable[[str, Any], Any] | None = None
    seconds: float = 0.0
    answers: list[Any] = field(default_factory=list)

    def send(self, method: str, target: str, body: Any = None) -> Any:
        """Send a request, record it, and return the JSON value of its response."""
        key = self.session.keys["a"]
        sent = PreparedRequest(
            method,
            target,
            (("authorization", f"Bearer {key}"), ("content-type", "application/json")),
            None if body is None else json.dumps(body).encode(),
        )
        started = self.session.now()
        received = self._change(target, self.session.exchange(sent, Send()))
        self.session.wait(self.seconds)
        self.observed.note(sent, received, started)
        times = ExchangeTimes(started, self.session.now())
        self.recorder.note(sent, received, times, KnownKeys({key: "a"}))
        return json.loads(received.body) if received.body[:1] in b"{[" else None

    def _change(self, target: str, received: ReceivedResponse) -> ReceivedResponse:
        if self.change is None or received.body[:1] not in b"{[":
            return received
        changed = self.change(target, json.loads(received.body))
        body = changed if isinstance(changed, bytes) else json.dumps(changed).encode()
        return replace(received, body=body)


def observe_session(
    folder: Path,
    settings: dict[str, Any] | None = None,
    change: Callable[[str, Any], Any] | None = None,
    *,
    base: str = BASE,
    seconds: float = 30.0,
) -> Observation:
    """Record what a usual client does: catalogue, a picture, a video, the balance."""
    target = InProcessTarget(settings={"video_seconds": 40, **(settings or {})})
    with target.open_session(Plan(name="service", steps=())) as session:
        observation = Observation(
            session, ObservedExchanges(base), CassetteRecorder(folder, base), change, seconds
        )
        observation.send("GET", "/v2/models")
        observation.send("GET", "/v2/billing/balance")
        observation.send("POST", "/v2/images/generations", IMAGE)
        made = observation.send("POST", "/v2/videos/generations", VIDEO)
        name = made.get("id") if isinstance(made, dict) else None
        for _ in range(3):
            observation.send("GET", f"/v2/videos/generations/{name or 'req-none'}")
        observation.send("POST", "/v2/images/generations", {**IMAGE, "resolution": "9K"})
        return observation
