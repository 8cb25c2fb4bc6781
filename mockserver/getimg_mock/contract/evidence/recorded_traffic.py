"""Recorded traffic as histories.

Traffic is a HAR file, or NDJSON with one exchange a line (`method`, `path`, `status`, and where
known `query`, `headers`, `request_headers`, `request_body`, `body`, `at`). Keys are replaced while
it is read, by placeholders that name them; the keys themselves are not kept.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from getimg_mock.contract.exchanges import HttpExchange
from getimg_mock.contract.history import History
from getimg_mock.contract.model_choice import load_shipped_models
from getimg_mock.contract.plans import Plan
from getimg_mock.contract.targets.http_target import REAL_API_URL
from getimg_mock.errors import SettingsError
from getimg_mock.redaction import (
    KEY_PLACEHOLDER,
    KnownKeys,
    carries_credentials,
    find_credentials,
    find_keys,
)
from getimg_mock.user_files import read_user_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    Entry = Mapping[str, Any]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""The time of exchanges that have none."""

_NDJSON_FORMAT: Final = (
    "each line is a JSON object with method, path and status, and where known query, headers, "
    "request_headers, request_body, body and at"
)
_HAR_FORMAT: Final = (
    "a HAR file is one JSON object with log.entries, each with request (method, url) and response "
    "(status)"
)


def read_traffic(path: Path) -> History:
    """Read recorded traffic as a history; raises `SettingsError` when it cannot be read."""
    entries, base = read_entries(path)
    return build_recorded_history(path.name, entries, base)


def read_entries(path: Path) -> tuple[list[Entry], str]:
    """Return the exchanges with the API in a file, with its base URL; keys are still in them.

    Raises `SettingsError` for a file that cannot be read.
    """
    text = read_user_file(path)
    try:
        entries = _parse_har(text) if path.suffix.lower() == ".har" else _parse_ndjson(text)
    except _MalformedError as error:
        raise SettingsError(f"{path} is not recorded traffic: {error}.") from None
    base = _find_base(entries)
    return [each for each in entries if each["base"] in {"", base}], base


def find_entry_keys(entries: Iterable[Entry]) -> KnownKeys:
    """Return the keys that requests were sent with."""
    return find_keys(text for each in entries for text in _list_credentials(each))


class _MalformedError(Exception):
    """A part of the traffic cannot be read; the text says which, and what was expected."""


def build_recorded_history(name: str, entries: Sequence[Entry], base: str) -> History:
    """Return normalized entries of traffic with the service at `base` as a history."""
    sent = [_list_credentials(each) for each in entries]
    keys = find_keys(text for found in sent for text in found)
    exchanges = tuple(_build_exchange(number, each, keys) for number, each in enumerate(entries, 1))
    lists = [e.plain for e in exchanges if e.operation == "models.list" and e.status == 200]
    listed = next((each for each in lists if isinstance(each, list)), None)
    models = [
        m for m in (load_shipped_models() if listed is None else listed) if isinstance(m, dict)
    ]
    good = {
        text
        for found, each in zip(sent, entries, strict=True)
        for text in found
        if each["status"] != 401 and (base != REAL_API_URL or text.startswith("sk_"))
    }
    return History(
        plan=Plan(name=name, steps=()),
        exchanges=exchanges,
        models=tuple(models),
        own=False,
        base=keys.redact(base),
        secrets=_select_placeholders(keys, good, exchanges),
    )


def _list_credentials(entry: Entry) -> list[str]:
    return list(
        find_credentials(entry["request_headers"], entry["query"], entry["request_body"] or b"")
    )


def _select_placeholders(
    keys: KnownKeys, good: Iterable[str], exchanges: Iterable[HttpExchange]
) -> tuple[tuple[str, str], ...]:
    """Return the placeholders of the keys that were accepted, and of any key that a response shows.

    Without an accepted key, that no response shows one confirms nothing.
    """
    answers = [repr((each.headers, each.body)) for each in exchanges]
    names = {keys.names[text] for text in good if text in keys.names}
    return tuple(
        (name, shown)
        for name, shown in (*keys.placeholders, ("", KEY_PLACEHOLDER))
        if name in names or any(shown in answer for answer in answers)
    )


def _find_base(entries: Iterable[Entry]) -> str:
    """Return the base URL of the API; browsers also record requests to other hosts."""
    bases = [each["base"] for each in entries if each["base"]]
    return REAL_API_URL if not bases or REAL_API_URL in bases else bases[0]


def _parse_har(text: str) -> list[Entry]:
    try:
        entries = json.loads(text)["log"]["entries"]
        if not isinstance(entries, list):
            raise _MalformedError(f"log.entries is not a list; {_HAR_FORMAT}")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _MalformedError(f"{_describe_error(error)}; {_HAR_FORMAT}") from None
    return _convert_entries(entries, "entry", _convert_har_entry, _HAR_FORMAT)


