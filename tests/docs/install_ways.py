"""The ways to install the package that README and docs/install.md show.

`PUBLISHED` is the one constant to change when a package index has the package; `make docs` then
rewrites both pages, and tests/docs/test_install_page.py holds the other pages to it.
"""

from __future__ import annotations

import tomllib
from typing import Final

from tests.docs.markdown_tables import DOCS, render_table

PUBLISHED: Final = False
"""Whether `pip install getimg-mock` finds the package on an index."""

PROJECT: Final = tomllib.loads(
    DOCS.parent.joinpath("pyproject.toml").read_text(encoding="utf-8"),
)["project"]

WHEEL: Final = f"getimg_mock-{PROJECT['version']}-py3-none-any.whl"
SDIST: Final = f"getimg_mock-{PROJECT['version']}.tar.gz"

_FROM_FILES: Final = (
    ("run it from a checkout", "make run"),
    ("use a checkout in your own environment", "pip install /path/to/checkout"),
    ("build the wheel and the sdist into `dist/`", "make wheel"),
    ("install the wheel", f"pip install dist/{WHEEL}"),
    ("install the sdist", f"pip install dist/{SDIST}"),
    ("run it without installing it", f"uvx --from dist/{WHEEL} getimg-mock serve"),
    ("run it from a checkout by uv", "uvx --from /path/to/checkout getimg-mock serve"),
    ("have the command everywhere", f"pipx install dist/{WHEEL}"),
)
_FROM_INDEX: Final = (
    ("use it in your own environment", "pip install getimg-mock"),
    ("run it without installing it", "uvx getimg-mock serve"),
    ("have the command everywhere", "pipx install getimg-mock"),
)


def _render(rows: tuple[tuple[str, str], ...]) -> str:
    return render_table(
        ("I want to", "command"), [(goal, f"`{command}`") for goal, command in rows]
    )


def render_install_ways() -> str:
    """Return the commands that work today and, before publication, those that will."""
    files = _render(_FROM_FILES)
    index = _render(_FROM_INDEX)
    if PUBLISHED:
        return f"From the package index:\n\n{index}\nFrom files:\n\n{files}"
    return (
        "The package is not on a package index yet. Today it comes from a checkout, or from a "
        f"file that `make wheel` builds there:\n\n{files}\n"
        f"These commands will work once it is published, and fail until then:\n\n{index}"
    )


def render_install_line() -> str:
    """Return the sentence of README on how to get the package."""
    if PUBLISHED:
        return "`pip install getimg-mock`, or one of the [other ways](docs/install.md).\n"
    return (
        "It is not on a package index yet. `pip install /path/to/checkout` brings it into an "
        "environment of yours; [Install](docs/install.md) has wheel, `uvx` and `pipx`.\n"
    )


def render_extras() -> str:
    """Return a row for each extra: its name and the packages that it brings."""
    extras = PROJECT["optional-dependencies"]
    return render_table(
        ("extra", "what it brings"),
        [
            (f"`{name}`", ", ".join(f"`{each}`" for each in packages))
            for name, packages in extras.items()
        ],
    )
