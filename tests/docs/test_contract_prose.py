"""docs/contract.md and docs/client-contract.md: short sentences in standard terms."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from tests.docs.markdown_tables import DOCS

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGES: Final = ("contract.md", "client-contract.md")
LONGEST: Final = 29
# Persons where a component acts, and metaphors: the terms are those of the tables of verdicts.
AVOIDED: Final = re.compile(
    r"\b(who|whoever|somebody|nobody|stands?|beside|adversary|unkind|told|sharp)\b",
    re.IGNORECASE,
)
GENERATED: Final = re.compile(r"^<!-- generated: .*?^<!-- end of .*?-->$", re.MULTILINE | re.DOTALL)
FENCED: Final = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
# A sentence ends at a mark before a capital, code, or emphasis; "e.g. RFC 9110" would end one too.
END: Final = re.compile(r"(?<=[.!?])\)?\s+(?=[A-Z`*\[])")


def list_sentences(page: str) -> Iterator[str]:
    """Yield the sentences of prose: of paragraphs, items, and cells of hand-written tables."""
    text = re.sub(r"<[^>]+>", "", FENCED.sub("", GENERATED.sub("", page)))
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    for block in re.split(r"\n\s*\n|\n(?=- )|\n(?=\|)|(?<=\|) | (?=\|)", text):
        prose = " ".join(block.split()).removeprefix("- ")
        if not prose.startswith("#"):
            yield from (each for each in END.split(prose) if each.strip("|- "))


@pytest.mark.parametrize("name", PAGES)
def test_sentences_have_fewer_than_thirty_words(name: str) -> None:
    """A longer sentence is read twice."""
    sentences = list(list_sentences(DOCS.joinpath(name).read_text(encoding="utf-8")))
    assert len(sentences) > 100
    assert [each for each in sentences if len(each.split()) > LONGEST] == []


@pytest.mark.parametrize("name", PAGES)
def test_components_act_and_terms_are_standard(name: str) -> None:
    """A reader who knows pytest knows each word."""
    sentences = list_sentences(DOCS.joinpath(name).read_text(encoding="utf-8"))
    assert [each for each in sentences if AVOIDED.search(each)] == []


def test_sentences_are_counted_where_they_are_prose() -> None:
    """Code, generated parts and headings are not; items, cells and links are."""
    page = (
        "# A heading\n\nOne [two](three four). Four\nfive.\n\n"
        "- An item. `code` ends.\n- Another.\n\n| a cell | b. Two. |\n| --- | --- |\n\n"
        "```sh\nnot counted. At all.\n```\n\n"
        "<!-- generated: x -->\n\nNor this.\n\n<!-- end of x -->\n\nThe end."
    )
    assert list(list_sentences(page)) == [
        "One two.",
        "Four five.",
        "An item.",
        "`code` ends.",
        "Another.",
        "a cell",
        "b.",
        "Two.",
        "The end.",
    ]
