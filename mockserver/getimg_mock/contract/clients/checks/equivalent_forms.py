"""GC211 and GC213: legal forms of an answer that mean the same.

They are tried on the balance, or on the results of a client that does not read it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases.case_rules import (
    HOUR,
    NO_RETRIES,
    Case,
    balance,
    image,
    video,
)
from getimg_mock.contract.clients.cases.wire_script import WireAnswer, encode_json
from getimg_mock.contract.clients.checks.files import (
    DOWNLOAD_OPERATION,
    build_download_case,
    find_mime_type,
    serve_picture,
)
from getimg_mock.contract.clients.checks.retry_waits import build_limit_headers
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from getimg_mock.contract.clients.fault_serving.fault_server import FaultContext
    from getimg_mock.world.randomness import Stream

    Form = Callable[[WireAnswer], WireAnswer]

_ODD_HEADERS: Final = (
    ("x-NEW-header", "two"),
    ("X-RateLimit-Limit", "x"),
    ("Server", ""),
    ("Vary", "a"),
    ("Vary", "b"),
    ("CONTENT-type", "application/json"),
)
_LIMITS: Final = (
    ("20", "0", "1577836800"),
    ("20", "0", 0.0),
    (None, None, "1577836800.5"),
    ("0", "0", "0"),
    ("x", "-3", ""),
    (None, None, "9" * 25),
    ("20", "19", 86400.0),
)
"""Limit, remaining and reset, of limits that hold up no order. The last ones are far away."""
_LIMIT_NAMES: Final = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
_CALLS: Final = (
    balance(),
    image(),
    video().instead_of("generate_image"),
)


def cases(stream: Stream) -> Iterator[Case]:
    """Yield the cases."""
    yield _build_case(
        "json-forms",
        [
            lambda answer: _set_content_type(answer, "application/json;charset=utf-8"),
            lambda answer: _set_content_type(answer, 'Application/JSON; charset="UTF-8"'),
            lambda answer: WireAnswer(answer.status, answer.headers, _encode_spaced(answer.json)),
            lambda answer: WireAnswer(answer.status, answer.headers, _encode_escaped(answer.json)),
        ],
    )
    yield _build_case("json-bom", [_add_byte_order_mark])
    yield _build_case("json-untyped", [lambda answer: answer.with_headers(drop=("content-type",))])
    yield _build_file_case()
    yield _build_limit_case()
    odd = (("X-New-Header", stream.letters), *_ODD_HEADERS)
    yield _build_case(
        "odd-headers", [lambda answer: answer.with_headers(*odd, drop=("content-type",))]
    )


def _build_limit_case() -> Case:
    """Return the case of orders that are taken, and whose limit is over, far away or told oddly."""

    def act(turn: FaultContext) -> WireAnswer:
        told = _LIMITS[turn.adversary.call % len(_LIMITS)]
        return turn.proceed().with_headers(*build_limit_headers(turn, *told), drop=_LIMIT_NAMES)

    waited = video()
    calls = (waited, *(image(),) * (len(_LIMITS) - 1), waited.instead_of("generate_image"))
    rules = (
        FaultRule(on=on, label="odd limits", do=act, must=False)
        for on in ("images.generate", "videos.*")
    )
    return Case(
        name="odd-headers-of-limits",
        calls=calls,
        options=NO_RETRIES,
        limit=HOUR,
        settings={"video_seconds": 1},
        rules=tuple(rules),
    )


def _build_file_case() -> Case:
    """Return the case of a file whose media type is spelled otherwise."""

    def serve(turn: FaultContext) -> WireAnswer:
        kind = find_mime_type(turn).title() + '; name="a;b"'
        return serve_picture(*_ODD_HEADERS[:-1], kind=kind)(turn)

    rule = FaultRule(on=DOWNLOAD_OPERATION, do=serve, label="a media type in other letters")
    return build_download_case("odd-headers-of-a-file", rule)


def _add_byte_order_mark(answer: WireAnswer) -> WireAnswer:
    return WireAnswer(answer.status, answer.headers, b"\xef\xbb\xbf" + answer.body)


def _build_case(name: str, forms: list[Form]) -> Case:
    """Return a case in which each call of an operation is answered in another form."""

    def act(turn: FaultContext) -> WireAnswer:
        answer = turn.proceed()
        return forms[turn.adversary.call % len(forms)](answer) if answer.json else answer

    calls = tuple(way for way in _CALLS for _ in forms)
    rule = FaultRule(
        on="*", label=name, do=act, when=lambda asked: "/downloads/" not in asked.target
    )
    return Case(
        name=name, calls=calls, options=NO_RETRIES, settings={"video_seconds": 1}, rules=(rule,)
    )


def _set_content_type(answer: WireAnswer, kind: str) -> WireAnswer:
    return answer.with_headers(("Content-Type", kind), drop=("content-type",))


def _encode_spaced(value: Any) -> bytes:
    """Return JSON with its fields in another order and white space wherever it may be."""
    if isinstance(value, dict):
        value = dict(reversed(value.items()))
    return b" \n\t" + json.dumps(value, indent=3, separators=(" ,\r", " :\t")).encode() + b" \n"


def _encode_escaped(value: Any) -> bytes:
    """Return JSON in which every character of a text is an escape."""
    if isinstance(value, dict):
        pairs = (
            _encode_escaped(name) + b":" + _encode_escaped(each) for name, each in value.items()
        )
        return b"{" + b",".join(pairs) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(map(_encode_escaped, value)) + b"]"
    if isinstance(value, str):
        units = value.encode("utf-16-be", "surrogatepass").hex()
        escapes = (f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
        return f'"{"".join(escapes)}"'.encode()
    return encode_json(value)
