"""Magic inputs: words in a prompt or a key that ask for a behaviour, with no control call.

For applications one can only type into. A prompt may hold `mock:WORD` or `mock:WORD=VALUE`, any
number of them; the header `X-Mock-Behaviour` holds the same words without `mock:`.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from getimg_mock.errors import Refusal, SettingsError, UnknownNameError
from getimg_mock.world.behaviours import NOTHING, Behaviour
from getimg_mock.world.rule_files import scenario_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# A value is one like normal(40,10), or goes on to what ends a word in prose.
_VALUE: Final = r"(?:=([A-Za-z]+\([^()]*\)|[^\s,;()\[\]{}<>\"`\u2018-\u201f]+))?"
# Only with a letter right behind the colon: "mock: a bird" is prose.
_IN_PROMPT: Final = re.compile(r"(?<![\w:])mock:([A-Za-z_]+)" + _VALUE)
_IN_HEADER: Final = re.compile(r"([^\s,;=]+)" + _VALUE)
_PUNCTUATION: Final = ".:!?'"
# More than any prompt may have, and little enough to look through.
_LOOKED_AT: Final = 10_000

# What each word means; the same table stands in docs/magic.md.
WORDS: Final[Mapping[str, str]] = {
    "fail": "the generation fails with this code: mock:fail=content_policy_violation",
    "complete": "the generation completes, whatever other rules say",
    "seconds": "it takes this long: mock:seconds=600, mock:seconds=20..60",
    "polls": "it ends at this poll: mock:polls=3",
    "hold": "it stays pending until it is ended by hand",
    "error": "the request gets this error: mock:error=rate_limit",
    "status": "the request gets the error of this status: mock:status=503",
    "retry_after": "with an error: what Retry-After says",
    "after_commit": "with an error or fault: only when the work is done and charged",
    "latency": "the answer waits this long: mock:latency=3",
    "fault": "the answer is broken so: mock:fault=reset",
    "oddity": "the answer is legal but odd: mock:oddity=nulls",
    "lost": "the work is done and charged, the answer is lost",
}

_TRANSITION: Final = {
    "fail": "failed",
    "complete": "completed",
    "seconds": "seconds",
    "polls": "polls",
    "hold": "hold",
}
_NUMBERS: Final = ("status", "polls")
_FLAGS: Final = ("complete", "hold", "after_commit", "lost")

_MAX_DIGITS: Final = 12

KEY_PREFIX: Final = "sk_mock_"
SCENARIO_KEY: Final = "sk_mock_in_"
INVALID_KEY: Final = "sk_mock_invalid"
BROKE_KEY: Final = "sk_mock_broke"
LIMITED_KEY: Final = "sk_mock_limited"
FAILING_KEY: Final = "sk_mock_failing"


class KeyMagic(NamedTuple):
    """What a magic key asks of its workspace, on top of the settings."""

    settings: dict[str, Any]
    scenario: str | None = None


# Exact keys, and keys that begin so and go on with an underscore (sk_mock_broke_2).
KEYS: Final[Mapping[str, KeyMagic]] = {
    BROKE_KEY: KeyMagic({"balance": "0"}),
    LIMITED_KEY: KeyMagic({"image_rpm": 1, "video_rpm": 1, "concurrent": 1}),
    FAILING_KEY: KeyMagic({"fail_rate": 1}),
}


def prompt_behaviour(prompt: str) -> Behaviour:
    """Return what the magic words of a prompt ask for; raises the 400 `Refusal`."""
    if "mock:" not in prompt:
        return NOTHING
    words = _IN_PROMPT.findall(prompt[:_LOOKED_AT])
    return _asked(words, "magic word mock:", "prompt") if words else NOTHING


def header_behaviour(header: str | None) -> Behaviour:
    """Return what the request header `X-Mock-Behaviour` asks for; raises the 400 `Refusal`."""
    if not header:
        return NOTHING
    return _asked(_IN_HEADER.findall(header), "word of X-Mock-Behaviour ", None)


def key_magic(key: str) -> KeyMagic | None:
    """Return what a key asks for, None for an ordinary one.

    Raises `UnknownNameError` for a key that is nearly magic, or names an unknown scenario.
    """
    if not key.startswith(KEY_PREFIX):
        return None
    if key.startswith(SCENARIO_KEY):
        asked = key.removeprefix(SCENARIO_KEY)
        names = {name.replace("-", "_"): name for name in scenario_names()}
        for name in sorted(names, key=len, reverse=True):
            if asked == name or asked.startswith(f"{name}_"):
                return KeyMagic({}, names[name])
        raise UnknownNameError("scenario in the key", asked, names)
    for word, magic in KEYS.items():
        if key == word or key.startswith(f"{word}_"):
            return magic
    near = get_close_matches(key, [*KEYS, INVALID_KEY], 1, 0.93)
    if near:
        raise UnknownNameError("magic key", key, [*KEYS, INVALID_KEY])
    return None


def is_invalid_key(key: str) -> bool:
    """Return whether a key is one that getimg.ai would not know, by request."""
    return key == INVALID_KEY or key.startswith(f"{INVALID_KEY}_")


def _asked(words: Iterable[tuple[str, str]], kind: str, param: str | None) -> Behaviour:
    values: dict[str, Any] = {}
    transition: dict[str, Any] = {}
    try:
        for word, value in words:
            said = _said(word, value.rstrip(_PUNCTUATION), kind)
            if word in _TRANSITION:
                transition[_TRANSITION[word]] = said
            elif word == "lost":
                values |= {"fault": "close", "after_commit": True}
            elif word == "oddity":
                values.setdefault(word, []).append(said)
            else:
                values[word] = said
        return Behaviour.of(values | ({"transition": transition} if transition else {}))
    except SettingsError as error:
        raise Refusal(
            "invalid_parameter",
            str(error),
            param=param,
            hint="the words are listed in docs/magic.md; --no-magic turns them off",
        ) from None


def _said(word: str, value: str, kind: str) -> Any:
    """Return what a word says: True for one that needs no value."""
    if word not in WORDS:
        raise UnknownNameError(kind.strip(), word, WORDS)
    if word in _FLAGS:
        if value:
            raise SettingsError(f"{kind}{word} takes no value.")
        return True
    if not value:
        raise SettingsError(f"{kind}{word} needs a value: {WORDS[word]}.")
    # A number of more digits stays a text, which is refused as one; int() would not even read it.
    if word in _NUMBERS and value.isascii() and value.isdecimal() and len(value) <= _MAX_DIGITS:
        return int(value)
    return value
