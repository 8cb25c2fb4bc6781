"""GP106: messages show no internals, which texts of the request are not."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from getimg_mock.contract.exchanges import HttpExchange
from getimg_mock.contract.history import History
from getimg_mock.contract.plans import Plan
from getimg_mock.contract.verdicts import judge_check
from getimg_mock.contract.verification.registry import find_check


@pytest.mark.parametrize(
    ("path", "message", "broken"),
    [
        ("/v2/videos/generations/127.0.0.1", "Generation '127.0.0.1' not found.", False),
        ("/v2/videos/generations/10%2E0.0.1", "Generation '10.0.0.1' not found.", False),
        ("/v2/videos/generations/127.0.0.1", "Upstream 10.0.0.7 refused '127.0.0.1'.", True),
        ("/v2/videos/generations/req-1", "Upstream 10.0.0.7 has no 'req-1'.", True),
        ("/v2/downloads/req-1/0", "No file on 10.0.0.100.", True),
    ],
)
def test_an_address_in_a_message_is_internal_unless_the_request_had_it(
    path: str, message: str, *, broken: bool
) -> None:
    """An id of the client's own is repeated rightly; any other address is a leak."""
    exchange = HttpExchange(
        number=1,
        at=datetime(2026, 11, 1, tzinfo=UTC),
        method="GET",
        path=path,
        query="",
        status=404,
        request_headers=(),
        request_body=None,
        headers=(("content-type", "application/json"),),
        body=json.dumps({"error": {"code": "not_found", "message": message}}).encode(),
    )
    history = History(
        plan=Plan(name="one", steps=()),
        exchanges=(exchange,),
        models=(),
        base="http://127.0.0.1",
        secrets=(),
    )
    assert judge_check(find_check("GP106"), [history]).broken is broken
