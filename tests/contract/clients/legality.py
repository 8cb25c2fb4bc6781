"""Whether what a case answers with is of the documented form, as its rules say."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any, Final

from getimg_mock import schemas
from getimg_mock.contract.clients.drivers.python_driver import PythonDriver
from getimg_mock.world.operations import find_answer_schema
from tests.contract.clients.reference import ReferenceClient

if TYPE_CHECKING:
    from getimg_mock.contract.clients.cases.case_rules import Case
    from getimg_mock.contract.clients.cases.client_history import ClientExchange

_KEPT: Final = 65536
"""How much of a body the adversary keeps: what is longer cannot be validated afterwards."""


def judged(case: Case) -> dict[str, list[bool]]:
    """Return, by label of a case's rules, whether the answers that came of it are documented.

    What did not get through whole, or came from another host, has no form.
    """
    found: dict[str, list[bool]] = {}
    for each in PythonDriver(ReferenceClient).run(case).requests:
        whole = 0 < len(each.body) < _KEPT
        if each.label and each.home and each.status and whole:
            found.setdefault(each.label, []).append(documented(each))
    return found


def documented(each: ClientExchange) -> bool:
    """Return whether an answer has a status, a type and a body that its operation documents."""
    kind = {name.lower(): value for name, value in each.headers}.get("content-type", "")
    if each.operation == "downloads.retrieve" and each.status < 300:
        return not kind.startswith(("text/", "application/json"))
    form = find_answer_schema(each.operation, each.status)
    return form is not None and not schemas.violations(form, _unpacked(each))


def _unpacked(each: ClientExchange) -> Any:
    """Return the JSON of a body, which may be packed."""
    encoding = dict(each.headers).get("Content-Encoding", "")
    if encoding not in {"gzip", "deflate"}:
        return each.plain
    return json.loads(zlib.decompress(each.body, 32 + zlib.MAX_WBITS))
