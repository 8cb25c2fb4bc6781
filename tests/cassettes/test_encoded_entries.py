"""Entries as JSON objects: the shapes that the published schemas describe."""

from __future__ import annotations

from decimal import Decimal

import pytest

from getimg_mock import schemas
from getimg_mock.cassettes.encoded_entries import (
    decode_entry,
    decode_manifest,
    encode_entry,
    encode_manifest,
    format_amount,
)


@pytest.mark.parametrize("name", ["own/cassette-exchange", "own/cassette-job"])
def test_an_entry_is_written_as_its_schema_shows(name: str) -> None:
    """The example of the schema is read and written without a difference."""
    for example in schemas.schema(name)["examples"]:
        assert encode_entry(decode_entry(example, "0" * 12, 1)) == example


def test_a_manifest_is_written_as_its_schema_shows() -> None:
    """The example of the schema is read and written without a difference."""
    for example in schemas.schema("own/cassette-manifest")["examples"]:
        assert encode_manifest(decode_manifest(example)) == example


def test_equal_amounts_have_one_form() -> None:
    """A trailing zero, or an exponent, makes no difference in a diff."""
    assert {format_amount(Decimal(each)) for each in ("10", "10.00", "1E+1")} == {"10"}
    assert format_amount(Decimal("0.00")) == "0"
