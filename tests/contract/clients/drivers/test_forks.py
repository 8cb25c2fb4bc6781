"""Clients in forked children."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.contract.clients.cases.client_check import compute_verdict
from getimg_mock.contract.clients.drivers import forks
from getimg_mock.contract.clients.drivers.python_driver import PythonDriver
from getimg_mock.contract.clients.sandbox import resource_usage
from getimg_mock.contract.clients.suite import cases, choose_checks
from tests.contract.clients.reference import AsyncReferenceClient, ReferenceClient, faulty

if TYPE_CHECKING:
    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.verdicts import Verdict

pytestmark = pytest.mark.skipif(not forks.SUPPORTED, reason="this system cannot fork")


def forked(client: Any) -> ClientHistory:
    """Return what a client did in a forked child."""
    return PythonDriver(client).run(next(each for each in cases() if each.name == "forked"))


def judged(history: ClientHistory) -> Verdict:
    """Return what GC810 says of it."""
    (check,) = choose_checks(["GC810"])
    return compute_verdict(check, [history])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # this process may have threads
def test_what_a_child_says_comes_back() -> None:
    """The child is another process, and what it says may be long."""
    said = forks.run_in_child(lambda: {"process": os.getpid(), "text": "x" * 200_000})
    assert said is not None
    assert said["process"] != os.getpid()
    assert len(said["text"]) == 200_000


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # this process may have threads
def test_a_child_that_ends_without_a_word_says_nothing() -> None:
    """Whatever it dies of, nothing of this process runs on in it."""

    def work() -> dict[str, Any]:
        raise KeyError("missing")

    assert forks.run_in_child(work) is None


def test_a_client_that_shares_its_parents_connection_is_found() -> None:
    """The call itself works, on the fake: that both sides read from one socket is the fault."""
    history = forked(faulty("fork-shares"))
    assert [each.kind for each in history.outcomes] == ["value"] * 3
    assert history.outcomes[1].shared == (1,)
    assert judged(history).status == "WARN"


def test_a_client_with_connections_of_its_own_in_the_child_passes() -> None:
    """It can be done."""
    assert judged(forked(ReferenceClient)).status == "PASS"


@pytest.mark.parametrize(("threads", "status"), [(1, "WARN"), (2, "VOID")])
def test_a_child_that_does_not_come_back_counts_in_a_process_of_one_thread(
    threads: int, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock that another thread of ours holds while we fork would be no fault of the client's."""
    monkeypatch.setattr(resource_usage, "count_threads", lambda: threads)
    monkeypatch.setattr(forks, "run_in_child", lambda _: None)
    assert judged(forked(ReferenceClient)).status == status


def test_a_client_that_awaits_is_not_forked() -> None:
    """An event loop does not outlive a fork, whatever the client does."""
    assert "a synchronous client" in forked(AsyncReferenceClient).untried
