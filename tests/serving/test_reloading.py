"""A changed file is in force without a restart; a mistake in one changes nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from PIL import Image

from getimg_mock import create_app
from getimg_mock.cassettes.cassette_writer import write_entries
from getimg_mock.control.channels import LocalChannel
from getimg_mock.serving.reloading import Reloader, watch_files
from getimg_mock.settings import Settings
from tests.cassettes.samples import build_refusal, write_sample

if TYPE_CHECKING:
    from getimg_mock.application import Application

SCENARIO = 'summary = "x"\n[[rules]]\non = "images.generate"\nerror = "%s"\n'
KEY = "sk_test"
VIDEO = {"model": "seedance-v1-5-pro", "prompt": "Waves"}


class Served:
    """A fake with a settings file, and how it reloads."""

    def __init__(self, folder: Path, text: str, **preset: Any) -> None:
        self.file = folder / "getimg-mock.toml"
        self.file.write_text(text)
        self.preset = preset
        settings = self.load()
        self.app: Application = create_app(settings)
        self.reloader = Reloader(self.app, settings, self.load, self.file)

    def load(self) -> Settings:
        """Return the settings as the file has them now."""
        return Settings.load({"quiet": True, **self.preset}, {}, self.file)

    def change(self, text: str) -> str:
        """Write the file anew and reload."""
        self.file.write_text(text)
        return self.reloader.reload()

    def ask(self, path: str, method: str = "GET", key: str = KEY, **values: Any) -> Any:
        """Run a control command."""
        return LocalChannel(self.app.fake, key).call(method, path, values or None)


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of each store."""
    return "memory" if request.param == "memory" else f"sqlite:///{tmp_path}/fake.db"


def test_what_a_workspace_began_with_changes_and_its_own_changes_stay(
    store: str, tmp_path: Path
) -> None:
    """Its own are those that were set through the control surface."""
    served = Served(tmp_path, "video-seconds = 5\nretention = 60\nimage-rpm = 3\n", store=store)
    served.ask("/settings", "PATCH", retention=7)
    said = served.change("video-seconds = 9\nretention = 80\nimage-rpm = 4\n")
    assert (
        said == "Reloaded: image-rpm 4 (was 3); video-seconds 9 (was 5); retention 80.0 (was 60.0)."
    )
    changed = served.ask("/settings")
    assert (changed["video_seconds"], changed["retention"]) == ("9", 7)
    assert served.ask("/limits")["image_rpm"] == 4
    assert served.ask("/settings", key="sk_new")["retention"] == 80
    assert served.reloader.reload() == ""
    served.app.fake.store.close()


def test_scenarios_are_replaced_and_rules_of_ones_own_stay(store: str, tmp_path: Path) -> None:
    """A rule that was added through the control surface is not of a file."""
    scenario = tmp_path / "bad.toml"
    scenario.write_text(SCENARIO % "rate_limit")
    served = Served(tmp_path, f"scenario = [{json.dumps(str(scenario))}]\n", store=store)
    served.ask("/scenarios", "POST", on="videos.create", error="server_error")
    scenario.write_text(SCENARIO % "quota_exceeded")
    assert "scenario" in served.reloader.reload()
    rules = served.ask("/scenarios")["rules"]
    assert sorted(each["error"] for each in rules) == ["quota_exceeded", "server_error"]
    served.app.fake.store.close()


def test_models_and_media_are_read_anew(tmp_path: Path) -> None:
    """A model that was added can be used by the next request."""
    models = tmp_path / "models.json"
    shipped = json.loads(json.dumps(LocalChannel(create_app().fake, KEY).call("GET", "/models")))
    (first, *_) = shipped["models"]
    models.write_text(json.dumps({"models": [first]}))
    served = Served(tmp_path, f"models = {json.dumps(str(models))}\n")
    before = len(served.ask("/models")["models"])
    models.write_text(json.dumps({"models": [first, {**first, "id": "another-model"}]}))
    assert "models" in served.reloader.reload()
    assert len(served.ask("/models")["models"]) == before + 1
    assert served.reloader.reload() == ""


def test_a_picture_of_ones_own_is_read_anew(tmp_path: Path) -> None:
    """What it is follows the file; one that has other pixels alone is named as well."""
    picture = tmp_path / "cat.png"
    Image.new("RGB", (30, 20), "red").save(picture)
    served = Served(tmp_path, f"media = [{json.dumps(str(picture))}]\n")
    Image.new("RGB", (30, 20), "blue").save(picture)
    os.utime(picture, ns=(1, 1))
    assert served.reloader.reload() == f"Reloaded: media {picture}."
    Image.new("RGB", (40, 20), "blue").save(picture)
    assert served.reloader.reload() == "Reloaded: media, 1 rules."
    assert served.ask("/media")["configured"][0]["files"][0]["width"] == 40
    picture.write_bytes(picture.read_bytes()[:45])
    assert f"{picture} is a broken picture" in served.reloader.reload()
    assert served.ask("/media")["configured"][0]["files"][0]["width"] == 40


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("video-secs = 3\n", "Unknown key in"),
        ("video-seconds = [\n", "getimg-mock.toml"),
        ('models = "gone.json"\n', "gone.json"),
        ('scenario = ["gone.toml"]\n', "gone.toml"),
        ('media = ["gone.png"]\n', "gone.png"),
    ],
)
def test_a_mistake_is_named_and_changes_nothing(text: str, said: str, tmp_path: Path) -> None:
    """The former settings stay, and the next good file is taken."""
    served = Served(tmp_path, "video-seconds = 5\n")
    told = served.change(text)
    assert told.startswith("Not reloaded, the former settings stay in force: ")
    assert said in told
    # What is missing may be added without a further change of the settings file.
    assert not said.startswith("gone") or Path(said).absolute() in served.reloader.list_files()
    assert served.ask("/settings")["video_seconds"] == "5"
    assert served.change("video-seconds = 5\n") == "Reloaded: nothing has changed."
    assert served.change("video-seconds = 6\n") == "Reloaded: video-seconds 6 (was 5)."


