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
from getimg_mock.world.rule_files import list_scenario_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# A value is like normal(40,10), or ends where a word of prose ends.
_VALUE: Final = r"(?:=([A-Za-z]+\([^()]*\)|[^\s,;()\[\]{}<>\"`\u2018-\u201f]+))?"
# A letter must follow the colon directly: "mock: a bird" is prose.
_IN_PROMPT: Final = re.compile(r"(?<![\w:])mock:([A-Za-z_]+)" + _VALUE)
_IN_HEADER: Final = re.compile(r"([^\s,;=]+)" + _VALUE)
_PUNCTUATION: Final = ".:!?'"
# Longer than any valid prompt, and short enough to search.
_MAX_SCANNED: Final = 10_000

# What each word means; docs/magic.md has the same table.
WORDS: Final[Mapping[str, str]] = {
    "fail": "the generation fails with this code: mock:fail=content_policy_violation",
    "complete": "the generation completes, even if other rules say it fails",
    "seconds": "it takes this long: mock:seconds=600, mock:seconds=20..60",
    "polls": "it ends at this poll: mock:polls=3",
    "hold": "it stays pending until a control command ends it",
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
    """What a magic key changes in its workspace, in addition to the settings."""

    settings: dict[str, Any]
    scenario: str | None = None


# Exact keys, and keys that continue with an underscore (sk_mock_broke_2).
KEYS: Final[Mapping[str, KeyMagic]] = {
    BROKE_KEY: KeyMagic({"balance": "0"}),
    LIMITED_KEY: KeyMagic({"image_rpm": 1, "video_rpm": 1, "concurrent": 1}),
    FAILING_KEY: KeyMagic({"fail_rate": 1}),
}


def parse_prompt(prompt: str) -> Behaviour:
    """Return the behaviour that a prompt's magic words request; raises the 400 `Refusal`."""
    if "mock:" not in prompt:
        return NOTHING
    words = _IN_PROMPT.findall(prompt[:_MAX_SCANNED])
    return _parse_magic(words, "magic word mock:", "prompt") if words else NOTHING


def parse_header(header: str | None) -> Behaviour:
    """Return the behaviour that `X-Mock-Behaviour` requests; raises the 400 `Refusal`."""
    if not header:
        return NOTHING
    return _parse_magic(_IN_HEADER.findall(header), "word of X-Mock-Behaviour ", None)


def parse_key_magic(key: str) -> KeyMagic | None:
    """Return what a magic key requests, or None for an ordinary key.

    Raises `UnknownNameError` for a key similar to a magic one, or with an unknown scenario.
    """
    if not key.startswith(KEY_PREFIX):
        return None
    if key.startswith(SCENARIO_KEY):
        asked = key.removeprefix(SCENARIO_KEY)
        names = {name.replace("-", "_"): name for name in list_scenario_names()}
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
    """Return whether a key is the magic key that is always invalid."""
    return key == INVALID_KEY or key.startswith(f"{INVALID_KEY}_")


def _parse_magic(words: Iterable[tuple[str, str]], kind: str, param: str | None) -> Behaviour:
    values: dict[str, Any] = {}
    transition: dict[str, Any] = {}
    try:
        for word, value in words:
            said = _read_word(word, value.rstrip(_PUNCTUATION), kind)
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


def _read_word(word: str, value: str, kind: str) -> Any:
    """Return the value of a word: True for a word without one."""
    if word not in WORDS:
        raise UnknownNameError(kind.strip(), word, WORDS)
    if word in _FLAGS:
        if value:
            raise SettingsError(f"{kind}{word} takes no value.")
        return True
    if not value:
        raise SettingsError(f"{kind}{word} needs a value: {WORDS[word]}.")
    # A number with more digits stays a string, which is refused; int() would raise.
    if word in _NUMBERS and value.isascii() and value.isdecimal() and len(value) <= _MAX_DIGITS:
        return int(value)
    return value
