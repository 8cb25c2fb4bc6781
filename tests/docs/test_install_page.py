"""README and docs/install.md: what they say about installing is true on the day it is read."""

from __future__ import annotations

import re

import pytest

from tests.docs import install_ways
from tests.docs.generated_blocks import list_pages
from tests.docs.markdown_tables import DOCS

INDEX_COMMAND = re.compile(r"(?:pip install|uvx|pipx install|pipx run) getimg-mock\b")
README = DOCS.parent.joinpath("README.md").read_text(encoding="utf-8")


def test_no_page_shows_an_index_command_before_publication() -> None:
    """Only the table of the future may name a command that no index answers."""
    shown = {
        page.name
        for page in list_pages()
        for text in [
            re.sub(
                r"<!-- generated: install-ways -->.*?<!-- end of",
                "",
                page.read_text(encoding="utf-8"),
                flags=re.DOTALL,
            )
        ]
        if INDEX_COMMAND.search(text)
    }
    assert install_ways.PUBLISHED or shown == set()


@pytest.mark.parametrize("published", [True, False])
def test_one_constant_switches_all_sentences(
    published: bool,  # noqa: FBT001 - the constant under test
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Publication is one change, in one place."""
    monkeypatch.setattr(install_ways, "PUBLISHED", published)
    texts = install_ways.render_install_line(), install_ways.render_install_ways()
    assert all(("not on a package index yet" in text) is not published for text in texts)
    assert all(command in texts[1] for command in ("uvx getimg-mock", "uvx --from", "pipx install"))


def test_readme_names_what_its_example_needs_and_takes_seconds() -> None:
    """The official SDK comes with no installation of the package, and a video takes minutes."""
    before = README.partition("from getimg import GetimgAI")[0]
    assert ".venv/bin/pip install getimg" in before
    seconds = re.search(r'make run ARGS="--video-seconds (\d+)"', before)
    assert seconds is not None
    assert int(seconds[1]) <= 5
