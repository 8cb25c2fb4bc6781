"""Every setting of the fake: one frozen dataclass, read from arguments, environment and file.

A setting `video_seconds` is the option `--video-seconds`, the environment variable
`GETIMG_MOCK_VIDEO_SECONDS` and the key `video-seconds` of `getimg-mock.toml`. An argument wins
over the environment, the environment over the file, and the file over the default. An unknown name
raises `UnknownNameError`, which names the nearest known one.

`settings_options` has the same settings as typed keyword arguments.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from getimg_mock.errors import SettingsError, UnknownNameError
from getimg_mock.latency_file import build_latency_reader, read_shipped_timing
from getimg_mock.setting_values import (
    MEMORY_STORE,
    MediaSize,
    Span,
    build_choice_reader,
    build_integer_reader,
    build_optional_reader,
    read_clock,
    read_flag,
    read_host,
    read_host_names,
    read_media,
    read_money,
    read_names,
    read_path,
    read_pattern,
    read_probability,
    read_seconds,
    read_store,
    read_text,
    read_token,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from dataclasses import Field
    from typing import Unpack

    from getimg_mock.setting_values import Reader
    from getimg_mock.settings_options import SettingsOptions

PREFIX: Final = "GETIMG_MOCK_"
FILE: Final = "getimg-mock.toml"

# Environment variables with this prefix that are not settings of the server.
OTHER_VARIABLES: Final = ("CONFIG", "URL", "KEY", "TOKEN")

_YES: Final = True
_NO: Final = False


def _option(
    default: Any,
    parse: Reader,
    help_text: str,
    metavar: str = "",
    *,
    received: Reader | None = None,
) -> Any:
    """Return a dataclass field with its reader and what `--help` says of it.

    `received` reads what comes over the network, for settings whose reader opens files.
    """
    metadata = {
        "parse": parse,
        "received": received or parse,
        "help": help_text,
        "metavar": metavar,
        "flag": parse is read_flag,
    }
    return field(default=default, metadata=metadata)


_read_status = build_integer_reader(400, 599)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one fake. Build them with `Settings.of(...)`, which checks each value.

    Where getimg.ai's behaviour is not documented, the default is a choice of this project;
    docs/fidelity.md has its evidence.
    """

    host: str = _option("127.0.0.1", read_host, "address to listen on", "ADDRESS")
    port: int = _option(
        4010, build_integer_reader(0, 65535), "port to listen on; 0 takes a free one", "N"
    )
    tls: bool = _option(_NO, read_flag, "answer HTTPS; without --tls-port instead of HTTP")
    tls_port: int | None = _option(
        None,
        build_optional_reader(build_integer_reader(0, 65535)),
        "port for HTTPS beside HTTP; 0 takes a free one",
        "N",
    )
    tls_cert: Path | None = _option(
        None,
        build_optional_reader(read_path),
        "certificate chain of your own, PEM (default: one of a local authority)",
        "FILE",
    )
    tls_key: Path | None = _option(
        None, build_optional_reader(read_path), "private key of --tls-cert, PEM", "FILE"
    )
    tls_host: tuple[str, ...] = _option(
        (), read_host_names, "further names of this server; may be given again", "NAME,..."
    )
    seed: str = _option("0", read_text, "seed of ids, times and pictures", "TEXT")
    models: Path | None = _option(
        None,
        build_optional_reader(read_path),
        "models file that replaces or extends the catalogue",
        "FILE",
    )
    strictness: Literal["full", "schema"] = _option(
        "full",
        build_choice_reader("full", "schema"),
        "full checks everything; schema accepts any request of the right shape",
        "full|schema",
    )
    balance: Decimal = _option(
        Decimal(100), read_money, "opening balance of every workspace in US dollars", "USD"
    )
    limits: Literal["generous", "realistic"] = _option(
        "generous",
        build_choice_reader("generous", "realistic"),
        "rate limits: practically none, or as observed",
        "generous|realistic",
    )
    image_rpm: int | None = _option(
        None,
        build_optional_reader(build_integer_reader(0, 10**9)),
        "image requests per window",
        "N",
    )
    video_rpm: int | None = _option(
        None,
        build_optional_reader(build_integer_reader(0, 10**9)),
        "video requests per window",
        "N",
    )
    concurrent: int | None = _option(
        None,
        build_optional_reader(build_integer_reader(0, 10**9)),
        "concurrent generations",
        "N",
    )
    rate_window: int = _option(
        60, build_integer_reader(1, 86400), "length of a rate window", "SECONDS"
    )
    timing: Literal["instant", "observed"] = _option(
        "instant",
        build_choice_reader("instant", "observed"),
        "duration of an image where --image-seconds is not given: none, or 25 to 35 s",
        "instant|observed",
    )
    image_seconds: Span = _option(
        Span(0, 0),
        build_latency_reader("image"),
        "duration of an image generation: 30, 20..60, lognormal(28, 35), or a latency file",
        "SECONDS",
        received=Span.parse,
    )
    video_seconds: Span | None = _option(
        None,
        build_optional_reader(build_latency_reader("video")),
        "duration of a video generation, likewise (default: by model and length)",
        "S",
        received=build_optional_reader(Span.parse),
    )
    fail_rate: float = _option(0.0, read_probability, "share of the videos that fail", "0..1")
    retention: float = _option(
        86400.0, read_seconds, "how long a file can be downloaded", "SECONDS"
    )
    charge_at: Literal["completion", "submission"] = _option(
        "completion",
        build_choice_reader("completion", "submission"),
        "when a generation is charged",
        "completion|submission",
    )
    silent_sound: Literal["accept", "refuse"] = _option(
        "accept",
        build_choice_reader("accept", "refuse"),
        "response to sound:true for a model without sound",
        "accept|refuse",
    )
    tampered_status: int = _option(
        403, _read_status, "status of a link with a wrong signature", "N"
    )
    expired_status: int = _option(410, _read_status, "status of an expired link", "N")
    unknown_download_status: int = _option(404, _read_status, "status of an unknown link", "N")
    key_pattern: str = _option(
        r"sk_[\x21-\x7e]+", read_pattern, "pattern of well-formed API keys", "REGEX"
    )
    trust_forwarded: bool = _option(
        _NO, read_flag, "build links from X-Forwarded-* (behind your own proxy)"
    )
    max_body_mib: int = _option(25, build_integer_reader(1, 1024), "largest request body", "MIB")
    reference_megapixels: int = _option(
        64,
        build_integer_reader(1, 10_000),
        "largest reference image in a data URL, in millions of pixels",
        "N",
    )
    media_size: MediaSize = _option(
        "real",
        build_choice_reader("real", "small", "flat"),
        "size of pictures in bytes: as real ones, small, or flat: of one colour",
        "real|small|flat",
    )
    media: tuple[str, ...] = _option(
        (), read_media, "file or folder to deliver instead of posters; may be given again", "PATH"
    )
    font: Path | None = _option(
        None,
        build_optional_reader(read_path),
        "font of posters, TrueType or OpenType (default: Pillow's, and that of the extra fonts)",
        "FILE",
    )
    replay: Path | None = _option(
        None,
        build_optional_reader(read_path),
        "cassette whose recorded outcomes are replayed",
        "DIR",
    )
    on_miss: Literal["fail", "fake", "real"] = _option(
        "fail",
        build_choice_reader("fail", "fake", "real"),
        "response to a request that the cassette does not hold",
        "fail|fake|real",
    )
    replay_ignore: tuple[str, ...] = _option(
        (), read_names, "fields of bodies that do not count for a replay", "FIELD,..."
    )
    media_cache_mib: int = _option(
        64, build_integer_reader(0, 65536), "memory for rendered media", "MIB"
    )
    max_workspaces: int = _option(
        10_000,
        build_integer_reader(1, 10**7),
        "workspaces kept; the least recently used is dropped first",
        "N",
    )
    store: str = _option(
        MEMORY_STORE,
        read_store,
        "where workspaces are kept: memory, sqlite:///PATH, or redis://HOST:PORT/0",
        "ADDRESS",
    )
    workers: int = _option(
        1,
        build_integer_reader(1, 1024),
        "processes that serve one port; more than one need a durable store",
        "N",
    )
    clock: str = _option(
        "real", read_clock, "real, virtual (does not run) or a rate such as x60", "MODE"
    )
    scenario: tuple[str, ...] = _option(
        (), read_names, "scenarios in force in every workspace: names or files", "NAME,..."
    )
    magic: bool = _option(
        _YES, read_flag, "obey magic prompts, keys and the X-Mock-Behaviour header"
    )
    journal_exchanges: int = _option(
        1000, build_integer_reader(0, 10**6), "exchanges kept per workspace", "N"
    )
    journal_mib: int = _option(
        16, build_integer_reader(1, 65536), "memory for exchanges per workspace", "MIB"
    )
    control_token: str | None = _option(
        None,
        build_optional_reader(read_token),
        "required X-Mock-Token under /__mock__/ (default: none on loopback, else a new one)",
        "TEXT",
    )
    check_responses: bool = _option(
        _NO, read_flag, "check every response against its schema; log invalid ones"
    )
    mock_headers: bool = _option(_YES, read_flag, "send X-Mock-* headers")
    quiet: bool = _option(_NO, read_flag, "print no line per request")
    log_format: Literal["text", "json"] = _option(
        "text", build_choice_reader("text", "json"), "form of the line per request", "text|json"
    )

    @classmethod
    def of(cls, **options: Unpack[SettingsOptions]) -> Settings:
        """Return settings with `list_options` read and checked, and defaults for the others.

        Raises `UnknownNameError` for an unknown name and `SettingsError` for an invalid value.
        """
        return cls(**_apply_timing(_parse_values(options, _Source("setting", str))))

    @classmethod
    def load(
        cls,
        arguments: Mapping[str, Any],
        environment: Mapping[str, str],
        file: Path | None = None,
    ) -> Settings:
        """Return the settings of a command line, its environment and a TOML file.

        Without `file`, `getimg-mock.toml` of the working directory is read if it exists. Raises
        `SettingsError` that says which of the three is wrong.
        """
        path = str(file or FILE).replace("{", "{{").replace("}", "}}")
        in_file = _Source(f"key in {file or FILE}", format_option_name, "{} in " + path)
        variables = _Source("environment variable", lambda name: PREFIX + name.upper())
        given = _Source("option", lambda name: f"--{format_option_name(name)}")
        values = _parse_values(_read_file(file), in_file)
        values |= _parse_values(_read_environment(environment), variables)
        values |= _parse_values(arguments, given)
        return cls(**_apply_timing(values))


