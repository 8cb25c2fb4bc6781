"""A badge: how many checks pass, as a small SVG picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from getimg_mock.reports.run_events import compose_title

if TYPE_CHECKING:
    from collections.abc import Sequence

    from getimg_mock.reports.run_events import Outcome

_LETTER: Final = 6.6
"""The width of a letter in pixels, on average; `textLength` makes each font as wide."""

_MARGIN: Final = 10
_PASSED, _WARNED, _FAILED, _UNKNOWN = "#2d7d3a", "#8a6100", "#b3261e", "#5f6368"
_BADGE: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{total}" height="20" role="img" aria-label="{all}">
<title>{all}</title>
<clipPath id="r"><rect width="{total}" height="20" rx="3"/></clipPath>
<g clip-path="url(#r)">
<rect width="{left}" height="20" fill="#444"/>
<rect x="{left}" width="{right}" height="20" fill="{colour}"/>
</g>
<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">
<text x="{left_middle}" y="14" textLength="{left_text}">{label}</text>
<text x="{right_middle}" y="14" textLength="{right_text}">{message}</text>
</g>
</svg>
"""


def render_badge(outcomes: Sequence[Outcome]) -> str:
    """Return a badge for runs, without those of the fake that others are compared with.

    It counts the checks that were judged: `passed` of all, then red for failures, amber for
    warnings, green for neither, and grey where nothing was judged.
    """
    counts: dict[str, int] = {}
    judged = [each for each in outcomes if not each.twin]
    for outcome in judged:
        for status, count in outcome.count_statuses().items():
            counts[status] = counts.get(status, 0) + count
    failed = counts.get("FAIL", 0) + counts.get("XPASS", 0) + counts.get("XFAIL", 0)
    warned = counts.get("WARN", 0)
    passed = counts.get("PASS", 0) + counts.get("INFO", 0)
    total = passed + failed + warned
    message = f"{passed} of {total} passed" if total else "not judged"
    colour = _FAILED if failed else _WARNED if warned else _PASSED if total else _UNKNOWN
    return _draw(f"getimg.ai {compose_title(judged or outcomes).lower()}", message, colour)


def _draw(label: str, message: str, colour: str) -> str:
    left_text, right_text = (round(len(text) * _LETTER) for text in (label, message))
    left, right = left_text + 2 * _MARGIN, right_text + 2 * _MARGIN
    return _BADGE.format(
        total=left + right,
        left=left,
        right=right,
        left_text=left_text,
        right_text=right_text,
        left_middle=left / 2,
        right_middle=left + right / 2,
        label=escape(label),
        message=escape(message),
        all=escape(f"{label}: {message}"),
        colour=colour,
    )
