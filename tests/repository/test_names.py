"""A name says which thing is meant: no two types and no two modules share one."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from tests.repository.sources import list_public_types, read_modules

if TYPE_CHECKING:
    from collections.abc import Iterable


class Mirror(NamedTuple):
    """A folder whose modules are named after modules of other folders, and why."""

    originals: tuple[str, ...]
    reason: str


MIRRORS: Final = {
    "control": Mirror(
        ("world", "api"),
        "a module of commands is named after the idea that its commands show or change",
    ),
    "cli": Mirror(
        ("", "world", "control", "cassettes", "contract/verification"),
        "a module is named after its command, and a command after what it runs",
    ),
    "contract/clients": Mirror(
        ("contract/provider",),
        "the suite for clients has the same shape as the suite for providers",
    ),
    "contract/verification": Mirror(
        ("contract", "contract/provider"),
        "the entrance of a suite is named after it; it has checks of its own",
    ),
    "contract/provider/checks": Mirror(
        ("", "world", "api"),
        "a module of checks is named after what the checks are about",
    ),
    "contract/clients/checks": Mirror(
        ("api",),
        "a module of checks is named after what the checks are about",
    ),
}

# Former places that warn for one release; each removal removes its entry.
DEPRECATED_MODULES: Final = frozenset({"schemas"})


def _list_modules() -> list[tuple[str, str]]:
    """Return each module's own name with its folder, such as `clock` in `world`."""
    found = []
    for each in read_modules():
        parent, _, name = each.removeprefix("getimg_mock").removeprefix(".").rpartition(".")
        found.append((name, parent.replace(".", "/")))
    return found


def _find_homes(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    homes: dict[str, list[str]] = defaultdict(list)
    for name, place in pairs:
        homes[name].append(place)
    return homes


def _is_mirror(name: str, folder: str, modules: set[tuple[str, str]]) -> bool:
    originals = MIRRORS[folder].originals if folder in MIRRORS else ()
    return any((name, original) in modules for original in originals)


def _find_several(homes: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: places for name, places in homes.items() if len(places) > 1}


def test_no_public_type_has_the_name_of_another() -> None:
    """A type's name in a message or an annotation says which type is meant."""
    assert _find_several(_find_homes(list_public_types())) == {}


def test_no_module_has_the_name_of_another() -> None:
    """A module's name in a traceback says which module is meant; mirrored trees are exceptions."""
    modules = set(_list_modules())
    several = _find_several(
        _find_homes(
            (name, folder) for name, folder in modules if not _is_mirror(name, folder, modules)
        )
    )
    assert {n: p for n, p in several.items() if n not in DEPRECATED_MODULES} == {}
    assert several.keys() == DEPRECATED_MODULES


def test_every_mirrored_tree_mirrors_something() -> None:
    """An exception that no module needs is removed."""
    modules = set(_list_modules())
    used = {folder for name, folder in modules if _is_mirror(name, folder, modules)}
    assert used == MIRRORS.keys()
