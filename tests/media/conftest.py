"""Texts that have broken programs before."""

from __future__ import annotations

import pytest

_HOSTILE = {
    "empty": "",
    "nul": "before\0after",
    "lines": "one\ntwo\r\nthree\tfour\u2028five",
    "right to left": "\u202e\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627\u202c",
    "astral": "a fox \U0001f98a in \U0001d557\U0001d563, \U0010ffff",
    "lone surrogates": "\ud800 and \udfff and \udc80",
    "noncharacters": "\ufffe\uffff\ufdd0",
    "combining": "a" + "\u0301" * 400,
    "no spaces": "w" * 4096,
    "only spaces": " \u00a0\u3000" * 100,
    "every word different": " ".join(map(str, range(900))),
    "no glyphs": "".join(chr(0x4E00 + step) for step in range(300)),
    "grows eighteenfold": "\ufdfa" * 4096,
    "far too long": "a prompt without an end " * 4000,
}


@pytest.fixture(params=list(_HOSTILE.values()), ids=list(_HOSTILE))
def hostile_text(request: pytest.FixtureRequest) -> str:
    """One of the texts."""
    return str(request.param)
