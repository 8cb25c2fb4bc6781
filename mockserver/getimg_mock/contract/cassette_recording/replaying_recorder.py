"""Replays what a cassette holds, and forwards to the API what it does not hold."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.api.access_log import log_nothing
from getimg_mock.api.endpoints import BodyTooLargeError, read_body
from getimg_mock.api.messages import Call
from getimg_mock.api.raw_connection import ClientGoneError
from getimg_mock.application import Application
from getimg_mock.contract.cassette_recording.recording_application import RecordingApplication
from getimg_mock.contract.cassette_recording.recording_run import RecordingOptions, open_forwarder
from getimg_mock.errors import SettingsError
from getimg_mock.fake import Fake
from getimg_mock.world.error_codes import UNRECORDED
from getimg_mock.world.operations import find_operation

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from starlette.types import Message, Receive, Scope, Send

    from getimg_mock.api.access_log import AccessLog
    from getimg_mock.settings import Settings

_MAX_BODY_MIB: Final = 32
_HELD: Final = (400, 404)
_ELSEWHERE: Final = ("videos.retrieve", "downloads.retrieve")
"""Operations on what an earlier request made: what the fake has not made, the API may have."""


class ReplayingRecorder(RecordingApplication):
    """A fake that replays a cassette; unrecorded requests go to the API, and are recorded."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request from the cassette, or else from the API."""
        operation = find_operation(scope.get("method", ""), scope.get("path", ""))
        if not operation:
            await Application.__call__(self, scope, receive, send)
            return
        try:
            body = await read_body(Call(operation, scope, self.fake), receive, _MAX_BODY_MIB)
        except ClientGoneError:
            return
        except BodyTooLargeError:
            body = b" " * (self.fake.settings.max_body_mib + 1) * 1024 * 1024
        answer = _HeldAnswer(send, operation)
        await Application.__call__(self, scope, _Resent(body, receive), answer)
        if answer.is_missed:
            await super().__call__(scope, _Resent(body, receive), send)
        else:
            await answer.release()


class _Resent:
    """The body of a request that was read, as a client sends it."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


class _HeldAnswer:
    """Passes an answer on, but holds back one that may say that nothing was recorded."""

    def __init__(self, send: Send, operation: str) -> None:
        self._send = send
        self._operation = operation
        self._held: list[MutableMapping[str, Any]] | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] in _HELD:
            self._held = []
        if self._held is None:
            await self._send(message)
        else:
            self._held.append(message)

    @property
    def is_missed(self) -> bool:
        """Whether the fake does not know what was asked for."""
        if not self._held:
            return False
        body = b"".join(each.get("body", b"") for each in self._held)
        try:
            code = json.loads(body)["error"]["code"]
        except (ValueError, KeyError, TypeError):
            return self._operation in _ELSEWHERE  # a HEAD has no body
        return code == UNRECORDED or (code == "not_found" and self._operation in _ELSEWHERE)

    async def release(self) -> None:
        """Send what was held back."""
        for message in self._held or ():
            await self._send(message)


def open_replaying_recorder(
    options: RecordingOptions, settings: Settings, log: AccessLog = log_nothing
) -> ReplayingRecorder:
    """Return the application; raises what `open_recording` does, and for a missing cassette."""
    if settings.replay is None:
        raise SettingsError("on-miss real needs a cassette: add --replay DIR.")
    forwarder = open_forwarder(options)
    fake = Fake.of(replace(settings, on_miss="fail"))
    return ReplayingRecorder(fake, log, forwarder, options.folder)
