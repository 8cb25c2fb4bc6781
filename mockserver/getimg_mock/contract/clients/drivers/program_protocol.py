"""The lines of JSON that a program under test writes, and what is wrong with them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from getimg_mock import schemas
from getimg_mock.contract.clients.cases.case_rules import (
    OPS,
    OPTIONS,
    EarlierResult,
)
from getimg_mock.errors import SettingsError, UnknownNameError

if TYPE_CHECKING:
    import queue

    from getimg_mock.contract.clients.cases.client_history import CallOutcome


_STARTS_TO_REPORT: Final = 3
"""How many starts of the program the verdicts and the report take at most, as measured."""
_CASES_SHARE: Final = 0.9
"""The share of a run for start and cases: the rest is for the verdicts and the report."""
_LEAST_SHARE: Final = 0.75
"""That share for a program that takes long to start, as on a busy machine."""


def compute_time_for_cases(whole: float, start: float) -> float:
    """Return how many seconds of a run are for start and cases, by how long the start took.

    That shows how long the verdicts and the report will take.
    """
    most = max(_LEAST_SHARE * whole, whole - _STARTS_TO_REPORT * start)
    return min(_CASES_SHARE * whole, most)


def parse_description(said: dict[str, Any], program: str) -> dict[str, Any]:
    """Return the abilities that a program lists; all operations and no options by default.

    Raises `SettingsError` for a list in another form.
    """
    value = said.get("value") if said["outcome"] == "value" else None
    about: dict[str, Any] = {"ops": list(OPS), "options": [], "lacking": []}
    about |= value if isinstance(value, dict) else {}
    for name in ("ops", "options", "lacking"):
        if not isinstance(about[name], list) or not all(isinstance(x, str) for x in about[name]):
            example = {"ops": list(OPS[:2]), "options": list(OPTIONS[:2]), "lacking": ["retries"]}
            raise SettingsError(
                f"{program}: its answer to describe says {name}: {json.dumps(about[name])}. Write "
                f"a list of names, as in {json.dumps(example[name])}."
            )
    for kind, known, names in (
        ("operation", OPS, about["ops"]),
        ("option", OPTIONS, about["options"]),
    ):
        for name in names:
            if name not in known:
                raise UnknownNameError(f"{kind} of `{program}`", name, known)
    return about


def parse_response(line: bytes) -> dict[str, Any]:
    """Return the response in a line; raises `SettingsError` for a line in another form."""
    try:
        said = json.loads(line)
    except ValueError:
        shown = line[:80].decode("utf-8", "replace").rstrip()
        raise SettingsError(
            f"The driver wrote {shown!r} to its standard output, which is not JSON. Write one JSON "
            "object a line there, and log to standard error."
        ) from None
    found = [
        each
        for each in schemas.violations("own/driver-response", said)
        if each.keyword != "unicode"
    ]  # a lone surrogate comes from the fault server
    if found:
        raise SettingsError(
            f"The driver's response {line[:80].decode('utf-8', 'replace').rstrip()!r} is not what "
            f"own/driver-response.json describes: {found[0].path or '/'}: {found[0].message}."
        )
    response: dict[str, Any] = said
    return response


def read_error(said: dict[str, Any]) -> dict[str, Any]:
    """Return the error of a response, with a text for the reports; empty where there is none."""
    error = dict(said.get("error") or {})
    if error:
        error.setdefault("text", f"{error.get('message', '')} {error.get('data', '')}".strip())
    return error


def pump_lines(pipe: Any, lines: queue.Queue[bytes]) -> None:
    """Put the lines of a pipe into a queue, and an empty line at its end."""
    try:
        for line in pipe:
            lines.put(line)
    except ValueError:
        return
    finally:
        lines.put(b"")  # the end


def resolve_arguments(args: Any, made: dict[int, CallOutcome]) -> dict[str, Any] | None:
    """Return arguments with the values of earlier calls; None where one of these failed."""
    found: dict[str, Any] = {}
    for name, value in args.items():
        if isinstance(value, EarlierResult):
            earlier = made.get(value.call)
            if earlier is None or earlier.kind != "value":
                return None
            found[name] = earlier.value
        else:
            found[name] = value
    return found
