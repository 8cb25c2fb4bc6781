"""Cases of waits that an answer asks for, beyond what a caller or a read has time for.

GC502 judges the pending video, and GC414 the reads and the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import Case, balance, download, image, models
from getimg_mock.contract.clients.checks.files import DOWNLOAD_OPERATION
from getimg_mock.contract.clients.checks.polling import HOLD_VIDEOS, build_wait_case
from getimg_mock.contract.clients.checks.retries import LIMIT
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.world.randomness import Stream


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases: a pending video that asks for an hour, and reads that ask for ages."""
    later = fault_actions.change_answer(lambda a: a.with_headers(("Retry-After", "3600")))
    yield build_wait_case(
        "held-asked-pending",
        options={"poll_interval": 5, "wait_timeout": 100},
        needs=("wait_timeout",),
        scenario=(HOLD_VIDEOS,),
        rules=(FaultRule(on="videos.retrieve", do=later, label="pending: in an hour", nth=(2,)),),
    )
    ages = fault_actions.refuse_with_wait(429, lambda _: (("Retry-After", "1000000000000"),))
    yield Case(
        name="odd-wait-reads",
        calls=(models(), balance(), image(), download(2)),
        rules=tuple(
            FaultRule(on=on, do=ages, label="429 for ages", nth=(1,), must=False)
            for on in ("models.list", "billing.balance", DOWNLOAD_OPERATION)
        ),
        limit=LIMIT,
        patience=None,
    )
