"""The application of a recording: getimg.ai's paths are the API itself, ours stay ours."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, NamedTuple

from getimg_mock.api.endpoints import BodyTooLargeError, read_body
from getimg_mock.api.error_envelope import render_problem
from getimg_mock.api.links import read_client_address
from getimg_mock.api.messages import Answer, Call
from getimg_mock.api.ranges import File, serve_file
from getimg_mock.api.raw_connection import ClientGoneError
from getimg_mock.application import Application
from getimg_mock.cassettes.cassette_files import MANIFEST
from getimg_mock.cassettes.cassette_writer import prepare_folder, write_manifest
from getimg_mock.contract.cassette_recording.background_notes import BackgroundNotes
from getimg_mock.contract.cassette_recording.cassette_recorder import (
    CassetteRecorder,
    ExchangeTimes,
    list_own_links,
)
from getimg_mock.contract.cassette_recording.download_store import DownloadStore
from getimg_mock.contract.cassette_recording.observed_exchanges import ObservedExchanges
from getimg_mock.contract.cassette_recording.request_threads import RequestThreads
from getimg_mock.contract.cassette_recording.upstream_forwarder import (
    find_host,
    prepare_request,
    replace_origin,
    select_headers,
)
from getimg_mock.contract.targets.execution import RefusedError
from getimg_mock.contract.verdict_events import CONTRACT_VERSION
from getimg_mock.control.package_version import find_version
from getimg_mock.errors import Refusal
from getimg_mock.world.clock import wall_time
from getimg_mock.world.operations import OPERATIONS, find_operation

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import Receive, Scope, Send

    from getimg_mock.api.access_log import AccessLog
    from getimg_mock.contract.cassette_recording.download_store import FetchedFile
    from getimg_mock.contract.cassette_recording.upstream_forwarder import UpstreamForwarder
    from getimg_mock.contract.targets.execution import PreparedRequest, ReceivedResponse
    from getimg_mock.fake import Fake

_MAX_BODY_MIB: Final = 32
"""MiB of a request; the API's limit is 25 MiB (documented)."""

_THREADS: Final = 64
_OUR_PATHS: Final = ("/__mock__", "/favicon.ico")
_UNSENT: Final = "getimg-mock did not send this request, and nothing was charged: {reason}."
_UNANSWERED: Final = (
    "The API did not answer ({reason}). The request was sent once and may have been charged."
)


class _Exchanged(NamedTuple):
    request: PreparedRequest
    received: ReceivedResponse
    times: ExchangeTimes


