"""A client on a service that is not ours: its requests, its links and its money."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import pytest

from getimg_mock._shipped import open_folder
from getimg_mock.cli import main
from getimg_mock.contract.budget.gate import install_budget
from getimg_mock.contract.budget.spend_file import SpendRecord
from getimg_mock.contract.clients.cases.case_rules import KEY
from getimg_mock.contract.clients.drivers.process_driver import ProcessDriver
from getimg_mock.contract.clients.drivers.upstream_driver import FAULT_FREE_CASES, UpstreamDriver
from getimg_mock.contract.clients.fault_serving.fault_server import ReceivedRequest
from getimg_mock.contract.clients.fault_serving.forwarding import Forwarder
from getimg_mock.contract.clients.suite import choose_checks, verify
from getimg_mock.contract.targets.execution import ReceivedResponse
from getimg_mock.contract.targets.http_target import HttpTarget
from getimg_mock.errors import SettingsError
from getimg_mock.serving.server import MockServer
from tests.contract.clients.reference import AsyncReferenceClient, ReferenceClient, faulty
from tests.isolation.test_local_only import ByAddress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.targets.execution import PreparedRequest

pytestmark = pytest.mark.slow

REAL_KEY = "sk_real_key_of_somebody"
DRIVER = str(open_folder("fixtures").joinpath("drivers", "driver.py"))
# Those that need no waiting in time that is real.
QUICK = FAULT_FREE_CASES - {"polled", "happy"}
JUDGED = ["GC105", "GC106", "GC301", "GC303", "GC305", "GC410", "GC418", "GC601"]


@pytest.fixture
def server() -> Iterator[MockServer]:
    """Return a service that is not ours, as far as the drivers know."""
    with MockServer(video_seconds=0) as running:
        yield running


def address(server: MockServer, ceiling: str = "5") -> HttpTarget:
    """Return the service behind a budget."""
    found = HttpTarget(server.url, {"a": REAL_KEY})
    install_budget(found, Decimal(ceiling), SpendRecord())
    return found


@pytest.mark.parametrize("client", [ReferenceClient, AsyncReferenceClient])
def test_what_needs_no_adversary_is_judged_on_any_service(server: MockServer, client: type) -> None:
    """Formation, free errors, downloads and costs: through the same adapter, for real."""
    driver = UpstreamDriver(client, "the reference", address=address(server))
    result = verify(driver, checks=choose_checks([*JUDGED, "GC604"]), among=QUICK)
    assert [each.check.id for each in result.of("PASS")] == JUDGED
    (expiry,) = result.of("SKIP")
    assert "a clock that can be moved" in expiry.reason
    journal = server.app.fake.store.get_or_create(REAL_KEY).journal
    assert {each.operation for each in journal} >= {"downloads.retrieve", "images.generate"}
    assert not any(each.own for each in result.histories)


def test_a_breach_is_seen_there_too(server: MockServer) -> None:
    """And the real key goes to no download, even where the client sends its own."""
    driver = UpstreamDriver(faulty("key-on-downloads"), "faulty", address=address(server))
    result = verify(driver, checks=choose_checks(["GC601"]), among=QUICK)
    assert result.failed == {"GC601"}
    for each in server.app.fake.store.get_or_create(REAL_KEY).journal:
        if each.operation == "downloads.retrieve":
            assert b"authorization" not in dict(each.request_headers)


def test_what_the_budget_does_not_allow_is_not_judged(server: MockServer) -> None:
    """The refusal is ours: it says nothing of the client."""
    driver = UpstreamDriver(ReferenceClient, "poor", address=address(server, "0"))
    result = verify(driver, checks=choose_checks(["GC601"]), among=QUICK)
    (verdict,) = result.verdicts
    assert verdict.status == "VOID"
    assert "a budget for it" in verdict.reason
    assert not server.app.fake.store.get_or_create(REAL_KEY).ledger.charged


def test_a_client_that_goes_past_us_is_stopped(server: MockServer) -> None:
    """Past us is past the budget."""
    driver = UpstreamDriver(ByAddress, "past", address=address(server))
    with pytest.raises(SettingsError, match="must send every request to the base_url"):
        verify(driver, checks=choose_checks(["GC410"]), among={"bad-key"})


def test_a_program_is_driven_against_the_service(server: MockServer) -> None:
    """Its requests arrive there, with the real key; the wrong one stays wrong."""
    driver = ProcessDriver([sys.executable, DRIVER], address=address(server))
    try:
        result = verify(driver, checks=choose_checks(["GC301", "GC410"]), among=QUICK)
    finally:
        driver.close()
    assert [each.check.id for each in result.of("PASS")] == ["GC301", "GC410"]
    asked = [each.path for each in server.app.fake.store.get_or_create(REAL_KEY).journal]
    assert "/v2/models/no-such-model" in asked


def test_the_two_verdicts_stand_side_by_side(
    server: MockServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
) -> None:
    """A program, too, is put to both."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    words = ["--program", f"{sys.executable} {DRIVER}", "--only", "GC410", "--scorecard"]
    service = ["--target", server.url, "--key", REAL_KEY, "--budget", "0.5"]
    assert main(["verify", "client", *words, *service]) == 0
    shown = capsys.readouterr().out
    assert "urllib on the fake  getimg-client" in shown
    assert f"urllib on {server.url}  getimg-client" in shown
    assert list(server.app.fake.store.get_or_create(REAL_KEY).journal)


