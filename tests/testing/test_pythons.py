"""The plugin as it is installed: from a wheel, on each Python, in a suite that is not ours."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
NEEDED = ("pytest-xdist", "getimg[aiohttp]", "httpx2", "requests", "trio", "respx")

SUITE = """
import asyncio, time
from time import sleep
import httpx, httpx2, pytest, requests, trio
from getimg import AsyncGetimgAI, DefaultAioHttpClient, GetimgAI

VIDEO = dict(model="seedance-v1-5-pro", prompt="Waves")

def test_plain(getimg_mock):
    image = GetimgAI().images.generate(model="seedream-5-lite", prompt="A lighthouse")
    for library in (httpx, httpx2):
        assert library.get(image.data[0].url).content[:2] == b"\\xff\\xd8"

def test_guarded(getimg_mock):
    with pytest.raises(pytest.fail.Exception):
        requests.get("https://api.getimg.ai/v2/models")
    getimg_mock.journal.clear()

def test_live(getimg_live):
    image = GetimgAI().images.generate(model="seedream-5-lite", prompt="A lighthouse")
    assert requests.get(image.data[0].url).status_code == 200

def test_linked(getimg_mock, getimg_time):
    getimg_mock.transitions.set(seconds=600)
    client, polls = GetimgAI(), 1
    video = client.videos.generations.create(**VIDEO)
    while client.videos.generations.retrieve(video.id).status == "pending":
        sleep(5)
        polls += 1
    assert polls == 121

@pytest.mark.parametrize("make", [None, DefaultAioHttpClient])
def test_linked_asyncio(getimg_mock, getimg_time, make):
    getimg_mock.transitions.set(seconds=600)

    async def main():
        options = {"http_client": make()} if make else {}
        async with AsyncGetimgAI(**options) as client, asyncio.timeout(700):
            video, polls = await client.videos.generations.create(**VIDEO), 1
            while (await client.videos.generations.retrieve(video.id)).status == "pending":
                await asyncio.sleep(5)
                polls += 1
            await asyncio.to_thread(time.sleep, 50)
            return polls

    assert asyncio.run(main()) == 121

def test_linked_trio(getimg_mock, getimg_time):
    async def main():
        with trio.move_on_after(600):
            await trio.sleep_forever()
        await trio.to_thread.run_sync(time.sleep, 50)

    began = getimg_mock.clock.now()
    trio.run(main)
    assert (getimg_mock.clock.now() - began).total_seconds() == pytest.approx(650)

def test_respx(getimg_respx):
    assert GetimgAI().models.list()
    assert len(getimg_respx.calls) == 1
"""


def python(version: str) -> str | None:
    """Return an interpreter of that version, from pyenv or from the path."""
    # Not the other way round: pyenv puts names on the path that may lead nowhere.
    kept = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    return str(kept[-1]) if kept else shutil.which(f"python{version}")


def environment(interpreter: str, folder: Path) -> Path:
    """Return the Python of a new environment with the package and what its users use."""
    subprocess.run([interpreter, "-m", "venv", str(folder)], check=True, timeout=120)
    made = folder / "bin" / "python"
    command = [str(made), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    done = subprocess.run(
        [*command, str(ROOT), *NEEDED], check=False, capture_output=True, text=True, timeout=600
    )
    if done.returncode:
        shutil.rmtree(folder)
        pytest.skip(f"the packages cannot be installed here: {done.stderr.strip()[-200:]}")
    return made


def fingerprint() -> str:
    """Return what changes with every file that the wheel is made of."""
    told = hashlib.blake2b(digest_size=8)
    for top in ("mockserver", "schemas", "fixtures", "pyproject.toml"):
        for path in sorted([ROOT / top, *(ROOT / top).rglob("*")]):
            if path.is_file() and "__pycache__" not in path.parts:
                told.update(path.read_bytes())
    return told.hexdigest()


@pytest.mark.skipif(
    not os.environ.get("GETIMG_MOCK_PYTHONS"),
    reason="installs for a minute for each Python: set GETIMG_MOCK_PYTHONS=1",
)
@pytest.mark.parametrize("version", VERSIONS)
def test_an_installed_plugin_works(
    version: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """What is on a user's machine is a wheel, and warnings may be errors there."""
    interpreter = python(version)
    if interpreter is None:
        pytest.skip(f"there is no Python {version} on this machine")
    kept = Path(request.config.cache.mkdir("pythons"))
    folder = kept / f"{version}-{fingerprint()}"
    if not folder.exists():
        for old in kept.glob(f"{version}-*"):
            shutil.rmtree(old)
        environment(interpreter, folder)
    (tmp_path / "test_user.py").write_text(SUITE)
    command = [str(folder / "bin" / "python"), "-W", "error", "-m", "pytest", "-W", "error"]
    for options in ((), ("-n", "2")):
        done = subprocess.run(
            [*command, "-p", "no:cacheprovider", *options, str(tmp_path)],
            check=False,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=300,
        )
        # One test was guarded, and tells so.
        assert "1 failed, 7 passed" in done.stdout, done.stdout + done.stderr
        assert "Swallowed during the test: requests tried to reach" in done.stdout
