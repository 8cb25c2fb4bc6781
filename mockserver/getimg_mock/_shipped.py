"""The files that ship with the package: schemas, fixtures and contract tests.

In a wheel they are in the package; in a checkout, and so in an editable install, they are next to
the source root. No other module knows the difference. In a wheel, the folder of the schemas is also
that of the module `getimg_mock.schemas`, so its existence says nothing: that of the fixtures does.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

Folder = Literal["schemas", "fixtures", "contract_tests"]


def _open_package(package: str = "getimg_mock") -> Traversable:
    """Return the folder of a package of ours, in an archive too."""
    folder = Path(__file__).parent.joinpath(*package.split(".")[1:])
    if folder.is_dir():
        return folder
    from importlib.resources import files  # noqa: PLC0415 - it takes as long to import as half the fake

    return files(package)


@cache
def open_folder(folder: Folder) -> Traversable:
    """Return `folder` as a `Traversable`, wherever this installation keeps it.

    Raises `FileNotFoundError` when neither place holds it, which means a broken installation.
    """
    package = _open_package()
    if package.joinpath("fixtures").is_dir():
        return package.joinpath(folder)
    checkout = Path(__file__).parents[2]
    if checkout.joinpath(folder).is_dir():
        return checkout / folder
    raise FileNotFoundError(
        f"getimg-mock's {folder!r} are neither in the package nor next to its source: "
        "the installation is incomplete, reinstall getimg-mock."
    )


def read_text(folder: Folder, name: str) -> str:
    """Return the text of one shipped file; `name` may hold slashes."""
    return open_folder(folder).joinpath(*name.split("/")).read_text(encoding="utf-8")


def open_package_folder(*parts: str) -> Traversable:
    """Return a folder of data files within the package itself, such as that of the page."""
    return _open_package().joinpath(*parts)


def read_source(module: str) -> str:
    """Return the source of one module of this package, by its dotted name."""
    package, *parts = module.split(".")
    return read_package_file(package, "/".join((*parts[:-1], f"{parts[-1]}.py")))


def read_package_file(package: str, name: str) -> str:
    """Return the text of a file that lies in a package of ours; `name` may hold slashes."""
    return _open_package(package).joinpath(*name.split("/")).read_text(encoding="utf-8")
