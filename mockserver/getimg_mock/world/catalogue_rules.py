"""What a model in a models file must hold to, beyond its shape.

The shape is `schemas/model.json`; the rules here are those that the API's documentation gives in
words, those of our own key `x_mock`, and the bounds within which the fake can draw.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeGuard

from getimg_mock.schemas import violations
from getimg_mock.world.sizes import LARGEST, SMALLEST, parse_ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Fault: TypeAlias = tuple[str, str]
"""The location of an error, written as in code, and its message."""

ROLES: Final = ("reference_image", "first_frame", "last_frame")
UNITS: Final = {"image": "image", "video": "video_second"}

_LONGEST_VIDEO: Final = 600
_LONGEST_WAIT: Final = 86_400
_MOST_FPS: Final = 120
_MOST_DIGITS: Final = 20
_SHOWN: Final = 60
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORD: Final = re.compile(r"[a-z]+(?:_[a-z]+)*")
_ID: Final = re.compile(r"[^\s/?#%\x00-\x1f\x7f]{1,200}")


def find_faults(entry: object) -> Iterator[Fault]:
    """Yield every error of one model; locations are relative to it."""
    shape = [
        (_format_place(found.path), _end_sentence(found.message))
        for found in violations("model", entry)
    ]
    yield from shape
    if shape or not isinstance(entry, dict):
        return
    for rule in _RULES:
        yield from rule(entry)


def quote_text(text: str) -> str:
    """Return `text` in quotation marks, on one line, not too long."""
    return json.dumps(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...", ensure_ascii=False)


def format_value(value: object) -> str:
    """Return a short text for any JSON value."""
    if isinstance(value, str):
        return quote_text(value)
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "an array"
    return json.dumps(value)[:_SHOWN]


def _format_place(pointer: str) -> str:
    """Return a JSON pointer as code: `/sizes/16:9/0` is `.sizes["16:9"][0]`."""
    parts = (part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])
    return "".join(f"[{part}]" if part.isdecimal() else _format_step(part) for part in parts)


def _format_step(key: str) -> str:
    return f".{key}" if _NAME.fullmatch(key) else f"[{quote_text(key)}]"


def _end_sentence(message: str) -> str:
    return message if message.endswith((".", "?")) else f"{message}."


def _check_identity(entry: dict[str, Any]) -> Iterator[Fault]:
    if not _ID.fullmatch(entry["id"]):
        yield ".id", f"{quote_text(entry['id'])} cannot be part of a path: /v2/models/{{id}}."
    text = entry["created_at"]
    try:
        datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        yield ".created_at", f"{quote_text(text)} is not a date-time that UTC can express."


def _check_ratios(entry: dict[str, Any]) -> Iterator[Fault]:
    ratios = entry["supported_aspect_ratios"]
    yield from _check_list(".supported_aspect_ratios", ratios)
    for index, ratio in enumerate(ratios):
        if parse_ratio(ratio) is None and not _WORD.fullmatch(ratio):
            message = (
                f'{quote_text(ratio)} is not a ratio: use width:height, such as "16:9", or a word '
                'for one that the model chooses, such as "auto".'
            )
            yield f".supported_aspect_ratios[{index}]", message


def _check_resolutions(entry: dict[str, Any]) -> Iterator[Fault]:
    resolutions = entry["supported_resolutions"]
    yield from _check_list(".supported_resolutions", resolutions)
    for index, resolution in enumerate(resolutions):
        if not resolution.strip():
            yield f".supported_resolutions[{index}]", "is empty."


def _check_durations(entry: dict[str, Any]) -> Iterator[Fault]:
    durations = entry["supported_durations"]
    place = ".supported_durations"
    if entry["type"] == "image":
        if durations:
            yield place, "must be empty for an image model."
        return
    yield from _check_list(place, durations)
    for index, duration in enumerate(durations):
        if not 0 < duration <= _LONGEST_VIDEO:
            yield (
                f"{place}[{index}]",
                (
                    f"must be above 0 and at most {_LONGEST_VIDEO} seconds, "
                    f"not {format_value(duration)}."
                ),
            )


def _check_list(place: str, values: Sequence[Any]) -> Iterator[Fault]:
    if not values:
        yield place, "is empty; the first value is the default, so there must be one."
    seen = set()
    for index, value in enumerate(values):
        if value in seen:
            yield f"{place}[{index}]", f"{format_value(value)} is listed twice."
        seen.add(value)


def _check_references(entry: dict[str, Any]) -> Iterator[Fault]:
    known = ROLES if entry["type"] == "video" else ROLES[:1]
    for role in entry["supported_references"]:
        if role not in known:
            yield (
                f".supported_references{_format_step(role)}",
                (
                    f"is an unknown role for {_with_article(entry['type'])} model; "
                    f"{_build_hint(role, known)}"
                ),
            )


def _check_sound(entry: dict[str, Any]) -> Iterator[Fault]:
    if entry["type"] == "image" and entry["supports_sound"]:
        yield ".supports_sound", "must be false for an image model."


def _check_rates(entry: dict[str, Any]) -> Iterator[Fault]:
    unit = UNITS[entry["type"]]
    before = Decimal(0)
    seen: set[tuple[str | None, str]] = set()
    for index, rate in enumerate(entry["pricing"]["rates"]):
        place = f".pricing.rates[{index}]"
        if rate["billable_unit"] != unit:
            wrong = quote_text(rate["billable_unit"])
            wanted = f"must be {quote_text(unit)} for {_with_article(entry['type'])} model"
            yield f"{place}.billable_unit", f"{wanted}, not {wrong}."
        written_price = rate["unit_price"]
        if len(written_price) > _MOST_DIGITS:
            yield f"{place}.unit_price", f"{quote_text(written_price)} has too many digits."
            continue
        price = Decimal(written_price)
        if price < before:
            yield f"{place}.unit_price", f"{written_price} is less than the one before: {before}."
        before = price
        key = (rate["resolution"], rate["sound"])
        if key in seen:
            yield place, "is a second rate for the same resolution and sound."
        seen.add(key)


def _check_own_key(entry: dict[str, Any]) -> Iterator[Fault]:
    """Check `x_mock`, and a misspelt key that was meant to be it."""
    for key in entry:
        if key != "x_mock" and re.sub(r"[-_.]", "", key).casefold() in {"xmock", "mock"}:
            yield _format_step(key), 'is an unknown key; did you mean "x_mock"?'
    ours = entry.get("x_mock", {})
    if not isinstance(ours, dict):
        yield ".x_mock", f"must be an object, not {format_value(ours)}."
        return
    judges: dict[str, Callable[[object, dict[str, Any]], Iterator[Fault]]] = {
        "fps": _check_fps,
        "seconds": _check_seconds,
        "sizes": _check_sizes,
    }
    for key, value in ours.items():
        if key in judges:
            for below, message in judges[key](value, entry):
                yield f".x_mock.{key}{below}", message
        else:
            yield (
                f".x_mock{_format_step(key)}",
                f"is an unknown key; {_build_hint(key, tuple(judges))}",
            )


def _check_fps(value: object, _entry: dict[str, Any]) -> Iterator[Fault]:
    if not _is_whole(value) or not 1 <= value <= _MOST_FPS:
        yield "", f"must be a whole number from 1 to {_MOST_FPS}, not {format_value(value)}."


def _check_seconds(value: object, _entry: dict[str, Any]) -> Iterator[Fault]:
    if (
        not isinstance(value, list)
        or len(value) != 2
        or not all(_is_whole(each) or isinstance(each, float) for each in value)
        or not 0 <= value[0] <= value[1] <= _LONGEST_WAIT
    ):
        yield "", f"must be [least, most] in seconds, from 0 to {_LONGEST_WAIT}."


def _check_sizes(value: object, entry: dict[str, Any]) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield (
            "",
            (
                "must be an object, ratio to resolution to [width, height], "
                f"not {format_value(value)}."
            ),
        )
        return
    for ratio, row in value.items():
        if ratio not in entry["supported_aspect_ratios"]:
            known = ", ".join(entry["supported_aspect_ratios"])
            yield _format_step(ratio), f"is not a ratio of this model; known: {known}."
        if not isinstance(row, dict):
            yield (
                _format_step(ratio),
                f"must be an object, resolution to [width, height], not {format_value(row)}.",
            )
            continue
        for resolution, pair in row.items():
            place = _format_step(ratio) + _format_step(resolution)
            if resolution not in entry["supported_resolutions"]:
                known = entry["supported_resolutions"]
                yield place, f"is not a resolution of this model; {_build_hint(resolution, known)}"
            yield from ((place, message) for message in _check_pair(pair, entry["type"]))


def _check_pair(pair: object, type_: str) -> Iterator[str]:
    if (
        not isinstance(pair, list)
        or len(pair) != 2
        or not all(_is_whole(side) and SMALLEST <= side <= LARGEST for side in pair)
    ):
        yield f"must be [width, height], whole numbers from {SMALLEST} to {LARGEST}."
    elif type_ == "video" and any(side % 2 for side in pair):
        yield "must be even numbers for a video."


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _with_article(type_: str) -> str:
    return "an image" if type_ == "image" else "a video"


def _build_hint(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name[:_SHOWN], known, n=1, cutoff=0.5)
    return f"did you mean {quote_text(close[0])}?" if close else f"known: {', '.join(known)}."


_RULES: Final = (
    _check_identity,
    _check_ratios,
    _check_resolutions,
    _check_durations,
    _check_references,
    _check_sound,
    _check_rates,
    _check_own_key,
)
