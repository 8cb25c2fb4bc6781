"""Reads the types of a Python SDK as JSON Schemas: models, typed dictionaries and aliases."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from getimg_mock.drift.api_shapes import MAX_DEPTH, JsonSchema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.drift.python_modules import ModuleSet


_PLAIN: Final[dict[str, JsonSchema]] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "None": {"type": "null"},
    "datetime": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
}
_ARRAYS: Final = ("List", "list", "Iterable", "Sequence", "SequenceNotStr", "EagerIterable")
_MAPS: Final = ("Dict", "dict", "Mapping")
_WRAPPERS: Final = ("Annotated", "Required", "NotRequired", "ClassVar", "Final")


class TypeReader:
    """Reads annotations; a type that refers to itself, or is unknown, is of any type."""

    def __init__(self, modules: ModuleSet) -> None:
        self._modules = modules
        self._open: list[tuple[str, str]] = []

    def read(self, path: str, node: ast.expr | None) -> JsonSchema:  # noqa: PLR0911 - a return a kind
        """Return the schema of an annotation in the module at `path`."""
        if isinstance(node, ast.Constant):
            return self._read_constant(path, node)
        if isinstance(node, ast.Name):
            return self._read_name(path, node.id)
        if isinstance(node, ast.Attribute):
            return self._read_attribute(path, node)
        if isinstance(node, ast.Subscript):
            return self._read_subscript(path, node)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return _unite([self.read(path, node.left), self.read(path, node.right)])
        if isinstance(node, ast.Call) and node.args:  # cast(Any, Type)
            return self.read(path, node.args[-1])
        return {}

    def _read_constant(self, path: str, node: ast.Constant) -> JsonSchema:
        if node.value is None:
            return {"type": "null"}
        if not isinstance(node.value, str):
            return {}
        try:  # a forward reference
            return self.read(path, ast.parse(node.value[:500], mode="eval").body)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return {}

    def _read_attribute(self, path: str, node: ast.Attribute) -> JsonSchema:
        """Read `module.Type`: of the package, or `datetime.date`."""
        if isinstance(node.value, ast.Name):
            statement = self._modules.list_names(path).get(node.value.id)
            if isinstance(statement, ast.ImportFrom):
                module, name = self._modules.follow_import(path, statement, node.value.id)
                if not name:
                    return self._read_name(module, node.attr)
        return dict(_PLAIN.get(node.attr, {}))

    def _read_name(self, path: str, name: str) -> JsonSchema:
        statement = self._modules.list_names(path).get(name)
        if (path, name) in self._open or len(self._open) > MAX_DEPTH:
            return {}
        self._open.append((path, name))
        try:
            if isinstance(statement, ast.ClassDef):
                return self._read_class(path, statement)
            if isinstance(statement, ast.ImportFrom) and statement.level:
                module, original = self._modules.follow_import(path, statement, name)
                return self._read_name(module, original) if original else {}
            if isinstance(statement, (ast.AnnAssign, ast.Assign)):
                return self.read(path, statement.value)
        finally:
            self._open.pop()
        return dict(_PLAIN.get(name, {}))

    def _read_subscript(self, path: str, node: ast.Subscript) -> JsonSchema:  # noqa: PLR0911 - as above
        head = node.value.attr if isinstance(node.value, ast.Attribute) else ""
        head = node.value.id if isinstance(node.value, ast.Name) else head
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if not inner:
            return {}
        if head == "Literal":
            return {"enum": [each.value for each in inner if isinstance(each, ast.Constant)]}
        if head == "Optional":
            return _unite([self.read(path, inner[0]), {"type": "null"}])
        if head == "Union":
            return _unite([self.read(path, each) for each in inner])
        if head in _ARRAYS:
            return {"type": "array", "items": self.read(path, inner[0])}
        if head in _MAPS:
            return {"type": "object", "additionalProperties": self.read(path, inner[-1])}
        return self.read(path, inner[0]) if head in _WRAPPERS else {}

    def _read_class(self, path: str, node: ast.ClassDef) -> JsonSchema:
        schema: JsonSchema = {"type": "object", "properties": {}, "required": []}
        for base in node.bases:
            inherited = self.read(path, base) if isinstance(base, ast.Name) else {}
            schema["properties"] |= inherited.get("properties", {})
            schema["required"] += inherited.get("required", [])
        is_total = not any(each.arg == "total" for each in node.keywords)
        is_dictionary = any(isinstance(b, ast.Name) and b.id == "TypedDict" for b in node.bases)
        for statement, text in _pair_descriptions(node.body):
            if not isinstance(statement.target, ast.Name):
                continue
            name = _find_alias(statement) or statement.target.id
            schema["properties"][name] = {**self.read(path, statement.annotation)} | text
            head = _find_head(statement.annotation)
            if (
                head == "Required"
                or (is_dictionary and is_total and head != "NotRequired")
                or (not is_dictionary and is_total and not _has_default(statement))
            ):
                schema["required"].append(name)
        return schema


def _pair_descriptions(body: list[ast.stmt]) -> Iterator[tuple[ast.AnnAssign, JsonSchema]]:
    """Yield the fields of a class with the text that follows each."""
    for number, statement in enumerate(body):
        if isinstance(statement, ast.AnnAssign):
            after = body[number + 1] if number + 1 < len(body) else None
            text = after.value if isinstance(after, ast.Expr) else None
            is_text = isinstance(text, ast.Constant) and isinstance(text.value, str)
            yield statement, {"description": text.value} if is_text else {}  # type: ignore[union-attr]


def _has_default(statement: ast.AnnAssign) -> bool:
    """Return whether a field of a model may be left out: `FieldInfo(alias=...)` is no default."""
    if isinstance(statement.value, ast.Call):
        return any(each.arg in {"default", "default_factory"} for each in statement.value.keywords)
    return statement.value is not None


def _find_alias(statement: ast.AnnAssign) -> str:
    """Return the name of a field in JSON, where that is no name of Python."""
    for each in ast.walk(statement):
        if isinstance(each, ast.keyword) and each.arg == "alias":
            value = each.value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                return value.value
    return ""


def _find_head(node: ast.expr) -> str:
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        return node.value.id
    return ""


def _unite(schemas: list[JsonSchema]) -> JsonSchema:
    """Return the union: null is a type of the other, and a text with a date is the date."""
    nullable = any(each.get("type") == "null" for each in schemas)
    others = [each for each in schemas if each.get("type") != "null"]
    dates = [each for each in others if "format" in each]
    if dates and all(each.get("type") == "string" for each in others):
        others = dates[:1]
    if len(others) == 1:
        found = dict(others[0])
        if nullable:
            kind = found.get("type", "any")
            found["type"] = [*([kind] if isinstance(kind, str) else kind), "null"]
        return found
    return {"oneOf": others} if others else {"type": "null"}
