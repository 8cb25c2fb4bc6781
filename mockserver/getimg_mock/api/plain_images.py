"""A short way for most image requests: valid, whole, answered at once, and changed by nothing.

It does what `api.endpoints` does for them, without the steps that such requests do not need. Where
anything else may apply it declines before it has changed anything, and the long way answers. A test
compares both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.api.authentication import find_plain_key
from getimg_mock.api.faults import HEADER
from getimg_mock.api.formatting import format_http_date
from getimg_mock.api.messages import Call
from getimg_mock.api.recording import record
from getimg_mock.api.replaying import submit_plain_recorded
from getimg_mock.api.submissions import build_rate_limit_headers, render_completed
from getimg_mock.errors import Refusal
from getimg_mock.world.clock import stopwatch, wall_seconds
from getimg_mock.world.journal import collect_effects
from getimg_mock.world.operations import OPERATIONS
from getimg_mock.world.validation import build_plain_image, parse_plain_image

if TYPE_CHECKING:
    from starlette.types import Scope

    from getimg_mock.api.access_log import AccessLog
    from getimg_mock.api.raw_connection import ReturnableExchange
    from getimg_mock.fake import Fake
    from getimg_mock.world.generations import Generation
    from getimg_mock.world.workspaces import Workspace

_OPERATION: Final = OPERATIONS["images.generate"].name


class PlainImages:
    """Answers image requests of a fake, or declines them."""

    def __init__(self, fake: Fake, log: AccessLog) -> None:
        settings = fake.settings
        self._fake = fake
        self._log = log
        self._limit = settings.max_body_mib * 1024 * 1024
        self._applies = not (
            fake.store.is_durable or settings.check_responses or settings.strictness != "full"
        )

    def answer(self, scope: Scope, direct: ReturnableExchange) -> bool:
        """Answer a request and return True; return False if it has to go the long way."""
        if not self._applies or scope["method"] != "POST":
            return False
        started, wall = stopwatch(), wall_seconds()
        fake = self._fake
        call = Call(_OPERATION, scope, fake)
        fields = call.fields
        key = find_plain_key(call)
        if key is None or fields.get(b"content-type") != b"application/json" or HEADER in fields:
            return False
        workspace = call.workspace = fake.store.get_or_create(key)
        call.at = workspace.clock.now()
        if not _answers_at_once(workspace) or not direct.can_respond():
            return False
        body = direct.take_body()
        if body is None:
            return False
        call.body = body
        with collect_effects() as effects:
            try:
                generation = self._submit(call)
            except Refusal:
                generation = None
        if generation is None:
            direct.set_body(body)
            return False
        call.generation = generation.id
        at = generation.created_at
        headers = build_rate_limit_headers(workspace.compute_allowance("image", at))
        answer = render_completed(call, generation, headers)
        answer.headers.append((b"date", format_http_date(at)))
        sent = direct.respond(answer.status, answer.headers, answer.body)
        seconds = stopwatch() - started
        record(call, answer, wall=wall, seconds=seconds, sent=sent, effects=effects)
        self._log(call, answer, seconds)
        return True

    def _submit(self, call: Call) -> Generation | None:
        """Submit the generation, or return None for a body that has to go the long way."""
        body, fake = call.body, self._fake
        if len(body) > self._limit or b"mock:" in body:
            return None
        value = parse_plain_image(body)
        if value is None:
            return None
        if fake.recordings is not None:
            return submit_plain_recorded(call, value)
        request = build_plain_image(value, fake.catalogue)
        return request and call.owner.submit(request, (), fake.media)


def _answers_at_once(workspace: Workspace) -> bool:
    """Return whether no rule applies to image requests, and their images are ready at once."""
    seconds = workspace.settings.image_seconds
    return (
        seconds.high == 0
        and seconds.shape == "uniform"
        and not workspace.transitions.has_rules
        and not len(workspace.scenarios)
    )
