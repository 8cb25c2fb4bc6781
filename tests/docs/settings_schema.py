"""Writes schemas/own/settings.json, the schema of getimg-mock.toml, from the settings."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from getimg_mock import settings
from getimg_mock.schemas import ADDRESS
from getimg_mock.setting_values import Span
from getimg_mock.settings import FILE, Settings, format_option_name, list_options
from tests.docs.markdown_tables import DOCS

FILE_PATH: Final = DOCS.parent / "schemas" / "own" / "settings.json"

_MARK: Final = {"x-evidence": "our choice"}
_TEXT: Final = ["string", "integer", "number"]
_TYPES: Final[dict[Any, Any]] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    Path: "string",
    # What these readers take as text, they take as a number, too.
    Decimal: ["number", "string"],
    Span: ["number", "string"],
}
_EXAMPLE: Final = {
    "$schema": "http://127.0.0.1:4010/__mock__/schemas/own/settings.json",
    "port": 4020,
    "seed": "demo",
    "video-seconds": "20..60",
    "scenario": ["flaky"],
}


def render_settings_schema() -> str:
    """Return the schema of a settings file as JSON."""
    properties: dict[str, Any] = {
        "$schema": {
            "description": "The address of this schema, for editors.",
            "type": "string",
            **_MARK,
        }
    }
    hints = get_type_hints(Settings, {**vars(settings), "Path": Path})
    for each in list_options():
        properties[format_option_name(each.name)] = {
            "description": _end_sentence(each.metadata["help"]),
            **_describe_type(hints[each.name], each.default),
            **_MARK,
        }
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{ADDRESS}own/settings.json",
        "title": "Settings",
        "description": f"The settings in {FILE}. Our own: getimg.ai knows nothing of them. "
        "The reader checks further that each value can be used.",
        **_MARK,
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "examples": [_EXAMPLE, {}],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _describe_type(hint: Any, default: object) -> dict[str, Any]:
    """Return the keywords for a value of a type; none is null, which TOML cannot write."""
    if get_origin(hint) is Literal:
        return {"type": "string", "enum": list(get_args(hint))} | _describe_default(default)
    if get_origin(hint) is tuple:
        return {"type": ["array", "string"], "items": {"type": "string"}}
    kinds = [each for each in get_args(hint) if each is not type(None)]
    if kinds:
        return _describe_type(kinds[0], default)
    # Most readers of text take a number as it is written: seed = 7.
    kind = _TEXT if hint is str and default == "0" else _TYPES.get(hint, _TEXT)
    return {"type": kind} | _describe_default(default)


def _describe_default(default: object) -> dict[str, Any]:
    if default is None:
        return {}
    plain = isinstance(default, (bool, int, float, str))
    return {"default": default if plain else str(default)}


def _end_sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
