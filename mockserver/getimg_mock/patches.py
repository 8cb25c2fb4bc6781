"""Attributes of modules and classes that are replaced for a while and then restored.

Other code can keep a replacement longer than that. It imports it by name, or saves it and puts it
back later, as `monkeypatch` of pytest and mocking libraries do. Two rules follow:

- a replacement passes its calls on to the original as soon as its `Patches` have been restored;
- only an attribute that still holds the replacement is restored. One that another library has
  replaced meanwhile is remembered, and `restore_late` restores it when the replacement is back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable


class Patches:
    """Replaced attributes, from the first `replace` until `restore`. They are used only once.

    Replacements ask `active` whether they still apply.
    """

    def __init__(self) -> None:
        self.active = True
        self._places: list[tuple[Any, str, Any, _Record]] = []

    def replace(self, owner: Any, name: str, make: Callable[[Any], Any]) -> Any:
        """Replace an attribute by what `make` returns for the original, and return that.

        The original is never a replacement that has ended, so that chains of them cannot grow.
        """
        current = vars(owner).get(name)
        inherited = current is None
        original = getattr(owner, name) if inherited else current
        known = _find_record(original)
        if known is not None and not known.patches.active:
            original = find_original(known.original)
            inherited = inherited or known.inherited
        replacement = make(original)
        record = _RECORDS[replacement] = _Record(self, original, inherited, known is not None)
        self._set(owner, name, replacement, record)
        return replacement

    def reuse(self, owner: Any, name: str, replacement: Any) -> None:
        """Put a replacement that `replace` returned also in place of another attribute."""
        self._set(owner, name, replacement, _RECORDS[replacement])

    def restore(self) -> None:
        """End all replacements, and restore the attributes that still hold one."""
        self.active = False
        for owner, name, replacement, record in reversed(self._places):
            if vars(owner).get(name) is replacement:
                _restore(owner, name, record)
            else:
                _CONTESTED[id(owner), name] = owner
        self._places.clear()

    def _set(self, owner: Any, name: str, replacement: Any, record: _Record) -> None:
        setattr(owner, name, replacement)
        self._places.append((owner, name, replacement, record))


def find_original(value: Any) -> Any:
    """Return what a replacement that has ended passes its calls on to; any other value as it is."""
    while (record := _find_record(value)) is not None and not record.patches.active:
        value = record.original
    return value


def restore_late() -> None:
    """Restore the attributes in which other code has put back a replacement that had ended."""
    for (key, name), owner in tuple(_CONTESTED.items()):
        value = vars(owner).get(name)
        if find_original(value) is not value:
            _restore(owner, name, _RECORDS[value])
            del _CONTESTED[key, name]


class _Record(NamedTuple):
    """What a replacement belongs to, and what it replaces: a replacement, too, where `nested`."""

    patches: Patches
    original: Any
    inherited: bool
    nested: bool


_RECORDS: Final[WeakKeyDictionary[Any, _Record]] = WeakKeyDictionary()
# Attributes that held the replacement of another library when they should have been restored.
# Keyed by identity, as an owner need not be hashable.
_CONTESTED: Final[dict[tuple[int, str], Any]] = {}


def _find_record(value: Any) -> _Record | None:
    try:
        return _RECORDS.get(value)
    except TypeError:  # not hashable, or without weak references: not a replacement
        return None


def _restore(owner: Any, name: str, record: _Record) -> None:
    while record.nested and (earlier := _find_record(record.original)):
        if earlier.patches.active:
            break
        record = earlier
    # An attribute that a class has inherited is removed again.
    if record.inherited:
        delattr(owner, name)
    else:
        setattr(owner, name, record.original)
