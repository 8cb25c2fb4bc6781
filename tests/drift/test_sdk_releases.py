"""Releases that `pip` and `npm` fetch: how they are called, and what becomes of failures."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from getimg_mock.drift import sdk_releases
from getimg_mock.drift.sdk_releases import load_package, load_packages
from getimg_mock.errors import SettingsError
from tests.drift.packages import write_tarball, write_wheel


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return the calls of a registry's client that gives the small SDKs."""
    made: list[dict[str, Any]] = []

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
        made.append({"command": command, **options})
        folder = Path(options["cwd"])
        write = write_tarball if command[1] == "pack" else write_wheel
        write(folder / "package")
        return subprocess.CompletedProcess(command, 0, b"", b"")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/npm")
    return made


def test_a_release_is_fetched_and_not_built(
    calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within a time, in a folder that is removed, without scripts, and without keys of the API."""
    monkeypatch.setenv("GETIMG_API_KEY", "sk_secret")
    packages, notes = load_packages(["latest", "getimg==0.3.0", "getimg-ai@0.3.2"])
    assert [each.language for each in packages] == ["python", "node", "python", "node"]
    assert notes == []
    asked = [each["command"][-1] for each in calls]
    assert asked == ["getimg", "getimg-ai", "getimg==0.3.0", "getimg-ai@0.3.2"]
    for each in calls:
        assert {"--only-binary=:all:", "--ignore-scripts"} & set(each["command"])
        assert each["timeout"] == sdk_releases.TIMEOUT
        assert "sk_secret" not in str(each["env"])
        assert not Path(each["cwd"]).exists()


@pytest.mark.parametrize(
    "name",
    [
        "getimg==0.3.0; rm -rf .",
        "getimg==--help me",
        "-r requirements.txt",
        "other==1",
        "https://x",
    ],
)
def test_only_releases_of_the_sdks_are_fetched(calls: list[dict[str, Any]], name: str) -> None:
    """Any other text is the name of a file."""
    with pytest.raises(SettingsError, match="cannot be read"):
        load_package(name)
    assert calls == []


def test_a_client_that_fails_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the line in which it says why."""

    def fail(command: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess(command, 1, b"", b"first\n\nlast\n")

    def hang(command: list[str], **_: Any) -> None:
        raise subprocess.TimeoutExpired(command, 1)

    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/npm")
    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(SettingsError, match=r"^getimg==0\.3\.0 was not compared: last\.$"):
        load_package("getimg==0.3.0")
    with pytest.raises(SettingsError, match=r"^getimg-ai@1 was not compared: first\.$"):
        load_package("getimg-ai@1")
    monkeypatch.setattr(subprocess, "run", hang)
    with pytest.raises(SettingsError, match="it took too long"):
        load_package("getimg==0.3.0")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(SettingsError, match="npm is not installed"):
        load_package("getimg-ai@1")
