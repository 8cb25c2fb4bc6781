"""GP604: the refusals of one window name one time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from getimg_mock.contract.provider.limit_headers import compare_retry_times
from tests.contract.provider.fixed_plans import is_broken, run_plan


@pytest.mark.parametrize(("after", "broken"), [(None, False), ("3", True), ("2", True)])
def test_one_refusal_in_five_that_is_too_short_is_found(after: str | None, broken: bool) -> None:  # noqa: FBT001 - a row of the table
    """A client that obeys it asks too early."""
    history = run_plan("more images than the limit")
    refused = [each for each in history if each.status == 429]
    assert len(refused) >= 5
    odd = refused[3]
    headers = tuple((name, after or value) for name, value in odd.headers if name == "retry-after")
    rest = tuple(each for each in odd.headers if each[0] != "retry-after")
    changed = [
        replace(each, headers=(*rest, *headers)) if each is odd else each for each in history
    ]
    found = replace(history, exchanges=tuple(changed))
    assert any(seen.failed for seen in compare_retry_times(found)) == broken
    assert is_broken("GP604", found) == broken