@dataclass
class Elsewhere:
    """An address whose files lie on another host, as far as it has to be one."""

    url: str = "https://api.example/base"
    sent: list[tuple[str, PreparedRequest]] = field(default_factory=list)

    @contextmanager
    def open_session(self, plan: object) -> Iterator[Any]:
        """Hold a connection."""
        del plan
        yield Answering(self.url, self.sent)


@dataclass
class Answering:
    """A session that answers everything with a link."""

    url: str
    sent: list[tuple[str, PreparedRequest]]
    keys = {"a": REAL_KEY}  # noqa: RUF012 - read only

    def exchange(self, sent: PreparedRequest, step: object) -> ReceivedResponse:
        """Answer."""
        del step
        self.sent.append((self.url, sent))
        body = b'{"data": [{"url": "https:\\/\\/cdn.example\\/a b.png?sig=x%2Fy"}], "cost": 0.10}'
        return ReceivedResponse(200, (("content-type", "application/json"),), body)


def asking(target: str, *headers: tuple[str, str]) -> ReceivedRequest:
    """Return a request of a client's."""
    return ReceivedRequest(
        origin="http://127.0.0.1:9",
        connection=1,
        reused=False,
        method="GET",
        target=target,
        headers=headers,
        body=b"",
    )


def test_links_to_another_host_come_through_us_and_go_out_word_for_word() -> None:
    """Without the key, and with everything else in an answer as it was written."""
    place = Elsewhere()
    with Forwarder(cast("HttpTarget", place), "http://127.0.0.1:9") as forwarding:
        answer = forwarding(asking("/v2/videos/generations/x", ("Authorization", f"Bearer {KEY}")))
        link = json.loads(answer.body)["data"][0]["url"]
        assert link.startswith("http://127.0.0.1:9/v2/downloads/")
        assert answer.body.endswith(b'"cost": 0.10}')
        local = link.removeprefix("http://127.0.0.1:9")
        forwarding(asking(local, ("Authorization", f"Bearer {KEY}"), ("Range", "bytes=5-")))
    (_, first), (where, second) = place.sent
    assert first.headers == (("authorization", f"Bearer {REAL_KEY}"),)
    assert where == "https://cdn.example"
    assert second.target == "/a b.png?sig=x%2Fy"
    assert second.headers == (("range", "bytes=5-"),)