def _convert_har_entry(entry: Any) -> Entry:
    request, response = entry["request"], entry["response"]
    parts = urlsplit(request["url"])
    content = response.get("content") or {}
    body = content.get("text", "")
    if content.get("encoding") == "base64":
        body = {"base64": body}
    return {
        "method": request["method"],
        "path": parts.path,
        "query": parts.query,
        "base": f"{parts.scheme}://{parts.netloc}",
        "status": response["status"],
        "request_headers": [(h["name"], h["value"]) for h in request.get("headers") or ()],
        "headers": [(h["name"], h["value"]) for h in response.get("headers") or ()],
        "request_body": (request.get("postData") or {}).get("text"),
        "body": body,
        "at": entry.get("startedDateTime"),
        "seconds": max(0.0, float(entry.get("time") or 0)) / 1000,
        "size": content.get("size"),
    }


def _parse_ndjson(text: str) -> list[Entry]:
    # Not splitlines(): a JSON text may hold line separators of Unicode.
    lines = [(n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
    found = []
    for number, line in lines:
        try:
            found.append((number, json.loads(line)))
        except (ValueError, RecursionError) as error:
            raise _MalformedError(
                f"line {number} is not JSON ({_describe_error(error)}); {_NDJSON_FORMAT}"
            ) from None
    return _convert_entries(
        [value for _, value in found], "line", dict, _NDJSON_FORMAT, [n for n, _ in found]
    )


def _convert_entries(
    values: list[Any],
    word: str,
    entry_of: Callable[[Any], Entry],
    wanted: str,
    numbers: list[int] | None = None,
) -> list[Entry]:
    """Return each value as an entry; raises `_MalformedError` for one that is not."""
    if not values:
        raise _MalformedError(f"it has no exchange; {wanted}")
    found = []
    for number, value in zip(numbers or range(1, len(values) + 1), values, strict=True):
        try:
            found.append(_normalize_entry(entry_of(value)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _MalformedError(f"{word} {number}: {_describe_error(error)}; {wanted}") from None
    return found


def _describe_error(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"there is no {error.args[0]!r}"
    return str(error)


def _normalize_entry(entry: Entry) -> Entry:
    """Return an entry with every field, each of one type."""
    path, _, query = str(entry["path"]).partition("?")
    at = datetime.fromisoformat(entry["at"]) if entry.get("at") else EPOCH
    return {
        "method": str(entry["method"]),
        "path": path,
        "query": str(entry.get("query") or query),
        "status": int(entry["status"]),
        "base": str(entry.get("base") or ""),
        "at": at if at.tzinfo else at.replace(tzinfo=UTC),
        "key": str(entry.get("key") or ""),
        "headers": _parse_headers(entry.get("headers")),
        "request_headers": _parse_headers(entry.get("request_headers")),
        "request_body": _encode_body(entry.get("request_body")),
        "body": _encode_body(entry.get("body")) or b"",
        "seconds": float(entry.get("seconds") or 0),
        "size": entry.get("size"),
    }


def _parse_headers(value: Any) -> list[tuple[str, str]]:
    pairs = value.items() if isinstance(value, dict) else value or ()
    return [(str(name).lower(), str(text)) for name, text in pairs]


def _encode_body(value: Any) -> bytes | None:
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, dict) and set(value) == {"base64"}:
        return base64.b64decode(value["base64"])
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _build_exchange(number: int, entry: Entry, keys: KnownKeys) -> HttpExchange:
    body = entry["request_body"]
    asked = [pair for pair in entry["request_headers"] if not carries_credentials(pair[0])]
    answered = [pair for pair in entry["headers"] if pair[0] != "set-cookie"]
    return HttpExchange(
        number=number,
        at=entry["at"],
        method=keys.redact(entry["method"]),
        path=keys.redact(entry["path"]),
        query=keys.redact(entry["query"]),
        status=entry["status"],
        key=keys.redact(entry["key"]) or _find_key_name(entry, keys),
        request_headers=keys.redact_headers(asked),
        headers=keys.redact_headers(answered),
        request_body=None if body is None else keys.redact_bytes(body),
        body=keys.redact_bytes(entry["body"]),
    )


def _find_key_name(entry: Entry, keys: KnownKeys) -> str:
    """Return the name of the key of a request; the first key where no header was recorded."""
    if not entry["request_headers"]:
        return "a"
    sent = list(find_credentials(entry["request_headers"]))
    return next((keys.names[text] for text in sent if text in keys.names), "a" if sent else "none")
