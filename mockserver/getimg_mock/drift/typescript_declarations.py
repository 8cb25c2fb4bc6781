"""Reads TypeScript declaration files: interfaces, type aliases and namespaces, as JSON Schemas.

It knows the part of the language that Stainless generates. What it does not know is of any type.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from getimg_mock.drift.api_shapes import MAX_DEPTH, JsonSchema

if TYPE_CHECKING:
    from collections.abc import Iterator


_TOKENS: Final = re.compile(
    r"/\*\*(?P<doc>.*?)\*/|/\*.*?\*/|//[^\n]*"
    r"|(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<word>[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*|-?\d+(?:\.\d+)?)"
    r"|(?P<mark>=>|[^\s])",
    re.DOTALL,
)
_PLAIN: Final[dict[str, JsonSchema]] = {
    "string": {"type": "string"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "null": {"type": "null"},
    "true": {"enum": [True]},
    "false": {"enum": [False]},
}
_DOC_LINE: Final = re.compile(r"^\s*\* ?", re.MULTILINE)
MAX_TOKENS: Final = 400_000
"""The most tokens of one file that are read."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a text in quotes, a mark, or a documentation comment."""

    kind: str
    value: str


@dataclass(slots=True)
class Declarations:
    """The declarations of one file, by qualified name, as tokens that are read when needed.

    `imports` has the file of each name or namespace that comes from another file.
    """

    types: dict[str, list[Token]] = field(default_factory=dict)
    interfaces: set[str] = field(default_factory=set)
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)


def split_tokens(text: str) -> list[Token]:
    """Return the tokens of a file, without plain comments."""
    found: list[Token] = []
    for match in _TOKENS.finditer(text):
        if len(found) >= MAX_TOKENS:
            break
        if match.lastgroup is not None:
            found.append(Token(match.lastgroup, match[match.lastgroup]))
    return found


def read_declarations(text: str) -> Declarations:
    """Return the declarations of a file, those in namespaces as `Outer.Inner`."""
    declarations = Declarations()
    _collect(split_tokens(text), "", declarations)
    return declarations


def _collect(tokens: list[Token], prefix: str, found: Declarations, depth: int = 0) -> None:
    position = 0
    while position < len(tokens):
        word = tokens[position].value
        if tokens[position].kind != "word" or position + 1 >= len(tokens):
            position += 1
        elif word in {"interface", "namespace", "class"} and tokens[position + 1].kind == "word":
            position = _collect_block(tokens, position, prefix, found, depth)
        elif word == "type" and _value_at(tokens, position + 2) == "=":
            end = _find_statement_end(tokens, position)
            found.types[prefix + tokens[position + 1].value] = tokens[position + 3 : end]
            position = end + 1
        elif word == "import":
            end = _find_statement_end(tokens, position)
            _note_imports(tokens[position:end], found)
            position = end + 1
        else:
            position += 1


def _collect_block(
    tokens: list[Token], position: int, prefix: str, found: Declarations, depth: int
) -> int:
    """Collect an interface or a namespace, skip a class; returns the position after it."""
    word, name = tokens[position].value, prefix + tokens[position + 1].value
    start = _find_mark(tokens, position, "{")
    end = find_end(tokens, start)
    body = tokens[start + 1 : end]
    if word == "interface":
        found.types[name] = body
        found.interfaces.add(name)
    elif word == "namespace" and depth < MAX_DEPTH:
        _collect(body, f"{name}.", found, depth + 1)
    return end + 1


def _value_at(tokens: list[Token], position: int) -> str:
    return tokens[position].value if position < len(tokens) else ""


def _find_mark(tokens: list[Token], start: int, mark: str) -> int:
    found = (n for n in range(start, len(tokens)) if tokens[n] == Token("mark", mark))
    return next(found, len(tokens))


def find_end(tokens: list[Token], start: int) -> int:
    """Return the position of the bracket that closes the one at `start`."""
    level = 0
    for position in range(start, len(tokens)):
        if tokens[position].kind == "mark":
            level += tokens[position].value in "{[(<"
            level -= tokens[position].value in "}])>"
            if level == 0:
                return position
    return len(tokens)


def _find_statement_end(tokens: list[Token], start: int) -> int:
    level = 0
    for position in range(start, len(tokens)):
        if tokens[position].kind == "mark":
            level += tokens[position].value in "{[(<"
            level -= tokens[position].value in "}])>"
            if level <= 0 and tokens[position].value == ";":
                return position
    return len(tokens)


def _note_imports(tokens: list[Token], found: Declarations) -> None:
    """Note `import { A as B } from './x'` and `import * as X from './x'`."""
    if tokens[-1].kind != "text":
        return
    source, words = tokens[-1].value[1:-1], [each.value for each in tokens[1:-1]]
    if words[:2] == ["*", "as"]:
        found.imports[words[2]] = (source, "")
        return
    for number, word in enumerate(words):
        if word.isidentifier() and word not in {"as", "from", "type"}:
            is_renamed = number > 1 and words[number - 1] == "as"
            found.imports[word] = (source, words[number - 2] if is_renamed else word)


def split_members(tokens: list[Token]) -> Iterator[tuple[str, bool, list[Token], str]]:
    """Yield the members of an interface: name, whether optional, tokens of the type, text."""
    position, text = 0, ""
    while position < len(tokens):
        token = tokens[position]
        if token.kind == "doc":
            text = " ".join(_DOC_LINE.sub("", token.value).split())
            position += 1
            continue
        end = _find_statement_end(tokens, position)
        member = [each for each in tokens[position:end] if each.kind != "doc"]
        colon = next((n for n, each in enumerate(member) if each.value == ":"), len(member))
        if member and member[0].kind in {"word", "text"} and 0 < colon <= 2:
            is_optional = member[colon - 1].value == "?"
            yield member[0].value.strip("'\""), is_optional, member[colon + 1 :], text
        elif len(member) > 4 and member[0].value == "[":  # an index: { [key: string]: T }
            close = find_end(member, 0)
            yield "", False, member[close + 2 :], text
        position, text = end + 1, ""


def parse_plain(word: str) -> JsonSchema | None:
    """Return the schema of a built-in type or a number, None for any other word."""
    if word in _PLAIN:
        return dict(_PLAIN[word])
    if re.fullmatch(r"-?\d+(\.\d+)?", word):
        return {"enum": [float(word) if "." in word else int(word[:30])]}
    return None
