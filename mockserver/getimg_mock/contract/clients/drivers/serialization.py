"""Values and errors of any Python client, as JSON."""

from __future__ import annotations

import pickle
import traceback
import weakref
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from os import PathLike, fspath
from typing import Any, Final

_MAX_DEPTH: Final = 12


def to_json_value(value: Any, depth: int = 0) -> Any:  # noqa: C901, PLR0911 - one branch a kind of value
    """Return a value as JSON; exact decimals as texts, objects by their public fields."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if depth > _MAX_DEPTH:
        return repr(value)
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): to_json_value(each, depth + 1) for name, each in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [to_json_value(each, depth + 1) for each in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, PathLike):
        return fspath(value)
    if isinstance(value, bytes):
        return {"$bytes": len(value)}
    if is_dataclass(value):
        return {
            each.name: to_json_value(getattr(value, each.name), depth + 1) for each in fields(value)
        }
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return to_json_value(dump(exclude_unset=True), depth + 1)
    return {"$type": type(value).__name__, "text": str(value)[:200]}


def _format_trace(error: BaseException) -> str:
    """Return the last 20,000 characters of a traceback without the source of its lines.

    Looking up each line takes as long as what the client does to raise.
    """
    parts: list[str] = []
    to_visit: list[BaseException | None] = [error]
    seen: set[int] = set()
    while to_visit:
        each = to_visit.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        places = (
            f"  {frame.f_code.co_filename}:{line}, in {frame.f_code.co_name}\n"
            for frame, line in traceback.walk_tb(each.__traceback__)
        )
        parts.append("".join([*places, *traceback.format_exception_only(each)]))
        context = None if each.__suppress_context__ else each.__context__
        to_visit += [each.__cause__ or context, *getattr(each, "exceptions", ())]
    return "\n".join(reversed(parts))[-20000:]


_NAMED: Final = {"code": "code", "request_id": "request_id", "generation": "generation_id"}
"""Facts of an error, and the attributes that have them."""


def describe_error(error: BaseException, adapter: Any = None) -> dict[str, Any]:
    """Return the facts of an error; those of the adapter's `describe(error)` take precedence."""
    pickled = pickle_to_text(error)
    found: dict[str, Any] = {
        "type": type(error).__name__,
        "text": _text(error),
        "told": _text(error, beside=()),
        "carried": _list_carried(error),
        "printable": _is_printable(error),
        "shown": _represent(error),
        "trace": _format_trace(error),
        "pickled": pickled,
        "unpickles": _unpickles(error, pickled),
    }
    response = getattr(error, "response", None)
    status = getattr(error, "status_code", getattr(error, "status", None))
    found["status"] = status if isinstance(status, int) else getattr(response, "status_code", None)
    for name, source in _NAMED.items():
        value = getattr(error, source, None)
        if isinstance(value, str):
            found[name] = value
    if found.get("request_id") is None and response is not None:
        found["request_id"] = getattr(response, "headers", {}).get("x-request-id")
    unknown = getattr(error, "outcome_unknown", None)
    if unknown is not None:
        found["unknown"] = bool(unknown)
    describe = getattr(adapter, "describe", None)
    if callable(describe):
        found |= to_json_value(describe(error)) or {}
    return found


class RaisedErrors:
    """The errors that the calls of a case have raised; none is kept alive by that."""

    def __init__(self) -> None:
        self._references: list[weakref.ref[BaseException]] = []

    def note(self, error: BaseException) -> bool:
        """Note an error; returns whether an earlier call has raised this very object."""
        before = any(each() is error for each in self._references)
        with suppress(TypeError):  # those of the language itself cannot be referred to so
            self._references.append(weakref.ref(error))
        return before


def _list_carried(error: BaseException) -> str:
    """Return what the attributes of an error hold, under any name: texts, data and its answer."""
    found = [each for each in vars(error).values() if isinstance(each, (str, bytes, dict, list))]
    for name in ("response", "answer"):
        with suppress(Exception):  # a body may be gone
            found.append(getattr(error, name).text)
    return "\n".join(map(_convert_to_text, found))[:_MOST_CARRIED]


_MOST_CARRIED: Final = 20_000
_BESIDE: Final = ("body", "generation_id", "code")
"""Attributes of an error that its own text may not have."""


def _text(error: BaseException, *, beside: tuple[str, ...] = _BESIDE) -> str:
    parts = [_convert_to_text(error)]
    for name in ("message", *beside, "__notes__"):
        value = getattr(error, name, None)
        if value is not None and not callable(value):
            parts.append(_convert_to_text(value))
    return "\n".join(dict.fromkeys(parts))


def _convert_to_text(value: Any) -> str:
    try:
        return str(value)
    except Exception as broken:  # noqa: BLE001 - the text of an error may fail in any way
        return f"<{type(broken).__name__} in str()>"


def _is_printable(error: BaseException) -> bool:
    try:
        str(error).encode()
        repr(error).encode()
    except Exception:  # noqa: BLE001 - the representation may fail in any way
        return False
    return True


def _represent(error: BaseException) -> str:
    """Return what a log shows of an error by `%r`: its arguments, too."""
    with suppress(Exception):
        return repr(error)[:_MOST_CARRIED]
    return ""


def pickle_to_text(value: Any) -> str:
    """Return the pickle of a value as text; empty where it cannot be pickled, or is plain data."""
    if isinstance(value, (str, bytes, dict, list, tuple)):
        return ""
    try:
        return pickle.dumps(value).decode("latin-1")
    except Exception:  # noqa: BLE001 - a value that cannot be pickled leaks nothing in a pickle
        return ""


def _unpickles(error: BaseException, pickled: str) -> bool:
    """Return whether an error comes out of its pickle again, as it has to from a pool's process.

    One that cannot be pickled reaches the caller in another form. Errors of libraries are theirs.
    """
    if not pickled or type(error).__module__.partition(".")[0] in _LIBRARIES:
        return True
    try:
        made = pickle.loads(pickled.encode("latin-1"))  # noqa: S301 - it was just made here
    except Exception:  # noqa: BLE001 - unpickling may fail in any way
        return False
    return isinstance(made, type(error))


_LIBRARIES: Final = frozenset(
    {"aiohttp", "builtins", "getimg", "httpcore", "httpx", "pydantic", "requests", "urllib3"}
)
