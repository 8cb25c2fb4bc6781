"""Fields of a request body that the API does not document, and what would work instead.

Such fields are accepted and ignored (inferred). Most come from the older API (`/v1`) or from the
APIs of other vendors, so each gets advice: the field with the same purpose, or that there is none.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from getimg_mock.redaction import hide_key
from getimg_mock.world.field_advice import ADVICE, REFERENCE_ADVICE, WRAPPERS
from getimg_mock.world.requests import FIELDS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from getimg_mock.world.limits import Kind

MAX_FIELDS: Final = 20
"""How many unknown fields of one body are reported."""

MAX_HINT: Final = 600
"""The length of a hint for unknown fields, in characters."""

_REFERENCE_FIELDS: Final = ("url", "role")
_MAX_NAME: Final = 40
_MAX_REFERENCES: Final = 8
_KNOWN: Final = {kind: frozenset(names) for kind, names in FIELDS.items()}
_REFERENCE_KNOWN: Final = frozenset(_REFERENCE_FIELDS)
_NEAREST: Final = 0.75  # the least similarity at which a name counts as misspelt
_KEY: Final = re.compile(r"sk_[A-Za-z0-9_-]+")


class UnknownField(NamedTuple):
    """A field that the API does not document: `path` as in `images[0].mask`, and our advice.

    `advice` is empty when the name means nothing to us.
    """

    path: str
    advice: str

    def __str__(self) -> str:
        return f"{self.path}: {self.advice}" if self.advice else self.path


def has_unknown_fields(kind: Kind, body: Any) -> bool:
    """Return whether a parsed body may have unknown fields; most have none."""
    return isinstance(body, dict) and ("images" in body or not body.keys() <= _KNOWN[kind])


def find_unknown_fields(kind: Kind, body: Any, *, key: str = "") -> tuple[UnknownField, ...]:
    """Return the unknown fields of a parsed body, in its order, at most `MAX_FIELDS` of them.

    Names are shortened and made printable ASCII; in them, `key` and what looks like an API key is
    cut to its beginning.
    """
    if not has_unknown_fields(kind, body):
        return ()
    found = islice(_iterate_fields(kind, body), MAX_FIELDS)
    return tuple(UnknownField(_clean(path, key), advice) for path, advice in found)


def format_hint(fields: Collection[UnknownField]) -> str:
    """Return one line that names the fields and what would work, of at most `MAX_HINT` characters.

    Fields with the same advice are listed together.
    """
    by_advice: dict[str, list[str]] = {}
    for each in fields:
        by_advice.setdefault(each.advice, []).append(each.path)
    parts = [
        f"{', '.join(paths)}: {advice or 'unknown, ignored'}" for advice, paths in by_advice.items()
    ]
    line = "; ".join(parts)
    return line if len(line) <= MAX_HINT else f"{line[: MAX_HINT - 3]}..."


def _iterate_fields(kind: Kind, body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield path and advice of each unknown field of the body and of its reference images."""
    for name, value in body.items():
        if name not in _KNOWN[kind]:
            wraps = isinstance(value, dict) and _normalize(name) not in ADVICE[kind]
            yield name, _advise(kind, name, wraps=wraps)
            if wraps:
                yield from _iterate_wrapped(kind, name, value)
    images = body.get("images")
    for index, image in enumerate(images[:_MAX_REFERENCES] if isinstance(images, list) else ()):
        if isinstance(image, dict) and image.keys() - _REFERENCE_KNOWN:
            for name in image:
                if name not in _REFERENCE_KNOWN:
                    yield f"images[{index}].{_shorten(name)}", _advise_reference(name)


def _iterate_wrapped(
    kind: Kind, parent: str, values: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Yield path and advice of what an unknown object holds: none of it is read."""
    for name in values:
        path = f"{_shorten(parent)}.{_shorten(name)}"
        if name in _KNOWN[kind]:
            yield path, f"put {name} at the top level of the body"
        else:
            yield path, _advise(kind, name)


def _advise(kind: Kind, name: str, *, wraps: bool = False) -> str:
    plain = _normalize(name)
    if plain in _KNOWN[kind]:
        return f"did you mean {plain}"
    advice = ADVICE[kind].get(plain)
    if advice is not None:
        return advice
    if wraps and plain in WRAPPERS:
        return "put its fields at the top level of the body"
    near = _find_nearest(plain, FIELDS[kind])
    return f"did you mean {near}" if near else ""


def _advise_reference(name: str) -> str:
    plain = _normalize(name)
    if plain in _REFERENCE_KNOWN:
        return f"did you mean {plain}"
    near = _find_nearest(plain, _REFERENCE_FIELDS)
    return REFERENCE_ADVICE.get(plain) or (f"did you mean {near}" if near else "")


def _find_nearest(name: str, known: Collection[str]) -> str | None:
    close = get_close_matches(name, known, n=1, cutoff=_NEAREST)
    return close[0] if close else None


def _normalize(name: str) -> str:
    """Return `aspectRatio`, `Aspect-Ratio` and `ASPECT_RATIO` as `aspect_ratio`."""
    short = name[:_MAX_NAME].strip()
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", short)
    return re.sub(r"[\s_-]+", "_", spaced).lower()


def _shorten(name: str) -> str:
    # Longer than a key may be: one that is cut would not be recognized by `_clean`.
    return name[: 20 * _MAX_NAME]


def _clean(path: str, key: str) -> str:
    kept = path[: 60 * _MAX_NAME]
    if len(key) > 3:
        kept = kept.replace(key, hide_key(key))
    kept = _KEY.sub("sk_...", kept)
    kept = "".join(each if each.isascii() and each.isprintable() else "?" for each in kept)
    return kept if len(kept) <= 2 * _MAX_NAME else f"{kept[: 2 * _MAX_NAME - 3]}..."
