"""Every setting of the fake: one frozen dataclass, read from arguments, environment and file.

A setting `video_seconds` is the option `--video-seconds`, the environment variable
`GETIMG_MOCK_VIDEO_SECONDS` and the key `video-seconds` of `getimg-mock.toml`. An argument wins
over the environment, the environment over the file, the file over the default. A name that does
not exist is refused, naming the nearest that does.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field, fields
from decimal import Decimal, InvalidOperation
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from getimg_mock.errors import SettingsError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from dataclasses import Field

PREFIX: Final = "GETIMG_MOCK_"
FILE: Final = "getimg-mock.toml"

# Variables with our prefix that are not settings of the server.
OTHER_VARIABLES: Final = ("CONFIG", "URL", "KEY", "TOKEN")

_SPAN: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:\.\.\s*(\d+(?:\.\d+)?)\s*)?")
_DRAWN: Final = re.compile(
    r"\s*(exponential|normal)\(\s*(\d+(?:\.\d+)?)\s*(?:,\s*(\d+(?:\.\d+)?)\s*)?\)\s*"
)
_SMALLEST: Final = Decimal("1e-12")
_YES: Final = True
_NO: Final = False
_TRUE: Final = ("1", "true", "yes", "on")
_FALSE: Final = ("0", "false", "no", "off")


@dataclass(frozen=True, slots=True)
class Span:
    """A time in seconds that is drawn.

    `uniform`: evenly between `low` and `high`, a fixed time where they are equal. `exponential`:
    with the mean `low`. `normal`: with the mean `low` and the standard deviation `high`.
    """

    low: float
    high: float
    shape: Literal["uniform", "exponential", "normal"] = "uniform"

    def __post_init__(self) -> None:
        for each in (self.low, self.high):
            if not 0 <= each <= MAX_SECONDS:
                raise SettingsError(
                    f"{each:g} s is no time from 0 to the longest, {MAX_SECONDS:.0f} s."
                )
        if self.shape == "uniform" and self.high < self.low:
            low, high = _plain(self.low), _plain(self.high)
            raise SettingsError(f"{low}..{high} ends before it begins: write {high}..{low}.")

    @classmethod
    def parse(cls, value: Any) -> Span:
        """Read a time; raises `SettingsError` for anything else.

        `30` (a number or a text), `"20..60"`, `"exponential(40)"`, `"normal(40, 10)"`.
        """
        if isinstance(value, Span):
            return value
        text = _plain(value) if isinstance(value, float) and isfinite(value) else str(value)
        drawn = _DRAWN.fullmatch(text)
        if drawn and bool(drawn[3]) == (drawn[1] == "normal"):
            shape: Any = drawn[1]
            return cls(float(drawn[2]), float(drawn[3] or 0), shape)
        found = _SPAN.fullmatch(text)
        if not found or isinstance(value, bool):
            raise SettingsError(
                f"{value!r} is not a time in seconds: write 30, or 20..60 to draw between the "
                "two, or normal(40, 10) or exponential(40)."
            )
        return cls(float(found[1]), float(found[2] or found[1]))

    def __str__(self) -> str:
        low, high = _plain(self.low), _plain(self.high)
        if self.shape == "exponential":
            return f"exponential({low})"
        if self.shape == "normal":
            return f"normal({low}, {high})"
        return low if low == high else f"{low}..{high}"


# A hundred years: later moments would leave the calendar that clients can parse.
MAX_SECONDS: Final = 100 * 366 * 86400.0


def _plain(seconds: float) -> str:
    """Write a number without an exponent, so that `Span.parse` reads it again."""
    text = format(Decimal(repr(seconds)), "f")
    return text.removesuffix(".0")


def _whole(low: int, high: int) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        try:
            number = int(str(value)) if not isinstance(value, bool) else None
        except ValueError:
            number = None
        if number is None or not low <= number <= high:
            raise SettingsError(f"{value!r} is not a whole number from {low} to {high}.")
        return number

    return parse


def _probability(value: Any) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise SettingsError(f"{value!r} is not a probability: write a number from 0 to 1.")
    return number


def _seconds(value: Any) -> float:
    span = Span.parse(value)
    if span.low != span.high or span.shape != "uniform":
        raise SettingsError(f"{value!r} is a range; one number of seconds is needed.")
    return span.low


def _money(value: Any) -> Decimal:
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        amount = Decimal(-1)
    if not (amount.is_finite() and 0 <= amount <= Decimal("1e12")):
        raise SettingsError(f"{value!r} is not an amount in US dollars: write 25 or 12.34.")
    # Sums of it with any price stay exact in the 28 digits that Decimal computes with.
    if amount != amount.quantize(_SMALLEST):
        raise SettingsError(f"{value!r} has more than 12 decimals.")
    return amount.copy_abs()  # -0 is 0


def _one_of(*words: str) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        if value not in words:
            raise UnknownNameError("value", str(value), words)
        return str(value)

    return parse


def _flag(value: Any) -> bool:
    word = str(value).lower()
    if word not in _TRUE + _FALSE:
        raise SettingsError(f"{value!r} is neither yes nor no: write true or false.")
    return word in _TRUE


def _clock(value: Any) -> str:
    text = str(value)
    if text in {"real", "virtual"}:
        return text
    rate = re.fullmatch(r"x(\d+(?:\.\d+)?)", text)
    if not rate or not 0 < float(rate[1]) <= 1_000_000:
        raise SettingsError(
            f"{text!r} is no clock: write real, virtual, or x60 for a minute a second."
        )
    return text


def _names(value: Any) -> tuple[str, ...]:
    listed = value.split(",") if isinstance(value, str) else value
    if not isinstance(listed, (list, tuple)):
        raise SettingsError(f"{value!r} is not a list of names.")
    return tuple(str(each).strip() for each in listed if str(each).strip())


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        raise SettingsError(f"{value!r} is not a text.")
    return str(value)


def _path(value: Any) -> Path:
    if not isinstance(value, (str, Path)) or not str(value):
        raise SettingsError(f"{value!r} is not the name of a file.")
    return Path(value)


def _host(value: Any) -> str:
    text = _text(value)
    if not text:  # to a socket this means every address, which nobody shall ask for by accident
        raise SettingsError("'' is not an address: write 127.0.0.1, or 0.0.0.0 for all of them.")
    return text


def _token(value: Any) -> str:
    text = str(value)
    if not (text.isascii() and text.isprintable() and 8 <= len(text.strip()) == len(text) <= 200):
        raise SettingsError("a token has 8 to 200 ASCII characters and no space at its ends.")
    return text


def _pattern(value: Any) -> str:
    text = _text(value)
    try:
        re.compile(text)
    except re.error as error:
        raise SettingsError(f"{value!r} is not a regular expression: {error}.") from None
    return text


def _optional(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else parse(value)


def _option(default: Any, parse: Callable[[Any], Any], help_text: str, metavar: str = "") -> Any:
    """Return a dataclass field that knows how to be read and explained."""
    metadata = {"parse": parse, "help": help_text, "metavar": metavar, "flag": parse is _flag}
    return field(default=default, metadata=metadata)


_status = _whole(400, 599)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a fake is like. Build it with `Settings.of(...)`, which reads and checks each value.

    Where getimg.ai's behaviour is not documented, the default is our choice and stands, with its
    evidence, in docs/fidelity.md.
    """

    host: str = _option("127.0.0.1", _host, "address to listen on", "ADDRESS")
    port: int = _option(4010, _whole(0, 65535), "port to listen on; 0 takes a free one", "N")
    seed: str = _option("0", _text, "what ids, times and pictures are drawn from", "TEXT")
    models: Path | None = _option(
        None, _optional(_path), "models file that replaces or extends the catalogue", "FILE"
    )
    strictness: Literal["full", "schema"] = _option(
        "full",
        _one_of("full", "schema"),
        "full judges everything; schema answers whatever is right in shape",
        "full|schema",
    )
    balance: Decimal = _option(
        Decimal(100), _money, "opening balance of every workspace in US dollars", "USD"
    )
    limits: Literal["generous", "realistic"] = _option(
        "generous",
        _one_of("generous", "realistic"),
        "rate limits: out of the way, or as observed",
        "generous|realistic",
    )
    image_rpm: int | None = _option(
        None, _optional(_whole(0, 10**9)), "image requests a window", "N"
    )
    video_rpm: int | None = _option(
        None, _optional(_whole(0, 10**9)), "video requests a window", "N"
    )
    concurrent: int | None = _option(
        None, _optional(_whole(0, 10**9)), "generations at the same time", "N"
    )
    rate_window: int = _option(60, _whole(1, 86400), "length of a rate window", "SECONDS")
    image_seconds: Span = _option(
        Span(0, 0), Span.parse, "how long an image takes: 30, or 20..60", "SECONDS"
    )
    video_seconds: Span | None = _option(
        None, _optional(Span.parse), "how long a video takes (default: by model and length)", "S"
    )
    fail_rate: float = _option(0.0, _probability, "share of the videos that fail", "0..1")
    retention: float = _option(86400.0, _seconds, "how long a file can be downloaded", "SECONDS")
    charge_at: Literal["completion", "submission"] = _option(
        "completion",
        _one_of("completion", "submission"),
        "when a generation is charged",
        "completion|submission",
    )
    silent_sound: Literal["accept", "refuse"] = _option(
        "accept",
        _one_of("accept", "refuse"),
        "what sound:true gets from a model without sound",
        "accept|refuse",
    )
    tampered_status: int = _option(403, _status, "status of a link with a wrong signature", "N")
    expired_status: int = _option(410, _status, "status of an expired link", "N")
    unknown_download_status: int = _option(404, _status, "status of an unknown link", "N")
    key_pattern: str = _option(
        r"sk_[\x21-\x7e]+", _pattern, "what a well-formed API key looks like", "REGEX"
    )
    trust_forwarded: bool = _option(
        _NO, _flag, "build links from X-Forwarded-* (behind a proxy of yours)"
    )
    max_body_mib: int = _option(25, _whole(1, 1024), "largest request body", "MIB")
    media_cache_mib: int = _option(64, _whole(0, 65536), "memory for rendered media", "MIB")
    max_workspaces: int = _option(
        10_000, _whole(1, 10**7), "workspaces kept; the longest unused goes first", "N"
    )
    clock: str = _option("real", _clock, "real, virtual (stands still) or such as x60", "MODE")
    scenario: tuple[str, ...] = _option(
        (), _names, "scenarios in force in every workspace: names or files", "NAME,..."
    )
    magic: bool = _option(_YES, _flag, "obey magic prompts, keys and the X-Mock-Behaviour header")
    journal_exchanges: int = _option(1000, _whole(0, 10**6), "exchanges kept a workspace", "N")
    journal_mib: int = _option(16, _whole(1, 65536), "memory for exchanges a workspace", "MIB")
    control_token: str | None = _option(
        None,
        _optional(_token),
        "what X-Mock-Token must say under /__mock__/ (default: none on loopback, else a fresh one)",
        "TEXT",
    )
    check_responses: bool = _option(
        _NO, _flag, "check every answer against its schema; a bad one is logged"
    )
    mock_headers: bool = _option(_YES, _flag, "answer with X-Mock-* headers")
    quiet: bool = _option(_NO, _flag, "print no line per request")
    log_format: Literal["text", "json"] = _option(
        "text", _one_of("text", "json"), "form of the line per request", "text|json"
    )

    @classmethod
    def of(cls, **values: Any) -> Settings:
        """Return settings with `values` read and checked.

        Raises `UnknownNameError` for a name that does not exist and `SettingsError` for a value
        that cannot be used.
        """
        return cls(**_read(values, _Source("setting", str)))

    @classmethod
    def load(
        cls,
        arguments: Mapping[str, Any],
        environment: Mapping[str, str],
        file: Path | None = None,
    ) -> Settings:
        """Return the settings of a command line, its environment and a TOML file.

        Without `file`, `getimg-mock.toml` of the working directory is read where there is one.
        Raises `SettingsError` that says which of the three is wrong.
        """
        path = str(file or FILE).replace("{", "{{").replace("}", "}}")
        in_file = _Source(f"key in {file or FILE}", option_name, "{} in " + path)
        variables = _Source("environment variable", lambda name: PREFIX + name.upper())
        given = _Source("option", lambda name: f"--{option_name(name)}")
        values = _read(_file_values(file), in_file)
        values |= _read(_environment_values(environment), variables)
        values |= _read(arguments, given)
        return cls(**values)


def options() -> tuple[Field[Any], ...]:
    """Return the fields of `Settings`, each with `parse`, `help`, `metavar`, `flag` as metadata."""
    return fields(Settings)


def option_name(name: str) -> str:
    """Return a setting's name as options and files write it."""
    return name.replace("_", "-")


@dataclass(frozen=True, slots=True)
class _Source:
    """Where settings are read from: what it calls them, and how it writes their names."""

    kind: str
    written: Callable[[str], str]
    shown: str = "{}"


def _read(values: Mapping[str, Any], source: _Source) -> dict[str, Any]:
    known = {each.name: each for each in options()}
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


def _environment_values(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in OTHER_VARIABLES
    }


def _file_values(file: Path | None) -> dict[str, Any]:
    path = file or Path(FILE)
    if file is None and not path.exists():
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not a TOML file: {error}.") from None
    return {name.replace("-", "_"): value for name, value in values.items()}
