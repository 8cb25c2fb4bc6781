"""Resolves the types of declaration files of a package to JSON Schemas without references."""

from __future__ import annotations

import posixpath
from functools import partial
from typing import TYPE_CHECKING, Any

from getimg_mock.drift.api_shapes import MAX_DEPTH, JsonSchema
from getimg_mock.drift.typescript_declarations import (
    Declarations,
    Token,
    find_end,
    parse_plain,
    read_declarations,
    split_members,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


class DeclarationReader:
    """Reads the types of a package; what refers to itself, or is unknown, is of any type."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files
        self._known: dict[str, Declarations] = {}
        self._open: list[tuple[str, str]] = []

    def parse(self, path: str) -> Declarations:
        """Return the declarations of a file, none of a missing one."""
        if path not in self._known:
            self._known[path] = read_declarations(self._files.get(path, ""))
        return self._known[path]

    def read(self, path: str, tokens: list[Token], scope: str = "") -> JsonSchema:
        """Return the schema of a type in the file at `path`, within a namespace."""
        options = [each for each in _split_union(tokens) if each]
        if len(self._open) > MAX_DEPTH:
            return {}
        return _unite([self._read_option(path, each, scope) for each in options])

    def _read_option(self, path: str, tokens: list[Token], scope: str) -> JsonSchema:  # noqa: PLR0911 - a return a kind
        if len(tokens) > 2 and (tokens[-2].value, tokens[-1].value) == ("[", "]"):
            return {"type": "array", "items": self._read_option(path, tokens[:-2], scope)}
        first = tokens[0]
        if first.kind == "text":
            return {"enum": [first.value[1:-1]]}
        if first.value == "(":
            return self._enter(path, "(", partial(self.read, path, tokens[1:-1], scope))
        if first.value == "{":
            return self._enter(path, "{", partial(self._read_members, path, tokens[1:-1], scope))
        if first.kind != "word":
            return {}
        inner = tokens[2 : find_end(tokens, 1)] if len(tokens) > 2 else []
        if first.value in {"Array", "ReadonlyArray"} and inner:
            return {"type": "array", "items": self.read(path, inner, scope)}
        if first.value == "Record" and inner:
            value = inner[next((n for n, t in enumerate(inner) if t.value == ","), 0) + 1 :]
            return {"type": "object", "additionalProperties": self.read(path, value, scope)}
        plain = parse_plain(first.value)
        return plain if plain is not None else self.resolve(path, first.value, scope)

    def resolve(self, path: str, name: str, scope: str = "") -> JsonSchema:
        """Return the schema of a named type: looked for outwards, then in imports."""
        declarations = self.parse(path)
        parts = scope.split(".") if scope else []
        for number in range(len(parts), -1, -1):
            qualified = ".".join([*parts[:number], name])
            if qualified in declarations.types:
                return self._enter(path, qualified, partial(self._read_named, path, qualified))
        head, _, rest = name.partition(".")
        if head in declarations.imports:
            source, original = declarations.imports[head]
            file = posixpath.normpath(posixpath.join(posixpath.dirname(path), source))
            target = ".".join(each for each in (original, rest) if each)
            for candidate in (f"{file.removesuffix('.js')}.d.ts", f"{file}/index.d.ts"):
                if candidate in self._files and target:
                    return self._enter(
                        candidate, f"import {target}", partial(self.resolve, candidate, target)
                    )
        return {}

    def _read_named(self, path: str, name: str) -> JsonSchema:
        declarations = self.parse(path)
        tokens = declarations.types[name]
        if name in declarations.interfaces:
            return self._read_members(path, tokens, name)
        return self.read(path, tokens, name)

    def _enter(self, path: str, name: str, read: Any) -> JsonSchema:
        """Return what `read` gives, unless it is under way already, or too deep."""
        step = (path, name)
        if (step in self._open and name not in {"(", "{"}) or len(self._open) > 2 * MAX_DEPTH:
            return {}
        self._open.append(step)
        try:
            found: JsonSchema = read()
            return found
        finally:
            self._open.pop()

    def _read_members(self, path: str, tokens: list[Token], scope: str) -> JsonSchema:
        schema: JsonSchema = {"type": "object", "properties": {}, "required": []}
        for name, is_optional, member, text in split_members(tokens):
            read = self.read(path, member, scope)
            if not name:
                schema["additionalProperties"] = read
                continue
            schema["properties"][name] = read | ({"description": text} if text else {})
            if not is_optional:
                schema["required"].append(name)
        return schema


def _split_union(tokens: list[Token]) -> list[list[Token]]:
    options: list[list[Token]] = [[]]
    level = 0
    for token in tokens:
        if token.kind == "doc":
            continue
        if token.kind == "mark":
            level += token.value in "{[(<"
            level -= token.value in "}])>"
            if token.value == "|" and level == 0:
                options.append([])
                continue
        options[-1].append(token)
    return options


def _unite(schemas: list[JsonSchema]) -> JsonSchema:
    """Return the union; enumerated values are joined, and null is a type of the other."""
    values = [value for each in schemas if "enum" in each for value in each["enum"]]
    others = [each for each in schemas if "enum" not in each and each.get("type") != "null"]
    nullable = any(each.get("type") == "null" for each in schemas)
    if values:
        others.append({"enum": values})
    if len(others) != 1:
        return {"oneOf": others} if others else {"type": "null"} if nullable else {}
    found = dict(others[0])
    if nullable and "type" in found:
        kinds = found["type"]
        found["type"] = [*([kinds] if isinstance(kinds, str) else kinds), "null"]
    return found
