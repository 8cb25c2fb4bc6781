"""Renders HTML from the templates of this package: every value is escaped and printable."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from getimg_mock._shipped import read_package_file
from getimg_mock.errors import MissingPackageError
from getimg_mock.reports.printable_text import LINE_BREAKS, replace_unprintable

if TYPE_CHECKING:
    from jinja2 import Environment


def require_jinja() -> None:
    """Raise `MissingPackageError` unless Jinja2 is installed; does not import it."""
    if find_spec("jinja2") is None:
        raise MissingPackageError("HTML reports need Jinja2: pip install 'getimg-mock[verify]'.")


def render_page(template: str, **values: Any) -> str:
    """Return a template with its values; raises `MissingPackageError` without Jinja2."""
    require_jinja()
    return _create_environment().get_template(template).render(values)


@cache
def _create_environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined  # noqa: PLC0415 - optional

    environment = Environment(
        autoescape=True,
        finalize=_make_printable,
        keep_trailing_newline=True,
        loader=FunctionLoader(_read_template),
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["count"] = count_things
    return environment


def _make_printable(value: Any) -> Any:
    """Return a value of a template without control characters; rendered macros have none."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    return replace_unprintable(value, keep=LINE_BREAKS)


def _read_template(name: str) -> str:
    return read_package_file("getimg_mock.reports", f"templates/{name}")


def count_things(count: int, word: str, before: str = "") -> str:
    """Return a number of things in words: `1 check`, `2 checks`."""
    return f"{before}{count} {word}" if count == 1 else f"{before}{count} {word}s"
