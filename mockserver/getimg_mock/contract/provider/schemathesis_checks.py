"""Our checks as checks of Schemathesis: importing this module registers them.

    import getimg_mock.contract.provider.schemathesis_checks

Every check that says something about a single exchange is then part of each Schemathesis run, as
`getimg_contract`. Needs Schemathesis 4, which is not installed with getimg-mock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import schemathesis

from getimg_mock.contract.exchanges import HttpExchange
from getimg_mock.contract.history import History
from getimg_mock.contract.model_choice import load_shipped_models
from getimg_mock.contract.plans import Plan
from getimg_mock.contract.provider import suite
from getimg_mock.contract.verdicts import judge_check
from getimg_mock.redaction import carries_credentials, find_credentials, find_keys
from getimg_mock.world.clock import wall_time

if TYPE_CHECKING:
    from collections.abc import Mapping

# What Schemathesis judges by its own means, or means to provoke: wrong types, wrong methods.
_LEFT_TO_SCHEMATHESIS: Final = ("GP102", "GP104", "GP111", "GP113", "GP115")
CHECKS: Final = tuple(
    check for check in suite.CHECKS if check.cost == "T" and check.id not in _LEFT_TO_SCHEMATHESIS
)

_PLAN: Final = Plan(name="Schemathesis", steps=())


@schemathesis.check
def getimg_contract(ctx: Any, response: Any, case: Any) -> bool | None:
    """Hold one exchange to every check that can be judged on it alone."""
    del ctx
    history = build_history(response, case)
    for check in CHECKS:
        verdict = judge_check(check, [history])
        if verdict.status == "FAIL":
            seen = verdict.findings[0].observation
            raise AssertionError(
                f"{check.id} {check.statement}: expected {seen.expected}, actual {seen.actual}"
            )
    return None


def build_history(response: Any, case: Any) -> History:
    """Return what Schemathesis sent and got as a history of one exchange, without its key."""
    request = response.request
    parts, headers = urlsplit(request.url), _flatten_headers(request.headers)
    body = request.body.encode() if isinstance(request.body, str) else request.body
    keys = find_keys(find_credentials(headers, parts.query, body or b""))
    came, answered = bytes(response.content or b""), _flatten_headers(response.headers)
    shown = keys.redact_bytes(came)
    exchange = HttpExchange(
        number=1,
        at=wall_time(),
        method=str(case.method).upper(),
        path=keys.redact(parts.path),
        query=keys.redact(parts.query),
        status=int(response.status_code),
        request_headers=keys.redact_headers(
            (name, value) for name, value in headers if not carries_credentials(name)
        ),
        request_body=None if body is None else keys.redact_bytes(body),
        headers=_fit_length(keys.redact_headers(answered), came, shown),
        body=shown,
    )
    return History(
        plan=_PLAN,
        exchanges=(exchange,),
        models=tuple(load_shipped_models()),
        base=f"{parts.scheme}://{parts.netloc}",
        secrets=keys.placeholders,
    )


def _fit_length(
    headers: tuple[tuple[str, str], ...], came: bytes, shown: bytes
) -> tuple[tuple[str, str], ...]:
    """Return headers with the length of what is shown, where they had that of what came."""
    right = ("content-length", str(len(came)))
    return tuple((each[0], str(len(shown))) if each == right else each for each in headers)


def _flatten_headers(headers: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name.lower(), value)
        for name, values in headers.items()
        for value in (values if isinstance(values, list) else [values])
    )
