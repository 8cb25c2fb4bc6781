"""Readers of single setting values: each takes what a user wrote and returns the typed value.

A value comes as text from the command line, the environment or a file, or as an object from Python.
A reader accepts its own results, and raises `SettingsError` that says what would have worked.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from ipaddress import ip_address
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from getimg_mock.errors import SettingsError, UnknownNameError
from getimg_mock.patterns import compile_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Reader = Callable[[Any], Any]

MediaSize = Literal["real", "small", "flat"]
"""How large pictures are in bytes: as real ones, without grain, or with one colour behind words."""

MAX_SECONDS: Final = 100 * 366 * 86400.0
"""A hundred years: later moments would leave the calendar that clients can parse."""

_SPAN: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:\.\.\s*(\d+(?:\.\d+)?)\s*)?")
_DRAWN: Final = re.compile(
    r"\s*(exponential|normal|lognormal)\(\s*(\d+(?:\.\d+)?)\s*(?:,\s*(\d+(?:\.\d+)?)\s*)?\)\s*"
)
_QUANTILES: Final = re.compile(r"\s*quantiles\((.*)\)\s*", re.DOTALL)
_QUANTILE: Final = re.compile(r"\s*p(\d{1,3}(?:\.\d{1,6})?)\s*=\s*(\d{1,10}(?:\.\d{1,12})?)\s*")
MAX_QUANTILES: Final = 1000
"""The most quantiles of one recorded distribution."""
_RATE: Final = re.compile(r"x(\d+(?:\.\d+)?)")
_MAX_RATE: Final = 1_000_000
_MAX_AMOUNT: Final = Decimal("1e12")
_SMALLEST_AMOUNT: Final = Decimal("1e-12")
_HOST_NAME: Final = re.compile(
    r"(\*\.)?[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*"
)
_TRUE: Final = ("1", "true", "yes", "on")
_FALSE: Final = ("0", "false", "no", "off")


@dataclass(frozen=True, slots=True)
class Span:
    """A time in seconds that is drawn.

    `uniform`: evenly between `low` and `high`, a fixed time if they are equal. `exponential`: with
    the mean `low`. `normal`: with the mean `low` and the standard deviation `high`. `lognormal`:
    with the median `low` and the 99th percentile `high`. `quantiles`: a recorded distribution, as
    pairs of a percentage and its seconds, evenly drawn between two of them; `low` and `high` are
    the first and the last seconds.
    """

    low: float
    high: float
    shape: Literal["uniform", "exponential", "normal", "lognormal", "quantiles"] = "uniform"
    quantiles: tuple[tuple[float, float], ...] = ()
    file: Path | None = field(default=None, compare=False, repr=False)
    """The latency file that it was read from, so that a change of it is seen."""

    def __post_init__(self) -> None:
        for each in (self.low, self.high):
            if not 0 <= each <= MAX_SECONDS:
                raise SettingsError(
                    f"{each:g} s is out of range: use 0 to {MAX_SECONDS:.0f} seconds."
                )
        low, high = _format_number(self.low), _format_number(self.high)
        if self.shape == "uniform" and self.high < self.low:
            raise SettingsError(f"{low}..{high} ends before it begins: use {high}..{low}.")
        if self.shape == "lognormal" and not 0 < self.low <= self.high:
            raise SettingsError(
                f"lognormal({low}, {high}) has no such median: use lognormal(p50, p99), where "
                "p50 is more than 0 and at most p99."
            )

    @classmethod
    def parse(cls, value: Any) -> Span:
        """Read a time; raises `SettingsError` for anything else.

        `30` (a number or a text), `"20..60"`, `"exponential(40)"`, `"normal(40, 10)"`,
        `"lognormal(28, 35)"`, `"quantiles(p0=20, p50=28, p100=35)"`.
        """
        if isinstance(value, Span):
            return value
        is_number = isinstance(value, float) and isfinite(value)
        text = _format_number(value) if is_number else str(value)
        drawn = _DRAWN.fullmatch(text)
        if drawn and bool(drawn[3]) == (drawn[1] != "exponential"):
            shape: Any = drawn[1]
            return cls(float(drawn[2]), float(drawn[3] or 0), shape)
        recorded = _QUANTILES.fullmatch(text)
        if recorded:
            return cls.from_quantiles(_parse_quantiles(recorded[1]))
        found = _SPAN.fullmatch(text)
        if not found or isinstance(value, bool):
            raise SettingsError(
                f"{shorten_value(value)} is not a time in seconds: use 30, 20..60 to draw between "
                "the two, normal(40, 10), exponential(40) or lognormal(28, 35)."
            )
        return cls(float(found[1]), float(found[2] or found[1]))

    @classmethod
    def from_quantiles(cls, quantiles: Iterable[tuple[float, float]]) -> Span:
        """Return a recorded distribution; raises `SettingsError` for what is not one.

        Each pair is a percentage and the seconds which that share of the durations does not
        exceed: percentages rise, seconds do not fall.
        """
        pairs = tuple((share, round(seconds, 6)) for share, seconds in quantiles)
        if not 1 <= len(pairs) <= MAX_QUANTILES:
            raise SettingsError(f"A distribution has 1 to {MAX_QUANTILES} quantiles.")
        for (share, seconds), (next_share, next_seconds) in pairwise(((-1.0, 0.0), *pairs)):
            if not (share < next_share <= 100 and next_share >= 0 and seconds <= next_seconds):
                raise SettingsError(
                    f"p{_format_number(next_share)}={_format_number(next_seconds)} is out of "
                    "order: use percentages from 0 to 100 that rise, with seconds that do not fall."
                )
        return cls(pairs[0][1], pairs[-1][1], "quantiles", pairs)

    def __str__(self) -> str:
        low, high = _format_number(self.low), _format_number(self.high)
        if self.shape == "quantiles":
            return f"quantiles({', '.join(map(_format_quantile, self.quantiles))})"
        if self.shape == "exponential":
            return f"exponential({low})"
        if self.shape in {"normal", "lognormal"}:
            return f"{self.shape}({low}, {high})"
        return low if low == high else f"{low}..{high}"


def _parse_quantiles(text: str) -> Iterator[tuple[float, float]]:
    """Yield percentages with their seconds, as `str` of a `Span` writes them."""
    for part in text.split(",", MAX_QUANTILES + 1):
        found = _QUANTILE.fullmatch(part)
        if not found:
            raise SettingsError(
                f"{shorten_value(part)} is not a quantile: "
                "use quantiles(p0=20, p50=28, p100=35), in seconds."
            )
        yield float(found[1]), float(found[2])


def _format_quantile(quantile: tuple[float, float]) -> str:
    share, seconds = quantile
    return f"p{_format_number(share)}={_format_number(seconds)}"


def _format_number(seconds: float) -> str:
    """Write a number without an exponent, so that `Span.parse` reads it again."""
    text = format(Decimal(repr(seconds)), "f")
    return text.removesuffix(".0")


def shorten_value(value: Any) -> str:
    """Return a value for a message, shortened if it is long."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 200:
        return "a very large number"
    if isinstance(value, str):  # cut before it is escaped, which may make it ten times longer
        value = value[:100]
    try:
        written = repr(value)
    except (RecursionError, ValueError):
        written = f"a {type(value).__name__}"
    return written if len(written) <= 80 else written[:77] + "..."


