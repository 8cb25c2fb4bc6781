"""Finds the packages to read: files, and releases that `pip` and `npm` can see.

A release is fetched by the client of its registry, as a subprocess, into a folder that is removed.
It is never installed, and no script of it is run.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from getimg_mock.drift.sdk_packages import read_package
from getimg_mock.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from getimg_mock.drift.sdk_packages import SdkPackage

PYTHON_SDK: Final = "getimg"
NODE_SDK: Final = "getimg-ai"
LATEST: Final = "latest"

TIMEOUT: Final = 120.0
"""Seconds that `pip` or `npm` may take for one package."""

_RELEASE: Final = re.compile(rf"({PYTHON_SDK})==([\w.+!]{{1,40}})|({NODE_SDK})@([\w.+-]{{1,40}})")


def load_packages(names: Sequence[str]) -> tuple[list[SdkPackage], list[str]]:
    """Return the packages of `--sdk`, and notes on newest releases that could not be had.

    A name is a file, `latest` (of both languages), `getimg==0.4.0` or `getimg-ai@0.3.2`. Raises
    `SettingsError` for a file or a named release that cannot be read.
    """
    found, notes = [], []
    for name in names:
        if name != LATEST:
            found.append(load_package(name))
            continue
        for release in (PYTHON_SDK, NODE_SDK):
            try:
                found.append(_fetch(release))
            except SettingsError as error:
                notes.append(str(error))
    return found, notes


def load_package(name: str) -> SdkPackage:
    """Return the package in a file, or a named release; raises `SettingsError`."""
    release = _RELEASE.fullmatch(name)
    return _fetch(name) if release else read_package(Path(name))


def _fetch(release: str) -> SdkPackage:
    is_node = release.startswith(NODE_SDK)
    with tempfile.TemporaryDirectory(prefix="getimg-mock-drift-") as folder:
        if is_node:
            npm = shutil.which("npm")
            command = [npm or "", "pack", "--loglevel=error", "--ignore-scripts", release]
        else:
            # A wheel only: a source distribution would be built, which runs its code.
            options = ("--no-deps", "--only-binary=:all:", "--disable-pip-version-check")
            command = [sys.executable, "-m", "pip", "download", "-q", *options, release]
        if not command[0]:
            raise SettingsError(f"{release} was not compared: npm is not installed.")
        _run(command, folder, release)
        files = sorted(Path(folder).iterdir())
        if len(files) != 1:
            raise SettingsError(f"{release} was not compared: its registry gave no package.")
        return read_package(files[0])


def _run(command: Sequence[str], folder: str, release: str) -> None:
    # No key of the API is a registry's business.
    variables = {name: value for name, value in os.environ.items() if "GETIMG" not in name}
    try:
        done = subprocess.run(  # noqa: S603 - a list without a shell; the release is checked
            command, cwd=folder, env=variables, capture_output=True, timeout=TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = "it took too long" if isinstance(error, subprocess.TimeoutExpired) else str(error)
        raise SettingsError(f"{release} was not compared: {reason}.") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it failed"]
        # npm begins with its error, pip ends with it.
        line = said[0] if release.startswith(NODE_SDK) else said[-1]
        raise SettingsError(f"{release} was not compared: {line[:200]}.")
