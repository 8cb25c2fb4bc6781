"""GC605: a link is asked for as it is written, and for what it is signed for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.checks.files import (
    DOWNLOAD_OPERATION,
    build_download_case,
    serve_picture,
)
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect, fail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.case_rules import Case
    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

_ENCODED: Final = re.compile("%[0-9a-fA-F]{2}")
_SIGNED_FOR_GET: Final = "link-of-get"


def cases(_: Stream) -> Iterator[Case]:
    """Yield the case of a link whose signature covers the method, as those of file stores do."""
    refuse = fault_actions.build_text_answer(
        403, "application/xml", b"<Error><Code>SignatureDoesNotMatch</Code></Error>"
    )
    yield build_download_case(
        _SIGNED_FOR_GET,
        FaultRule(
            on=DOWNLOAD_OPERATION,
            do=fault_actions.answer_instead(refuse),
            when=lambda asked: asked.method == "HEAD",
            label="a HEAD that is refused",
            must=False,
        ),
        FaultRule(on=DOWNLOAD_OPERATION, do=serve_picture(), label="a picture", must=False),
    )


@client_check(
    "GC605",
    "A link is used word for word",
    severity="major",
    evidence="choice",
    why="The signature covers the exact characters, and often the method.",
    fix="Do not parse and rebuild the URL, and ask for it by GET, whatever HEAD gets.",
    cases=("odd-link", _SIGNED_FOR_GET),
)
def links_are_used_word_for_word(history: ClientHistory) -> Iterator[Observation]:
    """Demands that a link is requested with exactly the characters of the result.

    It is good for an hour, in whatever time zone. Fails when it is not requested, or when the query
    is decoded, encoded again or reordered: its signature then does not match.
    The case of the digits in percent-encodings has no meaning, and some libraries change it.
    Links of file stores are often signed for GET alone: fails when a HEAD that is refused ends a
    download.
    """
    if history.case == _SIGNED_FOR_GET:
        for outcome in history.calls("download"):
            asked = history.during(outcome)
            expected = "the file: its link answers GET, whatever HEAD gets"
            yield expect(outcome.kind == "value", expected, outcome.shown, *asked[:2])
        return
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
