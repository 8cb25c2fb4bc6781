"""The fake follows a recording: models, sizes, limits, durations and retention."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from getimg_mock.cassettes.learned_settings import LearnedSettings, learn_settings, write_learned
from getimg_mock.errors import SettingsError
from getimg_mock.fake import Fake
from getimg_mock.settings import Settings
from tests.contract.cassette_recording.observations import observe_session

SERVICE: dict[str, Any] = {"retention": 7200, "image_rpm": 40, "video_rpm": 7}


def _learn(change: Any = None) -> LearnedSettings:
    observation = observe_session(Path("cassette"), SERVICE, change, seconds=20.0)
    return learn_settings(observation.recorder.list_entries())


def test_a_recording_says_limits_durations_and_retention() -> None:
    """Values are those that `serve` takes."""
    learned = _learn()
    assert learned.settings == {
        "image_rpm": "40",
        "image_seconds": "20",
        "retention": "7200",
        "video_rpm": "7",
        "video_seconds": "60",
    }
    assert learned.counts["retention"] == 2


def test_models_are_those_of_the_service_with_sizes_that_were_seen() -> None:
    """Prices come from the catalogue, pixels from results."""

    def change(target: str, value: Any) -> Any:
        if target == "/v2/models":
            value[0]["pricing"]["rates"][-1]["unit_price"] = "0.97"
        if target == "/v2/images/generations" and "data" in value:
            value["data"][0] |= {"width": 1111, "height": 625}
        return value

    model = _learn(change).models[0]
    assert model["pricing"]["rates"][-1]["unit_price"] == "0.97"
    assert model["x_mock"]["sizes"] == {"16:9": {"2K": [1111, 625]}}


def test_a_settings_file_is_one_that_serve_takes(tmp_path: Path) -> None:
    """What is written is read back as it was learned, with the models that it names."""
    learned = _learn()
    path = tmp_path / "learned.toml"
    written = write_learned(path, learned)
    assert [each.name for each in written] == ["learned.toml", "learned.models.json"]
    settings = Settings.load({}, {}, path)
    assert (settings.image_rpm, settings.video_rpm, settings.retention) == (40, 7, 7200)
    assert str(settings.image_seconds) == "20"
    assert len(Fake.of(settings).catalogue.models) == len(learned.models)


def test_a_model_that_the_fake_refuses_is_left_out_and_named(tmp_path: Path) -> None:
    """One odd model does not make the whole file unusable."""

    def change(target: str, value: Any) -> Any:
        if target == "/v2/models":
            value[0]["supported_durations"] = [5]
        return value

    learned = _learn(change)
    assert "durations" in learned.unusable["seedream-5-lite"]
    path = tmp_path / "learned.toml"
    write_learned(path, learned)
    assert "seedream-5-lite" in path.read_text()
    assert "seedream-5-lite" not in Fake.of(Settings.load({}, {}, path)).catalogue.models


def test_many_durations_are_a_distribution() -> None:
    """Of several durations, quantiles are kept."""
    observation = observe_session(Path("cassette"), seconds=20.0)
    for seconds in (25.0, 35.0):
        observation.seconds = seconds
        observation.send(
            "POST", "/v2/images/generations", {"model": "seedream-5-lite", "prompt": str(seconds)}
        )
    value = learn_settings(observation.recorder.list_entries()).settings["image_seconds"]
    assert value.startswith("quantiles(p0=20,")
    assert value.endswith("p100=35)")


@pytest.mark.parametrize(
    "answer",
    [
        b"[1, {}, null]",
        b'{"status": "completed", "data": [{"width": -1, "height": 1e9, "fps": "x"}]}',
        b'{"id": "req-x", "status": "completed", "data": 7}',
    ],
)
def test_a_hostile_service_teaches_nothing(answer: bytes) -> None:
    """Wrong shapes and impossible values are left out, and never an exception."""
    learned = _learn(lambda _target, _value: answer)
    assert learned.models == []
    assert not {"retention"} & learned.settings.keys()


def test_a_file_that_cannot_be_written_is_said_in_a_sentence(tmp_path: Path) -> None:
    """The message names the file."""
    with pytest.raises(SettingsError, match="cannot be written"):
        write_learned(tmp_path / "none" / "learned.toml", _learn())
