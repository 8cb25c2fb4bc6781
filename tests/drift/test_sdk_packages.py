"""Packages that are read in memory: what is bounded, and what is refused."""

from __future__ import annotations

import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from getimg_mock.drift import sdk_packages
from getimg_mock.drift.sdk_packages import read_package
from getimg_mock.errors import SettingsError
from tests.drift.packages import NODE, PYTHON, write_tarball, write_wheel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_both_kinds_of_packages_are_read(tmp_path: Path) -> None:
    """Also from a source distribution of Python, by the same bounds."""
    wheel = read_package(write_wheel(tmp_path / "a.whl"))
    assert (wheel.language, wheel.name, wheel.version) == ("python", "getimg", "1.0.0")
    assert set(wheel.files) == set(PYTHON)
    node = read_package(write_tarball(tmp_path / "a.tgz"))
    assert (node.language, node.name, node.version) == ("node", "getimg-ai", "0.9.0")
    files = {f"src/getimg/{name}": text for name, text in PYTHON.items()}
    files["PKG-INFO"] = "Name: getimg\nVersion: 2.0\n"
    source = read_package(write_tarball(tmp_path / "a.tar.gz", files, "getimg-2.0/"))
    assert (source.language, source.version, set(source.files)) == ("python", "2.0", set(PYTHON))


def write_bomb(path: Path) -> None:
    """Write a wheel whose 40 kB become 40 MB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("getimg/_client.py", b"#" * (40 << 20))


def write_lie(path: Path) -> None:
    """Write a wheel that says less of the size of a member than is true."""
    write_bomb(path)
    data = path.read_bytes()
    path.write_bytes(data.replace((40 << 20).to_bytes(4, "little"), (9).to_bytes(4, "little")))


def write_many(path: Path) -> None:
    """Write a wheel of more files than any SDK has."""
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(60):
            archive.writestr(f"getimg/{number}.py", "")


def write_escape(path: Path) -> None:
    """Write a tarball with a name outside of itself."""
    write_tarball(path, {**NODE, "../../escaped.js": ""})


def write_link(path: Path) -> None:
    """Write a tarball whose manifest is a link to a file of the machine."""
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("package/package.json")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member, io.BytesIO())


def write_text(text: str) -> Callable[[Path], object]:
    """Return what writes a file that is no package."""
    return lambda path: path.write_text(text)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (write_bomb, "holds too much for an SDK"),
        (write_lie, "not a package"),
        (write_many, "holds too much for an SDK"),
        (write_escape, "names a file outside of itself"),
        (write_link, "not an SDK"),
        (write_text(""), "not a package"),
        (write_text("PK\x03\x04 no zip"), "not a package"),
        (lambda path: write_tarball(path, {"package.json": "[1]"}), "not JSON"),
        (lambda path: write_tarball(path, {"package.json": "[" * 9999}), "not JSON"),
        (lambda path: write_tarball(path, {"other.js": ""}), "not an SDK"),
        (lambda path: path.mkdir(), "cannot be read"),
        (lambda _: None, "cannot be read"),
    ],
)
def test_a_hostile_package_is_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[[Path], object],
    message: str,
) -> None:
    """Nothing is written, nothing is followed, and nothing large is decompressed."""
    monkeypatch.setattr(sdk_packages, "MAX_MEMBERS", 50)
    path = tmp_path / "package.whl"
    write(path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SettingsError, match=message) as caught:
        read_package(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_damaged_bytes_are_one_sentence(tmp_path: Path) -> None:
    """Whatever byte of a package is damaged, it is read, or refused as what it is."""
    for good in (write_wheel(tmp_path / "a.whl"), write_tarball(tmp_path / "a.tgz")):
        data = good.read_bytes()
        for position in range(0, len(data), max(1, len(data) // 150)):
            bad = tmp_path / "bad"
            bad.write_bytes(data[:position] + bytes([data[position] ^ 0xFF]) + data[position + 1 :])
            try:
                read_package(bad)
            except SettingsError as error:
                assert str(bad) in str(error)  # noqa: PT017 - some damage is harmless