def test_what_needs_a_start_is_said_and_stays(tmp_path: Path) -> None:
    """A port cannot be changed while it serves."""
    served = Served(tmp_path, "port = 4011\n")
    assert served.change("port = 4012\n") == "Reloaded: port changes at the next start only."
    assert served.app.fake.settings.port == 4011


async def submit(app: Application) -> int:
    """Order a video, and return the status."""
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        headers = {"Authorization": f"Bearer {KEY}"}
        answer = await client.post("/v2/videos/generations", json=VIDEO, headers=headers)
        return answer.status_code


def test_how_a_pending_generation_is_charged_stays(tmp_path: Path) -> None:
    """Its cost is booked by what was in force when it was submitted."""
    served = Served(tmp_path, 'clock = "virtual"\n')
    assert asyncio.run(submit(served.app)) == 202
    served.change('clock = "virtual"\ncharge-at = "submission"\n')
    assert served.ask("/settings")["charge_at"] == "completion"
    assert served.ask("/settings", key="sk_new")["charge_at"] == "submission"


def test_a_changed_file_is_seen(tmp_path: Path) -> None:
    """An editor that replaces the file is seen, too, and files that are named later."""
    scenario = tmp_path / "s.toml"
    served = Served(tmp_path, "video-seconds = 5\n")

    async def run() -> list[str]:
        over, lines = asyncio.Event(), []

        noticed = asyncio.Event()

        async def change(text: str) -> None:
            # When the watch has begun cannot be seen from outside: written until it is noticed.
            while not over.is_set():
                new = tmp_path / "new"
                new.write_text(text)
                new.replace(served.file)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(noticed.wait(), 0.3)

        scenario.write_text(SCENARIO % "rate_limit")
        writing = asyncio.ensure_future(change(f"scenario = [{json.dumps(str(scenario))}]\n"))
        async for line in watch_files(served.reloader, over):
            lines.append(line)
            over.set()
            noticed.set()
        await writing
        return lines

    (line,) = asyncio.run(asyncio.wait_for(run(), 20))
    assert line == f"Reloaded: video-seconds not set (was 5); scenario {scenario}."


def test_a_latency_file_is_watched_and_read_again(tmp_path: Path) -> None:
    """It is a file that settings name, as a models file is."""
    latency = tmp_path / "latency.json"
    latency.write_text(json.dumps({"image": {"count": 1, "quantiles": {"p50": 3}}}))
    served = Served(tmp_path, f"image-seconds = {json.dumps(str(latency))}\n")
    assert latency in served.reloader.list_files()
    assert served.ask("/settings")["image_seconds"] == "quantiles(p50=3)"
    latency.write_text(json.dumps({"image": {"count": 1, "quantiles": {"p50": 4}}}))
    assert served.reloader.reload() == (
        "Reloaded: image-seconds quantiles(p50=4) (was quantiles(p50=3))."
    )
    assert served.ask("/settings")["image_seconds"] == "quantiles(p50=4)"
    latency.write_text("{")
    assert served.reloader.reload().startswith("Not reloaded, the former settings stay in force: ")
    assert latency in served.reloader.list_files()


def test_a_cassette_is_read_again_only_when_it_has_changed(tmp_path: Path) -> None:
    """Reading one of thousands of exchanges takes seconds; a change of an exchange is seen."""
    cassette = write_sample(tmp_path / "cassette")
    served = Served(tmp_path, "retention = 60\n", replay=str(cassette.folder))
    assert {cassette.folder, cassette.folder / "exchanges"} <= served.reloader.list_files()
    before = served.app.fake.recordings
    assert before is not None
    assert served.change("retention = 70\n") == "Reloaded: retention 70.0 (was 60.0)."
    assert served.app.fake.recordings is before
    write_entries(cassette.folder, [build_refusal("another")])
    assert served.reloader.reload() == f"Reloaded: replay {cassette.folder}."
    again = served.app.fake.recordings
    assert again is not None
    assert again is not before
    assert served.change('retention = 70\non-miss = "fake"\n').startswith("Reloaded: on-miss fake")
    assert served.app.fake.recordings is not again
