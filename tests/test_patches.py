"""Attributes that are replaced for a while, beside other code that replaces them, too."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.patches import Patches, find_original, restore_late

if TYPE_CHECKING:
    from collections.abc import Callable


def original() -> str:
    """Return what the real function returns."""
    return "real"


def replace(patches: Patches, owner: Any, name: str = "call") -> Any:
    """Replace an attribute by a function that names its original while its patches are active."""

    def make(before: Callable[..., Any]) -> Callable[..., Any]:
        def replacement(*arguments: Any) -> Any:
            result = before(*arguments)
            return f"replaced {result}" if patches.active else result

        return replacement

    return patches.replace(owner, name, make)


@pytest.fixture
def place() -> SimpleNamespace:
    """Return an owner of a function, such as a module."""
    return SimpleNamespace(call=original)


def test_a_replaced_attribute_is_restored(place: SimpleNamespace) -> None:
    """After the end nothing is left, neither at the first place nor at further ones."""
    other = SimpleNamespace(alias=original)
    patches = Patches()
    patches.reuse(other, "alias", replace(patches, place))
    assert place.call() == other.alias() == "replaced real"
    patches.restore()
    assert place.call is other.alias is original


def test_what_a_class_inherits_is_inherited_again() -> None:
    """An attribute that the class itself does not have is removed, not set."""

    class Base:
        def call(self) -> str:
            return "real"

    class Derived(Base):
        pass

    patches = Patches()
    replace(patches, Derived)
    assert Derived().call() == "replaced real"
    patches.restore()
    assert "call" not in vars(Derived)
    assert Derived().call() == "real"


def test_the_replacement_of_other_code_is_left_alone(place: SimpleNamespace) -> None:
    """Only an attribute that still holds our replacement is restored."""
    patches = Patches()
    replace(patches, place)
    place.call = "of another library"
    patches.restore()
    assert place.call == "of another library"
    restore_late()
    assert place.call == "of another library"


def test_a_replacement_that_was_kept_passes_calls_on(place: SimpleNamespace) -> None:
    """Code that has saved it must not live in what has ended."""
    patches = Patches()
    kept = replace(patches, place)
    patches.restore()
    assert kept() == "real"
    assert find_original(kept) is original
    assert find_original(original) is original


def test_a_replacement_that_is_put_back_late_is_restored(
    place: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`monkeypatch` undoes its changes after other fixtures have ended."""
    patches = Patches()
    kept = replace(patches, place)
    monkeypatch.setattr(place, "call", lambda: "of the test")
    patches.restore()
    monkeypatch.undo()
    assert place.call is kept
    restore_late()
    assert place.call is original


def test_chains_of_replacements_do_not_grow(place: SimpleNamespace) -> None:
    """A thousand tests that each put ours back would end in a RecursionError."""
    for _ in range(2000):
        patches = Patches()
        kept = replace(patches, place)
        assert place.call() == "replaced real"
        place.call = None
        patches.restore()
        place.call = kept
    assert place.call() == "real"
    restore_late()
    assert place.call is original


def test_nested_replacements_end_in_any_order(place: SimpleNamespace) -> None:
    """The inner one restores the outer one; when the outer one ends first, nothing of it stays."""
    outer, inner = Patches(), Patches()
    replace(outer, place)
    replace(inner, place)
    assert place.call() == "replaced replaced real"
    inner.restore()
    assert place.call() == "replaced real"
    inner = Patches()
    replace(inner, place)
    outer.restore()
    inner.restore()
    assert place.call is original


def test_owners_and_values_need_not_be_hashable() -> None:
    """Modules may hold anything, and be anything."""
    owner = SimpleNamespace(call=[1])
    patches = Patches()
    patches.replace(owner, "call", lambda _: original)
    owner.call = [2]
    patches.restore()
    restore_late()
    assert owner.call == [2]