ADDRESS_SETTINGS: Final = ("host", "port", "tls", "tls_port", "tls_cert", "tls_key", "tls_host")
"""The settings that say where a server listens, and as what."""


def list_options() -> tuple[Field[Any], ...]:
    """Return the fields of `Settings`, each with `parse`, `help`, `metavar`, `flag` as metadata."""
    return fields(Settings)


def format_option_name(name: str) -> str:
    """Return the name of a setting as options and files write it: with hyphens."""
    return name.replace("_", "-")


@dataclass(frozen=True, slots=True)
class _Source:
    """Where settings are read from, how it calls one, and how it writes their names."""

    kind: str
    written: Callable[[str], str]
    shown: str = "{}"


@cache
def _index_options() -> Mapping[str, Field[Any]]:
    return {each.name: each for each in list_options()}


def _parse_values(values: Mapping[str, Any], source: _Source) -> dict[str, Any]:
    known = _index_options()
    read = {}
    for name, value in values.items():
        written = source.written(name)
        if name not in known:
            raise UnknownNameError(source.kind, written, map(source.written, known))
        try:
            read[name] = known[name].metadata["parse"](value)
        except SettingsError as error:
            raise SettingsError(f"{source.shown.format(written)}: {error}") from None
    return read


def _apply_timing(values: dict[str, Any]) -> dict[str, Any]:
    """Return settings with the times of their profile; times that are given win."""
    if values.get("timing", "instant") == "instant":
        return values
    return read_shipped_timing(values["timing"]) | values


def _read_environment(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in OTHER_VARIABLES
    }


def _read_file(file: Path | None) -> dict[str, Any]:
    path = file or Path(FILE)
    if file is None and not path.exists():
        return {}
    import tomllib  # noqa: PLC0415 - few fakes have a file, and cold start matters

    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not a TOML file: {error}.") from None
    values.pop("$schema", None)  # for editors
    return {name.replace("-", "_"): value for name, value in values.items()}
