"""The numbered table of exchanges that a failure is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from getimg_mock.reports.printable_text import replace_unprintable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from getimg_mock.reports.run_events import RunEvent

HEADINGS: Final = ("#", "time", "key", "request", "answer", "effect", "USD")
"""The columns; the last is the change of the balance."""

_LONG_VALUE: Final = 18
_HEAD: Final = 12


def render_table(exchanges: Sequence[RunEvent], *, width: int = 100, most: int = 12) -> list[str]:
    """Return the lines of the table, at most `most` with its head.

    Columns are as wide as their content. In lines longer than `width`, the middle of the path is
    cut, and nothing else. Of too many exchanges, the first and the last are shown.
    """
    if not exchanges:
        return []
    heads, tails = _split_exchanges(exchanges, most - 1)
    chosen = [*heads, *tails]
    rows = [_build_cells(each) for each in chosen]
    widths = [max(len(row[at]) for row in (HEADINGS, *rows)) for at in range(len(HEADINGS))]
    spare = width - (sum(widths) + 2 * len(HEADINGS))
    if spare < 0:
        widths[3] = max(24, widths[3] + spare)
    lines = [_format_line(HEADINGS, widths)]
    for place, (each, row) in enumerate(zip(chosen, rows, strict=True)):
        if tails and place == len(heads):
            lines.append(f"  {'':>{widths[0]}}  ... {len(exchanges) - len(chosen)} more ...")
        lines.append(_format_line(row, widths))
        if each.get("label"):
            indent = 2 + widths[0] + 2 + widths[1] + 2 + widths[2] + 2
            label = replace_unprintable(each["label"])
            lines.append(truncate_middle(f"{'':{indent}}^ {label}", width))
    return lines


def _split_exchanges(
    exchanges: Sequence[RunEvent], room: int
) -> tuple[list[RunEvent], list[RunEvent]]:
    """Return the first and the last exchanges, of which as many fit as are shown."""
    if sum(map(_measure_height, exchanges)) <= room:
        return list(exchanges), []
    heads, left = [exchanges[0]], room - 1 - _measure_height(exchanges[0])
    tails: list[RunEvent] = []
    rest = list(exchanges[1:])
    while rest and left >= _measure_height(rest[-1]):
        left -= _measure_height(rest[-1])
        tails.insert(0, rest.pop())
        if rest and left >= _measure_height(rest[0]) and len(heads) < len(tails):
            left -= _measure_height(rest[0])
            heads.append(rest.pop(0))
    return (heads, tails) if tails else (heads, [exchanges[-1]])


def _measure_height(exchange: RunEvent) -> int:
    return 2 if exchange.get("label") else 1


def _build_cells(each: RunEvent) -> tuple[str, ...]:
    return tuple(
        replace_unprintable(cell)
        for cell in (
            str(each["number"]),
            each["at"][11:21],
            f"{each['key']} ->",
            f"{each['method']} {shorten_path(each['path'])}",
            f"<- {each['status'] or 'none'}",
            describe_effects(each),
            each.get("delta", ""),
        )
    )


def _format_line(cells: Sequence[str], widths: Sequence[int]) -> str:
    number, time, key, request, answer, effect, money = cells
    return (
        f"  {number:>{widths[0]}}  {time:<{widths[1]}}  {key:<{widths[2]}}  "
        f"{truncate_middle(request, widths[3]):<{widths[3]}}  {answer:<{widths[4]}}  "
        f"{effect:<{widths[5]}}  {money:>{widths[6]}}"
    ).rstrip()


def describe_effects(each: RunEvent) -> str:
    """Return the effects of an exchange in a few words; amounts have a column of their own."""
    words = [effect.partition(" ") for effect in each["effects"]]
    kinds = [kind for kind, _, _ in words]
    shown = []
    for kind, _, amount in words:
        if kind == "hold" and "charge" in kinds:
            continue
        if kind == "charge" and "hold" not in kinds:
            shown.append(f"charge of {amount} held")
        elif kind not in shown:
            shown.append(kind)
    return ", ".join(shown[:3])


def shorten_path(path: str) -> str:
    """Return a path with the values of long parameters shortened."""
    place, mark, query = path.partition("?")
    if not mark or len(path) <= _LONG_VALUE * 2:
        return path
    pairs = parse_qsl(query, keep_blank_values=True)
    return f"{place}?" + "&".join(f"{name}={_shorten_value(value)}" for name, value in pairs)


def _shorten_value(value: str) -> str:
    return value if len(value) <= _LONG_VALUE else f"{value[:8]}..{value[-4:]}"


def truncate_middle(text: str, width: int) -> str:
    """Return a text cut in the middle where it is too long; its end is kept."""
    if len(text) <= width:
        return text
    tail = max((width - 2) // 2, width - 2 - _HEAD)
    return f"{text[: width - 2 - tail]}..{text[-tail:]}"
