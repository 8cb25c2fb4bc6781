"""What the official Python SDK 0.4.0 does: the table on docs/clients.md."""

from __future__ import annotations

import pytest

from getimg_mock.contract.clients.drivers.adapter_loading import load_driver
from getimg_mock.contract.clients.drivers.adapters import official_sdk
from getimg_mock.contract.clients.suite import verify

pytestmark = pytest.mark.slow

BROKEN = {
    "GC106",
    "GC204",
    "GC206",
    "GC207",
    "GC208",
    "GC401",
    "GC402",
    "GC403",
    "GC404",
    "GC405",
    "GC406",
    "GC407",
    "GC412",
    "GC413",
    "GC416",
    "GC418",
    "GC422",
    "GC502",
    "GC504",
    "GC505",
    "GC507",
    "GC508",
    "GC509",
    "GC603",
    "GC604",
    "GC606",
    "GC609",
    "GC611",
    "GC614",
    "GC702",
    "GC703",
    "GC704",
    "GC708",
    "GC710",
    "GC801",
    "GC804",
}
# The README's two downloads differ: the synchronous one opens the file before it has the bytes.
LEFT_BEHIND = {"GC602", "GC612"}
# Only a client that does not await is tried in a forked child.
FORKED = {"GC810"}


@pytest.mark.parametrize(("maker", "more"), [("make", LEFT_BEHIND | FORKED), ("make_async", set())])
def test_the_published_table_is_what_is_measured(maker: str, more: set[str]) -> None:
    """A published statement about somebody's client is measured, not remembered."""
    assert official_sdk.VERSION == "0.4.0"
    result = verify(load_driver(f"{official_sdk.__name__}:{maker}"))
    assert result.failed == BROKEN | more
    assert not result.of("VOID")
