"""An id that another worker of a foreign server has made gets a hint that says why."""

from __future__ import annotations

import pytest

from tests.api.driver import Driver

KNOWN = "req-01" + "0" * 12


def test_a_worker_says_that_a_sibling_may_know_the_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the polls of a server with two workers end so, without a word otherwise."""
    monkeypatch.setenv("WEB_CONCURRENCY", "2")
    reply = Driver.of().poll(KNOWN)
    assert reply.status == 404
    assert "one of several workers" in (reply.header("x-mock-hint") or "")
    link = Driver.of().download(f"/v2/downloads/{KNOWN}/0?exp=1&sig=0")
    assert "--store" in (link.header("x-mock-hint") or "")


@pytest.mark.parametrize(("count", "video"), [("1", KNOWN), ("x", KNOWN), ("2", "other")])
def test_nothing_is_said_without_a_reason(
    monkeypatch: pytest.MonkeyPatch, count: str, video: str
) -> None:
    """One process has no siblings, and no fake made an id of another form."""
    monkeypatch.setenv("WEB_CONCURRENCY", count)
    assert "workers" not in (Driver.of().poll(video).header("x-mock-hint") or "")
