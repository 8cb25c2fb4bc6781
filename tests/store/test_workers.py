"""`serve --workers N`: one fake in several processes on one port."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from getimg_mock import connect
from getimg_mock.cli import main
from getimg_mock.errors import SettingsError
from getimg_mock.serving.server import MockServer
from tests.control.client import IMAGE, VIDEO, Client
from tests.store.served import serve

if TYPE_CHECKING:
    from tests.store.makers import Maker

KEY = "sk_workers"
IMAGES = "/v2/images/generations"


def test_memory_cannot_be_shared(capsys: pytest.CaptureFixture[str]) -> None:
    """Each worker would have workspaces of its own, and answer half of the polls with 404."""
    assert main(["serve", "--workers", "2"]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "--store" in told


def test_a_server_in_a_thread_is_one_process() -> None:
    """A fork of a test's process would run the test twice."""
    with pytest.raises(SettingsError, match="getimg-mock serve has workers"):
        MockServer(workers=2)


def test_no_worker_misses_what_another_did(durable: Maker) -> None:
    """Every connection may reach another process: videos, money, rules and limits are the same."""
    with serve("--store", durable.address, "--workers", "3") as served:
        client = Client(served.url, KEY)
        control = connect(served.url, KEY)
        control.scenarios.add("rate-limited", times=2)
        with ThreadPoolExecutor(8) as pool:
            made = list(
                pool.map(lambda n: client.post("/v2/images/generations", _image(n)), range(40))
            )
            assert sorted(each.status for each in made) == [200] * 38 + [429] * 2
            video = client.post("/v2/videos/generations", VIDEO).json["id"]
            path = f"/v2/videos/generations/{video}"
            assert {each.status for each in pool.map(lambda _: client.get(path), range(40))} == {
                200
            }
        ledger = control.ledger
        assert ledger.balance + ledger.held + ledger.charged == ledger.credited
        assert ledger.charged == sum(
            each.total_cost for each in control.generations.where(kind="image")
        )
        assert control.journal.count(operation="images.generate") == 40


def _image(number: int) -> dict[str, str]:
    return IMAGE | {"prompt": f"number {number}"}


def test_a_clock_that_is_moved_wakes_requests_elsewhere(durable: Maker) -> None:
    """One advance moves the clock of every worker, and ends the images that wait on it."""
    words = ("--store", durable.address, "--workers", "3", "--clock", "virtual")
    with serve(*words, "--image-seconds", "600") as served, ThreadPoolExecutor(8) as pool:
        client, control = Client(served.url, KEY), connect(served.url, KEY)
        waiting = [
            pool.submit(client.post, "/v2/images/generations", _image(number))
            for number in range(6)
        ]
        exchange = pool.submit(control.journal.wait, count=6, operation="images.*", timeout=60)
        while len(control.generations) < 6:
            assert not any(each.done() for each in waiting)
        control.clock.advance(minutes=10)
        assert [each.result(60).status for each in waiting] == [200] * 6
        assert exchange.result(60).status == 200


@pytest.mark.slow
def test_a_worker_that_dies_is_started_again(durable: Maker) -> None:
    """What it had answered is kept by the others."""
    with serve("--store", durable.address, "--workers", "2") as served:
        client = Client(served.url, KEY)
        made = client.post("/v2/videos/generations", VIDEO).json["id"]
        before = served.workers
        os.kill(before[0], signal.SIGKILL)
        while before[0] in served.workers or len(served.workers) < 2:
            assert client.get(f"/v2/videos/generations/{made}").status == 200
        assert client.get(f"/v2/videos/generations/{made}").status == 200
