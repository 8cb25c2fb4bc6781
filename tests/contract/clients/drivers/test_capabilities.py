"""A client with few operations is judged on those, and no blocker hides behind the others."""

from __future__ import annotations

import time  # noqa: TID251 - a client waits on its own clock
from typing import Any

import pytest

from getimg_mock.contract.clients.cases.case_rules import (
    OPS,
    Case,
    balance,
    download,
    image,
    models,
    video,
)
from getimg_mock.contract.clients.cases.fault_actions import answer_instead
from getimg_mock.contract.clients.cases.wire_script import build_error
from getimg_mock.contract.clients.drivers.capabilities import find_lacking_operations, fit_case
from getimg_mock.contract.clients.drivers.python_driver import PythonDriver
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.clients.suite import choose_checks, verify
from tests.contract.clients.reference import ReferenceClient

pytestmark = pytest.mark.slow

ALWAYS = (
    "GC101",
    "GC102",
    "GC103",
    "GC104",
    "GC107",
    "GC108",
    "GC109",
    "GC110",
    "GC201",
    "GC204",
    "GC211",
    "GC213",
    "GC301",
    "GC303",
    "GC304",
    "GC305",
    "GC306",
    "GC307",
    "GC401",
    "GC402",
    "GC403",
    "GC404",
    "GC405",
    "GC406",
    "GC407",
    "GC408",
    "GC410",
    "GC411",
    "GC412",
    "GC413",
    "GC414",
    "GC416",
    "GC417",
    "GC418",
    "GC601",
    "GC602",
    "GC603",
    "GC604",
    "GC605",
    "GC606",
    "GC607",
    "GC608",
    "GC609",
    "GC610",
    "GC611",
    "GC612",
    "GC701",
    "GC702",
    "GC703",
    "GC704",
    "GC705",
    "GC706",
    "GC707",
    "GC708",
    "GC709",
    "GC710",
    "GC801",
    "GC802",
    "GC803",
    "GC804",
    "GC805",
    "GC806",
    "GC807",
    "GC808",
    "GC810",
    "GC811",
    "GC812",
)
REFUSED = FaultRule(
    on="billing.balance", do=answer_instead(build_error(401, "no", "No.")), label="no balance"
)
BROKEN = FaultRule(
    on="images.generate", do=answer_instead(build_error(400, "no", "No.")), label="no image"
)


def having(*ops: str) -> type[ReferenceClient]:
    """Return the reference client with these operations alone."""
    return type("Smaller", (ReferenceClient,), {each: None for each in OPS if each not in ops})


@pytest.mark.parametrize("op", ["generate_image", "generate_video"])
def test_what_a_client_of_one_kind_of_media_can_break_is_judged(op: str) -> None:
    """Money, keys, files and connections are the same for all: one operation shows them."""
    result = verify(PythonDriver(having(op, "download")), checks=choose_checks(ALWAYS))
    assert [each.check.id for each in result.of("PASS")] == list(ALWAYS)


class Insistent(ReferenceClient):
    """Makes images only, sends every refusal again, and prints the key."""

    def __init__(self, *, base_url: str, key: str) -> None:
        super().__init__(base_url=base_url, key=key)
        self.secret = key

    def generate_image(self, **fields: Any) -> Any:
        """Return an image, one of these days."""
        wrong: Exception | None = None
        for _ in range(3):
            try:
                return super().generate_image(**fields)
            except Exception as error:  # noqa: BLE001 - it is a bad client
                wrong = error
                time.sleep(1)
        raise RuntimeError(f"{wrong} with {self.secret}")


@pytest.mark.parametrize("rule", ["GC305", "GC410"])
def test_a_blocker_does_not_hide_behind_what_the_client_lacks(rule: str) -> None:
    """The audit's client: images only, and two rules broken that were once skipped."""
    smaller = {each: None for each in OPS if each != "generate_image"}
    result = verify(PythonDriver(type("One", (Insistent,), smaller)), checks=choose_checks([rule]))
    assert result.failed == {rule}


def test_rules_that_nobody_can_meet_any_more_need_not_be_met() -> None:
    """Those of operations that are there still do."""
    case = Case(name="two", calls=(image(), balance()), rules=(REFUSED, BROKEN))
    assert [each.must for each in fit_case(case, {"generate_image"}).rules] == [False, True]
    assert [each.must for each in fit_case(case, OPS).rules] == [True, True]
    assert not find_lacking_operations(case, {"generate_image"})


def test_a_case_whose_faults_cannot_be_met_at_all_says_nothing() -> None:
    """What is left of it would pass whatever the client did."""
    case = Case(name="two", calls=(image(), balance()), rules=(REFUSED,))
    assert find_lacking_operations(case, {"generate_image"}) == ("balance",)
    assert find_lacking_operations(case.with_changes(rules=()), {"models"}) == (
        "generate_image",
        "balance",
    )


def test_a_call_that_builds_on_one_that_is_left_out_is_left_out_too() -> None:
    """There is nothing to save of what was not made."""
    case = Case(name="saved", calls=(image(), download(), video(), download(2)))
    assert fit_case(case, {"generate_video", "download"}).left_out == {0, 1}


def test_a_stand_in_is_called_by_clients_that_lack_the_usual() -> None:
    """And by no others: they have been tried already."""
    case = Case(name="odd", calls=(models(), image().instead_of("models")))
    assert fit_case(case, {"models", "generate_image"}).left_out == {1}
    assert fit_case(case, {"generate_image"}).left_out == {0}
    assert find_lacking_operations(case, {"balance"}) == ("models",)
