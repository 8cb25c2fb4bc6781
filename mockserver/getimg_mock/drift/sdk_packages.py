"""Reads an SDK from its wheel or tarball, in memory: nothing is unpacked, nothing is run.

Only sources are read. The size of the file, of its content and of each member is bounded before
anything is decompressed; names that lead out of the package are refused.
"""

from __future__ import annotations

import json
import re
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, Literal

from getimg_mock.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_FILE: Final = 64 << 20
"""The largest package in bytes."""

MAX_CONTENT: Final = 256 << 20
"""The most bytes that a package may have when unpacked."""

MAX_SOURCES: Final = 32 << 20
"""The most bytes of sources that are read."""

MAX_MEMBER: Final = 4 << 20
"""The largest source in bytes."""

MAX_MEMBERS: Final = 20_000
"""The most files of a package."""

_SOURCES: Final = (".py", ".d.ts", ".js", "package.json", "METADATA", "PKG-INFO")
_VERSION: Final = re.compile(r"^Version: *(\S+)", re.MULTILINE)
_NAME: Final = re.compile(r"^Name: *(\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SdkPackage:
    """The sources of an SDK by path, without the folder that the package is in."""

    language: Literal["python", "node"]
    name: str
    version: str
    files: Mapping[str, str]

    @property
    def label(self) -> str:
        """The name and version as a person reads them."""
        return f"{self.name} {self.version} ({self.language})"


def read_package(path: Path) -> SdkPackage:
    """Return the SDK in a wheel (.whl), or in a tarball of npm or of Python.

    Raises `SettingsError`, in one sentence, for a package that cannot be used.
    """
    try:
        if path.stat().st_size > MAX_FILE:
            raise SettingsError(f"{path} is larger than {MAX_FILE >> 20} MiB: give an SDK.")
        with path.open("rb") as file:
            start = file.read(4)
        members = _read_zip(path) if start[:2] == b"PK" else _read_tar(path)
        files = dict(members)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, ValueError) as error:
        raise _refuse(path) from error
    except (NotImplementedError, RuntimeError) as error:  # encrypted, or an odd compression
        raise _refuse(path) from error
    return _identify(path, files)


def _refuse(path: Path) -> SettingsError:
    return SettingsError(f"{path} is not a package: give a wheel (.whl) or a tarball (.tgz).")


def _read_zip(path: Path) -> Iterator[tuple[str, str]]:
    with zipfile.ZipFile(path) as archive:
        bounds = _Bounds(path)
        for info in archive.infolist():
            if bounds.admit(info.filename, info.file_size) and not info.is_dir():
                with archive.open(info) as member:
                    yield info.filename, _decode(member.read(MAX_MEMBER))


def _read_tar(path: Path) -> Iterator[tuple[str, str]]:
    with tarfile.open(path, "r|*") as archive:
        bounds = _Bounds(path)
        for info in archive:
            if bounds.admit(info.name, info.size) and info.isfile():
                member = archive.extractfile(info)
                if member is not None:
                    yield info.name, _decode(member.read(MAX_MEMBER))


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "replace")


class _Bounds:
    """Counts the members of a package, and refuses what is too much."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._members = self._content = self._sources = 0

    def admit(self, name: str, size: int) -> bool:
        """Return whether to read a member; raises `SettingsError` for a hostile package."""
        self._members += 1
        self._content += size
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if ".." in parts or name.startswith(("/", "\\")) or "\x00" in name:
            raise SettingsError(f"{self._path} names a file outside of itself: it is not an SDK.")
        is_source = name.endswith(_SOURCES)
        self._sources += size if is_source else 0
        if (
            self._members > MAX_MEMBERS
            or self._content > MAX_CONTENT
            or self._sources > MAX_SOURCES
            or (is_source and size > MAX_MEMBER)
        ):
            raise SettingsError(
                f"{self._path} holds too much for an SDK: at most {MAX_MEMBERS} files, "
                f"{MAX_CONTENT >> 20} MiB in all, and {MAX_MEMBER >> 20} MiB a source."
            )
        return is_source


def _identify(path: Path, files: Mapping[str, str]) -> SdkPackage:
    for name in files:
        head, _, last = name.rpartition("/")
        if last == "package.json" and head.count("/") == 0:
            return _identify_node(path, files, head)
    for name, text in files.items():
        if name.endswith((".dist-info/METADATA", "/PKG-INFO")) and name.count("/") == 1:
            version, package = _VERSION.search(text), _NAME.search(text)
            if version and package:
                inner = _strip(files, _find_python_root(files))
                return SdkPackage("python", package[1][:80], version[1][:40], inner)
    raise SettingsError(f"{path} is not an SDK: it has neither package.json nor metadata of pip.")


def _identify_node(path: Path, files: Mapping[str, str], head: str) -> SdkPackage:
    root = f"{head}/" if head else ""
    try:
        manifest: Any = json.loads(files[f"{root}package.json"])
    except (ValueError, RecursionError):
        manifest = None
    if not isinstance(manifest, dict):
        raise SettingsError(f"{path} is not a package of npm: its package.json is not JSON.")
    name, version = str(manifest.get("name", "?"))[:80], str(manifest.get("version", "?"))[:40]
    return SdkPackage("node", name, version, _strip(files, root))


def _find_python_root(files: Mapping[str, str]) -> str:
    """Return the folder of the import package: the shortest path that has a client."""
    found = [name.removesuffix("_client.py") for name in files if name.endswith("/_client.py")]
    return min(found, key=len, default="")


def _strip(files: Mapping[str, str], root: str) -> dict[str, str]:
    return {name.removeprefix(root): text for name, text in files.items() if name.startswith(root)}
