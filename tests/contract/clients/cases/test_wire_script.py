"""Answers as they are on the wire."""

from __future__ import annotations

import pytest

from getimg_mock.contract.clients.cases.wire_script import (
    WireAnswer,
    WireScript,
    WireStep,
    leave_out_body,
)

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"


@pytest.mark.parametrize(
    ("script", "left"),
    [
        ((WireStep(HEAD + b"hello"),), HEAD),
        ((WireStep(HINTS + HEAD + b"hello"), WireStep("close")), HINTS + HEAD),
        ((WireStep(HINTS), WireStep(HEAD, 2.0), WireStep(b"hello")), HINTS + HEAD),
        ((WireStep(HEAD[:-2]), WireStep(HEAD[-2:] + b"he"), WireStep("hang")), HEAD),
        ((WireStep(HEAD[:9]), WireStep("reset")), HEAD[:9] + b"<reset>"),
        ((), b""),
    ],
)
def test_an_answer_to_head_ends_with_its_head(script: WireScript, left: bytes) -> None:
    """Informational answers stay, and an end that comes before: the rest would be the next one."""
    steps = [step.what for step in leave_out_body(script)]
    sent = (f"<{each}>".encode() if isinstance(each, str) else each for each in steps)
    assert b"".join(sent) == left


def test_an_answer_to_head_says_how_long_the_file_is() -> None:
    """Its body is empty, and another length stands in its head."""
    assert b"\r\nContent-Length: 500\r\n" in WireAnswer(200, length=500).head()