def build_integer_reader(low: int, high: int) -> Callable[[Any], int]:
    """Return a reader of whole numbers from `low` to `high`."""

    def read_integer(value: Any) -> int:
        try:
            number = int(str(value)) if not isinstance(value, bool) else None
        except ValueError:
            number = None
        if number is None or not low <= number <= high:
            raise SettingsError(
                f"{shorten_value(value)} is not a whole number from {low} to {high}."
            )
        return number

    return read_integer


def build_choice_reader(*words: str) -> Callable[[Any], str]:
    """Return a reader of one of `words`; it raises `UnknownNameError` for any other."""

    def read_choice(value: Any) -> str:
        if value not in words:
            raise UnknownNameError("value", str(value), words)
        return str(value)

    return read_choice


def build_optional_reader(read: Reader) -> Reader:
    """Return a reader that also accepts None."""
    return lambda value: None if value is None else read(value)


def read_probability(value: Any) -> float:
    """Read a number from 0 to 1."""
    try:
        number = float(str(value))
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise SettingsError(
            f"{shorten_value(value)} is not a probability: use a number from 0 to 1."
        )
    return number


def read_seconds(value: Any) -> float:
    """Read a fixed time in seconds."""
    span = Span.parse(value)
    if span.low != span.high or span.shape != "uniform":
        raise SettingsError(f"{shorten_value(value)} is a range: use one number of seconds.")
    return span.low


def read_money(value: Any) -> Decimal:
    """Read an amount in US dollars, with at most 12 decimals."""
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        amount = Decimal(-1)
    if not (amount.is_finite() and 0 <= amount <= _MAX_AMOUNT):
        raise SettingsError(
            f"{shorten_value(value)} is not an amount in US dollars: use 25 or 12.34."
        )
    # Sums of it with any price stay exact in the 28 digits that Decimal computes with.
    if amount != amount.quantize(_SMALLEST_AMOUNT):
        raise SettingsError(f"{shorten_value(value)} has more than 12 decimals.")
    return amount.copy_abs()  # -0 is 0


