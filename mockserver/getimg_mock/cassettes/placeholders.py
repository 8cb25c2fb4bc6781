"""Placeholders: what stands in a cassette for values that are new each time.

    {generation}       the id of the generation
    {link:0}           the download link of item 0
    {answer+86400s}    so many seconds after the response: an instant, or Unix seconds in a header
    {balance-0.04}     the balance, by how much it differs from the first one that was recorded

`Filling` has the values that replace them when an entry is replayed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

GENERATION: Final = "{generation}"

_PLACEHOLDER: Final = re.compile(
    r"\{(?:(generation)|link:([0-9]{1,4})|answer([+-][0-9]{1,10})s"
    r"|balance([+-][0-9]{1,12}(?:\.[0-9]{1,12})?))\}",
    re.ASCII,
)
_ROUNDED_FROM: Final = 3600
_MINUTE: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """The values of one response: id, links by index, its time, and the balance it starts from."""

    generation: str
    link: Callable[[int], str]
    answered: datetime
    balance: Decimal = Decimal(0)


def format_link(index: int) -> str:
    """Return the placeholder of the download link of an item."""
    return f"{{link:{index}}}"


def format_moment(moment: datetime, answered: datetime) -> str:
    """Return the placeholder of a moment after a response.

    From one hour on it is rounded to minutes: clocks and latencies differ from day to day.
    """
    seconds = round((moment - answered).total_seconds())
    if abs(seconds) >= _ROUNDED_FROM:
        seconds = round(seconds / _MINUTE) * _MINUTE
    return f"{{answer{seconds:+d}s}}"


def format_balance(amount: Decimal, first: Decimal) -> str:
    """Return the placeholder of a balance, given the first balance of the recording."""
    return f"{{balance{(amount - first).normalize():+f}}}"


def fill_placeholders(value: Any, filling: Filling) -> Any:
    """Return a value of JSON with the values of a response for its placeholders."""
    if isinstance(value, dict):
        return {name: fill_placeholders(each, filling) for name, each in value.items()}
    if isinstance(value, list):
        return [fill_placeholders(each, filling) for each in value]
    if isinstance(value, str) and "{" in value:
        return _PLACEHOLDER.sub(lambda found: _fill(found, filling, _format_instant), value)
    return value


def fill_header(value: str, filling: Filling) -> str:
    """Return the value of a header, in which moments are Unix seconds."""
    return _PLACEHOLDER.sub(lambda found: _fill(found, filling, _format_seconds), value)


def _fill(found: re.Match[str], filling: Filling, write: Callable[[datetime], str]) -> str:
    _, link, moment, balance = found.groups()
    if link is not None:
        return filling.link(int(link))
    if moment is not None:
        try:
            return write(filling.answered + timedelta(seconds=int(moment)))
        except OverflowError:
            return found[0]
    if balance is not None:
        return f"{filling.balance + Decimal(balance):f}"
    return filling.generation


def _format_instant(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _format_seconds(moment: datetime) -> str:
    return str(int(moment.timestamp()))
