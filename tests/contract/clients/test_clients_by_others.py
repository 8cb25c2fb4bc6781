"""Clients of another hand, written without a look at the checks: the good ones pass."""

from __future__ import annotations

import logging
import shutil

import pytest

from getimg_mock.contract.clients.drivers.process_driver import ProcessDriver
from getimg_mock.contract.clients.drivers.python_driver import PythonDriver
from getimg_mock.contract.clients.suite import choose_checks, verify
from tests.contract.clients.conftest import CHATTY
from tests.contract.clients_by_others.catalogue import CLIENTS
from tests.contract.clients_by_others.run import find_command

pytestmark = pytest.mark.slow

# Two styles that differ most from our reference; `clients_by_others.run` runs all of them.
_SAMPLE = ("Threads", "SdkAsync")


@pytest.fixture(autouse=True)
def _quiet_libraries(_libraries_log: None) -> None:
    """Quiet the libraries, as a process does that has imported these clients alone."""
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


@pytest.mark.parametrize("name", _SAMPLE)
def test_a_good_client_of_another_hand_breaks_no_must(name: str) -> None:
    """A rule forbids harm, not what its author would have done otherwise."""
    result = verify(PythonDriver(CLIENTS[name].maker, name))
    assert not [each.check.id for each in result.of("FAIL")]


@pytest.mark.parametrize(
    ("name", "checks"),
    [
        ("HttpxPlain", "GC207"),
        ("AnyioNoRetries", "GC415"),
        ("SdkAsync", "GC601"),
        ("TypedRecords", "GC206"),
        ("SdkLastLook", "GC502"),
        ("HttpxStatesDefaults", "GC102"),
        ("HttpxFolderPerGeneration", "GC614"),
        ("SdkAsyncTriesKeyFirst", "GC506"),
        ("HttpxCountsSuspendedTime", "GC502"),
    ],
)
def test_what_failed_good_clients_once_does_so_no_more(name: str, checks: str) -> None:
    """What a client does not need may be missing, null, or not done at all."""
    result = verify(PythonDriver(CLIENTS[name].maker, name), checks=choose_checks([checks]))
    assert not result.of("FAIL")


@pytest.mark.parametrize(
    ("name", "check", "status"),
    [
        ("BlockingSleepInAsyncio", "GC812", "FAIL"),
        ("FreeWithoutRates", "GC212", "FAIL"),
        ("ImageStatusUnread", "GC204", "WARN"),
        ("UnknownStatusIsFailure", "GC204", "FAIL"),
        ("ShieldedWait", "GC506", "FAIL"),
        ("NeedsUsageOfVideos", "GC202", "FAIL"),
        ("CachesReads", "GC215", "FAIL"),
        ("LeaksRefusedDownloads", "GC308", "FAIL"),
        ("OrdersAgainAfterCancel", "GC421", "FAIL"),
        ("OneKeyForAllClients", "GC711", "FAIL"),
        ("PenaltyOutlastsDeadline", "GC502", "FAIL"),
        ("GateStaysShutAfterCancel", "GC308", "FAIL"),
        ("RaisesErrorsThatDoNotUnpickle", "GC301", "WARN"),
        ("SharesPartOfEqualDownloads", "GC614", "FAIL"),
        ("NamesFilesByWholePrompt", "GC613", "FAIL"),
        ("SendsCookiesToAllHosts", "GC601", "FAIL"),
        ("PollsWhereLocationLeads", "GC701", "FAIL"),
        ("SendsWithoutTimeout", "GC802", "FAIL"),
        ("RaisesOneErrorForAllWaits", "GC502", "FAIL"),
        ("DeletesCancelledVideos", "GC101", "FAIL"),
        ("SharesOneListAmongCallers", "GC110", "FAIL"),
        ("ReseedsSharedRandom", "GC110", "FAIL"),
        ("CancelsWholeLoopOnClose", "GC110", "FAIL"),
        ("LeavesSyncZombies", "GC809", "FAIL"),
        ("CopiesFilesOfEqualEtag", "GC614", "FAIL"),
        ("TurnsToAddressOfEnvironment", "GC109", "FAIL"),
        ("ExpandsVariablesInPrompts", "GC104", "FAIL"),
        ("LosesVideoWithItsModel", "GC504", "FAIL"),
        ("AsksByHeadBeforeEachDownload", "GC605", "FAIL"),
    ],
)
def test_what_was_missed_at_first_sight_is_found_by_the_right_check(
    name: str, check: str, status: str
) -> None:
    """A fault that one author could think of comes back in the code of others."""
    result = verify(PythonDriver(CLIENTS[name].maker, name), checks=choose_checks([check]))
    assert [each.status for each in result.verdicts] == [status]


@pytest.mark.parametrize(
    ("name", "check", "case"),
    [
        ("ClosesSessionInOutage", "GC308", "after-each-real"),
        ("NeverForgivesFailedPolls", "GC409", "get-wait-apart-real"),
        ("WaitsForStaleLockFiles", "GC612", "stalled-killed"),
        ("TellsCostsUnderLocalDays", "GC202", "legal-costs"),
        ("SharesPollsWithEndedVideos", "GC512", "waited-often-real"),
        ("LeavesUmaskAtZero", "GC110", "several-files"),
        ("TakesEqualAnswersForStall", "GC512", "waits-unchanged-real"),
        ("TellsSignedLinkAsReferer", "GC601", "moved-elsewhere"),
        ("LosesAPooledConnectionWithEachUnreadAnswer", "GC308", "after-links-real"),
        ("LeavesAWatchdogBehindFailedVideos", "GC809", "waited-often-in-vain-real"),
    ],
)
def test_what_was_missed_at_first_sight_is_found_in_programs(
    name: str, check: str, case: str
) -> None:
    """Programs without clocks to advance are asked in real time, east and west of Greenwich."""
    driver = ProcessDriver(find_command(CLIENTS[name]), name)
    try:
        result = verify(driver, checks=choose_checks([check]), among=[case])
    finally:
        driver.close()
    assert [each.status for each in result.verdicts] == ["FAIL"]


def test_dates_that_a_program_is_sent_are_of_its_own_clock() -> None:
    """A program has the clock of the machine: it waits until a date, where the date is to come."""
    command = find_command(CLIENTS["Requests"])
    driver = ProcessDriver(command, "Requests")
    checks = choose_checks(["GC412", "GC413"])
    try:
        result = verify(driver, checks=checks, among=["date-wait-30", "reset-wait-45"])
    finally:
        driver.close()
    assert [each.status for each in result.verdicts] == ["PASS", "PASS"]


@pytest.mark.skipif(shutil.which("javac") is None, reason="needs a JDK of Java 17 or later")
def test_a_client_in_java_is_driven_and_breaks_no_must() -> None:
    """The protocol needs nothing but standard input and output; each case has a call that costs."""
    driver = ProcessDriver(find_command(CLIENTS["java_http"]), "java")
    checks = choose_checks(["GC103", "GC402", "GC408", "GC602", "GC711"])
    among = ["happy", "lost-close-image", "early-429-image", "cut-truncated", "two-keys"]
    try:
        result = verify(driver, checks=checks, among=among)
    finally:
        driver.close()
    assert [each.status for each in result.verdicts] == ["PASS"] * len(checks)