def read_flag(value: Any) -> bool:
    """Read a truth value: 1, true, yes, on, or 0, false, no, off."""
    word = str(value).lower()
    if word not in _TRUE + _FALSE:
        raise SettingsError(f"{shorten_value(value)} is neither yes nor no: use true or false.")
    return word in _TRUE


def read_clock(value: Any) -> str:
    """Read how a clock runs: real, virtual, or a rate."""
    text = str(value)
    if text in {"real", "virtual"}:
        return text
    rate = _RATE.fullmatch(text)
    if not rate or not 0 < float(rate[1]) <= _MAX_RATE:
        raise SettingsError(
            f"Unknown clock {shorten_value(text)}. "
            "Use real, virtual, or a rate such as x60 (60 times faster)."
        )
    return text


def read_names(value: Any) -> tuple[str, ...]:
    """Read a list of names, which a text separates by commas."""
    listed = value.split(",") if isinstance(value, str) else value
    if not isinstance(listed, (list, tuple)):
        raise SettingsError(f"{shorten_value(value)} is not a list of names.")
    return tuple(str(each).strip() for each in listed if str(each).strip())


def read_host_names(value: Any) -> tuple[str, ...]:
    """Read a list of host names or addresses, which a text separates by commas."""
    names = tuple(each.lower() for each in read_names(value))
    for each in names:
        if not (_HOST_NAME.fullmatch(each) or _is_address(each)):
            raise SettingsError(
                f"{shorten_value(each)} is not a host name: use api.getimg.ai or 192.0.2.7, "
                "without a scheme or a port."
            )
    return names


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def read_media(value: Any) -> tuple[str, ...]:
    """Read rules for files of the user's own: tables, or paths that apply to all requests.

    Each becomes a JSON object. The files are read when a fake is built.
    """
    listed = [value] if isinstance(value, (str, Path, dict)) else value
    if not isinstance(listed, (list, tuple)):
        raise SettingsError(f"{shorten_value(value)} is neither a path nor a list of tables.")
    return tuple(map(_read_media_rule, listed))


def _read_media_rule(rule: Any) -> str:
    if isinstance(rule, str) and rule.startswith("{"):
        return rule  # read already
    table = {"file": str(rule)} if isinstance(rule, (str, Path)) else rule
    if not isinstance(table, dict) or not all(isinstance(each, str) for each in table.values()):
        raise SettingsError(
            f"{shorten_value(rule)} is not a media rule: use file, prompt, model and on, as texts."
        )
    return json.dumps(table)


def read_text(value: Any) -> str:
    """Read a text; numbers are taken as they are written."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        raise SettingsError(f"{shorten_value(value)} is not a text.")
    return str(value)


def read_path(value: Any) -> Path:
    """Read the name of a file; whether it exists is not looked at."""
    if not isinstance(value, (str, Path)) or not str(value):
        raise SettingsError(f"{shorten_value(value)} is not the name of a file.")
    return Path(value)


def read_host(value: Any) -> str:
    """Read an address to listen on."""
    text = read_text(value)
    if not text:  # a socket would take it for every address
        raise SettingsError("'' is not an address: use 127.0.0.1, or 0.0.0.0 for all of them.")
    return text


def read_token(value: Any) -> str:
    """Read a control token, which must fit in a header."""
    text = str(value)
    if not (text.isascii() and text.isprintable() and 8 <= len(text.strip()) == len(text) <= 200):
        raise SettingsError("A token has 8 to 200 ASCII characters, without spaces at its ends.")
    return text


def read_pattern(value: Any) -> str:
    """Read a regular expression."""
    text = read_text(value)
    try:
        compile_pattern(text)
    except SettingsError as error:
        raise SettingsError(f"{shorten_value(value)}: {error}") from None
    return text


MEMORY_STORE: Final = "memory"
"""The address of the store that keeps nothing after the process."""

_STORES: Final = re.compile(rf"{MEMORY_STORE}|sqlite:///.+|(redis|rediss|unix)://.+")


def read_store(value: Any) -> str:
    """Return the address of a store: memory, sqlite:///PATH, or redis://HOST."""
    text = read_text(value)
    if not _STORES.fullmatch(text):
        raise SettingsError(
            f"{shorten_value(value)} is not a store: "
            "use memory, sqlite:///PATH, or redis://HOST:PORT/0."
        )
    return text
