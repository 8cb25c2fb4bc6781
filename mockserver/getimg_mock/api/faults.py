"""Applies scenarios and magic inputs to requests."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.api.error_envelope import render_problem
from getimg_mock.api.legal_variations import apply_oddities
from getimg_mock.api.messages import Answer
from getimg_mock.api.raw_connection import NO_WIRE, has_wire
from getimg_mock.errors import Refusal
from getimg_mock.world.behaviours import (
    NOTHING,
    REPLACEMENT_FAULTS,
    RESPONSE_FAULTS,
    SOCKET_FAULTS,
)
from getimg_mock.world.error_messages import LINK_EXPIRED
from getimg_mock.world.magic import parse_header, parse_prompt
from getimg_mock.world.randomness import Stream, digest
from getimg_mock.world.scenarios import Facts
from getimg_mock.world.transitions import draw_seconds

if TYPE_CHECKING:
    from getimg_mock.api.messages import Call, Handler
    from getimg_mock.world.behaviours import Behaviour
    from getimg_mock.world.workspaces import Workspace

HEADER: Final = b"x-mock-behaviour"

# These bytes identify the file format. Decoders tolerate much damage after the header, so all other
# bytes are changed.
_SIGNATURE: Final = 24
# Maps every byte to another one.
_CORRUPTION_TABLE: Final = bytes(byte ^ 0xA5 for byte in range(256))

_HTML: Final = b"""<html>
<head><title>502 Bad Gateway</title></head>
<body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center></body>
</html>
"""


def select_behaviour(call: Call) -> None:
    """Select the behaviour for this request, and set it on the call.

    Raises the 400 `Refusal` for unknown magic words, and a 501 for a fault that the host of the
    application cannot produce.
    """
    workspace = call.workspace
    if workspace is None:
        return
    magic = call.fake.settings.magic
    spell = magic and b"mock:" in call.body
    if not (spell or (magic and call.fields.get(HEADER)) or len(workspace.scenarios)):
        return
    header = call.header(HEADER) if magic else None
    facts = _collect_facts(call, workspace)
    asked = parse_header(header)
    if spell and facts.prompt is not None:
        asked = asked.fill_from(parse_prompt(facts.prompt))
    call.behaviour, rules = workspace.choose_behaviour(facts, asked)
    call.rules = tuple(rule.id for rule in rules)
    if call.behaviour.fault in SOCKET_FAULTS and not has_wire(call.scope):
        raise Refusal("socket_fault_unavailable", NO_WIRE, status=501)


async def apply_behaviour(call: Call, handler: Handler) -> Answer:
    """Return the answer of `handler`, changed or replaced by the call's behaviour."""
    behaviour = call.behaviour
    if behaviour is NOTHING:
        return await handler(call)
    await _linger(call, behaviour)
    if behaviour.replaces and not behaviour.after_commit:
        call.fault = behaviour.name
        return _build_replacement(behaviour)
    if behaviour.fault == "expired_url" and call.operation == "downloads.retrieve":
        call.fault = behaviour.name
        raise Refusal("url_expired", LINK_EXPIRED, status=call.fake.settings.expired_status)
    answer = await handler(call)
    if answer.status >= 400:
        return answer
    if behaviour.replaces:
        call.fault = behaviour.name
        return _build_replacement(behaviour)
    if behaviour.fault in RESPONSE_FAULTS:
        _spoil(answer, call, behaviour.fault or "")
    return answer


def vary(call: Call, answer: Answer) -> None:
    """Apply the legal variations of the call's behaviour to an answer or a refusal."""
    if answer.delivery is not None:
        return
    before = answer.body
    apply_oddities(answer, call.behaviour.oddity)
    if answer.body != before:
        call.fault = call.fault or " ".join(call.behaviour.oddity)


async def _linger(call: Call, behaviour: Behaviour) -> None:
    workspace = call.workspace
    if behaviour.latency is None or workspace is None:
        return
    with workspace.lock:
        name = digest("latency", _compute_identity(call), size=16)
        ordinal = workspace.ordinals[name] = workspace.ordinals.get(name, 0) + 1
        seconds = draw_seconds(behaviour.latency, Stream(workspace.seed, name, ordinal))
        until = workspace.clock.now() + timedelta(seconds=seconds)
    await workspace.clock.sleep_until(until)


def _build_replacement(behaviour: Behaviour) -> Answer:
    if behaviour.error is not None:
        return render_problem(behaviour.error.to_refusal())
    if behaviour.answer is not None:
        canned = behaviour.answer
        text = canned.text if canned.text is not None else json.dumps(canned.body)
        kind = "application/json" if canned.text is None else "text/plain; charset=utf-8"
        headers = {"content-type": kind} | dict(canned.headers)
        return Answer(
            canned.status,
            text.encode("utf-8", "replace"),
            [
                (name.encode("latin-1", "replace"), value.encode("latin-1", "replace"))
                for name, value in headers.items()
            ],
        )
    if behaviour.fault == "html":
        return Answer(502, _HTML, [(b"content-type", b"text/html")])
    if behaviour.fault in REPLACEMENT_FAULTS:
        return Answer(0, delivery=behaviour.fault)
    raise LookupError(f"{behaviour} replaces no answer")


def _spoil(answer: Answer, call: Call, fault: str) -> None:
    kind = answer.header(b"content-type")
    is_json = kind == b"application/json"
    if fault in {"truncate", "hang_body", "wrong_length", "drip"}:
        answer.delivery = fault
    elif fault == "malformed_json" and is_json:
        answer.body = answer.body[:-1] + b",}"
    elif fault == "wrong_type":
        rest = [each for each in answer.headers if each[0] != b"content-type"]
        answer.headers = [(b"content-type", b"text/html"), *rest]
    elif fault == "corrupt_media" and not is_json:
        kept = min(_SIGNATURE, len(answer.body) // 2)
        answer.body = answer.body[:kept] + answer.body[kept:].translate(_CORRUPTION_TABLE)
    elif fault != "expired_url" or b'"url":' not in answer.body:
        return
    call.fault = fault


def _collect_facts(call: Call, workspace: Workspace) -> Facts:
    body = call.json_or_none() if call.method == "POST" else None
    fields: dict[str, Any] = body if isinstance(body, dict) else {}
    model, prompt = fields.get("model", call.path.get("model")), fields.get("prompt")
    now = workspace.clock.now()
    generation = workspace.generations.get(call.path.get("id", ""))
    if generation is not None:
        model, prompt = generation.product.model, generation.prompt
    return Facts(
        operation=call.operation,
        key=workspace.key,
        now=now,
        identity=_compute_identity(call),
        model=model if isinstance(model, str) else None,
        prompt=prompt if isinstance(prompt, str) else None,
        state=generation.at(now) if generation is not None else None,
    )


def _compute_identity(call: Call) -> bytes:
    return digest(call.operation, str(call.scope["path"]), call.body, size=16)
