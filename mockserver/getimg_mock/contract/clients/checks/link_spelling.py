"""GC605: a link is asked for as it is written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.verdicts import expect, fail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.verdicts import Observation

_ENCODED: Final = re.compile("%[0-9a-fA-F]{2}")


@client_check(
    "GC605",
    "A link is used word for word",
    severity="major",
    evidence="choice",
    why="The signature covers the exact characters.",
    fix="Do not parse and rebuild the URL.",
    cases=("odd-link",),
)
def links_are_used_word_for_word(history: ClientHistory) -> Iterator[Observation]:
    """Demands that a link is requested with exactly the characters of the result.

    It is good for an hour, in whatever time zone. Fails when it is not requested, or when the query
    is decoded, encoded again or reordered: its signature then does not match.
    The case of the digits in percent-encodings has no meaning, and some libraries change it.
    """
    for outcome in history.calls("download"):
        link = str(outcome.args["result"]["data"][0]["url"])
        if not history.during(outcome):
            yield fail("a request for the link: it is good for an hour", outcome.shown)
        for each in history.during(outcome):
            expected = "/" + link.partition("://")[2].partition("/")[2]
            same = _normalize_encodings(each.target) == _normalize_encodings(expected)
            yield expect(same, expected, each.target, each)


def _normalize_encodings(target: str) -> str:
    """Return a target with its percent-encodings in upper case (RFC 3986, section 6.2.2.1)."""
    return _ENCODED.sub(lambda found: found[0].upper(), target)
