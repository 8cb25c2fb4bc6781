"""Faults of the reference client are found by JSON lines as well, in a second or two."""

from __future__ import annotations

import sys

import pytest

from getimg_mock.contract.clients.drivers.process_driver import ProcessDriver
from getimg_mock.contract.clients.suite import choose_checks, verify

pytestmark = pytest.mark.slow

DRIVE = """
from tests.contract.clients.reference import faulty
from tests.contract.clients_by_others import drive
from tests.contract.clients_by_others.registry import CLIENTS, Entry

clocks = drive.Clocks()
maker = faulty({fault!r})
CLIENTS["faulty"] = Entry("faulty", maker, "httpx", "", None, blocker=False, program=True)
drive.Blocking(drive.Desk("faulty", clocks)).serve()
"""


@pytest.mark.parametrize(
    ("fault", "check", "case"),
    [
        ("reads-spent-without-reason", "GC301", "errors-spent"),
        ("status-lost-when-spent", "GC303", "errors-spent"),
        ("slots-lost", "GC308", "after-refused-image"),
        ("gate-kept-in-vain", "GC308", "after-tries-real"),
        ("refused-garbled", "GC408", "early-refused-real"),
        ("reads-come-early", "GC411", "wait-reads-2"),
        ("limits-waited-for-for-ever", "GC415", "limited-always-real"),
        ("orders-again-when-missing", "GC419", "late-404-for-good-real"),
        ("one-current-video", "GC420", "many-brief"),
        ("pool-of-two", "GC422", "slow-orders-together-real"),
        ("looks-by-whole-seconds", "GC501", "slower-please-real"),
        ("last-pause-whole", "GC502", "held-rarely-real"),
        ("limits-renew-the-wait", "GC502", "held-brief-told"),
        ("looks-unbounded", "GC502", "held-brief-broken"),
        ("early-cancel-loses-id", "GC506", "cancelled-soon-real"),
        ("timeout-for-the-whole-wait", "GC512", "waits-limited-real"),
        ("first-path-told", "GC609", "again-elsewhere"),
        ("orders-drip-on", "GC801", "drip-orders-real"),
        ("threads-read-on", "GC809", "rounds-dripped-real"),
    ],
)
def test_a_program_with_a_fault_is_found(fault: str, check: str, case: str) -> None:
    """The case alone shows it."""
    driver = ProcessDriver([sys.executable, "-c", DRIVE.format(fault=fault)])
    try:
        result = verify(driver, checks=choose_checks([check]), among=[case])
    finally:
        driver.close()
    assert result.failed == {check}, result.verdicts[0].reason
