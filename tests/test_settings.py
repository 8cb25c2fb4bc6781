"""Settings: every one as argument, environment variable and key of a file."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getimg_mock.errors import SettingsError, UnknownNameError
from getimg_mock.setting_values import Span
from getimg_mock.settings import FILE, PREFIX, Settings, format_option_name, list_options
from tests.docs.settings_schema import FILE_PATH, render_settings_schema

# For each setting: what may be written in an environment variable, and what it is read as.
WRITTEN: dict[str, tuple[str, Any]] = {
    "host": ("::1", "::1"),
    "port": ("5000", 5000),
    "tls": ("on", True),
    "tls_port": ("0", 0),
    "tls_cert": ("cert.pem", Path("cert.pem")),
    "tls_key": ("key.pem", Path("key.pem")),
    "tls_host": ("API.getimg.ai,::1, *.example.test", ("api.getimg.ai", "::1", "*.example.test")),
    "seed": ("tests", "tests"),
    "models": ("models.json", Path("models.json")),
    "strictness": ("schema", "schema"),
    "balance": ("12.34", Decimal("12.34")),
    "limits": ("realistic", "realistic"),
    "image_rpm": ("20", 20),
    "video_rpm": ("0", 0),
    "concurrent": ("5", 5),
    "rate_window": ("1", 1),
    "timing": ("observed", "observed"),
    "image_seconds": ("20..60", Span(20, 60)),
    "video_seconds": ("0", Span(0, 0)),
    "fail_rate": ("0.25", 0.25),
    "retention": ("1.5", 1.5),
    "charge_at": ("submission", "submission"),
    "silent_sound": ("refuse", "refuse"),
    "tampered_status": ("401", 401),
    "expired_status": ("403", 403),
    "unknown_download_status": ("410", 410),
    "key_pattern": ("k[0-9]+", "k[0-9]+"),
    "trust_forwarded": ("yes", True),
    "max_body_mib": ("1", 1),
    "reference_megapixels": ("1", 1),
    "media_size": ("small", "small"),
    "media": ("cat.png", ('{"file": "cat.png"}',)),
    "font": ("NotoSans.ttf", Path("NotoSans.ttf")),
    "media_cache_mib": ("0", 0),
    "max_workspaces": ("1", 1),
    "workers": ("4", 4),
    "store": ("sqlite:///fake.db", "sqlite:///fake.db"),
    "clock": ("x60", "x60"),
    "replay": ("cassette", Path("cassette")),
    "on_miss": ("fake", "fake"),
    "replay_ignore": ("prompt, images", ("prompt", "images")),
    "scenario": ("slow-videos, outage", ("slow-videos", "outage")),
    "magic": ("off", False),
    "journal_exchanges": ("0", 0),
    "journal_mib": ("1", 1),
    "control_token": ("a-long-token", "a-long-token"),
    "check_responses": ("true", True),
    "mock_headers": ("no", False),
    "quiet": ("1", True),
    "log_format": ("json", "json"),
}

NAMES = tuple(option.name for option in list_options())


def _load(
    arguments: dict[str, Any] | None = None,
    environment: dict[str, str] | None = None,
    file: Path | None = None,
) -> Settings:
    return Settings.load(arguments or {}, environment or {}, file)


def _toml(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_every_setting_is_tried_here() -> None:
    """A new one must be added above, and an old one removed."""
    assert set(NAMES) <= set(WRITTEN)


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_can_be_given_in_three_ways(name: str, tmp_path: Path) -> None:
    """Argument, environment variable and key of the file read the same text alike."""
    written: Any
    written, read = WRITTEN[name]
    file = _toml(tmp_path / "s.toml", f'{format_option_name(name)} = "{written}"')
    for settings in (
        Settings.of(**{name: written}),
        _load({name: written}),
        _load(environment={PREFIX + name.upper(): written}),
        _load(file=file),
    ):
        assert getattr(settings, name) == read
        assert getattr(settings, name) != getattr(Settings(), name)


@pytest.mark.parametrize("name", NAMES)
def test_what_was_read_reads_as_itself(name: str) -> None:
    """A value of the right type is taken as it is: `Settings.of(**other)` works."""
    written: Any = WRITTEN[name][0]
    settings = Settings.of(**{name: written})
    again = Settings.of(**{each.name: getattr(settings, each.name) for each in fields(settings)})
    assert again == settings


def test_an_argument_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    """The nearer to the hand, the stronger."""
    file = _toml(tmp_path / "s.toml", 'port = 1\nseed = "file"\nhost = "10.0.0.1"')
    environment = {"GETIMG_MOCK_PORT": "2", "GETIMG_MOCK_SEED": "environment"}
    settings = _load({"port": 3}, environment, file)
    assert (settings.port, settings.seed, settings.host) == (3, "environment", "10.0.0.1")
    assert settings.limits == Settings().limits


def test_the_file_of_the_working_directory_is_read_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`getimg-mock.toml` counts where it lies; a named file takes its place."""
    monkeypatch.chdir(tmp_path)
    assert _load() == Settings()
    _toml(tmp_path / FILE, "port = 1")
    assert _load().port == 1
    assert _load(file=_toml(tmp_path / "other.toml", "quiet = true")).port == Settings().port


