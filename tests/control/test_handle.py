"""The handle on a workspace: the same on a fake of this process and on one over HTTP."""

from __future__ import annotations

from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock import GetimgMockError, MockServer, SettingsError, UnknownNameError, connect
from getimg_mock.control import channels
from getimg_mock.errors import ControlError

if TYPE_CHECKING:
    from collections.abc import Callable

    from getimg_mock import Workspace

MISTAKES: dict[str, Callable[[Any], object]] = {
    "unknown unit": lambda ws: ws.clock.advance(minuts=1),
    "no step": lambda ws: ws.clock.advance(),
    "step is no time": lambda ws: ws.clock.advance("soon"),
    "step is not finite": lambda ws: ws.clock.advance(seconds=float("inf")),
    "step is no number": lambda ws: ws.clock.advance(seconds=float("nan")),
    "step is nothing that JSON can say": lambda ws: ws.clock.advance({1}),
    "moment without zone": lambda ws: ws.clock.advance_to("2999-01-01T00:00:00"),
    "moment is none": lambda ws: ws.clock.advance_to("tomorrow"),
    "rate below zero": lambda ws: ws.clock.scale(-1),
    "unknown status": lambda ws: ws.clock.run_until("req-1", "complete"),
    "unknown generation": lambda ws: ws.clock.run_until("req-1", "completed"),
    "generation to complete": lambda ws: ws.generations["req-1"].complete(),
    "generation with a slash": lambda ws: ws.generations["a/b"].complete(),
    "generation without name": lambda ws: ws.generations[""].complete(),
    "unknown criterion": lambda ws: ws.generations.where(status="done"),
    "nothing said": lambda ws: ws.transitions.set(),
    "polls of none": lambda ws: ws.transitions.set(polls=0),
    "unknown transition key": lambda ws: ws.transitions.next(secnds=1),
    "unknown scenario": lambda ws: ws.scenarios.add("flakey"),
    "path for a name": lambda ws: ws.scenarios.add("../outage"),
    "unknown rule key": lambda ws: ws.scenarios.add(statsu=500),
    "name of a parameter of ours": lambda ws: ws.scenarios.add("flaky", now=1),
    "rule without behaviour": lambda ws: ws.scenarios.add(on="videos.create"),
    "unknown operation": lambda ws: ws.scenarios.add(on="video.create", status=500),
    "no amount": lambda ws: ws.ledger.top_up("much"),
    "amount below zero": lambda ws: ws.ledger.top_up(-1),
    "no limit": lambda ws: ws.limits.set(),
    "unknown limit": lambda ws: ws.limits.set(image_rmp=1),
    "limit of a half": lambda ws: ws.limits.set(concurrent=0.5),
    "unknown journal criterion": lambda ws: ws.journal.query(operaton="x"),
    "status is no number": lambda ws: ws.journal.count(status="ok"),
    "too long a wait": lambda ws: ws.journal.wait(timeout=1e6),
    "no snapshot": lambda ws: ws.restore({}),
    "a snapshot with a wrong time": lambda ws: ws.restore(ws.snapshot() | {"now": "2026"}),
    "a snapshot with a day that never was": lambda ws: ws.restore(
        ws.snapshot() | {"ledger": ws.snapshot()["ledger"] | {"by_date": {"2026-02-31": "1"}}}
    ),
    "a snapshot with a rule that cannot be": lambda ws: ws.restore(
        ws.snapshot() | {"transitions": {"workspace": {"polls": 0}, "models": {}, "next": []}}
    ),
    "key that no header carries": lambda ws: ws.fork("sk_\u20ac"),
    "unknown setting": lambda ws: ws.configure(retenton=1),
    "setting that cannot be changed": lambda ws: ws.configure(port=1),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_refused_alike_here_and_there(
    server: MockServer, key: str, mistake: Callable[[Workspace], object]
) -> None:
    """Same class, same words: code that works on one handle works on the other."""
    refused = []
    for handle in (server.workspace(key), connect(server.url, key)):
        with pytest.raises(GetimgMockError) as caught:
            mistake(handle)
        refused.append(caught.value)
    local, remote = refused
    assert (type(local), str(local)) == (type(remote), str(remote))
    assert "\n" not in str(local)
    assert len(str(local)) < 500
    for name in ("code", "status", "nearest", "kind", "name"):
        assert getattr(local, name, None) == getattr(remote, name, None)


def test_what_is_unknown_names_the_nearest(ws: Workspace) -> None:
    """A spelling mistake costs one look at the message."""
    for wrong, nearest in (
        (lambda: ws.scenarios.add("rate-limitd"), "rate-limited"),
        (lambda: ws.scenarios.add(on="videos.creat", status=500), "videos.create"),
        (lambda: ws.scenarios.add(ststus=500), "status"),
        (lambda: ws.configure(retenton=1), "retention"),  # type: ignore[call-arg]
        (lambda: ws.limits.set(image_rmp=1), "image_rpm"),  # type: ignore[call-arg]
    ):
        with pytest.raises(UnknownNameError) as caught:
            wrong()
        assert caught.value.nearest == nearest


class TestConnect:
    """Reaching a fake that runs elsewhere."""

    def test_says_at_once_when_nothing_answers(self) -> None:
        """Not at the first use, far from the mistake."""
        with MockServer() as server:
            gone = server.url
        with pytest.raises(ControlError, match="getimg-mock serve") as caught:
            connect(gone, "sk_x")
        assert caught.value.code == "unreachable"

    @pytest.mark.parametrize("url", ["https://api.getimg.ai", "http://getimg.ai/x"])
    def test_never_asks_the_real_api(self, url: str) -> None:
        """A key that costs money must not be sent there by a control call."""
        with pytest.raises(SettingsError, match="is the real API"):
            connect(url, "sk_x")

    @pytest.mark.parametrize(
        "url", ["", "localhost:4010", "ftp://localhost", "http://", "http://[", "http://h:x"]
    )
    def test_refuses_what_is_no_url(self, url: str) -> None:
        """With an example of what is."""
        with pytest.raises(SettingsError):
            connect(url, "sk_x")

    def test_refuses_a_key_that_the_api_would_refuse(self, server: MockServer) -> None:
        """Here and there: nobody could use that workspace."""
        with pytest.raises(SettingsError, match="no key"):
            server.workspace("wrong")
        with pytest.raises(ControlError, match="keys look like sk_") as caught:
            connect(server.url, "wrong")
        assert caught.value.status == 401

    def test_refuses_a_key_or_token_that_no_header_carries(self, server: MockServer) -> None:
        """Before anything is sent: a header cannot be broken by what stands in it."""
        with pytest.raises(SettingsError, match="The key holds letters"):
            connect(server.url, "sk_\u20ac")
        with pytest.raises(SettingsError, match="The token holds letters"):
            connect(server.url, "sk_x", token="x\r\nHost: evil")

    def test_two_handles_see_one_workspace(self, server: MockServer, key: str) -> None:
        """The state is the fake's, never the handle's."""
        here, there = server.workspace(key), connect(f"{server.url}/", key)
        there.ledger.set(7)
        assert here.ledger.balance == 7
        here.clock.advance(minutes=1)
        assert there.clock.now() == here.clock.now()
        assert there.snapshot() == here.snapshot()


def test_the_timeout_of_a_wait_is_added_to_that_of_the_connection(
    server: MockServer, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wait that is longer than a call may take is not cut off by the client's own patience."""
    seen = []

    def noted(host: str, port: int, timeout: float) -> HTTPConnection:
        seen.append(timeout)
        return HTTPConnection(host, port, timeout=timeout)

    handle = connect(server.url, key)
    monkeypatch.setattr(channels, "HTTPConnection", noted)
    with pytest.raises(TimeoutError):
        handle.journal.wait(timeout=0.001)
    handle.clock.now()
    assert seen == [30.001, 30]
