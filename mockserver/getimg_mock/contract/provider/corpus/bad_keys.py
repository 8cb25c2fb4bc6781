"""Keys that no service may take: no keys at all, and near misses of a good one."""

from __future__ import annotations

from typing import Final

# The last one is unknown to services; the fake treats it as withdrawn.
BAD_KEYS: Final = {
    "no key": None,
    "an empty key": "Bearer ",
    "no scheme": "{key}",
    "another scheme": "Basic c2tfYTpi",
    "a bogus key": "Bearer not-a-key",
    "two keys": "Bearer a b",
    "the word only": "Bearer",
    "another scheme, good key": "Token {key}",
    "the key as a user name": "Basic {basic}",
    "a key cut off": "Bearer sk",
    "only the prefix": "Bearer sk_",
    "a key in quotes": 'Bearer "{key}"',
    "a key without its underscore": "Bearer sk-contract",
    "the word null": "Bearer null",
    "a key that is withdrawn": "Bearer sk_mock_invalid",
}

# What a client without a key puts in its place: a service may look any of these up.
WORDS_FOR_NO_KEY: Final = ("undefined", "None", "true", "0")

# What a store may take for a pattern or a condition.
PATTERNS: Final = ("%", "*", ".*", "' OR '1'='1", '{"$ne":""}')

# The key of a UTF-8 terminal, as the bytes arrive.
FOREIGN_KEY: Final = f"Bearer sk_{'żółć'.encode().decode('latin-1')}"

# Near misses of a good key; the first is any unknown key, which a fake may take for a workspace.
NEAR_KEYS: Final = {
    "an unknown key": "Bearer sk_contract_unknown_5d1f",
    "a key with a letter more": "Bearer {key}x",
    "a key with a letter before it": "Bearer x{key}",
    "a key in the other case": "Bearer {KEY}",
    "a key without its last letter": "Bearer {ke}",
    "a key without its first letter": "Bearer {ey}",
    "a key twice": "Bearer {key}{key}",
    "a key with a dot": "Bearer {key}.",
    "a key with a word after it": "Bearer {key} x",
    "a key in the other case after its prefix": "Bearer {Key}",
    "a key with one character changed": "Bearer {key/4}",
    "a pattern of SQL for any key": "Bearer sk_%",
    "a pattern of SQL for the last letter": "Bearer {ke}_",
    "a wildcard": "Bearer sk_*",
    "a wildcard for the last letter": "Bearer {ke}?",
    "a regular expression": "Bearer sk_.*",
    "a condition of SQL": "Bearer sk_' OR '1'='1",
}

LONG_KEY: Final = "an unknown key of many letters"
"""What wrong keys of `LENGTHS` are called."""

ODD_KEYS: Final = (LONG_KEY, "a condition of SQL")
"""How the names of wrong keys begin that a gateway may refuse before anyone looks them up."""

LENGTHS: Final = (65, 129, 257, 513, 1025, 2049, 4097)
"""Where columns, buffers and hash functions end; headers of 8 KiB are refused by many."""
