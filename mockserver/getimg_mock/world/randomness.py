"""Randomness by keyed hash: the only module that draws random values.

A draw depends on its words alone (seed, workspace, request, purpose), not on the order of calls or
earlier draws. Independent requests therefore get the same answers in any order.
"""

from __future__ import annotations

import os
from hashlib import blake2b, shake_256
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

_CROCKFORD: Final = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Maps each of the 256 bytes to one of the 32 letters, each letter equally often.
_LETTERS: Final = _CROCKFORD * 8
_SHORT: Final = 1024
# What precedes words of so many bytes: formatting a number takes longer than looking it up.
_LENGTHS: Final = tuple(b"%d:" % length for length in range(_SHORT))
_UNIT: Final = float(1 << 53)


def digest(*words: str | bytes | int, size: int = 32) -> bytes:
    """Return `size` bytes (at most 64) that depend on `words` alone, each word kept apart."""
    return digest_encoded(encode_words(*words), size=size)


def digest_encoded(words: bytes, *, size: int = 32) -> bytes:
    """Return the `digest` of words that `encode_words` has encoded: at once, or one by one."""
    return blake2b(words, digest_size=size).digest()


def encode_words(*words: str | bytes | int) -> bytes:
    """Return words as one, each kept apart; those that stay can be encoded once."""
    parts: list[bytes] = []
    for word in words:
        data = word if type(word) is bytes else str(word).encode("utf-8", "surrogatepass")
        length = len(data)
        parts += (_LENGTHS[length] if length < _SHORT else b"%d:" % length, data)
    return b"".join(parts)


def draw_bytes(size: int, *words: str | bytes | int) -> bytes:
    """Return any number of bytes that depend on `words` alone, about 300 MB a second."""
    return shake_256(digest(*words)).digest(size)


class Stream:
    """A named random stream: `Stream(seed, "duration", model)` always draws the same values."""

    __slots__ = ("_key",)

    def __init__(self, *words: str | bytes | int, encoded: bytes = b"") -> None:
        self._key = digest_encoded(encoded or encode_words(*words))

    @classmethod
    def of_request(cls, seed: bytes, canonical: bytes, ordinal: int) -> Stream:
        """Return `Stream(seed, canonical, ordinal)`, in half the time: each request has one."""
        number = str(ordinal).encode()
        words = (len(seed), seed, len(canonical), canonical, len(number), number)
        return cls(encoded=b"%d:%b%d:%b%d:%b" % words)

    @property
    def letters(self) -> str:
        """32 characters of Crockford's alphabet (upper case) that identify this stream."""
        return self._key.translate(_LETTERS).decode("ascii")

    def derive_bytes(self, name: str, size: int = 32) -> bytes:
        """Return `size` bytes (at most 64) for the purpose `name`."""
        return digest(self._key, name, size=size)

    def draw_unit(self, name: str) -> float:
        """Return a number, 0 <= x < 1, for the purpose `name`."""
        return (int.from_bytes(self.derive_bytes(name, 8), "big") >> 11) / _UNIT

    def uniform(self, name: str, low: float, high: float) -> float:
        """Return a uniformly drawn number between `low` and `high`."""
        return low + (high - low) * self.draw_unit(name)

    def choose(self, name: str, options: Sequence[T]) -> T:
        """Return a uniformly drawn item of `options`."""
        return options[int(self.draw_unit(name) * len(options))]

    def happens(self, name: str, probability: float) -> bool:
        """Return True with the given `probability` (0 to 1)."""
        return self.draw_unit(name) < probability


def generate_secret(size: int = 16) -> str:
    """Return a new secret of `size` bytes in hexadecimal: a different one at each call."""
    return os.urandom(size).hex()