def test_a_file_may_use_the_types_of_toml(tmp_path: Path) -> None:
    """Numbers and booleans need no quotes; underscores are taken for hyphens."""
    file = _toml(
        tmp_path / "s.toml",
        "balance = 0.1\nvideo-seconds = 30\nimage_seconds = 0.5\nquiet = true\nfail-rate = 1",
    )
    settings = _load(file=file)
    assert settings.balance == Decimal("0.1")
    assert (settings.video_seconds, settings.image_seconds) == (Span(30, 30), Span(0.5, 0.5))
    assert (settings.quiet, settings.fail_rate) == (True, 1.0)


def test_an_unknown_argument_is_refused_with_the_nearest() -> None:
    """A misspelt setting must not be a setting that is silently off."""
    with pytest.raises(UnknownNameError, match=r"setting 'video_second'.*'video_seconds'"):
        Settings.of(video_second=30)  # type: ignore[call-arg]
    with pytest.raises(UnknownNameError, match=r"option '--video-second'.*'--video-seconds'"):
        _load({"video_second": 30})


def test_an_unknown_variable_is_refused_with_the_nearest() -> None:
    """Ours all begin alike, so a wrong one can be told from somebody else's."""
    with pytest.raises(
        UnknownNameError, match=r"variable 'GETIMG_MOCK_BALNCE'.*'GETIMG_MOCK_BALANCE'"
    ):
        _load(environment={"GETIMG_MOCK_BALNCE": "1"})
    assert _load(environment={"GETIMG_API_KEY": "x", "PORT": "1", "XGETIMG_MOCK_PORT": "1"}).port


@pytest.mark.parametrize("name", ["CONFIG", "URL", "KEY", "TOKEN"])
def test_variables_of_other_parts_are_let_pass(name: str) -> None:
    """They share the prefix and are no settings of the server."""
    assert _load(environment={PREFIX + name: "anything"}) == Settings()


def test_an_unknown_key_of_the_file_is_refused_with_file_and_nearest(tmp_path: Path) -> None:
    """The error names the file, since nobody gave it as an argument."""
    file = _toml(tmp_path / "s.toml", "imagerpm = 3")
    with pytest.raises(UnknownNameError, match=r"key in .*s\.toml 'imagerpm'.*'image-rpm'"):
        _load(file=file)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("port = ", "is not a TOML file"),
        ("\x00", "is not a TOML file"),
        ("[server]\nport = 1", "'server'"),
        ('host = ["a"]', "host in .*is not a text"),
        ("host = true", "host in .*is not a text"),
        ("models = 5", "models in .*is not the name of a file"),
        ("port = true", "port in .*whole number"),
        ("port = 1.5", "port in .*whole number"),
        ("balance = nan", "balance in .*amount"),
        ("retention = inf", "retention in .*time in seconds"),
        ("seed = 1979-05-27", "seed in .*is not a text"),
        ("strictness = []", "strictness in "),
        ("quiet = 2", "quiet in .*neither yes nor no"),
    ],
)
def test_a_bad_file_is_refused_with_the_place(tmp_path: Path, text: str, said: str) -> None:
    """Whatever TOML can hold, the answer is one sentence and no traceback."""
    with pytest.raises(SettingsError, match=said):
        _load(file=_toml(tmp_path / "s.toml", text))


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_a_file_that_was_named_must_be_there(tmp_path: Path, name: str) -> None:
    """Unlike the one that is looked for unasked."""
    with pytest.raises(SettingsError, match="cannot be read"):
        _load(file=tmp_path / name)


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    """TOML is UTF-8."""
    (tmp_path / "s.toml").write_bytes(b'seed = "\xe4"')
    with pytest.raises(SettingsError, match="is not a TOML file"):
        _load(file=tmp_path / "s.toml")