class RecordingApplication(Application):
    """Forwards requests to the API through a gate, and records what is exchanged in `folder`."""

    def __init__(
        self, fake: Fake, log: AccessLog, forwarder: UpstreamForwarder, folder: Path
    ) -> None:
        super().__init__(fake, log)
        _open_folder(folder, forwarder.origin)
        self.forwarder = forwarder
        self.downloads = DownloadStore(folder, forwarder.forward)
        self.recorder = CassetteRecorder(folder, forwarder.origin, durable=True)
        self.observed = ObservedExchanges(forwarder.origin)
        self._notes = BackgroundNotes(self._note)
        self._pool = RequestThreads[Answer](_THREADS)

    def find_endpoint(self, scope: Scope) -> None:
        """Return None: no endpoint of the fake may answer in place of the API."""
        del scope

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request: with the API's response, or from our own pages."""
        own = scope["type"] != "http" or scope["path"].startswith(_OUR_PATHS)
        if own or scope["path"] == "/":
            await super().__call__(scope, receive, send)
            return
        try:
            call = Call("recorded", scope, self.fake)
            body = await read_body(call, receive, _MAX_BODY_MIB)
        except ClientGoneError:
            return
        except BodyTooLargeError as error:
            answer = _render_too_large(drained=error.drained)
        else:
            answer = await self._pool.run(self._answer, scope, body)
        await _send_answer(scope, answer, send)

    def _answer(self, scope: Scope, body: bytes) -> Answer:
        target = scope.get("raw_path", scope["path"].encode()).partition(b"?")[0].decode("latin-1")
        if scope["query_string"]:
            target += f"?{scope['query_string'].decode('latin-1')}"
        request = prepare_request(scope["method"], target, scope["headers"], body)
        try:
            if self.downloads.knows(target) and request.method in {"GET", "HEAD"}:
                return self._serve_download(scope, target)
            return self._forward(scope, request)
        except RefusedError as error:
            return render_problem(Refusal("quota_exceeded", _UNSENT.format(reason=error)))
        except Refusal as refusal:
            return render_problem(refusal)

    def _forward(self, scope: Scope, request: PreparedRequest) -> Answer:
        started = wall_time()
        received = self.forwarder.forward(request)
        answered = wall_time()
        if received.status == 0:
            return _render_unanswered(received)
        # A client may follow a link, or poll, as soon as it has the response.
        self.downloads.expect(list_own_links(received, self.forwarder.origin))
        times = ExchangeTimes(started, answered)
        self._notes.add(_Exchanged(request, received, times))
        body = received.body
        operation = find_operation(request.method, request.target.partition("?")[0])
        if operation in OPERATIONS and OPERATIONS[operation].has_links:
            local = read_client_address(scope, trust_forwarded=self.fake.settings.trust_forwarded)
            body = replace_origin(body, self.forwarder.origin, local)
        return Answer(received.status, body, select_headers(received))

    @property
    def left_out(self) -> int:
        """How many exchanges were not kept: beyond the limits, or as they could not be written."""
        return self.recorder.left_out + self.observed.left_out + self._notes.failures

    def _note(self, seen: _Exchanged) -> None:
        self.observed.note(seen.request, seen.received, seen.times.started)
        self.recorder.note(*seen, self.forwarder.gate.keys)

    def _serve_download(self, scope: Scope, target: str) -> Answer:
        started = wall_time()
        file, received = self.downloads.get(target)
        if received.status == 0:
            return _render_unanswered(received)
        if file is None:
            return Answer(received.status, received.body, select_headers(received))
        request = prepare_request("GET", target, (), b"")
        self.observed.note(request, received, started)
        return self._serve_stored(scope, file, received.body)

    def _serve_stored(self, scope: Scope, file: FetchedFile, data: bytes) -> Answer:
        call = Call("downloads.retrieve", scope, self.fake)
        digest = hashlib.sha256(file.media.encode()).hexdigest()[:32]
        return serve_file(
            call, File(data, file.media_type, file.media[56:], digest, self.observed.began)
        )

    def fetch_rest(self) -> list[str]:
        """Fetch the files that no client has downloaded; returns the links that gave none."""
        return self.downloads.fetch_rest()

    def close(self) -> None:
        """Wait for requests that are still with the API, and close the connections to it."""
        self._pool.close()
        self._notes.close()
        self.forwarder.close()


def _open_folder(folder: Path, origin: str) -> None:
    """Prepare the folder of a cassette; a new one gets a manifest, so that it can be read."""
    prepare_folder(folder)
    if not (folder / MANIFEST).exists():
        write_manifest(
            folder, product=find_version(), contract=CONTRACT_VERSION, upstream=find_host(origin)
        )


def _render_unanswered(received: ReceivedResponse) -> Answer:
    reason = received.body.decode("utf-8", "replace")[:200]
    answer = render_problem(Refusal("server_error", _UNANSWERED.format(reason=reason), status=502))
    # The official SDKs obey it: a submission whose outcome is unknown must not be repeated.
    answer.headers.append((b"x-should-retry", b"false"))
    return answer


def _render_too_large(*, drained: bool) -> Answer:
    message = f"The body has more than {_MAX_BODY_MIB} MiB; it was not sent."
    answer = render_problem(Refusal("invalid_parameter", message, status=413))
    if not drained:
        answer.headers.append((b"connection", b"close"))
    return answer


async def _send_answer(scope: Scope, answer: Answer, send: Send) -> None:
    length = (b"content-length", b"%d" % len(answer.body))
    bare = answer.status in {204, 304}
    headers = answer.headers if bare else [*answer.headers, length]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    body = b"" if bare or scope["method"] == "HEAD" else answer.body
    await send({"type": "http.response.body", "body": body})
