"""What tests hand over to an observed run: exchanges of fakes of their own, and when each ran."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import httpx

from getimg_mock.contract.clients import observed_traffic
from getimg_mock.contract.clients.traffic_spool import SPOOL_VARIABLE, TrafficSpool
from getimg_mock.serving.server import MockServer
from getimg_mock.testing.options import OBSERVED
from getimg_mock.world.clock import wall_time

if TYPE_CHECKING:
    from pathlib import Path

    from getimg_mock.world.journal import Exchange

_KEY = {"Authorization": "Bearer sk_seen", "User-Agent": "mine/1"}
_IMAGE = {"model": "seedream-5-lite", "prompt": "A harbour"}
_SPAN = timedelta(hours=1)


def record_exchanges(*paths: str) -> list[Exchange]:
    """Return the exchanges of requests to a fake, one for each path."""
    with MockServer() as server:
        for path in paths:
            httpx.post(f"{server.url}{path}", json=_IMAGE, headers=_KEY)
        fake = server.app.fake
        return [*fake.store.get_or_create("sk_seen").journal, *fake.list_strays()]


def test_handed_over_exchanges_are_those_of_the_test(tmp_path: Path) -> None:
    """An exchange comes back whole, with its effects on money; a key is not written."""
    (seen,) = record_exchanges("/v2/images/generations")
    TrafficSpool(tmp_path).write_exchange("test_a", "sk_seen", seen)
    (journal,) = TrafficSpool(tmp_path).read().journals
    assert (journal.test, journal.exchanges) == ("test_a", [seen])
    assert all("sk_seen" not in each.read_text() for each in tmp_path.iterdir())


def test_a_reset_begins_a_journal(tmp_path: Path) -> None:
    """A workspace that was reset numbers its exchanges anew: they are no repetitions."""
    (seen,) = record_exchanges("/v2/images/generations")
    for _ in range(2):
        TrafficSpool(tmp_path).write_exchange("test_a", "sk_seen", seen)
    assert len(TrafficSpool(tmp_path).read().journals) == 2


def test_half_a_line_of_a_killed_process_is_left_out(tmp_path: Path) -> None:
    """What was written before it is judged."""
    now = wall_time()
    TrafficSpool(tmp_path).write_span("test_a", now - _SPAN, now + _SPAN)
    with (tmp_path / "7.ndjson").open("wb") as file:
        file.write(b'{"test": "test_b", "exch')
    assert TrafficSpool(tmp_path).read().find_test(now) == "test_a"


def test_several_tests_at_a_moment_are_all_named(tmp_path: Path) -> None:
    """Workers run tests side by side, and a request to a shared fake may be of any of them."""
    now = wall_time()
    spool = TrafficSpool(tmp_path)
    for test in ("test_a", "test_b"):
        spool.write_span(test, now - _SPAN, now + _SPAN)
    assert spool.read().find_test(now) == "test_a or test_b"
    assert spool.read().find_test(now + 2 * _SPAN) == ""


def test_findings_name_the_test_or_else_the_program(tmp_path: Path) -> None:
    """A request to the observer's fake is of the test that ran then; else it has a User-Agent."""
    now = wall_time()
    spool = TrafficSpool(tmp_path)
    with MockServer() as server:
        httpx.post(f"{server.url}/v1/images/generations", json=_IMAGE, headers=_KEY)
        named = []
        for _ in range(2):
            result = observed_traffic.judge_traffic(server.app.fake, handed=spool.read())
            verdict = next(each for each in result.verdicts if each.check.id == "GC101")
            named.append(verdict.findings[0].history.find_senders())
            spool.write_span("test_a", now - _SPAN, now + _SPAN)
    assert named == [["User-Agent mine/1"], ["test_a"]]


def test_plugin_and_observer_use_one_variable() -> None:
    """The plugin does not import the contract to read its name."""
    assert SPOOL_VARIABLE == OBSERVED