BAD: list[tuple[str, Any]] = [
    ("port", "65536"),
    ("port", "-1"),
    ("port", "x"),
    ("port", ""),
    ("port", "4010.0"),
    ("port", True),
    ("port", None),
    ("port", "9" * 5000),
    ("port", [1]),
    ("strictness", "strict"),
    ("strictness", ""),
    ("strictness", None),
    ("limits", "generuos"),
    ("balance", "-0.01"),
    ("balance", "x"),
    ("balance", "NaN"),
    ("balance", "Infinity"),
    ("balance", "1e13"),
    ("balance", "1e-13"),
    ("balance", ""),
    ("balance", None),
    ("balance", True),
    ("balance", "0." + "1" * 30),
    ("balance", "sNaN"),
    ("image_rpm", "-1"),
    ("image_rpm", "1.5"),
    ("image_rpm", ""),
    ("concurrent", 10**10),
    ("rate_window", 0),
    ("rate_window", 86401),
    ("video_seconds", "60..20"),
    ("video_seconds", "-1"),
    ("video_seconds", "20.."),
    ("video_seconds", "..20"),
    ("video_seconds", "soon"),
    ("video_seconds", ""),
    ("video_seconds", "1e3"),
    ("video_seconds", float("nan")),
    ("video_seconds", float("inf")),
    ("video_seconds", True),
    ("video_seconds", 1e300),
    ("video_seconds", "9" * 5000),
    ("image_seconds", None),
    ("retention", "1..2"),
    ("retention", -1),
    ("retention", None),
    ("fail_rate", "1.01"),
    ("fail_rate", "-0.1"),
    ("fail_rate", "nan"),
    ("fail_rate", ""),
    ("fail_rate", True),
    ("tampered_status", 399),
    ("expired_status", 600),
    ("unknown_download_status", "4O4"),
    ("key_pattern", "("),
    ("key_pattern", None),
    ("quiet", "maybe"),
    ("quiet", None),
    ("quiet", ""),
    ("max_body_mib", 0),
    ("max_workspaces", 0),
    ("models", ""),
    ("models", 5),
    ("host", None),
    ("host", ["a"]),
    ("host", ""),
    ("seed", {"a": 1}),
    ("log_format", "yaml"),
    ("clock", "fast"),
    ("clock", "x0"),
    ("clock", "x-1"),
    ("clock", None),
    ("scenario", 5),
    ("scenario", {"a": 1}),
]


@pytest.mark.parametrize(("name", "value"), BAD, ids=lambda each: repr(each)[:30])
def test_a_value_that_cannot_be_used_is_refused_with_its_name(name: str, value: Any) -> None:
    """One sentence that begins with the setting."""
    with pytest.raises(SettingsError) as caught:
        Settings.of(**{name: value})
    assert str(caught.value).startswith(f"{name}: ")


def test_a_misspelt_value_is_refused_with_the_nearest() -> None:
    """As names are, so are words."""
    with pytest.raises(SettingsError, match=r"'realistc'.*Did you mean 'realistic'"):
        Settings.of(limits="realistc")  # type: ignore[arg-type]


def test_where_a_value_was_wrong_is_said_as_it_was_written() -> None:
    """The option with its hyphens, the variable in its capitals."""
    with pytest.raises(SettingsError, match=r"^--rate-window: "):
        _load({"rate_window": "0"})
    with pytest.raises(SettingsError, match=r"^GETIMG_MOCK_RATE_WINDOW: "):
        _load(environment={"GETIMG_MOCK_RATE_WINDOW": "0"})


@pytest.mark.parametrize(
    ("written", "low", "high"),
    [
        ("0", 0, 0),
        ("30", 30, 30),
        (" 20 .. 60 ", 20, 60),
        ("0.5..0.5", 0.5, 0.5),
        (30, 30, 30),
        (0.25, 0.25, 0.25),
        (1e-9, 1e-9, 1e-9),
        ("3162240000", 3162240000, 3162240000),
    ],
)
def test_a_time_is_a_number_or_a_range(written: Any, low: float, high: float) -> None:
    """Both ends are included; equal ends are a fixed time."""
    assert Span.parse(written) == Span(low, high)


@pytest.mark.parametrize(("low", "high"), [(-1, 5), (5, 1), (0, float("nan")), (0, float("inf"))])
def test_a_time_that_cannot_be_drawn_cannot_be_made(low: float, high: float) -> None:
    """Not even in Python, where nothing is parsed."""
    with pytest.raises(SettingsError, match=r"out of range|before it begins"):
        Span(low, high)


@given(low=st.floats(0, 10**6), high=st.floats(0, 10**6))
def test_a_time_can_be_written_and_read_again(low: float, high: float) -> None:
    """`str` writes what `parse` reads, for help texts and snapshots."""
    span = Span.parse(f"{min(low, high):f}..{max(low, high):f}")
    assert Span.parse(str(span)) == span


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(name=st.sampled_from(NAMES), value=json_values)
def test_any_value_is_read_or_refused_in_words(name: str, value: Any) -> None:
    """No value of any type is a traceback."""
    try:
        settings = Settings.of(**{name: value})
    except SettingsError as error:
        said = str(error)
    else:
        said = f"{name}: {getattr(settings, name)!r}"
    assert said.startswith(f"{name}: ")


def test_a_file_may_name_its_schema(tmp_path: Path) -> None:
    """Editors find a schema by this key, so a file that has it is read as without it."""
    file = tmp_path / "getimg-mock.toml"
    file.write_text('"$schema" = "http://127.0.0.1:4010/__mock__/schemas/own/settings.json"\n')
    assert Settings.load({}, {}, file) == Settings()


def test_the_schema_of_a_settings_file_is_in_step_with_the_settings() -> None:
    """`make docs` writes it: a setting that an editor does not know would be marked as wrong."""
    assert FILE_PATH.read_text(encoding="utf-8") == render_settings_schema()
