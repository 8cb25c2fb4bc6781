"""Answers that arrive in pieces: cut within letters, escapes, numbers and line ends. See GC803."""

from __future__ import annotations

import json
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    HOUR,
    NO_RETRIES,
    VIDEO,
    Case,
    ClientCall,
    balance,
    image,
    models,
)
from getimg_mock.contract.clients.cases.value_comparison import find_differences
from getimg_mock.contract.clients.cases.wire_script import (
    WireAnswer,
    WireStep,
    build_error,
    encode_chunks,
    encode_json,
)
from getimg_mock.contract.clients.checks.message_variants import MODEL, MODEL_ANSWER
from getimg_mock.contract.clients.checks.own_requests import find_answer
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect, fail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.clients.cases.wire_script import WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultAction
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

_NAME: Final = "Gemälde 灯台 \U0001f3a8"
"""Letters of two, three and four bytes in UTF-8, and one that takes two escapes in JSON."""
_LISTED: Final = MODEL_ANSWER | {"name": _NAME}
_BEGINNING: Final = "Not allowed"
_REFUSED: Final = f"{_BEGINNING}: {_NAME}"
_SPELLINGS: Final = (
    _REFUSED,
    json.dumps(_REFUSED)[1:-1],
    _REFUSED.encode("ascii", "backslashreplace").decode(),
)
"""How an error may write it: terminals cannot show each letter."""
_VALUES: Final = {"models": [_LISTED], "model": _LISTED}
_CALLS: Final = (
    models(),
    MODEL,
    balance(),
    *(image(prompt="not allowed"),) * 2,
    *(ClientCall(op="submit_video", args=VIDEO).instead_of("generate_image"),) * 2,
)
_PAUSE: Final = 0.01
"""The seconds between two pieces: long enough that they are read one by one."""
_MOST: Final = 40
"""The pieces of one answer at most, so that it comes within half a second."""


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases: with a length and in chunks; the latter with escapes in the JSON."""
    refusal = build_error(400, "invalid_parameter", _REFUSED)
    answers = {
        "models.list": WireAnswer(200, body=encode_json([_LISTED])),
        "models.retrieve": WireAnswer(200, body=encode_json(_LISTED)),
        "images.generate": refusal,
        "videos.create": refusal,
    }
    for name, chunked in (("pieces", False), ("pieces-chunked", True)):
        rules = [
            FaultRule(on=on, do=lambda _: refusal, label="whole", nth=(1,), must=False)
            for on in ("images.generate", "videos.create")
        ]
        rules += [
            FaultRule(on=on, do=_send(answer, chunked=chunked), label="in pieces", must=False)
            for on, answer in answers.items()
        ]
        whole = fault_actions.change_answer(partial(cut_up, chunked=chunked))
        rules.append(FaultRule(on="billing.balance", do=whole, label="in pieces", must=False))
        yield Case(
            name=f"framing-{name}",
            calls=_CALLS,
            options=NO_RETRIES,
            limit=HOUR,
            rules=tuple(rules),
        )


def _send(answer: WireAnswer, *, chunked: bool) -> FaultAction:
    """Answer with this in pieces; in chunks, with each letter beyond ASCII as an escape."""
    typed = answer.with_headers(("Content-Type", "application/json"), drop=("content-type",))
    if chunked:
        escaped = json.dumps(answer.json).encode()
        typed = WireAnswer(typed.status, typed.headers, escaped)
    return lambda _: cut_up(typed, chunked=chunked)


def cut_up(answer: WireAnswer, *, chunked: bool) -> WireScript:
    """Return a script that sends an answer in pieces, cut where it is easy to go wrong.

    The line of the status stays whole: see `FaultServer`, which reads the status of a script there.
    """
    if chunked:
        head = WireAnswer(answer.status, answer.headers, framing="chunked").head()
        whole = head + encode_chunks(answer.body, size=max(7, len(answer.body) // 8))
    else:
        whole = answer.head() + answer.body
    is_text = answer.json is not None
    first = whole.index(b"\r")
    places = [at for at in range(first, len(whole)) if _is_delicate(whole, at, is_text=is_text)]
    places = places[:: len(places) // _MOST + 1]
    cuts = [0, *places, len(whole)]
    parts = [whole[start:end] for start, end in pairwise(cuts)]
    return tuple(WireStep(part, _PAUSE if place else 0.0) for place, part in enumerate(parts))


def _is_delicate(whole: bytes, at: int, *, is_text: bool) -> bool:
    """Return whether a place is within a letter, a line end, an escape or a number."""
    before, after = whole[at - 1 : at], whole[at]
    within_letter = is_text and after & 0xC0 == 0x80
    return within_letter or before in {b"\r", b"\\"} or (before == b"." and 48 <= after <= 57)


def pieces_are_joined(history: ClientHistory) -> Iterator[Observation]:
    """Judge that what came in pieces is what was sent: each value, and the words of a refusal.

    The same refusal comes whole before: a client that never tells its words is judged by GC301.
    """
    told = False
    for outcome in history.calls():
        sent = find_answer(history, outcome)
        if outcome.op in {"generate_image", "submit_video"}:
            right = any(each in outcome.text for each in _SPELLINGS)
            told |= _BEGINNING in outcome.text
            yield expect(
                outcome.kind == "error" and (right or not told),
                f"an error that says {_REFUSED!r}",
                outcome.shown,
                *sent,
            )
            continue
        yield expect(outcome.kind == "value", "the value", outcome.shown, *sent)
        if outcome.kind == "value" and outcome.op in _VALUES:
            wrong = find_differences(_VALUES[outcome.op], outcome.value)
            for pointer, one, other in wrong:
                yield fail(f"{pointer or '/'} as it came: {one!r}", repr(other), *sent)
