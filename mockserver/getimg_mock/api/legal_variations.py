"""Legal variations of answers that a tolerant client must accept (our choice)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from getimg_mock.api.messages import Answer

_LONG: Final = "x" * 65536
# Documented as optional and nullable.
_NULLABLE: Final = ("width", "height", "duration", "fps")


def apply_oddities(answer: Answer, oddities: tuple[str, ...]) -> Answer:
    """Apply variations to an answer's JSON; an answer without JSON stays unchanged."""
    if answer.header(b"content-type") != b"application/json" or not answer.body:
        return answer
    value = json.loads(answer.body)
    for name in oddities:
        value = _ODDITIES[name](value)
    answer.body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return answer


def _map_objects(value: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """Apply `change` to every object in `value`, the inner ones first."""
    if isinstance(value, list):
        return [_map_objects(each, change) for each in value]
    if isinstance(value, dict):
        return change({name: _map_objects(each, change) for name, each in value.items()})
    return value


def _add_unknown_fields(value: Any) -> Any:
    added = {"x_new_field": {"of": "a later version", "n": [1, None, True]}}
    # Maps, such as role to count, have no fields: another entry would change their meaning.
    return _map_objects(value, lambda each: each if _is_map(each) else each | added)


def _is_map(value: dict[str, Any]) -> bool:
    return all(isinstance(each, int) for each in value.values())


def _set_nulls(value: Any) -> Any:
    return _map_objects(value, lambda each: each | {n: None for n in _NULLABLE if n in each})


def _change_mime_type(value: Any) -> Any:
    def change(each: dict[str, Any]) -> dict[str, Any]:
        kind = str(each.get("mime_type", "")).partition("/")[0]
        return each | ({"mime_type": f"{kind}/x-future"} if "mime_type" in each else {})

    return _map_objects(value, change)


def _change_error_code(value: Any) -> Any:
    def change(each: dict[str, Any]) -> dict[str, Any]:
        return each | ({"code": "a_code_of_a_later_version"} if "code" in each else {})

    return _map_objects(value, change)


def _reorder_keys(value: Any) -> Any:
    return _map_objects(value, lambda each: dict(reversed(each.items())))


def _lengthen_strings(value: Any) -> Any:
    def change(each: dict[str, Any]) -> dict[str, Any]:
        if "message" in each:
            return each | {"message": f"{each['message']} {_LONG}"}
        if "name" in each:
            return each | {"name": f"{each['name']} {_LONG}"}
        return each | ({"x_long": _LONG} if "status" in each or "currency" in each else {})

    return _map_objects(value, change)


_ODDITIES: Final[dict[str, Callable[[Any], Any]]] = {
    "unknown_fields": _add_unknown_fields,
    "nulls": _set_nulls,
    "unknown_mime_type": _change_mime_type,
    "unknown_error_code": _change_error_code,
    "reordered_keys": _reorder_keys,
    "long_strings": _lengthen_strings,
}
