"""The canonical form of a request: requests with equal forms are the same request.

What the form leaves out: headers; fields that are null; the order of fields and parameters; the
difference between 5 and 5.0; the ids of generations in paths; the query of reference links, which
are often signed; the content of data URLs, for which their digest is enough; and the range of days
of costs, which is another on each day.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlencode, urlsplit, urlunsplit

from getimg_mock.cassettes.cassette import RecordedBody, RecordedRequest
from getimg_mock.redaction import KnownKeys
from getimg_mock.world.operations import OPERATIONS, find_operation

_DIGEST_LENGTH: Final = 12
_GENERATION: Final = "{generation}"
_DAYS: Final = ("start", "end")
_PATH_CHARACTERS: Final = "/{}:@!$&'()*+,;=~%"
_MAX_DEPTH: Final = 32
_MAX_TEXT_BODY: Final = 1 << 20
_DATA_URL: Final = re.compile(r"data:([\w/+.-]{0,80})((?:;[\w=-]{1,40})*),(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class CanonicalRequest:
    """A request in canonical form; `digest` is the same for equal forms alone."""

    operation: str
    request: RecordedRequest
    digest: str


def canonicalize_request(
    method: str,
    path: str,
    query: str = "",
    body: bytes | None = None,
    *,
    keys: KnownKeys | None = None,
) -> CanonicalRequest:
    """Return the canonical form of a request; keys in it are replaced by placeholders."""
    known = keys or KnownKeys()
    operation = find_operation(method, path)
    request = RecordedRequest(
        method=method,
        path=quote(known.redact(_canonicalize_path(operation, path)), safe=_PATH_CHARACTERS),
        query=known.redact(_canonicalize_query(operation, query)),
        body=_canonicalize_body(body, known),
    )
    return CanonicalRequest(operation, request, compute_digest(operation, request))


def canonicalize_value(value: Any) -> Any:
    """Return the JSON value of a body in canonical form; None where it is nested too deep."""
    try:
        return _canonicalize_value(value, KnownKeys())
    except ValueError:
        return None


def compute_digest(operation: str, request: RecordedRequest) -> str:
    """Return the digest of a request in canonical form, as names of files have it."""
    parts = [
        operation,
        request.method,
        request.path,
        request.query,
        request.body.kind,
        request.body.value,
    ]
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]


def _canonicalize_path(operation: str, path: str) -> str:
    if operation in OPERATIONS and "{id}" in OPERATIONS[operation].path:
        index = path.rpartition("/")[2]
        return OPERATIONS[operation].path.format(id=_GENERATION, index=index)
    return path


def _canonicalize_query(operation: str, query: str) -> str:
    if operation == "downloads.retrieve":
        return ""
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    if operation == "billing.costs":
        pairs = [(name, f"{{{name}}}" if name in _DAYS else value) for name, value in pairs]
    return urlencode(pairs, safe="{}")


def _canonicalize_body(body: bytes | None, keys: KnownKeys) -> RecordedBody:
    if not body:
        return RecordedBody()
    try:
        value = json.loads(body)
        return RecordedBody("json", _canonicalize_value(value, keys))
    except (ValueError, RecursionError):
        return encode_other_body(body, keys)


def encode_other_body(body: bytes, keys: KnownKeys) -> RecordedBody:
    """Return a body that is not JSON; of a large one, its digest."""
    if len(body) > _MAX_TEXT_BODY:
        return RecordedBody("text", f"{{sha256:{hashlib.sha256(body).hexdigest()}}}")
    clean = keys.redact_bytes(body)
    try:
        return RecordedBody("text", clean.decode())
    except UnicodeDecodeError:
        return RecordedBody("base64", base64.b64encode(clean).decode())


def _canonicalize_value(value: Any, keys: KnownKeys, depth: int = 0) -> Any:
    """Return a value of JSON in canonical form; raises `ValueError` where it is nested too deep."""
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deep")
    if isinstance(value, dict):
        return {
            keys.redact(name): _canonicalize_value(value[name], keys, depth + 1)
            for name in sorted(value)
            if value[name] is not None
        }
    if isinstance(value, list):
        return [_canonicalize_value(each, keys, depth + 1) for each in value]
    if isinstance(value, float):
        return _canonicalize_number(value)
    return _canonicalize_text(value, keys) if isinstance(value, str) else value


def _canonicalize_number(value: float) -> float | int:
    if not math.isfinite(value):
        raise ValueError("not a number of JSON")
    return int(value) if value.is_integer() else value


def _canonicalize_text(text: str, keys: KnownKeys) -> str:
    if text.startswith("data:"):
        return _shorten_data_url(text)
    clean = keys.redact(text if text.isascii() else text.encode("utf-8", "replace").decode())
    if "?" not in clean or not clean.startswith(("http://", "https://")):
        return clean
    try:
        parts = urlsplit(clean)
    except ValueError:
        return clean
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "{query}", ""))


def _shorten_data_url(text: str) -> str:
    found = _DATA_URL.fullmatch(text)
    if found is None:
        content, media_type = text.encode("utf-8", "replace"), ""
    else:
        media_type = found[1]
        content = _decode_data(found[3], is_base64=";base64" in found[2])
    return f"{{data:{media_type};sha256:{hashlib.sha256(content).hexdigest()}}}"


def _decode_data(text: str, *, is_base64: bool) -> bytes:
    raw = unquote_to_bytes(text)
    if not is_base64:
        return raw
    try:
        return base64.b64decode(raw, validate=True)
    except (binascii.Error, ValueError):
        return raw
