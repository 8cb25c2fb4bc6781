"""When two requests are equal to a replay, and how two others differ.

Requests are equal when their operations and their bodies are. The order of keys and the spelling of
numbers (5 and 5.0) do not count, and neither does a field that has its documented default and is
absent in the other request. A field that is null counts: the API refuses it.
"""

from __future__ import annotations

import json
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.world.requests import to_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

DEFAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "images.generate": {"output_format": "jpeg", "images": []},
    "videos.create": {"sound": False, "images": []},
}
"""The documented defaults that do not depend on the model, by operation."""

_encode: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
_REFERENCE_ROLE: Final = "reference_image"
_MOST_SHOWN: Final = 4
_LONGEST_SHOWN: Final = 60
_LONGEST_COMPARED: Final = 500


def normalize_request(operation: str, request: Any, ignored: AbstractSet[str] = frozenset()) -> Any:
    """Return a request without what does not count, for comparisons.

    `ignored` names further top-level fields that do not count.
    """
    if not isinstance(request, dict):
        return _normalize_value(request)
    defaults = DEFAULTS.get(operation, {})
    found = {}
    for name, value in request.items():
        plain = _normalize_value(value)
        if name == "images" and operation == "images.generate" and isinstance(plain, list):
            plain = [_drop_default_role(each) for each in plain]
        is_default = name in defaults and _is_same(plain, defaults[name])
        if name not in ignored and not is_default:
            found[name] = plain
    return found


def encode_request(request: Any) -> str:
    """Return a normalized request as a text that equal ones have in common."""
    return _encode(request)


def measure_difference(sent: Any, recorded: Any) -> tuple[int, float]:
    """Return how different two normalized requests are: fields first, then their texts."""
    differing = list(_list_differences(sent, recorded))
    unlike = sum(1 - _compute_likeness(left, right) for _, left, right in differing)
    return len(differing), unlike


def describe_difference(sent: Any, recorded: Any) -> str:
    """Return the fields in which two normalized requests differ, each with both values."""
    found = [
        f"{name} {_show(right)}, not {_show(left)}"
        for name, left, right in _list_differences(sent, recorded)
    ]
    if not found:
        return "the same fields"
    more = f"; and {len(found) - _MOST_SHOWN} more" if len(found) > _MOST_SHOWN else ""
    return "; ".join(found[:_MOST_SHOWN]) + more


class _Absent:
    """The value of a field that a request does not have."""


_ABSENT: Final = _Absent()


def _normalize_value(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _normalize_value(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_normalize_value(each) for each in value]
    return to_whole(value)


def _drop_default_role(image: Any) -> Any:
    if isinstance(image, dict) and image.get("role") == _REFERENCE_ROLE:
        return {name: value for name, value in image.items() if name != "role"}
    return image


def _list_differences(sent: Any, recorded: Any, name: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield the name and both values of each field that differs; `_ABSENT` is no value."""
    if isinstance(sent, dict) and isinstance(recorded, dict):
        for key in dict.fromkeys([*recorded, *sent]):
            inner = f"{name}.{key}" if name else key
            yield from _list_differences(sent.get(key, _ABSENT), recorded.get(key, _ABSENT), inner)
    elif isinstance(sent, list) and isinstance(recorded, list) and len(sent) == len(recorded):
        for index, (left, right) in enumerate(zip(sent, recorded, strict=True)):
            yield from _list_differences(left, right, f"{name}[{index}]")
    elif not _is_same(sent, recorded):
        yield name or "body", sent, recorded


def _is_same(left: Any, right: Any) -> bool:
    """Return whether two values are equal and of one type: false is not 0."""
    return type(left) is type(right) and bool(left == right)


def _compute_likeness(left: Any, right: Any) -> float:
    if isinstance(left, str) and isinstance(right, str):
        matcher = SequenceMatcher(None, left[:_LONGEST_COMPARED], right[:_LONGEST_COMPARED])
        return matcher.quick_ratio()
    return 0.0


def _show(value: Any) -> str:
    if value is _ABSENT:
        return "absent"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
